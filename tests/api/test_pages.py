from __future__ import annotations

import re
from pathlib import Path

import pytest

from ocrsvc.api.pages import WEB_FOLDER
from tests.api.fakes import client_of, running

pytestmark = pytest.mark.anyio

OWN_FILES = [path for path in WEB_FOLDER.iterdir() if path.is_file()]


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_page_and_all_that_it_loads_come_from_the_service(path: str) -> None:
    async with running() as app, client_of(app) as client:
        page = await client.get(path)
        assert page.headers["content-type"].startswith("text/html")
        links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert links
        for link in links:
            assert link.startswith("data:") or (await client.get("/" + link)).status_code == 200, link


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_browser_is_told_to_load_nothing_from_elsewhere(path: str) -> None:
    async with running() as app, client_of(app) as client:
        policy = (await client.get(path)).headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")


@pytest.mark.parametrize("path", OWN_FILES, ids=lambda path: path.name)
def test_own_files_name_no_other_host(path: Path) -> None:
    hosts = set(re.findall(r"https?://([^/\s\"'`]+)", path.read_text(encoding="utf-8")))
    assert hosts <= {"localhost:8080"}


def test_swagger_ui_is_here_with_its_licence() -> None:
    folder = WEB_FOLDER / "vendor" / "swagger-ui"
    assert {"swagger-ui-bundle.js", "swagger-ui.css", "LICENSE", "NOTICE"} <= {path.name for path in folder.iterdir()}


async def test_static_files_do_not_lead_out_of_their_folder() -> None:
    async with running() as app, client_of(app) as client:
        for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/..%2fapp.py"):
            assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize("path", ["/", "/docs", "/static/docs.js"])
@pytest.mark.parametrize("wanted", ["bytes=5-1", "x", "bytes=999999999-", "bytes=0-1"])
async def test_request_for_a_range_gets_the_whole(path: str, wanted: str) -> None:
    async with running() as app, client_of(app) as client:
        whole = await client.get(path)
        reply = await client.get(path, headers={"Range": wanted})
    assert (reply.status_code, reply.content) == (200, whole.content)
