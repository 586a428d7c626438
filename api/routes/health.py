"""Health: alive, and ready with the state of every part."""

from collections.abc import Awaitable, Callable
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Response
from kombu.exceptions import OperationalError

from api.auth import ServicesDep
from rag.errors import RagError

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Answer as long as the process serves."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(services: ServicesDep, response: Response) -> dict[str, Any]:
    """Answer 200 once questions can be answered. Without store, broker or generator they still can: `degraded`."""
    checks = {
        "registry": await _check(lambda: run_sync(services.registry.ping)),
        "embedder": await _check(lambda: run_sync(services.retriever.embedder.ping)),
        "index": await _check(lambda: run_sync(services.retriever.index.count)),
        "store": await _check(lambda: run_sync(services.intake.store.ping)),
        "broker": await _check(lambda: run_sync(services.intake.queue.ping)),
        "generator": await _generator(services),
    }
    is_ready = all(checks[part]["status"] == "ok" for part in ("registry", "embedder", "index"))
    if not is_ready:
        response.status_code = 503
    whole = all(check["status"] in {"ok", "off"} for check in checks.values())
    return {"status": "ok" if whole else "degraded" if is_ready else "unavailable", "checks": checks}


async def _check(ping: Callable[[], Awaitable[object]]) -> dict[str, str]:
    try:
        await ping()
    except (RagError, OperationalError) as exc:
        return {"status": "unavailable", "detail": type(exc).__name__}
    return {"status": "ok"}


async def _generator(services: ServicesDep) -> dict[str, str]:
    if services.generator is None:
        return {"status": "off"}
    try:
        return {"status": "ok", "model": await services.generator.ping()}
    except RagError:
        return {"status": "loading"}
