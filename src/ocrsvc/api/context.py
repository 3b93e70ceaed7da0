"""What travels with a request: its record, and the services of the app it reached."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

from starlette.requests import HTTPConnection

from ocrsvc.api.door import Door
from ocrsvc.api.readiness import Readiness
from ocrsvc.compute import ComputePool
from ocrsvc.metrics import Metrics

if TYPE_CHECKING:
    from ocrsvc.api.answers import PageAnswers
    from ocrsvc.api.schemas import ModelInfo

RECORD = "ocrsvc.record"
"""Key of the RequestRecord in the ASGI scope."""

_SAFE_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


class ClientGone(Exception):
    """The client hung up; nobody waits for an answer, so none is sent."""


@dataclass(slots=True)
class RequestRecord:
    """One request's identity, its start on the loop's clock, and what its log line will say."""

    request_id: str
    started_s: float
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the request arrived."""
        return asyncio.get_running_loop().time() - self.started_s


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What one request may bring and take; the names and units are those of Settings."""

    max_upload_bytes: int
    max_json_bytes: int
    max_batch_bytes: int
    max_batch_images: int
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes need; built once by the lifespan."""

    answers: PageAnswers
    pool: ComputePool
    door: Door
    metrics: Metrics
    readiness: Readiness
    limits: RequestLimits
    api_keys: tuple[str, ...]
    models: tuple[ModelInfo, ...]
    """The recogniser first."""

    @property
    def model_name(self) -> str:
        """What answers say they were read by."""
        return self.models[0].name


class AppState(TypedDict):
    """The state that the lifespan yields and every request carries."""

    services: Services


def services_of(connection: HTTPConnection) -> Services:
    """Return the services of the app that serves this request."""
    services: Services = connection.state.services
    return services


def record_of(connection: HTTPConnection) -> RequestRecord:
    """Return the record that the middleware made for this request."""
    record: RequestRecord = connection.scope[RECORD]
    return record


def checked_request_id(given: str | None) -> str:
    """Return the client's request id when it is safe to log and send back, else a new one.

    Safe: 1 to 128 characters out of letters, digits and ._:/+=@- .
    """
    if given is not None and _SAFE_ID.fullmatch(given):
        return given
    return secrets.token_hex(16)
