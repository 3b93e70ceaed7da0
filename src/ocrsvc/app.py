"""The composition of the service: what there is, what owns it, and when it begins and ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from ocrsvc import __version__
from ocrsvc.api import ocr, operations, pages
from ocrsvc.api.answers import Answer, PageAnswers
from ocrsvc.api.context import AppState, RequestLimits, Services
from ocrsvc.api.door import Door, DoorLimits
from ocrsvc.api.failures import install_handlers
from ocrsvc.api.middleware import FaultGuard, RequestScope
from ocrsvc.api.openapi import describe
from ocrsvc.api.readiness import Readiness
from ocrsvc.api.schemas import ModelInfo
from ocrsvc.cache import ResultCache, SharedResults
from ocrsvc.detection.protocol import Detector
from ocrsvc.engine import open_engine
from ocrsvc.metrics import Metrics
from ocrsvc.recognition.onnx import OnnxRecogniser, Recogniser
from ocrsvc.settings import Settings

_log = logging.getLogger("ocrsvc.life")


def create_app(
    settings: Settings, *, recogniser: Recogniser | None = None, detector: Detector | None = None
) -> FastAPI:
    """Compose the service; nothing is loaded or started before its lifespan begins.

    Args:
        settings: every limit and choice.
        recogniser: stands in for the model package that the settings name.
        detector: stands in for the detector that the settings name.

    Returns:
        The app. `app.state.readiness.close()` makes it refuse new requests, for a server about to stop.
    """
    metrics, readiness = Metrics(), Readiness()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[AppState]:
        async with _running(settings, metrics, readiness, recogniser, detector) as services:
            yield {"services": services}

    app = FastAPI(
        title="ocrsvc",
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.readiness = readiness
    for resource in (ocr, operations, pages):
        app.include_router(resource.router)
    pages.mount_static(app)
    install_handlers(app)
    _add_middleware(app, settings, metrics)
    app.openapi = _described_once(app, settings.root_path)  # type: ignore[method-assign]  # FastAPI's documented way
    return app


def _add_middleware(app: FastAPI, settings: Settings, metrics: Metrics) -> None:
    """Wrap the routes: the last one added is the outermost."""
    app.add_middleware(FaultGuard)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Cache-Control", "Content-Type", "X-API-Key", "X-Request-ID"],
            expose_headers=["Retry-After", "X-Request-ID"],
        )
    app.add_middleware(RequestScope, metrics=metrics, drain_bytes=settings.max_body_bytes, root_path=settings.root_path)


def _described_once(app: FastAPI, root_path: str) -> Any:
    described: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not described:
            described.update(describe(app, root_path))
        return described

    return openapi


@asynccontextmanager
async def _running(
    settings: Settings,
    metrics: Metrics,
    readiness: Readiness,
    recogniser: Recogniser | None,
    detector: Detector | None,
) -> AsyncIterator[Services]:
    """Load, warm up, start; at the end let what was admitted finish, then stop."""
    door = Door(DoorLimits(settings.door_requests, settings.door_pixels, settings.max_held_bytes), metrics)
    async with open_engine(settings, recogniser, detector, metrics) as engine:
        kept = ResultCache[Answer](settings.cache_bytes, lambda answer: answer.size_bytes, metrics.cache_holds)
        readiness.open(lambda: engine.healthy)
        _log.info("ready")
        yield Services(
            answers=PageAnswers(engine.reader, engine.pool, door, SharedResults(kept), engine.limits, metrics),
            pool=engine.pool,
            door=door,
            metrics=metrics,
            readiness=readiness,
            limits=_request_limits(settings),
            api_keys=tuple(key.get_secret_value() for key in settings.api_keys),
            models=_models(engine.recogniser, engine.detector),
        )
        readiness.close()
        await _drain(door, settings.shutdown_grace_s)


async def _drain(door: Door, grace_s: float) -> None:
    """Wait until what was admitted is done, at most `grace_s`."""
    try:
        async with asyncio.timeout(grace_s):
            await door.empty()
    except TimeoutError:
        _log.warning("stopped with requests in progress")
    else:
        _log.info("stopped")


def _request_limits(settings: Settings) -> RequestLimits:
    return RequestLimits(
        max_upload_bytes=settings.max_upload_bytes,
        max_json_bytes=settings.max_json_bytes,
        max_batch_bytes=settings.max_batch_bytes,
        max_batch_images=settings.max_batch_images,
        timeout_s=settings.request_timeout_s,
    )


def _models(model: Recogniser, detector: Detector) -> tuple[ModelInfo, ...]:
    """Describe the models in use, the recogniser first."""
    reader = ModelInfo(name=model.name, kind="recogniser")
    if isinstance(model, OnnxRecogniser):
        reader = reader.model_copy(
            update={
                "version": model.package.version,
                "precision": model.package.precision,
                "sha256": model.package.model_sha256,
            }
        )
    return (reader, ModelInfo(name=detector.name, kind="detector"))
