"""Traces: what is kept of an answer, for whom, and what is left of it when a document goes."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update

from rag.database import transaction
from rag.errors import TraceNotFound
from rag.feedback import Feedback, Rating, Reason
from rag.leases import Leases
from rag.registry import Registry
from rag.serving import Serving
from rag.settings import TraceSettings
from rag.tables import FeedbackRow, TraceDocumentRow, TraceRow
from rag.trace import Ended, State, Trace, TracedCitation
from rag.traces import Traces
from rag.types import Document, Principal, Scope, Usage
from rag.work import Kind
from tests.rag.conftest import ADMIN, finish, take, upload

ASKER = Principal(name="asker", scopes=frozenset({Scope.ASK}), groups=frozenset({"hr"}))
OTHER = Principal(name="other", scopes=frozenset({Scope.ASK}), groups=frozenset({"hr"}))
CANARY = "quokkath"
FULL = TraceSettings(keep_text="full")


@pytest.fixture
def traces(engine: Engine) -> Traces:
    return Traces(engine, FULL)


@pytest.fixture
def feedback(engine: Engine) -> Feedback:
    return Feedback(engine, FULL)


@pytest.fixture
def document(registry: Registry, leases: Leases, serving: Serving) -> Document:
    """A document for hr with a word that is nowhere else."""
    added, _ = registry.add(upload(CANARY, source_id="hr/canary", access=["hr"]), ADMIN)
    finish(leases, serving, added, f"The password is {CANARY}.")
    return added


def trace_on(*documents: Document, **changes: Any) -> Trace:
    """Return the trace of an answer that quotes the first version of each."""
    citations = [
        TracedCitation(
            n=n, document_id=one.id, version=1, page=None, start=0, end=9, quote=CANARY, supported=True, title=CANARY
        )
        for n, one in enumerate(documents, 1)
    ]
    candidates = [
        {"chunk_id": f"{one.id}.1.0", "document_id": one.id, "title": CANARY, "score": 0.5, "dropped": None}
        for one in documents
    ]
    plain = Trace(
        id="t1",
        principal=ASKER.name,
        conversation_id="c1",
        ended=Ended.DONE,
        question="What is the password?",
        search={"collections": None, "top_k": 6, "filters": {"languages": ["en"]}},
        sources=frozenset((one.id, 1) for one in documents),
        candidates=candidates,
        evidence=0.5,
        prompt="2",
        routed="",
        dropped_marks=0,
        messages=[
            {"role": "system", "content": "Answer."},
            {"role": "assistant", "content": "said before"},
            {"role": "user", "content": CANARY},
        ],
        written=CANARY,
        answer=f"It is {CANARY} [1].",
        abstained=False,
        withheld="",
        generator="model",
        citations=citations,
        usage=Usage(prompt_tokens=7),
        timings_ms={"total": 1.5},
        error=None,
    )
    return replace(plain, **changes)


def stored(engine: Engine) -> str:
    """Return all that the tables of traces hold, as text."""
    with transaction(engine, writes=False) as session:
        rows = [*session.scalars(select(TraceRow)), *session.scalars(select(FeedbackRow))]
        return str([{name: getattr(row, name) for name in row.__table__.columns.keys()} for row in rows])  # noqa: SIM118


def test_a_trace_is_read_as_it_was_written(traces: Traces, document: Document) -> None:
    traces.record(trace_on(document))

    read = traces.read("t1", ASKER)

    expected = trace_on(document)
    assert (read.answer, read.written, read.question) == (expected.answer, CANARY, "What is the password?")
    assert (read.usage, read.timings_ms, read.evidence) == (Usage(prompt_tokens=7), {"total": 1.5}, 0.5)
    assert read.candidates == [{**expected.candidates[0], "title": "Handbook", "state": State.CURRENT}]
    assert [(one.quote, one.title, one.state) for one in read.citations] == [(CANARY, "Handbook", State.CURRENT)]
    assert read.messages == [{"role": "system", "content": "Answer."}, {"role": "user", "content": CANARY}]
    assert read.at > 0


@pytest.mark.parametrize(("level", "question", "answer"), [("none", False, False), ("questions", True, True)])
def test_text_is_kept_as_the_settings_say(
    engine: Engine, document: Document, level: Any, question: bool, answer: bool
) -> None:
    kept = Traces(engine, TraceSettings(keep_text=level))
    kept.record(trace_on(document, error={"type": "error", "title": "Wrong", "detail": "said"}))

    read = kept.read("t1", ASKER)

    assert (read.question is not None, read.answer is not None, read.messages) == (question, answer, None)
    assert ("filters" in read.search, "detail" in (read.error or {})) == (question, question)
    assert (CANARY in stored(engine)) == answer


def test_only_the_asker_and_administrators_read_a_trace(traces: Traces, document: Document) -> None:
    traces.record(trace_on(document))

    assert traces.read("t1", ADMIN).id == traces.read("t1", ASKER).id
    for principal, trace_id in [(OTHER, "t1"), (ADMIN, "t2")]:
        with pytest.raises(TraceNotFound):
            traces.read(trace_id, principal)


@pytest.mark.parametrize("how", ["deleted", "closed"])
def test_a_trace_shows_nothing_of_a_document_that_is(
    traces: Traces, registry: Registry, document: Document, how: str
) -> None:
    traces.record(trace_on(document))

    if how == "deleted":
        registry.delete(document.id, ADMIN)
    else:
        registry.add(upload(CANARY, source_id="hr/canary", access=["board"]), ADMIN)

    read = traces.read("t1", ASKER)
    assert CANARY not in str(read)
    assert "Handbook" not in str(read)
    assert (read.removed, read.candidates[0]["state"], read.citations[0].state) == (True, State.REMOVED, State.REMOVED)


def test_a_passage_that_was_no_source_is_left_out_without_the_answer(
    traces: Traces, registry: Registry, leases: Leases, serving: Serving, document: Document
) -> None:
    near, _ = registry.add(upload("near"), ADMIN)
    finish(leases, serving, near, "Nearly the same.")
    traces.record(trace_on(document, candidates=trace_on(document, near).candidates))

    registry.delete(near.id, ADMIN)

    read = traces.read("t1", ASKER)
    assert [one["state"] for one in read.candidates] == [State.CURRENT, State.REMOVED]
    assert read.answer == f"It is {CANARY} [1]."


def test_a_replaced_version_is_shown_as_such(
    traces: Traces, registry: Registry, leases: Leases, serving: Serving, document: Document
) -> None:
    traces.record(trace_on(document))

    registry.add(upload("new", source_id="hr/canary"), ADMIN)
    finish(leases, serving, document, "There is no password any more.")

    read = traces.read("t1", ASKER)
    assert (read.citations[0].state, read.citations[0].quote) == (State.REPLACED, CANARY)


def test_an_answer_rests_on_what_its_conversation_rested_on(
    traces: Traces, registry: Registry, document: Document
) -> None:
    traces.record(trace_on(document))
    traces.record(trace_on(id="t2"))
    traces.record(trace_on(id="t3", principal=OTHER.name))

    registry.delete(document.id, ADMIN)

    assert traces.read("t2", ASKER).answer is None
    assert traces.read("t3", OTHER).answer is not None


def test_the_purge_leaves_no_text_in_the_tables(
    engine: Engine,
    traces: Traces,
    feedback: Feedback,
    registry: Registry,
    leases: Leases,
    serving: Serving,
    document: Document,
) -> None:
    traces.record(trace_on(document))
    feedback.give("t1", ASKER, Rating.DOWN, comment=f"It is not {CANARY}.")
    assert CANARY in stored(engine)

    registry.delete(document.id, ADMIN)
    serving.purge(take(leases, document, Kind.CLEAN).work, lambda _: None)
    traces.record(trace_on(document, id="t2"))  # an answer that ends after its document is gone

    assert CANARY not in stored(engine)
    assert traces.read("t2", ADMIN).question == "What is the password?"


def test_old_traces_go_with_all_that_belongs_to_them(
    engine: Engine, traces: Traces, feedback: Feedback, document: Document
) -> None:
    for name in ("old", "young"):
        traces.record(trace_on(document, id=name))
        feedback.give(name, ASKER, Rating.UP)
    with transaction(engine, writes=True) as session:
        session.execute(update(TraceRow).where(TraceRow.id == "old").values(at=TraceRow.at - 31 * 86_400))

    removed = traces.remove_old()

    with transaction(engine, writes=False) as session:
        left = [session.scalar(select(func.count()).select_from(one)) for one in (TraceDocumentRow, FeedbackRow)]
    assert (removed, left) == (1, [1, 1])
    assert traces.read("young", ADMIN).id == "young"


def test_the_latest_opinion_of_a_principal_counts(traces: Traces, feedback: Feedback, document: Document) -> None:
    traces.record(trace_on(document))
    feedback.give("t1", ASKER, Rating.DOWN, reasons=[Reason.WRONG, Reason.WRONG], comment="No.")
    feedback.give("t1", ASKER, Rating.UP)
    feedback.give("t1", ADMIN, Rating.DOWN, reasons=[Reason.OUTDATED])

    own, all_of_them = traces.read("t1", ASKER).feedback, traces.read("t1", ADMIN).feedback

    assert [(one.rating, one.reasons, one.comment) for one in own] == [("up", (), None)]
    assert sorted((one.principal, one.rating) for one in all_of_them) == [("admin", "down"), ("asker", "up")]


def test_nobody_judges_an_answer_that_is_not_theirs(traces: Traces, feedback: Feedback, document: Document) -> None:
    traces.record(trace_on(document))

    with pytest.raises(TraceNotFound):
        feedback.give("t1", OTHER, Rating.UP)
