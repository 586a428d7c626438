"""Readiness over real parts: what is missing is told, and only what questions need makes it 503."""

from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.routes import health
from bench.service import free_port
from rag.candidates import Candidates
from rag.engines import Engines
from rag.rerank import Reranker
from rag.retrieve import Retriever
from rag.routing import Routing
from rag.settings import GeneratorSettings
from tests.http_server import serving
from tests.stub_engine import stub_engine
from tests.workshop import Workshop


def ready(
    workshop: Workshop, reranker: Reranker | None = None, generator: Routing | None = None, part: str = "reranker"
) -> tuple[int, str, dict[str, Any]]:
    """Return the status of the answer, of the service, and of a part of it."""
    app = FastAPI()
    app.include_router(health.router)
    app.state.services = SimpleNamespace(
        registry=workshop.registry,
        intake=workshop.intake,
        leases=workshop.leases,
        generator=generator,
        retriever=Retriever(
            registry=workshop.registry,
            candidates=Candidates(workshop.engine),
            indexes=workshop.indexes,
            reranker=reranker,
        ),
    )
    response = TestClient(app).get("/readyz")
    return response.status_code, response.json()["status"], response.json()["checks"][part]


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


def engines(name: str, url: str, *, is_external: bool = False) -> Engines:
    return Engines(GeneratorSettings(url=url), name=name, is_external=is_external)


def test_engines_are_shown_without_their_addresses_external_ones_unasked_and_one_is_enough(alive: Workshop) -> None:
    dead = f"http://127.0.0.1:{free_port()}/v1"
    down = {"engine": "house 1", "status": "unavailable", "queue": 0}
    with stub_engine() as server, stub_engine() as outside:
        house, cloud = engines("house", f"{dead},{server.url}"), engines("cloud", outside.url, is_external=True)

        both = ready(alive, generator=Routing(engines={"house": house, "cloud": cloud}), part="generator")
        none = ready(alive, generator=Routing(engines={"house": engines("house", dead)}), part="generator")

        assert outside.seen == []
    up = [{"engine": name, "status": "ok", "queue": 0} for name in ("house 2", "cloud 1")]
    assert both == (200, "ok", {"status": "ok", "model": "small-model", "engines": [down, *up]})
    assert none == (200, "degraded", {"status": "loading", "engines": [down]})
