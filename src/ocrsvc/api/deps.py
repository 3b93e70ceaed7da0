"""What routes ask for: services, keys, readiness, uploads with their options."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from ocrsvc.api.context import RequestRecord, Services, record_of, services_of
from ocrsvc.api.deadline import while_awaited
from ocrsvc.api.multipart import PartRules
from ocrsvc.api.options import OPTION_NAMES, OcrOptions, parse_options
from ocrsvc.api.uploads import JSON, read_upload
from ocrsvc.errors import Unauthorized


async def _services(request: Request) -> Services:
    return services_of(request)


async def _record(request: Request) -> RequestRecord:
    return record_of(request)


ServicesDep = Annotated[Services, Depends(_services)]
RecordDep = Annotated[RequestRecord, Depends(_record)]


async def require_ready(services: ServicesDep) -> None:
    """Let a request through only while the service is ready.

    Raises:
        Unavailable: starting, stopping or broken.
    """
    services.readiness.check()


async def require_key(request: Request, services: ServicesDep) -> None:
    """Let a request through that carries one of the keys, where keys are set. Compared in constant time.

    Raises:
        Unauthorized: no key, or none of ours.
    """
    given = request.headers.get("x-api-key", "").encode("latin-1")  # the bytes as they came
    matches = [hmac.compare_digest(given, key.encode()) for key in services.api_keys]
    if services.api_keys and not any(matches):
        raise Unauthorized("A valid API key is needed in the X-API-Key header.")


async def _may_share(request: Request) -> bool:
    """Tell whether the client lets its answer be kept, or come from another's computation."""
    directives = request.headers.get("cache-control", "").lower().split(",")
    return "no-store" not in {directive.strip() for directive in directives}


ShareDep = Annotated[bool, Depends(_may_share)]


async def _deadline(request: Request, services: ServicesDep, record: RecordDep) -> AbstractAsyncContextManager[None]:
    return while_awaited(record.started_s + services.limits.timeout_s, request.receive)


DeadlineDep = Annotated[AbstractAsyncContextManager[None], Depends(_deadline)]


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """The pictures of one request, and how to read them."""

    files: tuple[bytes, ...]
    options: OcrOptions


async def _one_picture(request: Request, services: ServicesDep) -> AsyncIterator[Pictures]:
    limits = services.limits
    is_json = request.headers.get("content-type", "").lower().startswith(JSON)
    max_body_bytes = limits.max_json_bytes if is_json else limits.max_upload_bytes + FORM_OVERHEAD_BYTES
    rules = PartRules("image", OPTION_NAMES, max_files=1, max_file_bytes=limits.max_upload_bytes)
    with services.door.hold() as held:
        upload = await read_upload(request, rules, max_body_bytes, held)
        yield Pictures(upload.files, parse_options(upload.fields))


async def _many_pictures(request: Request, services: ServicesDep) -> AsyncIterator[Pictures]:
    limits = services.limits
    rules = PartRules("images", OPTION_NAMES, limits.max_batch_images, limits.max_upload_bytes)
    with services.door.hold() as held:
        upload = await read_upload(request, rules, limits.max_batch_bytes, held)
        yield Pictures(upload.files, parse_options(upload.fields))


FORM_OVERHEAD_BYTES = 64 * 1024
"""Room for the other parts and all part headers next to the largest picture."""

OnePicture = Annotated[Pictures, Depends(_one_picture)]
ManyPictures = Annotated[Pictures, Depends(_many_pictures)]

GATES: list[Callable[..., object]] = [require_ready, require_key]
"""What stands before every POST operation, in this order, before its body is touched."""
