"""What people open in a browser: the page, Swagger UI, the contract. All of it comes from this service itself."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from ocrsvc.api.deps import ServicesDep
from ocrsvc.api.openapi import to_yaml

WEB_FOLDER: Final = Path(__file__).parent.parent / "web"

_SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

router = APIRouter(include_in_schema=False)


def _whole(scope: Scope) -> Scope:
    """The request without its Range: small files are sent whole, and no refusal of a range lacks the envelope."""
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"range"]}


class _Page(FileResponse):
    """A file with the headers that a page needs."""

    def __init__(self, name: str) -> None:
        super().__init__(WEB_FOLDER / name, headers=_SECURITY_HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await super().__call__(_whole(scope), receive, send)


class _Files(StaticFiles):
    """The scripts, styles and icons."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send one of them."""
        await super().__call__(_whole(scope), receive, send)


@router.get("/", operation_id="getPage")
async def get_page() -> Response:
    """Show the page that reads a picture in the browser."""
    return _Page("index.html")


@router.get("/docs", operation_id="getDocs")
async def get_docs() -> Response:
    """Show Swagger UI."""
    return _Page("docs.html")


@router.get("/openapi.json", operation_id="getOpenApiJson")
async def get_openapi_json(request: Request) -> Response:
    """Give the contract as JSON."""
    app: FastAPI = request.app
    return JSONResponse(app.openapi())


@router.get("/openapi.yaml", operation_id="getOpenApiYaml")
async def get_openapi_yaml(request: Request, services: ServicesDep) -> Response:
    """Give the contract as YAML."""
    app: FastAPI = request.app
    text = await services.pool.run(to_yaml, app.openapi())  # pure Python, a fifth of a second
    return Response(text, media_type="application/yaml")


def mount_static(app: FastAPI) -> None:
    """Serve scripts, styles and icons under /static."""
    app.mount("/static", _Files(directory=WEB_FOLDER), name="static")
