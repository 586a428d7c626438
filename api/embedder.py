"""The embedder process: OpenAI's embeddings API over the sentence-transformers model, for workers and the API.

One process holds the model, so that all others start at once and stay small. vLLM serves the same API. It holds the
reranker, too, if one is configured that nobody else serves.
"""

import base64
import sys
from typing import Any, Literal

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, Field

from api.reranker import listed, rerank_routes
from rag.batching import Batching
from rag.cross_encoder import CrossEncoder
from rag.logs import configure_logging
from rag.model import Model
from rag.settings import Settings, load_settings


class EmbeddingRequest(BaseModel):
    input: list[str] = Field(min_length=1)
    model: str = ""
    encoding_format: Literal["base64"] = "base64"


def create_embedder(settings: Settings) -> FastAPI:
    """Return the app, its models loaded."""
    model = Model(settings.embedder)
    model.encode(["warm up"])
    batching = Batching(model.encode, model.streams)
    app = FastAPI(title="Attest embedder", docs_url=None, redoc_url=None)
    served = [{"id": model.name, "object": "model", "max_model_len": model.max_tokens}]
    if settings.reranker.model and not settings.reranker.url:
        reranker = CrossEncoder(settings)
        served.append(listed(reranker))
        app.include_router(rerank_routes(reranker))

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/v1/models")
    def models() -> dict[str, Any]:
        return {"data": served}

    @app.post("/v1/embeddings")
    def embeddings(body: EmbeddingRequest) -> dict[str, Any]:
        """Return one little-endian float32 vector a text, base64-coded, in input order."""
        vectors = model.encode(body.input) if len(body.input) == 1 else batching.encode(body.input)
        rows = [base64.b64encode(row.tobytes()).decode() for row in vectors]
        return {"model": model.name, "data": [{"index": i, "embedding": row} for i, row in enumerate(rows)]}

    return app


def main(host: str, port: int, model: str = "") -> None:
    """Serve until told to stop. Run as `python -m api.embedder HOST PORT [MODEL]`."""
    settings = load_settings()
    settings.embedder.model = model or settings.embedder.model
    configure_logging(settings.log)
    uvicorn.run(create_embedder(settings), host=host, port=port, log_config=None, access_log=False)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
