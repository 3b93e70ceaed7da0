"""The shapes of the answers, for the API description; each carries an example that fits it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from ocrsvc.errors import OcrError

Box = Annotated[
    list[int], Field(min_length=4, max_length=4, description="[x_min, y_min, x_max, y_max] in pixels of the upload.")
]
Point = Annotated[list[int], Field(min_length=2, max_length=2)]
Polygon = Annotated[
    list[Point], Field(min_length=4, max_length=4, description="Corners from the text's own top left, clockwise.")
]
Seconds = Annotated[float, Field(ge=0)]
RequestId = Annotated[str, Field(min_length=1, max_length=128, description="Also in the X-Request-ID header.")]

_REQUEST_ID = "5f0c8f6f2b7e4c0d9a1e3b5d7f90a2c4"
_POLYGON = [[300, 200], [500, 200], [500, 220], [300, 220]]
_LINE: dict[str, Any] = {
    "text": "金额:¥5,800.00",
    "confidence": 0.975,
    "bbox": [300, 200, 500, 220],
    "polygon": _POLYGON,
}
_CHAR: dict[str, Any] = {
    "text": "5",
    "bbox": [380, 200, 395, 220],
    "polygon": [[380, 200], [395, 200], [395, 220], [380, 220]],
    "confidence": 0.98,
    "alternatives": [{"text": "6", "confidence": 0.01}, {"text": "S", "confidence": 0.004}],
}
_IMAGE = {"width": 1400, "height": 900, "rotation": 0}
_TIMINGS = {"decode": 0.011, "detect": 0.02, "queue": 0.002, "recognise": 0.05}
_ERROR = {"code": "image_rejected", "message": "The picture is empty. Send the bytes of a JPEG file."}


def error_codes() -> list[str]:
    """Return every code that an error can carry."""
    return [kind.code for kind in OcrError.__subclasses__()]


def _shape(example: Any) -> ConfigDict:
    return ConfigDict(frozen=True, json_schema_extra={"examples": [example]}, protected_namespaces=())


def _no_default(schema: dict[str, Any]) -> None:
    """Say that a field may be missing, rather than that it may be null: that is what generated clients must expect."""
    schema.pop("default", None)


class Alternative(BaseModel):
    """Another reading of a character."""

    model_config = _shape(_CHAR["alternatives"][0])
    text: str
    confidence: float | SkipJsonSchema[None] = Field(
        default=None, ge=0, le=1, description="Left out with return_confidence=false.", json_schema_extra=_no_default
    )


class OcrChar(BaseModel):
    """One character of a line (return_chars=true)."""

    model_config = _shape(_CHAR)
    text: str
    bbox: Box
    polygon: Polygon
    confidence: float | SkipJsonSchema[None] = Field(
        default=None, ge=0, le=1, description="Left out with return_confidence=false.", json_schema_extra=_no_default
    )
    alternatives: list[Alternative] = Field(description="Second and third best readings, best first.")


class OcrResult(BaseModel):
    """One line of text."""

    model_config = _shape(_LINE)
    text: str = Field(description="As printed, with full-width letters and digits folded to ASCII.")
    confidence: float | SkipJsonSchema[None] = Field(
        default=None,
        ge=0,
        le=1,
        description="Geometric mean of the characters' probabilities; left out with return_confidence=false.",
        json_schema_extra=_no_default,
    )
    bbox: Box
    polygon: Polygon
    chars: list[OcrChar] | SkipJsonSchema[None] = Field(
        default=None, description="Only with return_chars=true.", json_schema_extra=_no_default
    )


class ImageInfo(BaseModel):
    """The frame of all coordinates: the upload after its EXIF orientation."""

    model_config = _shape(_IMAGE)
    width: int = Field(ge=1, description="Pixels.")
    height: int = Field(ge=1, description="Pixels.")
    rotation: Literal[0, 90, 180, 270] = Field(description="Clockwise degrees that would make the page upright.")


class Timings(BaseModel):
    """Seconds that this request spent in each stage; all 0 for an answer from the cache."""

    model_config = _shape(_TIMINGS)
    decode: Seconds
    detect: Seconds
    queue: Seconds = Field(description="All waiting: for a thread, for a batch, or for an identical request in flight.")
    recognise: Seconds


class OcrReply(BaseModel):
    """The lines of one picture, in reading order."""

    model_config = _shape(
        {
            "success": True,
            "results": [_LINE],
            "total_time": 0.087,
            "request_id": _REQUEST_ID,
            "image": _IMAGE,
            "model": "zh-lines-1",
            "timings": _TIMINGS,
        }
    )
    success: Literal[True]
    results: list[OcrResult] = Field(description="Empty for a picture without text.")
    total_time: Seconds = Field(description="Seconds from the request's first byte to the answer.")
    request_id: RequestId
    image: ImageInfo
    model: str = Field(description="Name of the recogniser's model package.")
    timings: Timings


class ErrorBody(BaseModel):
    """What went wrong, for programs (code) and for people (message)."""

    model_config = _shape(_ERROR)
    code: str = Field(json_schema_extra={"enum": list(error_codes())})
    message: str = Field(description="Says what to change.")


class ErrorReply(BaseModel):
    """The answer to every request that failed."""

    model_config = _shape({"success": False, "error": _ERROR, "request_id": _REQUEST_ID})
    success: Literal[False]
    error: ErrorBody
    request_id: RequestId


class BatchPage(BaseModel):
    """One picture of a batch that was read."""

    model_config = _shape({"success": True, "results": [_LINE], "image": _IMAGE, "timings": _TIMINGS})
    success: Literal[True]
    results: list[OcrResult]
    image: ImageInfo
    timings: Timings


class BatchFailure(BaseModel):
    """One picture of a batch that could not be read."""

    model_config = _shape({"success": False, "error": _ERROR})
    success: Literal[False]
    error: ErrorBody


class BatchReply(BaseModel):
    """One answer for each picture, in the order they were sent."""

    model_config = _shape(
        {
            "success": True,
            "images": [
                {"success": True, "results": [_LINE], "image": _IMAGE, "timings": _TIMINGS},
                {"success": False, "error": _ERROR},
            ],
            "total_time": 0.143,
            "request_id": _REQUEST_ID,
            "model": "zh-lines-1",
        }
    )
    success: Literal[True] = Field(description="The batch was worked through; each picture says for itself.")
    images: list[BatchPage | BatchFailure]
    total_time: Seconds
    request_id: RequestId
    model: str


class ModelInfo(BaseModel):
    """One model that the service works with."""

    model_config = _shape({"name": "zh-lines-1", "kind": "recogniser", "version": "1", "precision": "int8"})
    name: str
    kind: Literal["recogniser", "detector"]
    version: str | SkipJsonSchema[None] = Field(default=None, json_schema_extra=_no_default)
    precision: str | SkipJsonSchema[None] = Field(default=None, json_schema_extra=_no_default)
    sha256: str | SkipJsonSchema[None] = Field(
        default=None, description="Checksum of the model's graph.", json_schema_extra=_no_default
    )


class ModelList(BaseModel):
    """The models in use."""

    model_config = _shape(
        {"models": [{"name": "zh-lines-1", "kind": "recogniser", "version": "1", "precision": "int8"}]}
    )
    models: list[ModelInfo]


class Status(BaseModel):
    """That the process answers, or that it takes requests."""

    model_config = _shape({"status": "ready"})
    status: Literal["ok", "ready"]
