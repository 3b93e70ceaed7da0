"""Pictures to send, answers to compare."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from ocrsvc.cli.drawn import dense_page, invoice_page
from ocrsvc.cli.fonts import find_font
from ocrsvc.cli.pictures import find_pictures

TOLERANCE: Final = 1e-4
"""Confidences may differ by this much; they are rounded to four digits."""
NO_STORE: Final = {"Cache-Control": "no-store"}
TIMEOUT_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture to send."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one picture, and after how long."""

    status: int
    body: dict[str, Any]
    seconds: float


def load_pictures(folder: Path | None) -> list[Picture]:
    """The pictures of a folder, or two drawn ones.

    Raises:
        SystemExit: the folder holds none.
    """
    if folder is None:
        font = find_font()
        return [Picture("drawn invoice", invoice_page(font)), Picture("drawn dense page", dense_page(font))]
    files = find_pictures([folder])
    if not files or not folder.is_dir():
        raise SystemExit(f"{folder} is no folder with pictures")
    return [Picture(str(file.relative), file.path.read_bytes()) for file in files]


def open_client(url: str) -> httpx.AsyncClient:
    """A client without a bound on connections, which goes through no proxy."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    return httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, limits=limits, trust_env=False)


async def require_ready(client: httpx.AsyncClient) -> None:
    """Check that the service takes requests.

    Raises:
        SystemExit: it does not.
    """
    try:
        ready = (await client.get("/readyz")).status_code == 200
    except httpx.TransportError as error:
        raise SystemExit(f"nothing answers at {client.base_url}: {error}") from error
    if not ready:
        raise SystemExit(f"the service at {client.base_url} is not ready")


async def post_picture(client: httpx.AsyncClient, picture: Picture, *, cached: bool = False, **options: str) -> Reply:
    """Send one picture to POST /ocr; the cache is bypassed unless `cached`."""
    headers = {} if cached else NO_STORE
    started_s = time.perf_counter()
    files = {"image": (picture.name, picture.data)}
    response = await client.post("/ocr", files=files, data=options, headers=headers)
    return Reply(response.status_code, response.json(), time.perf_counter() - started_s)


def difference(expected: Reply, found: Reply) -> str:
    """What differs between two answers for one picture: status, texts, boxes, confidences; "" where nothing does."""
    if expected.status != found.status:
        return f"status {found.status}, not {expected.status}"
    if found.status != 200:
        return ""
    wanted, got = expected.body["results"], found.body["results"]
    if len(wanted) != len(got):
        return f"{len(got)} lines, not {len(wanted)}"
    for number, (one, other) in enumerate(zip(wanted, got, strict=True)):
        if (one["text"], one["bbox"], one["polygon"]) != (other["text"], other["bbox"], other["polygon"]):
            return f"line {number}: {other['text']!r} at {other['bbox']}, not {one['text']!r} at {one['bbox']}"
        if abs(one["confidence"] - other["confidence"]) > TOLERANCE + 1e-9:
            return f"line {number}: confidence {other['confidence']}, not {one['confidence']}"
    return ""


async def sequential_replies(client: httpx.AsyncClient, pictures: list[Picture]) -> list[Reply]:
    """Send each picture alone, one after another: the answers that all others are compared with, and the warm-up."""
    return [await post_picture(client, picture) for picture in pictures]
