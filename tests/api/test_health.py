"""Readiness over real parts: what is missing is told, and only what questions need makes it 503."""

from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.routes import health
from rag.candidates import Candidates
from rag.rerank import Reranker
from rag.retrieve import Retriever
from tests.http_server import serving
from tests.workshop import Workshop


def ready(workshop: Workshop, reranker: Reranker | None) -> tuple[int, str, dict[str, str]]:
    """Return the status of the answer, of the service, and of its reranker."""
    app = FastAPI()
    app.include_router(health.router)
    app.state.services = SimpleNamespace(
        registry=workshop.registry,
        intake=workshop.intake,
        leases=workshop.leases,
        generator=None,
        retriever=Retriever(
            registry=workshop.registry,
            candidates=Candidates(workshop.engine),
            indexes=workshop.indexes,
            reranker=reranker,
        ),
    )
    response = TestClient(app).get("/readyz")
    return response.status_code, response.json()["status"], response.json()["checks"]["reranker"]


@pytest.fixture
def alive(workshop: Workshop) -> Workshop:
    """A service with a worker and an original in its store."""
    workshop.add("Six days of leave.")
    workshop.leases.worker_seen("worker", 30)
    return workshop


def test_a_reranker_is_off_unless_it_is_configured(alive: Workshop) -> None:
    assert ready(alive, None) == (200, "ok", {"status": "off"})


def test_questions_are_answered_without_a_reranker_that_is_down_and_the_service_is_degraded(alive: Workshop) -> None:
    with serving({"/v1/models": lambda exchange: exchange.send_json({"data": [{"id": "bge"}]})}) as server:
        reranker = Reranker("bge", server.url)
        assert ready(alive, reranker) == (200, "ok", {"status": "ok"})

    down = {"status": "unavailable", "detail": "RerankerUnavailable"}
    assert ready(alive, reranker) == (200, "degraded", down)
