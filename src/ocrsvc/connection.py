"""One client's connection, with what uvicorn leaves open: bounds in time, and the envelope for what is no HTTP.

How many connections there are is not bounded here: the system's limit on open files is, and a reverse proxy is needed
where strangers can connect.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ocrsvc.api.context import RequestRecord, checked_request_id
from ocrsvc.api.failures import error_response
from ocrsvc.errors import MalformedRequest

HEAD_TIMEOUT_S: Final = 30.0
"""How long a client may take to send a request's line and headers; what follows is under the request's own limit."""

STALL_TIMEOUT_S: Final = 30.0
"""How often a client that is slow to take an answer is looked at,"""
LEAST_BYTES: Final = 16 * 1024
"""and how much of it must have gone since: otherwise answers that nobody reads would fill the memory."""


class Connection(H11Protocol):
    """Uvicorn's connection that ends when the client does not send its request's head, or does not read the answer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what uvicorn gives."""
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a request's head."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # told of every byte that the client does not take
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes in; the first ones of a head start its time, further ones do not prolong it.

        The rest of an upload that was answered already, as too large or too late, is under the same time.
        """
        super().data_received(data)
        if self.conn.their_state is h11.IDLE or self.conn.our_state is h11.DONE:
            self._await_head()
        else:
            self._stop_head_timer()

    def pause_writing(self) -> None:
        """Watch an answer that the client does not take at once."""
        super().pause_writing()
        self._watch_answer()

    def resume_writing(self) -> None:
        """Let the answer go on."""
        self._stop_stall_timer()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """End everything that waits."""
        self._stop_head_timer()
        self._stop_stall_timer()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are no HTTP in the envelope of every failure, and close."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # whatever works on that request has nobody to answer any more
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            record = RequestRecord(checked_request_id(None), self.loop.time())
            failure = MalformedRequest("This is not a valid HTTP/1.1 request. Send it with an HTTP client.")
            reply = error_response(failure, record)
            headers = [*reply.raw_headers, (b"x-request-id", record.request_id.encode()), (b"connection", b"close")]
            for event in (
                h11.Response(status_code=reply.status_code, headers=headers, reason=b"Bad Request"),
                h11.Data(data=bytes(reply.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.close)

    def _watch_answer(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._stall_timer = self.loop.call_later(STALL_TIMEOUT_S, self._end_stalled, left)

    def _end_stalled(self, left_before: int) -> None:
        if self.transport.get_write_buffer_size() > left_before - LEAST_BYTES:
            self.transport.abort()
        else:
            self._watch_answer()

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_stall_timer(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
