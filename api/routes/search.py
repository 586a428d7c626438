"""Search: a query to passages."""

import time

from fastapi import APIRouter

from api.auth import Searcher, ServicesDep
from api.schemas import HitBody, SearchAnswer, SearchRequest

router = APIRouter(prefix="/v1", tags=["search"])


@router.post("/search")
def search(body: SearchRequest, services: ServicesDep, caller: Searcher) -> SearchAnswer:
    """Return the passages closest to the query, best first."""
    started = time.perf_counter()
    hits = services.retriever.retrieve(body.query, caller, top_k=body.top_k, collections=body.collections)
    took_ms = (time.perf_counter() - started) * 1000
    return SearchAnswer(hits=[HitBody.of(hit) for hit in hits], took_ms={"total": round(took_ms, 2)})
