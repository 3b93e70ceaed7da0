"""Every failure in one envelope, the framework's own included."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ocrsvc.api.context import RequestRecord, record_of
from ocrsvc.errors import (
    DeadlineExceeded,
    ImageRejected,
    Internal,
    InvalidParameter,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    OcrError,
    Overloaded,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnsupportedType,
)

INTERNAL_MESSAGE = "Something went wrong on our side. Quote the request_id when you report it."

EXAMPLES: Final[Mapping[type[OcrError], str]] = {
    MalformedRequest: "The part 'image' is there twice. Send it once.",
    Unauthorized: "A valid API key is needed in the X-API-Key header.",
    NotFound: "There is nothing at this path. GET /docs lists the operations.",
    MethodNotAllowed: "This path does not take this method. GET /docs lists the operations.",
    TooLarge: "The picture is larger than 20,971,520 bytes. Send a smaller one.",
    UnsupportedType: "GIF is not read here. Send one frame as JPEG, PNG, BMP, WebP or single-page TIFF to POST /ocr.",
    InvalidParameter: "resize_height must be a whole number from 16 to 64.",
    ImageRejected: "The picture is empty. Send the bytes of a JPEG, PNG, BMP, WebP or single-page TIFF file.",
    Overloaded: "The service is busy and has not started on this request. Send it again after a pause.",
    Internal: INTERNAL_MESSAGE,
    Unavailable: "The service is starting. Try again shortly.",
    DeadlineExceeded: "The request took longer than the time limit. Send a smaller picture, or try again later.",
}
"""One message of each kind, for the API description; every OcrError has one."""

_BY_STATUS: Final[Mapping[int, type[OcrError]]] = {
    400: MalformedRequest,
    401: Unauthorized,
    404: NotFound,
    405: MethodNotAllowed,
    413: TooLarge,
    415: UnsupportedType,
    422: InvalidParameter,
    429: Overloaded,
    503: Unavailable,
}


def error_body(failure: OcrError) -> dict[str, str]:
    """Return `{"code", "message"}` of a failure."""
    message = INTERNAL_MESSAGE if failure.status == Internal.status else str(failure)
    return {"code": failure.code, "message": message or EXAMPLES[type(failure)]}


def error_response(failure: OcrError, record: RequestRecord, headers: Mapping[str, str] | None = None) -> Response:
    """Build the answer to a failed request, and note its code for the log."""
    record.fields["error"] = failure.code
    body = {"success": False, "error": error_body(failure), "request_id": record.request_id}
    extra = dict(headers or {})
    if failure.retry_after_s is not None:
        extra["Retry-After"] = str(failure.retry_after_s)
    content = json.dumps(body, ensure_ascii=False).encode()
    return Response(content, failure.status, extra, media_type="application/json")


def documented(*failures: type[OcrError]) -> dict[int | str, dict[str, Any]]:
    """Describe the failures of an operation for its OpenAPI `responses`, grouped by status."""
    responses: dict[int | str, dict[str, Any]] = {}
    for failure in failures:
        response = responses.setdefault(
            failure.status,
            {"description": "", "content": {"application/json": {"schema": _ENVELOPE, "examples": {}}}},
        )
        meaning = (failure.__doc__ or "").strip().splitlines()[0].rstrip(".")
        described = [response["description"]] if response["description"] else []
        response["description"] = "; ".join([*described, f"`{failure.code}`: {meaning}"])
        response["content"]["application/json"]["examples"][failure.code] = {"value": _example(failure)}
        if failure.retry_after_s is not None:
            response["headers"] = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
    return dict(sorted(responses.items(), key=lambda item: str(item[0])))


_ENVELOPE: Final = {"$ref": "#/components/schemas/ErrorReply"}


def _example(failure: type[OcrError]) -> dict[str, Any]:
    return {
        "success": False,
        "error": {"code": failure.code, "message": EXAMPLES[failure]},
        "request_id": "5f0c8f6f2b7e4c0d9a1e3b5d7f90a2c4",
    }


def install_handlers(app: FastAPI) -> None:
    """Give every failure that reaches the framework the one envelope."""
    app.add_exception_handler(OcrError, _answer_failure)
    app.add_exception_handler(HTTPException, _answer_framework)
    app.add_exception_handler(RequestValidationError, _answer_validation)


async def _answer_failure(request: Request, failure: Exception) -> Response:
    assert isinstance(failure, OcrError)
    return error_response(failure, record_of(request))


async def _answer_framework(request: Request, failure: Exception) -> Response:
    assert isinstance(failure, HTTPException)
    kind = _BY_STATUS.get(failure.status_code, Internal)
    return error_response(kind(EXAMPLES[kind]), record_of(request), failure.headers)


async def _answer_validation(request: Request, failure: Exception) -> Response:
    assert isinstance(failure, RequestValidationError)
    where = ", ".join(str(error["loc"][-1]) for error in failure.errors())
    return error_response(InvalidParameter(f"These parameters are missing or not valid: {where}."), record_of(request))
