from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from ocrsvc.app import create_app
from ocrsvc.settings import Settings
from tests.fakes import FakeRecogniser

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--virtual-time-budget=15000",
    "--dump-dom",
)


@pytest.fixture
def service_url() -> Iterator[str]:
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(Settings(port=0), recogniser=FakeRecogniser()), host="127.0.0.1", port=0, log_config=None
        )
    )
    thread = threading.Thread(target=server.run, name="service")
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the service stopped before it had started"
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=30)


def rendered(url: str, profile: Path) -> str:
    """The page's document after its scripts ran, in a browser that can reach 127.0.0.1 alone."""
    assert CHROMIUM.is_file(), "chromium is missing: scripts/debian-packages.sh names the packages that the tests need"
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", url]
    environment = {**os.environ, "HOME": str(profile)}
    return subprocess.run(command, capture_output=True, text=True, timeout=90, env=environment, check=True).stdout


@pytest.mark.browser
def test_swagger_ui_shows_every_operation_with_no_network_but_the_service(service_url: str, tmp_path: Path) -> None:
    document = rendered(f"{service_url}/docs", tmp_path)
    for operation in ("operations-ocr-readImage", "operations-ocr-readImages", "operations-ocr-previewImage"):
        assert operation in document
    assert "swagger-ui" in document


@pytest.mark.browser
def test_the_start_page_works_with_no_network_but_the_service(service_url: str, tmp_path: Path) -> None:
    document = rendered(f"{service_url}/", tmp_path)
    assert 'type="file"' in document
    assert 'href="docs"' in document
