"""An upload from the wire into memory: counted as it arrives, under the request's deadline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from ocrsvc.api.context import ClientGone, record_of, services_of
from ocrsvc.api.deadline import within
from ocrsvc.api.door import HeldBytes
from ocrsvc.api.jsonbody import read_json
from ocrsvc.api.multipart import MultipartReader, PartRules
from ocrsvc.errors import InvalidParameter, TooLarge, UnsupportedType

MULTIPART = "multipart/form-data"
JSON = "application/json"


@dataclass(frozen=True, slots=True, eq=False)
class Upload:
    """What a client sent: pictures in order, and options as they came (text, or JSON values)."""

    files: tuple[bytes, ...]
    fields: Mapping[str, Any]


async def read_upload(request: Request, rules: PartRules, max_body_bytes: int, held: HeldBytes) -> Upload:
    """Receive the whole body of a request as multipart or JSON.

    Args:
        request: its body not yet touched.
        rules: the parts to expect.
        max_body_bytes: bound of the whole body; a larger Content-Length is refused at once.
        held: where the bytes kept in memory are accounted for.

    Raises:
        OcrError: MalformedRequest, UnsupportedType, TooLarge, InvalidParameter (no picture), Overloaded,
            DeadlineExceeded.
        ClientGone: the client hung up in mid-upload.
    """
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (MULTIPART, JSON):
        raise UnsupportedType(f"The body's Content-Type is not read here. Send {MULTIPART} or {JSON}.")
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
        raise UnsupportedType("A body with a Content-Encoding is not read here. Send it as it is, not compressed.")
    _check_length(request.headers.get("content-length"), max_body_bytes)
    services, record = services_of(request), record_of(request)
    async with within(record.started_s + services.limits.timeout_s):
        if kind == MULTIPART:
            reader = MultipartReader(content_type, rules)
            async for chunk in _receive_body(request, max_body_bytes, held):
                reader.feed(chunk)
            reader.finish()
            files, fields = reader.files, dict[str, Any](reader.fields)
        else:
            body = b"".join([chunk async for chunk in _receive_body(request, max_body_bytes, held)])
            files, fields = await services.pool.run(read_json, body, rules)
    if not files:
        raise InvalidParameter(f"The part '{rules.file}' is missing. Send the picture in it.")
    record.fields["upload_bytes"] = sum(map(len, files))
    return Upload(tuple(files), fields)


def _check_length(header: str | None, max_body_bytes: int) -> None:
    """Refuse early by Content-Length; it is a hint only, and the bytes are counted in any case."""
    if header is not None and header.isdecimal() and int(header[:18]) > max_body_bytes:
        raise body_too_large(max_body_bytes)


async def _receive_body(request: Request, max_body_bytes: int, held: HeldBytes) -> AsyncIterator[bytes]:
    count = 0
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        count += len(chunk)
        if count > max_body_bytes:
            raise body_too_large(max_body_bytes)
        held.add(len(chunk))
        yield chunk


def body_too_large(limit_bytes: int) -> TooLarge:
    """Build the refusal of a body over its limit in bytes."""
    return TooLarge(f"The body is larger than {limit_bytes:,} bytes. Send a smaller picture, or fewer.")
