"""The request bodies in the API description: the routes read them as streams, so FastAPI cannot derive them."""

from __future__ import annotations

from typing import Any, Final

from ocrsvc.api.options import OcrOptions

_PICTURE: Final = "JPEG, PNG, BMP, WebP or single-page TIFF; its EXIF orientation is honoured."
_PIXEL_PNG: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAG7buVgAAAABJRU5ErkJggg=="


def body_schemas() -> dict[str, dict[str, Any]]:
    """Schemas of every request body, by the names that `picture_body` refers to."""
    options = OcrOptions.model_json_schema()["properties"]
    for option in options.values():
        option.pop("title", None)
    binary = {"type": "string", "format": "binary", "description": _PICTURE}
    base64 = {"type": "string", "contentEncoding": "base64", "description": _PICTURE + " In base64, or as a data URL."}
    return {
        "OcrForm": _object("A picture and options as form parts.", {"image": binary, **options}),
        "OcrJson": _object(
            "A picture in base64 and options.", {"image": base64, **options}, {"image": _PIXEL_PNG, "resize_height": 32}
        ),
        "BatchForm": _object("Pictures and options as form parts.", {"images": _list(binary), **options}),
        "BatchJson": _object(
            "Pictures in base64 and options.", {"images": _list(base64), **options}, {"images": [_PIXEL_PNG]}
        ),
        "PreviewForm": _object("A picture as a form part.", {"image": binary}),
        "PreviewJson": _object("A picture in base64.", {"image": base64}, {"image": _PIXEL_PNG}),
    }


def picture_body(form: str, json: str) -> dict[str, Any]:
    """Describe an operation's body as multipart or JSON, for its `openapi_extra`."""
    content = {
        "multipart/form-data": {"schema": {"$ref": f"#/components/schemas/{form}"}},
        "application/json": {"schema": {"$ref": f"#/components/schemas/{json}"}},
    }
    return {"requestBody": {"required": True, "content": content}}


def binary_answer(media_type: str, description: str) -> dict[str, Any]:
    """Describe a 200 whose body is a file."""
    return {"description": description, "content": {media_type: {"schema": {"type": "string", "format": "binary"}}}}


def _object(description: str, properties: dict[str, Any], example: dict[str, Any] | None = None) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "description": description,
        "required": [next(iter(properties))],
        "properties": properties,
    }
    if example is not None:
        schema["examples"] = [example]
    return schema


def _list(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": item}
