"""Bad input of every kind at once: each gets its answer, nothing is written, the service stays ready."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ocrsvc.api.schemas import ErrorReply, OcrReply
from tests.api.fakes import client_of, picture, running

pytestmark = pytest.mark.anyio


class WriteWatch:
    """Notes every file that Python opens for writing while it is on; audit hooks cannot be taken away again."""

    def __init__(self) -> None:
        self.active = False
        self.written: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.active:
            return
        if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            self.written.append(str(args[0]))
        elif event in ("tempfile.mkstemp", "tempfile.mkdtemp", "os.mkdir"):
            self.written.append(f"{event} {args[0]}")


WATCH = WriteWatch()


@pytest.fixture
def writes() -> Iterator[list[str]]:
    WATCH.written.clear()
    WATCH.active = True
    yield WATCH.written
    WATCH.active = False


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def frames(kind: str) -> bytes:
    """An animated picture of two frames."""
    first, second = (Image.new("RGB", (40, 40), colour) for colour in ("white", "red"))
    return encoded(first, kind, save_all=True, append_images=[second], duration=100)


HOSTILE: dict[str, tuple[bytes, int]] = {
    "empty": (b"", 422),
    "one byte": (b"\xff", 415),
    "text": (("发票 " * 100).encode(), 415),
    "header only": (b"\x89PNG\r\n\x1a\n", 422),
    "truncated png": (picture(300, 300)[:60], 422),
    "truncated jpeg": (encoded(Image.effect_noise((200, 200), 90), "JPEG")[:2000], 422),
    "noise after a jpeg mark": (b"\xff\xd8\xff" + bytes(range(256)) * 4, 422),
    "bomb": (encoded(Image.new("1", (20_000, 20_000)), "PNG"), 413),
    "animated gif": (frames("GIF"), 415),
    "animated webp": (frames("WEBP"), 415),
    "animated png": (frames("PNG"), 415),
    "two-page tiff": (frames("TIFF"), 415),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", 415),
    "one pixel": (picture(1, 1), 200),
    "one column": (picture(1, 30_000), 200),
    "one row": (picture(30_000, 1), 200),
    "cmyk": (encoded(Image.new("CMYK", (60, 32)), "JPEG"), 200),
    "16 bit": (encoded(Image.fromarray(np.zeros((32, 60), np.uint16)), "PNG"), 200),
    "palette": (encoded(Image.new("P", (60, 32)), "PNG"), 200),
    "bmp": (picture(60, extension=".bmp"), 200),
    "tiff": (picture(60, extension=".tiff"), 200),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_picture_gets_its_documented_answer(name: str) -> None:
    data, status = HOSTILE[name]
    async with running() as app, client_of(app) as client:
        reply = await client.post("/ocr", files={"image": ("a.bin", data)})
        assert reply.status_code == status, reply.text
        (OcrReply if status == 200 else ErrorReply).model_validate(reply.json())
        assert (await client.get("/readyz")).status_code == 200


async def test_good_requests_among_bad_ones_are_untouched() -> None:
    async def send(data: bytes) -> int:
        reply = await client.post("/ocr", files={"image": ("a.bin", data)}, headers={"Cache-Control": "no-store"})
        return reply.status_code

    async with running() as app, client_of(app) as client:
        mixed = [case for bad in HOSTILE.values() for case in (bad, (picture(77), 200))]
        statuses = await asyncio.gather(*(send(data) for data, _ in mixed))
        services = app.state["services"]
        assert (services.door.requests, services.door.held_bytes) == (0, 0)
    assert statuses == [status for _, status in mixed]


async def test_no_file_is_ever_written(writes: list[str]) -> None:
    big = encoded(Image.effect_noise((1800, 1800), 90), "PNG")
    assert len(big) > 2_000_000
    async with running() as app, client_of(app) as client:
        await client.post("/ocr", files={"image": ("a.png", big)})
        await client.post("/ocr/batch", files=[("images", ("a.png", big)), ("images", ("b.png", b""))])
        await client.post("/ocr/preview", files={"image": ("a.png", big)})
        await client.post("/ocr", content=b"--x\r\nbroken", headers={"content-type": "multipart/form-data; boundary=x"})
    assert writes == []
