"""Search: a query to passages."""

from fastapi import APIRouter

from api.auth import Searcher, ServicesDep
from api.schemas import SearchAnswer, SearchRequest

router = APIRouter(prefix="/v1", tags=["search"])


@router.post("/search")
def search(body: SearchRequest, services: ServicesDep, caller: Searcher) -> SearchAnswer:
    """Return the passages that answer the query best, best first: the ones that `/v1/ask` would use."""
    return SearchAnswer.of(services.retriever.retrieve(body.record(caller)), explain=body.explain)
