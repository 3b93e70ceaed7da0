"""Reading pictures: POST /ocr, /ocr/batch, /ocr/preview."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends
from starlette.responses import Response

from ocrsvc.api.answers import Answer, read_each
from ocrsvc.api.bodies import binary_answer, picture_body
from ocrsvc.api.deps import GATES, DeadlineDep, ManyPictures, OnePicture, RecordDep, ServicesDep, ShareDep
from ocrsvc.api.failures import documented
from ocrsvc.api.replies import batch_reply, ocr_reply
from ocrsvc.api.schemas import BatchReply, OcrReply
from ocrsvc.errors import (
    DeadlineExceeded,
    ImageRejected,
    Internal,
    InvalidParameter,
    MalformedRequest,
    Overloaded,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnsupportedType,
)

BATCH_PICTURES_AT_ONCE: Final = 2
"""Pictures of one batch worked on together: one is decoded while another is read."""

router = APIRouter(tags=["ocr"], dependencies=[Depends(gate) for gate in GATES])

_BODY_FAILURES: Final = (
    MalformedRequest,
    Unauthorized,
    TooLarge,
    UnsupportedType,
    InvalidParameter,
    Overloaded,
    Internal,
    Unavailable,
    DeadlineExceeded,
)
_failures = documented(*_BODY_FAILURES, ImageRejected)


@router.post(
    "/ocr",
    operation_id="readImage",
    response_model=OcrReply,
    response_description="The lines, in reading order.",
    responses=_failures,
    openapi_extra=picture_body("OcrForm", "OcrJson"),
)
async def read_image(
    pictures: OnePicture, share: ShareDep, services: ServicesDep, record: RecordDep, deadline: DeadlineDep
) -> Response:
    """Read every line of one picture."""
    async with deadline:
        answer = await services.answers.read(pictures.files[0], pictures.options, share=share)
    return ocr_reply(answer, record, services.model_name)


@router.post(
    "/ocr/batch",
    operation_id="readImages",
    response_model=BatchReply,
    response_description="One answer or error for each picture, in order.",
    responses=documented(*_BODY_FAILURES),
    openapi_extra=picture_body("BatchForm", "BatchJson"),
)
async def read_images(
    pictures: ManyPictures, share: ShareDep, services: ServicesDep, record: RecordDep, deadline: DeadlineDep
) -> Response:
    """Read several pictures with the same options; one that cannot be read does not fail the others."""

    async def read(data: bytes) -> Answer:
        return await services.answers.read(data, pictures.options, share=share)

    services.door.require_place()  # a batch is refused as a whole before it starts; later, picture by picture
    async with deadline:
        outcomes = await read_each(read, pictures.files, BATCH_PICTURES_AT_ONCE)
    return batch_reply(outcomes, record, services.model_name)


@router.post(
    "/ocr/preview",
    operation_id="previewImage",
    response_class=Response,
    responses={200: binary_answer("image/png", "The preprocessed picture."), **_failures},
    openapi_extra=picture_body("PreviewForm", "PreviewJson"),
)
async def preview_image(pictures: OnePicture, services: ServicesDep, deadline: DeadlineDep) -> Response:
    """Show the picture as the recogniser's stages see it: upright by its EXIF, grey, enhanced."""
    async with deadline:
        png = await services.answers.preview(pictures.files[0])
    return Response(png, media_type="image/png")
