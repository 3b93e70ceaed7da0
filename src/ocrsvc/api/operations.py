"""Running the service: health, readiness, metrics, models."""

from __future__ import annotations

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from ocrsvc.api.deps import ServicesDep
from ocrsvc.api.failures import documented
from ocrsvc.api.schemas import ModelList, Status
from ocrsvc.errors import Internal, Unavailable

router = APIRouter(tags=["operations"])


@router.get("/healthz", operation_id="getHealth", responses=documented(Internal))
async def get_health() -> Status:
    """Tell that the process answers; says nothing of its models."""
    return Status(status="ok")


@router.get("/readyz", operation_id="getReadiness", responses=documented(Internal, Unavailable))
async def get_readiness(services: ServicesDep) -> Status:
    """Tell whether requests are taken: models loaded and warm, workers alive, not stopping."""
    services.readiness.check()
    return Status(status="ready")


@router.get("/models", operation_id="listModels", responses=documented(Internal), response_model_exclude_none=True)
async def list_models(services: ServicesDep) -> ModelList:
    """List the models in use."""
    return ModelList(models=list(services.models))


@router.get(
    "/metrics",
    operation_id="getMetrics",
    response_class=Response,
    responses={
        200: {"description": "Prometheus text.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **documented(Internal),
    },
)
async def get_metrics(services: ServicesDep) -> Response:
    """Give the counters and histograms in the Prometheus text format."""
    return Response(services.metrics.render(), media_type=CONTENT_TYPE_LATEST)
