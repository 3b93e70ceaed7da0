"""Around every request: its id, its log line, its count, and a last net for faults of ours."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocrsvc.api.context import RECORD, ClientGone, RequestRecord, checked_request_id
from ocrsvc.api.failures import error_response
from ocrsvc.errors import Internal
from ocrsvc.logs import log_fault, log_fields
from ocrsvc.metrics import Metrics

HUNG_UP: Final = 499
"""Status in log and metrics of a request whose client left before the answer; never sent."""

DRAIN_TIMEOUT_S: Final = 5.0
"""How long a refused upload is read on, unkept: a server that closes on unread bytes resets the connection, and the
client never sees why it was refused."""

access_log = logging.getLogger("ocrsvc.access")


class _Exchange:
    """One request and its answer as they pass through the middleware."""

    def __init__(self, record: RequestRecord, receive: Receive, send: Send, may_drain: bool, drain_bytes: int) -> None:
        self._record, self._receive, self._send = record, receive, send
        self._may_drain, self._drain_bytes = may_drain, drain_bytes
        self._body_done = False
        self.received_bytes = 0
        self.status: int | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        self._body_done = not message.get("more_body", False)
        self.received_bytes += len(message.get("body", b""))
        self._may_drain = True  # the client was told to go on, if it asked
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if 400 <= message["status"] < 504 and self._may_drain and not self._body_done:
                await self._drain()
            self.status = message["status"]
            MutableHeaders(scope=message)["X-Request-ID"] = self._record.request_id
        await self._send(message)

    async def _drain(self) -> None:
        limit = self.received_bytes + self._drain_bytes
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                while not self._body_done and self.received_bytes < limit:
                    await self.receive()
        except TimeoutError:
            return


class RequestScope:
    """Outermost: gives a request its id and clock, and writes one log line and one count when it ends."""

    def __init__(self, app: ASGIApp, metrics: Metrics, drain_bytes: int, root_path: str = "") -> None:
        self._app, self._metrics = app, metrics
        self._drain_bytes, self._root_path = drain_bytes, root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._place(scope)
        headers = Headers(scope=scope)
        record = RequestRecord(checked_request_id(headers.get("x-request-id")), asyncio.get_running_loop().time())
        scope[RECORD] = record
        exchange = _Exchange(record, receive, send, "expect" not in headers, self._drain_bytes)
        self._metrics.request_begun()
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except ClientGone:
            exchange.status = HUNG_UP
        finally:
            self._finish(scope, record, exchange)

    def _place(self, scope: Scope) -> None:
        """Put the request below the root path, whether or not the proxy stripped it: as ASGI wants both keys."""
        if not self._root_path:
            return
        scope["root_path"] = self._root_path
        if not f"{scope['path']}/".startswith(f"{self._root_path}/"):
            scope["path"] = self._root_path + scope["path"]

    def _finish(self, scope: Scope, record: RequestRecord, exchange: _Exchange) -> None:
        operation = getattr(scope.get("route"), "operation_id", None) or "other"
        status = exchange.status or HUNG_UP
        self._metrics.request_ended(operation, status, record.elapsed_s)
        quiet = operation in ("getHealth", "getReadiness", "getMetrics") and status < 400
        log_fields(
            access_log,
            logging.DEBUG if quiet else logging.INFO,
            "request",
            request_id=record.request_id,
            operation=operation,
            method=scope["method"],
            status=status,
            seconds=round(record.elapsed_s, 4),
            body_bytes=exchange.received_bytes,
            **record.fields,
        )


class FaultGuard:
    """Innermost: a fault of ours becomes the envelope with a fixed message; its cause goes to the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except ClientGone:
            raise
        except Exception as fault:
            record: RequestRecord = scope[RECORD]
            log_fault(fault, record.request_id)
            if started:
                raise
            await error_response(Internal(), record)(scope, receive, send)
