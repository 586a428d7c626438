"""Reranking over HTTP, as vLLM, Jina and Cohere serve it: part of the embedder process, or a process of its own."""

import sys
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, Field

from rag.cross_encoder import CrossEncoder
from rag.logs import configure_logging
from rag.settings import Settings, load_settings


class RerankRequest(BaseModel):
    query: str
    documents: list[str] = Field(min_length=1)
    model: str = ""
    top_n: int = Field(0, ge=0, description="How many results to return; 0: all.")


def listed(model: CrossEncoder) -> dict[str, Any]:
    """Return its entry in the list of models."""
    return {"id": model.name, "object": "model", "max_model_len": model.max_tokens}


def rerank_routes(model: CrossEncoder) -> APIRouter:
    """Return the route that scores documents."""
    router = APIRouter()

    @router.post("/v1/rerank")
    def rerank(body: RerankRequest) -> dict[str, Any]:
        """Return the index and the score of every document, best first."""
        scores = model.scores(body.query, body.documents)
        order = sorted(range(len(scores)), key=lambda n: -scores[n])[: body.top_n or None]
        return {"model": model.name, "results": [{"index": n, "relevance_score": scores[n]} for n in order]}

    return router


def create_reranker(settings: Settings) -> FastAPI:
    """Return the app of a process that only reranks, its model loaded."""
    model = CrossEncoder(settings)
    app = FastAPI(title="Attest reranker", docs_url=None, redoc_url=None)
    app.include_router(rerank_routes(model))

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/v1/models")
    def models() -> dict[str, Any]:
        return {"data": [listed(model)]}

    return app


def main(host: str, port: int) -> None:
    """Serve until told to stop. Run as `python -m api.reranker HOST PORT`."""
    settings = load_settings()
    configure_logging(settings.log)
    uvicorn.run(create_reranker(settings), host=host, port=port, log_config=None, access_log=False)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
