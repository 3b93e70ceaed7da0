"""The failures a caller is told about, and how each shows over HTTP."""

from __future__ import annotations

from typing import ClassVar


class OcrError(Exception):
    """A failure the caller is told about; `status` and `code` are part of the API.

    The message goes to the client, so it says what to change and names no path, library or cause.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    retry_after_s: ClassVar[int | None] = None


class MalformedRequest(OcrError):
    """The body could not be taken apart: broken multipart or JSON, a doubled part."""

    status, code = 400, "malformed_request"


class Unauthorized(OcrError):
    """The API key is missing or wrong."""

    status, code = 401, "unauthorized"


class NotFound(OcrError):
    """There is no such path here."""

    status, code = 404, "not_found"


class MethodNotAllowed(OcrError):
    """The path is known, the method is not."""

    status, code = 405, "method_not_allowed"


class TooLarge(OcrError):
    """More bytes or pixels than the limit; the message names it."""

    status, code = 413, "too_large"


class UnsupportedType(OcrError):
    """Not a format this operation reads; the message names what does."""

    status, code = 415, "unsupported_type"


class InvalidParameter(OcrError):
    """A part or parameter is missing or out of its range."""

    status, code = 422, "invalid_parameter"


class ImageRejected(OcrError):
    """The picture is empty, cut short or cannot be decoded."""

    status, code = 422, "image_rejected"


class Overloaded(OcrError):
    """No room at the door for this request; nothing was started."""

    status, code, retry_after_s = 429, "overloaded", 1


class Internal(OcrError):
    """A fault of ours; the cause is in the log under the request id."""

    status, code = 500, "internal"


class Unavailable(OcrError):
    """The service is starting or stopping."""

    status, code, retry_after_s = 503, "unavailable", 1


class DeadlineExceeded(OcrError):
    """The request took longer than the time limit."""

    status, code = 504, "deadline_exceeded"


class ModelMismatch(Exception):
    """A model package is broken or does not fit: wrong checksum, labels, shape. Never reaches a client."""
