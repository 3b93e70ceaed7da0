from __future__ import annotations

import json
import logging

import pytest

from ocrsvc.logs import JsonFormatter, configure_logging
from tests.api.fakes import client_of, picture, running

pytestmark = pytest.mark.anyio


async def test_metrics_count_requests_stages_batches_and_lines() -> None:
    async with running() as app, client_of(app) as client:
        for width in (70, 70, 80):
            await client.post("/ocr", files={"image": ("a.png", picture(width))})
        await client.post("/ocr", files={"image": ("a.png", b"")})
        await client.get("/nowhere")
        reply = await client.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    for line in (
        'ocrsvc_requests_total{operation="readImage",status="200"} 3.0',
        'ocrsvc_requests_total{operation="readImage",status="422"} 1.0',
        'ocrsvc_requests_total{operation="other",status="404"} 1.0',
        'ocrsvc_stage_seconds_count{stage="recognise"} 2.0',
        'ocrsvc_answers_total{source="cached"} 1.0',
        'ocrsvc_batch_columns_total{kind="real"} 150.0',
        'ocrsvc_batch_columns_total{kind="padded"} 192.0',
        "ocrsvc_batch_rows_count 2.0",
        "ocrsvc_queue_lines 0.0",
        "ocrsvc_lines_total 3.0",
        "ocrsvc_requests_in_progress 1.0",
    ):
        assert line in reply.text


async def test_cache_size_shows_in_the_metrics() -> None:
    async with running() as app, client_of(app) as client:
        await client.post("/ocr", files={"image": ("a.png", picture())})
        text = (await client.get("/metrics")).text
    held = next(float(line.split()[1]) for line in text.splitlines() if line.startswith("ocrsvc_cache_bytes "))
    assert held > 100


async def test_models_lists_recogniser_and_detector() -> None:
    async with running() as app, client_of(app) as client:
        models = (await client.get("/models")).json()["models"]
    assert [(model["name"], model["kind"]) for model in models] == [
        ("fake", "recogniser"),
        ("fake-detector", "detector"),
    ]


@pytest.mark.parametrize("given", ["a", "trace-1.2:3/4", "x" * 128])
async def test_clients_request_id_is_taken_and_returned(given: str) -> None:
    async with running() as app, client_of(app) as client:
        reply = await client.get("/nowhere", headers={"X-Request-ID": given})
    assert (reply.headers["x-request-id"], reply.json()["request_id"]) == (given, given)


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", 'a"b', "é", "a\tb"])
async def test_unsafe_request_id_is_replaced(given: str) -> None:
    async with running() as app, client_of(app) as client:
        reply = await client.get("/healthz", headers=[(b"X-Request-ID", given.encode())])
    assert reply.headers["x-request-id"] not in ("", given)


async def test_request_is_logged_once_without_its_content(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running() as app, client_of(app) as client:
        await client.post("/ocr", files={"image": ("secret-name.png", picture(71))}, headers={"X-Request-ID": "me"})
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records if record.name == "ocrsvc.access"]
    assert len(lines) == 1
    assert {"request_id": "me", "operation": "readImage", "status": 200, "lines": 1, "source": "computed"}.items() <= (
        lines[0].items()
    )
    assert set(lines[0]["stages"]) == {"decode", "detect", "queue", "recognise"}
    assert "secret-name" not in str(lines)
    assert '"71"' not in json.dumps(lines)


async def test_fault_is_logged_with_its_cause_and_the_request_id(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as app, client_of(app) as client:
        object.__setattr__(app.state["services"], "answers", None)
        reply = await client.post("/ocr", files={"image": ("a.png", picture())})
    assert reply.status_code == 500
    record = next(record for record in caplog.records if record.name == "ocrsvc.fault")
    line = json.loads(JsonFormatter().format(record))
    assert line["request_id"] == reply.json()["request_id"]
    assert "AttributeError" in line["traceback"]


def test_logs_are_one_json_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        configure_logging("info")
        logging.getLogger("ocrsvc.test").info("金额 %s", "x\ny")
        logging.getLogger("ocrsvc.test").debug("left out")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["金额 x\ny"]
