"""The life of the service: start, readiness, broken workers, stop."""

from __future__ import annotations

import asyncio
import base64
import json
import warnings
from pathlib import Path
from typing import Any

import cv2
import pytest

from ocrsvc.app import create_app
from ocrsvc.errors import ModelMismatch
from ocrsvc.imaging.enhance import Enhancement
from ocrsvc.settings import Settings
from tests.api.fakes import FakeDetector, StatefulApp, Wire, client_of, picture, running
from tests.fakes import FakeRecogniser, settle
from tests.recognition.tiny import line_that_reads, write_package

pytestmark = pytest.mark.anyio


def upload(width_px: int = 64) -> dict[str, Any]:
    return {"image": ("a.png", picture(width_px))}


async def start(settings: Settings) -> None:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        pass


async def test_service_is_ready_once_its_model_is_warm() -> None:
    class WarmRecogniser(FakeRecogniser):
        is_warm = False

        def warm_up(self) -> None:
            self.is_warm = True

    recogniser = WarmRecogniser()
    async with running(recogniser) as app, client_of(app) as client:
        assert (await client.get("/readyz")).json() == {"status": "ready"}
        assert recogniser.is_warm


def test_nothing_is_loaded_before_the_lifespan(tmp_path: Path) -> None:
    app = create_app(Settings(model_dir=tmp_path))
    assert app.state.readiness.phase == "starting"


async def test_start_without_a_model_fails_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelMismatch, match="was not found"):
        await start(Settings(model_dir=tmp_path))


async def test_start_with_a_broken_manifest_fails_and_names_it(tmp_path: Path) -> None:
    (tmp_path / "zh").mkdir()
    (tmp_path / "zh" / "model.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelMismatch, match=r"zh/model\.json"):
        await start(Settings(model_dir=tmp_path))


async def test_start_with_files_that_are_not_those_of_the_manifest_fails(tmp_path: Path) -> None:
    (tmp_path / "zh").mkdir()
    (tmp_path / "zh" / "labels.txt").write_text("a\n", encoding="utf-8")
    manifest = {
        "name": "zh",
        "kind": "recogniser",
        "blank": 0,
        "input": {"dtype": "uint8", "layout": "NHW"},
        "labels": "labels.txt",
        "labels_sha256": "0" * 64,
    }
    (tmp_path / "zh" / "model.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelMismatch, match="checksum"):
        await start(Settings(model_dir=tmp_path))


async def test_service_reads_with_the_model_package_of_its_settings(tmp_path: Path) -> None:
    write_package(tmp_path / "tiny", version="7")
    line = line_that_reads("2024")
    done, data = cv2.imencode(".png", line.pixels)
    app = create_app(Settings(model_dir=tmp_path, threads=1, enhancement=Enhancement.NONE), detector=FakeDetector())
    async with app.router.lifespan_context(app) as state, client_of(StatefulApp(app, state or {})) as client:
        body = (await client.post("/ocr", files={"image": ("a.png", bytes(data))})).json()
        models = (await client.get("/models")).json()["models"]
    assert done
    assert (body["results"][0]["text"], body["model"]) == ("2024", "tiny")
    assert models[0]["version"] == "7"
    assert len(models[0]["sha256"]) == 64


async def test_opencv_keeps_to_the_pools_threads() -> None:
    async with running():
        assert cv2.getNumThreads() == 1


async def test_dead_worker_fails_its_callers_and_turns_readiness_off() -> None:
    recogniser = FakeRecogniser()
    recogniser.gate.clear()
    async with running(recogniser) as app, client_of(app) as client:
        busy = asyncio.create_task(client.post("/ocr", files=upload()))
        await recogniser.started(1)
        for task in asyncio.all_tasks():
            if task.get_name().startswith("batch-worker"):
                task.cancel()
        recogniser.gate.set()
        assert (await busy).status_code == 503
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.post("/ocr", files=upload())).status_code == 503
        assert (await client.get("/healthz")).status_code == 200


async def test_stop_lets_what_was_admitted_finish() -> None:
    recogniser = FakeRecogniser()
    recogniser.gate.clear()
    app = create_app(Settings(threads=1), recogniser=recogniser, detector=FakeDetector())
    lifespan = app.router.lifespan_context(app)
    state = await lifespan.__aenter__()
    wire = Wire("/ocr", {"content-type": "application/json"})
    wire.scope["state"] = dict(state or {})
    wire.body(json.dumps({"image": base64.b64encode(picture()).decode()}).encode())
    call = asyncio.create_task(app(wire.scope, wire.incoming.get, wire._send))
    await recogniser.started(1)
    stop = asyncio.create_task(lifespan.__aexit__(None, None, None))
    await settle()
    assert app.state.readiness.phase == "stopping"
    assert not stop.done()
    recogniser.gate.set()
    await call
    await stop
    assert wire.status == 200


async def test_stop_does_not_wait_longer_than_its_grace() -> None:
    recogniser = FakeRecogniser()
    async with running(recogniser, shutdown_grace_s=0.01, request_timeout_s=0.01) as app:
        place = app.state["services"].door.admit(1)
        place.__enter__()
    place.__exit__(None, None, None)


async def test_all_threads_and_tasks_end_with_the_service() -> None:
    before = asyncio.all_tasks()
    async with running() as app, client_of(app) as client:
        await client.post("/ocr", files=upload())
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("origin", ["https://a.example", "https://b.example"])
async def test_only_the_origins_of_the_settings_may_call_from_a_browser(origin: str) -> None:
    async with running(cors_origins="https://a.example") as app, client_of(app) as client:
        reply = await client.post("/ocr", files=upload(), headers={"Origin": origin})
        refused = await client.post("/ocr", files={"image": ("a.png", b"")}, headers={"Origin": origin})
    allowed = origin == "https://a.example"
    assert (reply.headers.get("access-control-allow-origin") == origin) is allowed
    assert (refused.headers.get("access-control-allow-origin") == origin) is allowed


async def test_browser_may_send_the_headers_that_the_service_reads() -> None:
    ask = {
        "Origin": "https://a.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key, x-request-id, cache-control",
    }
    async with running(cors_origins="https://a.example") as app, client_of(app) as client:
        reply = await client.options("/ocr", headers=ask)
    assert reply.status_code == 200


@pytest.mark.parametrize("prefix", ["", "/behind/proxy"])
@pytest.mark.parametrize("path", ["/readyz", "/", "/static/docs.js", "/openapi.json"])
async def test_service_answers_behind_a_proxy_that_strips_the_prefix_or_not(prefix: str, path: str) -> None:
    async with running(root_path="/behind/proxy") as app, client_of(app) as client:
        assert (await client.get(prefix + path)).status_code == 200


async def test_contract_names_the_root_path_as_its_server() -> None:
    async with running(root_path="/behind/proxy") as app, client_of(app) as client:
        contract = (await client.get("/openapi.json")).json()
    assert contract["servers"] == [{"url": "/behind/proxy"}]


async def test_what_pillow_says_of_damaged_tags_is_not_shown() -> None:
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        async with running():
            warnings.warn_explicit("Corrupt EXIF data.", UserWarning, "TiffImagePlugin.py", 1, "PIL.TiffImagePlugin")
            warnings.warn_explicit("something of ours", UserWarning, "reader.py", 1, "ocrsvc.reader")
    assert [str(warning.message) for warning in shown] == ["something of ours"]
