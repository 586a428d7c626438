"""Metrics, in Prometheus' text format."""

from fastapi import APIRouter
from fastapi.responses import Response

from api.auth import Administrator, ServicesDep
from rag.metrics import MEDIA_TYPE, exposition

router = APIRouter(tags=["health"])


@router.get("/metrics", response_class=Response)
def metrics(services: ServicesDep, caller: Administrator) -> Response:
    """Return what is counted and timed, for Prometheus. It tells how much is asked: for administrators alone."""
    del caller
    return Response(exposition(services.engine), media_type=MEDIA_TYPE)
