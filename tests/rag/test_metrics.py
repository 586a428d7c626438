"""What is counted: each answer once by how it ended, and the registry as it is when it is asked."""

from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, create_engine

from rag.errors import EmbedderUnavailable
from rag.leases import Leases
from rag.metrics import exposition, measured
from rag.registry import Registry
from rag.serving import Serving
from rag.types import AnswerEvent, Citation, Done, Token, Usage
from tests.rag.conftest import ADMIN, finish, upload

CITATION = Citation(n=1, document_id="d", version=1, page=None, start=0, end=1, quote="q", supported=True)


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def done(*, cached: bool = False, abstained: bool = False, generator: str = "small") -> Done:
    return Done(
        answer="Six.",
        abstained=abstained,
        citations=(CITATION,),
        generator=generator,
        usage=Usage(prompt_tokens=30, completion_tokens=7),
        trace_id="t",
        conversation_id="c",
        evidence=1.0,
        timings_ms={"first_token": 15.0, "total": 40.0},
        cached=cached,
    )


async def ask(*events: AnswerEvent | Exception, until: type | None = None) -> None:
    @measured
    async def answer() -> AsyncGenerator[AnswerEvent, None]:
        for event in events:
            if isinstance(event, Exception):
                raise event
            yield event

    answering = answer()
    async for event in answering:
        if until and isinstance(event, until):
            break
    await answering.aclose()


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (done(), "answered"),
        (done(abstained=True), "abstained"),
        (done(generator="extractive"), "extractive"),
        (done(cached=True), "cached"),
    ],
)
def test_an_answer_is_counted_by_how_it_ended(event: Done, outcome: str) -> None:
    before = counted("attest_answers_total", outcome=outcome)

    anyio.run(ask, Token(text="Six."), event)

    assert counted("attest_answers_total", outcome=outcome) == before + 1


def test_an_error_and_a_reader_who_leaves_are_counted_as_such() -> None:
    before = [counted("attest_answers_total", outcome=outcome) for outcome in ("error", "left")]

    with pytest.raises(EmbedderUnavailable):
        anyio.run(ask, EmbedderUnavailable("away"))
    anyio.run(lambda: ask(Token(text="Six."), done(), until=Token))

    after = [counted("attest_answers_total", outcome=outcome) for outcome in ("error", "left")]
    assert after == [count + 1 for count in before]


def test_times_and_tokens_are_added() -> None:
    names = [("attest_tokens_total", {"kind": "completion"}), ("attest_first_token_seconds_sum", {"cached": "false"})]
    before = [counted(name, **labels) for name, labels in names]

    anyio.run(ask, done())

    assert [counted(name, **labels) for name, labels in names] == pytest.approx([before[0] + 7, before[1] + 0.015])


def scraped(engine: Engine) -> dict[tuple[str, str], float]:
    """Return the samples by name and the value of their only label."""
    families = text_string_to_metric_families(exposition(engine).decode())
    samples = [sample for family in families for sample in family.samples if len(sample.labels) < 2]
    return {(sample.name, next(iter(sample.labels.values()), "")): sample.value for sample in samples}


def test_documents_and_work_are_those_of_the_registry(
    engine: Engine, registry: Registry, leases: Leases, serving: Serving
) -> None:
    ready, _ = registry.add(upload("one"), ADMIN)
    finish(leases, serving, ready, "one")
    registry.add(upload("two"), ADMIN)
    deleted, _ = registry.add(upload("three"), ADMIN)
    registry.delete(deleted.id, ADMIN)

    found = scraped(engine)

    states = {label: found["attest_documents", label] for label in ("ready", "queued", "deleting")}
    assert states == {"ready": 1, "queued": 1, "deleting": 1}
    assert {kind: found["attest_work", kind] for kind in ("ingest", "clean", "reindex")} == {
        "ingest": 1,
        "clean": 1,
        "reindex": 0,
    }
    assert 0 <= found["attest_work_oldest_seconds", "ingest"] < 300
    assert (found["attest_workers", ""], found["attest_registry_up", ""]) == (0, 1)
    assert found["process_resident_memory_bytes", ""] > 0


def test_without_the_registry_the_process_still_tells_of_itself(tmp_path: Path) -> None:
    away = create_engine(f"sqlite:///{tmp_path / 'none' / 'registry.db'}")

    found = scraped(away)

    assert (found["attest_registry_up", ""], ("attest_work", "ingest") in found) == (0, False)
    assert ("attest_answers_total", "cached") in found
    away.dispose()
