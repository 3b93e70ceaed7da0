"""Connections whose clients do not do their part, driven without a network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from ocrsvc.api.schemas import ErrorReply
from ocrsvc.connection import HEAD_TIMEOUT_S, LEAST_BYTES, STALL_TIMEOUT_S, Connection

HEAD = b"POST /ocr HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


class Timer(asyncio.TimerHandle):
    """A timer that a test runs."""

    def run(self) -> None:
        self._run()


class Clock:
    """Stands in for the loop's timers."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timers: list[tuple[float, Timer]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def call_later(self, delay_s: float, callback: Callable[..., object], *args: Any) -> Timer:
        timer = Timer(0.0, callback, args, self._loop)
        self._timers.append((delay_s, timer))
        return timer

    @property
    def running(self) -> list[tuple[float, Timer]]:
        return [(delay_s, timer) for delay_s, timer in self._timers if not timer.cancelled()]

    def pass_s(self, delay_s: float) -> None:
        due = [timer for delay, timer in self.running if delay == delay_s]
        self._timers = [(delay, timer) for delay, timer in self._timers if timer not in due]
        for timer in due:
            timer.run()


class Pipe(asyncio.Transport):
    """A client that takes nothing unless it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.waiting_bytes = 0
        self.end = ""

    def write(self, data: Any) -> None:
        self.sent += bytes(data)

    def get_write_buffer_size(self) -> int:
        return self.waiting_bytes

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high == 0

    def is_closing(self) -> bool:
        return bool(self.end)

    def close(self) -> None:
        self.end = self.end or "closed"

    def abort(self) -> None:
        self.end = "aborted"


@pytest.fixture
def clock() -> Iterator[Clock]:
    loop = asyncio.new_event_loop()
    yield Clock(loop)
    for task in asyncio.all_tasks(loop):
        loop.run_until_complete(task)
    loop.close()


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


@pytest.fixture
def connection(clock: Clock, pipe: Pipe) -> Connection:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        """Answers nothing: the client leaves first."""
        while (await receive())["type"] != "http.disconnect":
            pass

    config = uvicorn.Config(app, log_config=None, timeout_keep_alive=75)
    connection = Connection(config, ServerState(), {}, _loop=clock)
    connection.connection_made(pipe)
    return connection


def test_client_that_says_nothing_is_dropped(connection: Connection, clock: Clock, pipe: Pipe) -> None:
    clock.pass_s(HEAD_TIMEOUT_S)
    assert (pipe.end, pipe.sent) == ("closed", b"")


def test_dripping_headers_does_not_prolong_their_time(connection: Connection, clock: Clock, pipe: Pipe) -> None:
    for byte in HEAD[:20]:
        connection.data_received(bytes([byte]))
    assert [delay_s for delay_s, _ in clock.running] == [HEAD_TIMEOUT_S]
    clock.pass_s(HEAD_TIMEOUT_S)
    assert pipe.end == "closed"


def test_body_is_not_under_the_time_of_the_head(connection: Connection, clock: Clock, pipe: Pipe) -> None:
    connection.data_received(HEAD)
    assert (clock.running, pipe.end) == ([], "")
    connection.connection_lost(None)


def test_upload_that_goes_on_after_its_answer_is_ended(connection: Connection, clock: Clock, pipe: Pipe) -> None:
    connection.data_received(HEAD)
    clock.run_until_complete(
        connection.cycle.send({"type": "http.response.start", "status": 504, "headers": [(b"content-length", b"0")]})
    )
    clock.run_until_complete(connection.cycle.send({"type": "http.response.body", "body": b""}))
    for _ in range(3):
        connection.data_received(b"1\r\na\r\n")
    clock.pass_s(HEAD_TIMEOUT_S)
    assert pipe.end == "closed"


def test_answer_that_nobody_takes_is_dropped(connection: Connection, clock: Clock, pipe: Pipe) -> None:
    connection.data_received(HEAD)
    pipe.waiting_bytes = 1_000_000
    connection.pause_writing()
    clock.pass_s(STALL_TIMEOUT_S)
    assert pipe.end == "aborted"
    connection.connection_lost(None)


def test_answer_taken_slowly_is_not_dropped(connection: Connection, clock: Clock, pipe: Pipe) -> None:
    connection.data_received(HEAD)
    pipe.waiting_bytes = 1_000_000
    connection.pause_writing()
    for _ in range(3):
        pipe.waiting_bytes -= LEAST_BYTES
        clock.pass_s(STALL_TIMEOUT_S)
    connection.resume_writing()
    assert (clock.running, pipe.end) == ([], "")
    connection.connection_lost(None)


@pytest.mark.parametrize("sent", [b"\x16\x03\x01 no HTTP\r\n\r\n", HEAD + b"zz\r\n"])
def test_what_is_no_http_gets_the_envelope(connection: Connection, pipe: Pipe, sent: bytes) -> None:
    connection.data_received(sent)
    head, _, body = pipe.sent.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert ErrorReply.model_validate(json.loads(body)).request_id.encode() in head
    assert pipe.end == "closed"


def test_broken_rest_of_a_request_ends_an_answer_that_began(connection: Connection, clock: Clock, pipe: Pipe) -> None:
    connection.data_received(HEAD)
    clock.run_until_complete(
        connection.cycle.send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
    )
    connection.data_received(b"zz\r\n")
    assert pipe.end == "closed"
    assert b" 400 " not in pipe.sent
