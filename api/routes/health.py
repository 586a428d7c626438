"""Health: alive, and ready with the state of every part."""

from collections.abc import Awaitable, Callable
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Response
from kombu.exceptions import OperationalError

from api.auth import ServicesDep
from api.services import Services
from rag.errors import RagError
from rag.work import WORKER_SEEN_S

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Answer as long as the process serves."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(services: ServicesDep, response: Response) -> dict[str, Any]:
    """Answer 200 once questions can be answered.

    Without store, broker, worker, reranker or generator they can: `degraded`.
    """
    checks = {
        "registry": await _check(lambda: run_sync(services.registry.ping)),
        "embedder": await _check(lambda: run_sync(_ping_embedder, services)),
        "index": await _check(lambda: run_sync(_ping_index, services)),
        "store": await _check(lambda: run_sync(services.intake.store.ping)),
        "broker": await _check(lambda: run_sync(services.intake.queue.ping)),
        "worker": await _worker(services),
        "reranker": await _reranker(services),
        "generator": await _generator(services),
    }
    is_ready = all(checks[part]["status"] == "ok" for part in ("registry", "embedder", "index"))
    if not is_ready:
        response.status_code = 503
    whole = all(check["status"] in {"ok", "off"} for check in checks.values())
    return {"status": "ok" if whole else "degraded" if is_ready else "unavailable", "checks": checks}


def _ping_embedder(services: Services) -> None:
    services.retriever.indexes.serving().embedder.ping()


def _ping_index(services: Services) -> None:
    services.retriever.indexes.serving().index.ping()


async def _check(ping: Callable[[], Awaitable[object]]) -> dict[str, str]:
    try:
        await ping()
    except (RagError, OperationalError) as exc:
        return {"status": "unavailable", "detail": type(exc).__name__}
    return {"status": "ok"}


async def _worker(services: ServicesDep) -> dict[str, str]:
    try:
        alive = await run_sync(services.leases.workers, WORKER_SEEN_S)
    except RagError:
        alive = 0
    return {"status": "ok", "alive": str(alive)} if alive else {"status": "unavailable", "detail": "none was seen"}


async def _reranker(services: ServicesDep) -> dict[str, str]:
    reranker = services.retriever.reranker
    return {"status": "off"} if reranker is None else await _check(lambda: run_sync(reranker.ping))


async def _generator(services: ServicesDep) -> dict[str, Any]:
    """Say how each engine is, without its address: anybody may ask. One that answers is enough."""
    if services.generator is None:
        return {"status": "off"}
    engines = await services.generator.states()
    shown = [
        {"engine": f"{one.generator} {one.n}", "status": "ok" if one.is_ok else "unavailable", "queue": one.queue}
        for one in engines
    ]
    working = [one for one in engines if one.is_ok]
    if not working:
        return {"status": "loading", "engines": shown}
    return {"status": "ok", "model": working[0].model, "engines": shown}
