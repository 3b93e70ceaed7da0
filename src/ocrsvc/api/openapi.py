"""The written contract: what FastAPI derives, completed with bodies, security and headers."""

from __future__ import annotations

from typing import Any, Final

import yaml
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ocrsvc import __version__
from ocrsvc.api.bodies import body_schemas
from ocrsvc.api.schemas import ErrorReply

TITLE: Final = "ocrsvc"
DESCRIPTION: Final = (
    "Reads Chinese invoices, receipts, forms and screenshots. Coordinates are pixels of the uploaded picture after its "
    "EXIF orientation, times are seconds, confidences lie in [0, 1]. Every failure has the same envelope; "
    "every answer carries X-Request-ID."
)
TAGS: Final = [
    {"name": "ocr", "description": "Reading pictures."},
    {"name": "operations", "description": "Health, metrics, models."},
]
_REF: Final = "#/components/schemas/{model}"


def describe(app: FastAPI, root_path: str) -> dict[str, Any]:
    """Build the OpenAPI description of an app.

    Args:
        app: with all its routes.
        root_path: path prefix of the reverse proxy, "" for none.
    """
    servers = [{"url": root_path}] if root_path else None
    schema = get_openapi(
        title=TITLE,
        version=__version__,
        description=DESCRIPTION,
        routes=app.routes,
        tags=TAGS,
        servers=servers,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    extra = ErrorReply.model_json_schema(ref_template=_REF)
    schemas.update(extra.pop("$defs", {}))
    schemas["ErrorReply"] = extra
    schemas.update(body_schemas())
    components["schemas"] = dict(sorted(schemas.items()))
    components["headers"] = _HEADERS
    components["parameters"] = _PARAMETERS
    components["securitySchemes"] = _SECURITY
    for path in schema["paths"].values():
        for method, operation in path.items():
            _complete(operation, takes_body=method == "post")
    return schema


def _complete(operation: dict[str, Any], *, takes_body: bool) -> None:
    """Add what every operation has: the request id, and for those with a body the key and Cache-Control."""
    names = ("RequestId", "CacheControl") if takes_body else ("RequestId",)
    operation["parameters"] = [{"$ref": f"#/components/parameters/{name}"} for name in names]
    if takes_body:
        operation["security"] = [{"ApiKey": []}, {}]
    for response in operation["responses"].values():
        headers = {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}}
        response["headers"] = headers | response.get("headers", {})


_HEADERS: Final = {
    "RequestId": {
        "description": "The request's id: the client's own where it sent a valid one.",
        "schema": {"type": "string", "maxLength": 128},
    },
    "RetryAfter": {"description": "Seconds to wait before trying again.", "schema": {"type": "integer", "minimum": 0}},
}
_PARAMETERS: Final = {
    "RequestId": {
        "name": "X-Request-ID",
        "in": "header",
        "required": False,
        "description": "An id of the client's own: up to 128 letters, digits and ._:/+=@-; anything else is replaced.",
        "schema": {"type": "string"},
    },
    "CacheControl": {
        "name": "Cache-Control",
        "in": "header",
        "required": False,
        "description": "`no-store`: the answer is neither kept nor taken from the cache or an identical request.",
        "schema": {"type": "string"},
    },
}
_SECURITY: Final = {
    "ApiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "Needed by the POST operations where the service was started with keys.",
    }
}


class _Dumper(yaml.SafeDumper):
    """Writes repeated objects in full: aliases confuse generators."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def to_yaml(schema: dict[str, Any]) -> str:
    """Write a description as YAML, keys in their own order."""
    return yaml.dump(schema, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
