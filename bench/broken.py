"""Broken requests, and the answers that the contract gives them."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

BOUNDARY = "bench-boundary"
_FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@dataclass(frozen=True, slots=True)
class Broken:
    """A request for `httpx.AsyncClient.request`, and the statuses that are right for it."""

    name: str
    expected: frozenset[int]
    path: str = "/ocr"
    method: str = "POST"
    request: dict[str, Any] = field(default_factory=dict)


def broken_requests(good: bytes) -> list[Broken]:
    """One of each kind; `good` is a picture that is read."""
    return [*_odd_pictures(good), *_odd_requests(good)]


def _odd_pictures(good: bytes) -> list[Broken]:
    return [
        _upload("empty", b"", 422),
        _upload("text", b"this is no picture", 415, 422),
        _upload("cut png", good[: len(good) // 2], 422),
        _upload("cut jpeg", _encode("RGB", "JPEG", (600, 400))[:2000], 422),
        _upload("header alone", good[:40], 422),
        _upload("noise after a header", good[:60] + bytes(range(256)) * 40, 422),
        _upload("bomb", _png_bomb(30_000, 30_000), 413),
        _upload("gif", _encode("P", "GIF", (20, 20)), 415),
        _upload("pdf", b"%PDF-1.7\n%%EOF", 415),
        _upload("animated", _animated_webp(), 415, 422),
        _upload("one pixel", _encode("L", "PNG", (1, 1)), 200),
        _upload("a thread", _encode("L", "PNG", (1, 30_000)), 200),
        _upload("cmyk", _encode("CMYK", "JPEG", (80, 60)), 200),
        _upload("too many bytes", good + bytes(21 * 1024 * 1024), 413),
    ]


def _odd_requests(good: bytes) -> list[Broken]:
    image = ("page.png", good)
    part = b'--%b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' % BOUNDARY.encode()
    json_body = {"image": base64.b64encode(good).decode()[:-3] + "*!*"}
    return [
        Broken("wrong option", frozenset({422}), request={"files": {"image": image}, "data": {"resize_height": "abc"}}),
        Broken(
            "option too large", frozenset({422}), request={"files": {"image": image}, "data": {"resize_height": 99}}
        ),
        Broken("no picture", frozenset({422}), request={"files": {"other": image}}),
        Broken("picture twice", frozenset({400}), request={"files": [("image", image), ("image", image)]}),
        Broken("no end", frozenset({400}), request={"content": part + good, "headers": _FORM}),
        Broken(
            "no boundary",
            frozenset({400}),
            request={"content": good, "headers": {"Content-Type": "multipart/form-data"}},
        ),
        Broken("not multipart", frozenset({400}), request={"content": good, "headers": _FORM}),
        Broken(
            "plain text", frozenset({415}), request={"content": b"hello", "headers": {"Content-Type": "text/plain"}}
        ),
        Broken("no type", frozenset({415}), request={"content": good}),
        Broken(
            "wrong json",
            frozenset({400}),
            request={"content": b'{"image": ', "headers": {"Content-Type": "application/json"}},
        ),
        Broken("wrong base64", frozenset({400, 422}), request={"json": json_body}),
        Broken("json without picture", frozenset({422}), request={"json": {"picture": 1}}),
        Broken("get", frozenset({405}), method="GET"),
        Broken("nowhere", frozenset({404}), path="/nowhere", request={"content": good}),
        Broken(
            "broken batch", frozenset({200}), "/ocr/batch", request={"files": [("images", image), ("images", b"x")]}
        ),
    ]


def _upload(name: str, data: bytes, *expected: int) -> Broken:
    return Broken(name, frozenset(expected), request={"files": {"image": (name, data)}})


def _encode(mode: str, kind: str, size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise(size, 60).convert(mode).save(buffer, kind)
    return buffer.getvalue()


def _animated_webp() -> bytes:
    frames = [Image.new("RGB", (60, 40), colour) for colour in ("white", "black", "red")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def _png_bomb(width_px: int, height_px: int) -> bytes:
    """A small PNG that claims to be huge."""
    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(100_000))), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body
