"""The app on a socket: uvicorn set up, started and stopped the way the service wants it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import math
import signal
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from types import FrameType
from typing import Any, TypeAlias

import uvicorn

from ocrsvc.api.readiness import Readiness
from ocrsvc.app import create_app
from ocrsvc.connection import Connection
from ocrsvc.logs import configure_logging, log_fields
from ocrsvc.settings import Settings, unknown_variables

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

KEEP_ALIVE_S = 75
"""Longer than the idle time of common proxies, so that the proxy closes first and no request meets a closed socket."""

_BACKLOG = 2048
_log = logging.getLogger("ocrsvc.life")


class StartFailed(Exception):
    """The service could not start; the message says why in one line, `__cause__` is what happened."""


def serve_app(settings: Settings) -> None:
    """Serve until a signal to stop; returns once everything admitted was answered, or the grace was over.

    The first SIGTERM or SIGINT turns readiness off and drains; a second SIGINT stops at once.

    Raises:
        StartFailed: the address cannot be listened on, or a model is missing or broken.
    """
    configure_logging(settings.log_level)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # start and stop are told by the service itself
    for name in unknown_variables():
        log_fields(_log, logging.WARNING, "environment variable names no setting and is ignored", variable=name)
    with contextlib.closing(bind(settings.host, settings.port)) as listener:
        app = create_app(settings)
        watched = _StartWatch(app)
        config = uvicorn.Config(
            watched,
            http=Connection,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=math.ceil(settings.shutdown_grace_s),
        )
        asyncio.run(_Server(config, app.state.readiness, watched).serve(sockets=[listener]))


def bind(host: str, port: int) -> socket.socket:
    """A TCP socket bound to an address and not yet listening; before any model is loaded, so a clash shows at once.

    Raises:
        StartFailed: the address is in use, not allowed, or not of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise StartFailed(f"{host!r} is no address to listen on: {error.strerror}") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _bind_failure(error, host, port) from error
    return listener


def _bind_failure(error: OSError, host: str, port: int) -> StartFailed:
    reasons = {
        errno.EADDRINUSE: f"port {port} on {host} is in use: stop what listens there, or choose another with --port",
        errno.EACCES: f"port {port} needs more rights than this user has: choose one above 1023 with --port",
        errno.EADDRNOTAVAIL: f"{host} is not an address of this machine: choose another with --host",
    }
    return StartFailed(reasons.get(error.errno or 0, f"cannot listen on {host} port {port}: {error.strerror}"))


class _StartWatch:
    """Passes everything through to the app, and keeps what made its start fail."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self.failure: BaseException | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "lifespan.startup.complete"
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except BaseException as error:
            self.failure = None if started else error
            raise


class _Server(uvicorn.Server):
    """Uvicorn that turns readiness off with the first signal, ends with status 0, and says why it could not start."""

    def __init__(self, config: uvicorn.Config, readiness: Readiness, watched: _StartWatch) -> None:
        super().__init__(config)
        self._readiness, self._watched = readiness, watched

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Load the app, then listen.

        Raises:
            StartFailed: either failed.
        """
        told = logging.getLogger("uvicorn.error")
        told.disabled = True  # its account of a failed start is a traceback; ours is one line
        try:
            await super().startup(sockets)
        except SystemExit:
            cause = self._watched.failure
            raise StartFailed(str(cause) or type(cause).__name__) from cause
        except OSError as error:
            raise _bind_failure(error, *(sockets or [])[0].getsockname()[:2]) from error
        finally:
            told.disabled = False
        for listener in sockets or []:
            host, port = listener.getsockname()[:2]
            log_fields(_log, logging.INFO, "listening", host=host, port=port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen no more, wait for what was admitted, end the app."""
        _log.info("stopping")
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop. The signal is not raised again afterwards, as uvicorn would: a clean stop ends with 0."""
        self._readiness.close()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
