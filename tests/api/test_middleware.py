from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

import ocrsvc.api.middleware as middleware
from ocrsvc.api.context import ClientGone
from ocrsvc.api.deadline import while_awaited, within
from ocrsvc.api.failures import install_handlers
from ocrsvc.api.middleware import FaultGuard, RequestScope
from ocrsvc.errors import DeadlineExceeded
from ocrsvc.metrics import Metrics
from tests.api.fakes import StatefulApp, Wire, client_of, picture, running

pytestmark = pytest.mark.anyio


def wrapped(app: Any, drain_bytes: int = 10_000) -> StatefulApp:
    """An ASGI app inside both middlewares."""
    return StatefulApp(RequestScope(FaultGuard(app), Metrics(), drain_bytes), {})  # type: ignore[arg-type]  # any ASGI app will do


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    await Response("no", 413)(scope, receive, send)


async def test_refused_upload_that_never_ends_is_answered_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "DRAIN_TIMEOUT_S", 0.0)
    wire = Wire("/", {})
    wire.body(b"x", more=True)
    await wire.call(wrapped(refuse))
    assert wire.status == 413


async def test_refused_upload_is_read_only_so_far() -> None:
    wire = Wire("/", {})
    for _ in range(10):
        wire.body(bytes(100), more=True)
    await wire.call(wrapped(refuse, drain_bytes=300))
    assert (wire.status, wire.incoming.qsize()) == (413, 7)


async def test_fault_after_the_answer_began_is_logged_and_raised(caplog: pytest.LogCaptureFixture) -> None:
    async def break_off(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("half-way")

    wire = Wire("/", {}, method="GET")
    with pytest.raises(RuntimeError, match="half-way"):
        await wire.call(wrapped(break_off))
    assert [record.message for record in caplog.records if record.name == "ocrsvc.fault"] == ["fault"]


async def test_other_protocols_pass_through_untouched() -> None:
    seen: list[Scope] = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    async def nothing() -> Message:
        return {}

    async def drop(message: Message) -> None:
        return None

    await wrapped(note)({"type": "websocket"}, nothing, drop)
    assert "ocrsvc.record" not in seen[0]


async def test_health_checks_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running() as app, client_of(app) as client:
        await client.get("/healthz")
    assert [record for record in caplog.records if record.name == "ocrsvc.access"] == []


async def test_body_is_counted_where_its_length_was_not_announced() -> None:
    async with running(max_upload_bytes=2048) as app:
        wire = Wire("/ocr", {"content-type": "multipart/form-data; boundary=x"})
        wire.body(b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\n', more=True)
        for _ in range(3):
            wire.body(bytes(40_000), more=True)
        wire.body(b"\r\n--x--\r\n")
        await wire.call(app)
        assert wire.status == 413


async def test_announced_length_without_end_is_too_large() -> None:
    async with running() as app:
        wire = Wire("/ocr", {"content-type": "application/json", "content-length": "9" * 5000})
        wire.body(b"")
        await wire.call(app)
        assert wire.status == 413


async def test_parameters_that_the_framework_refuses_take_the_envelope() -> None:
    async with running() as app, client_of(app) as client:

        @app.app.get("/square")
        async def square(side: int) -> int:
            return side * side

        install_handlers(app.app)
        reply = await client.get("/square", params={"side": "x"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "invalid_parameter")
    assert "side" in reply.json()["error"]["message"]


async def silent() -> Message:
    """A client that says nothing and stays."""
    await asyncio.Event().wait()
    return {}


async def leaving() -> Message:
    return {"type": "http.disconnect"}


async def test_time_limit_is_told_apart_from_a_time_out_within() -> None:
    later = asyncio.get_running_loop().time() + 60
    with pytest.raises(TimeoutError, match="inner"):
        async with within(later):
            raise TimeoutError("inner")
    with pytest.raises(TimeoutError, match="inner"):
        async with while_awaited(later, silent):
            raise TimeoutError("inner")


async def test_block_past_its_deadline_never_runs_on() -> None:
    for limited in (within(0.0), while_awaited(0.0, silent)):
        with pytest.raises(DeadlineExceeded):
            async with limited:
                await asyncio.Event().wait()


async def test_block_of_a_client_that_left_is_cancelled() -> None:
    with pytest.raises(ClientGone):
        async with while_awaited(asyncio.get_running_loop().time() + 60, leaving):
            await asyncio.Event().wait()


async def test_cancelling_from_outside_stays_a_cancellation() -> None:
    async def work() -> None:
        async with while_awaited(asyncio.get_running_loop().time() + 60, silent):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_block_that_ends_at_once_leaves_nothing_behind() -> None:
    before = asyncio.all_tasks()
    async with while_awaited(asyncio.get_running_loop().time() + 60, leaving):
        pass
    assert asyncio.all_tasks() == before


async def test_request_of_the_framework_is_ours() -> None:
    """The routes get the middleware's receive, not the server's: or a refused upload would be read twice."""
    seen: list[Request] = []
    async with running() as app, client_of(app) as client:

        @app.app.post("/spy")
        async def spy(request: Request) -> None:
            seen.append(request)

        await client.post("/spy", content=picture())
    assert seen[0].receive.__qualname__.startswith("_Exchange")
