"""Stand-ins for the stages behind the API, and a client that speaks ASGI without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import cv2
import httpx
import numpy as np
from fastapi import FastAPI
from numpy.typing import NDArray
from starlette.types import Message, Receive, Scope, Send

from ocrsvc.app import create_app
from ocrsvc.detection.protocol import LineQuad
from ocrsvc.imaging.geometry import box_quad
from ocrsvc.imaging.page import Page
from ocrsvc.settings import Settings
from tests.fakes import FakeRecogniser


class FakeDetector:
    """Finds one line: the whole page; none on a page lower than 8 pixels."""

    name = "fake-detector"

    def detect(self, page: Page) -> list[LineQuad]:
        if page.height_px < 8:
            return []
        return [LineQuad(box_quad(0, 0, page.width_px, page.height_px), 1.0)]


def picture(width_px: int = 64, height_px: int = 32, extension: str = ".png", grey: int = 120) -> bytes:
    """An even picture; at a height of 32, FakeRecogniser reads its width."""
    pixels: NDArray[np.uint8] = np.full((height_px, width_px), grey, dtype=np.uint8)
    done, data = cv2.imencode(extension, pixels)
    assert done
    return bytes(data)


class StatefulApp:
    """An app with its lifespan state in every scope, as a server puts it there."""

    def __init__(self, app: FastAPI, state: Mapping[str, Any]) -> None:
        self.app, self.state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = dict(self.state)
        await self.app(scope, receive, send)


@asynccontextmanager
async def running(
    recogniser: FakeRecogniser | None = None, detector: FakeDetector | None = None, **settings: Any
) -> AsyncIterator[StatefulApp]:
    """Run the lifespan of an app made of fakes."""
    values: dict[str, Any] = {"threads": 2, "enhancement": "none"} | settings
    app = create_app(Settings(**values), recogniser=recogniser or FakeRecogniser(), detector=detector or FakeDetector())
    async with app.router.lifespan_context(app) as state:
        yield StatefulApp(app, state or {})


def client_of(app: StatefulApp, **options: Any) -> httpx.AsyncClient:
    """An HTTP client that calls the app directly."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url="http://ocrsvc", timeout=None, **options)


class Wire:
    """One ASGI request by hand: what the client sends and when it hangs up is decided message by message."""

    def __init__(self, path: str, headers: Mapping[str, str], method: str = "POST") -> None:
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8080),
        }
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.sent: list[Message] = []

    def body(self, data: bytes, more: bool = False) -> None:
        self.incoming.put_nowait({"type": "http.request", "body": data, "more_body": more})

    def hang_up(self) -> None:
        self.incoming.put_nowait({"type": "http.disconnect"})

    async def call(self, app: StatefulApp) -> None:
        await app(self.scope, self.incoming.get, self._send)

    async def _send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int | None:
        return next((m["status"] for m in self.sent if m["type"] == "http.response.start"), None)
