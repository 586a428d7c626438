"""Every answer leaves its trace, however it ends, and a trace that cannot be written stops no answer."""

from collections.abc import Callable
from contextlib import aclosing
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from rag.answer import Answerer
from rag.candidates import Candidates
from rag.dense import DenseIndexes
from rag.draft import Question
from rag.errors import EmbedderUnavailable, RegistryUnavailable
from rag.retrieve import Retriever
from rag.settings import TraceSettings
from rag.trace import Ended, State, Trace
from rag.traces import Traces
from rag.types import Done, Principal, Scope
from rag.write import Writer
from tests.workshop import ADMIN, Hooked, Workshop, raising

SIX = "Everyone has six days of leave."
VISITOR = Principal(name="visitor", scopes=frozenset({Scope.ASK}))


def answerer(workshop: Workshop, traces: Traces, on_index: Callable[[], object] = lambda: None) -> Answerer:
    indexes = cast("DenseIndexes", Hooked(workshop.indexes, serving=on_index))
    retriever = Retriever(registry=workshop.registry, candidates=Candidates(workshop.engine), indexes=indexes)
    return Answerer(
        retriever=retriever,
        writer=Writer(retriever=retriever, generator=None),
        min_evidence=0.1,
        traces=traces,
    )


def ask(asked: Answerer, most_events: int = 99, **more: Any) -> Done | None:
    """Read up to so many events of an answer; return the last one if the answer came to its end."""

    async def read() -> Any:
        event = None
        question = Question(text="days of leave", principal=VISITOR, top_k=3, trace_id="t1", **more)
        async with aclosing(asked.answer(question)) as events:
            for _ in range(most_events):
                if (event := await anext(events, None)) is None or isinstance(event, Done):
                    break
        return event

    last = anyio.run(read)
    return last if isinstance(last, Done) else None


def kept(workshop: Workshop) -> Trace:
    return Traces(workshop.engine, TraceSettings()).read("t1", VISITOR)


@pytest.fixture
def traces(workshop: Workshop) -> Traces:
    workshop.add(SIX)
    workshop.work()
    return Traces(workshop.engine, TraceSettings())


def test_a_trace_can_be_read_when_the_answer_is_done(workshop: Workshop, traces: Traces) -> None:
    done = ask(answerer(workshop, traces))

    trace = kept(workshop)
    assert done
    assert (trace.ended, trace.answer, trace.conversation_id) == (Ended.DONE, done.answer, done.conversation_id)
    assert [one.quote for one in trace.citations] == [one.quote for one in done.citations]
    assert [(one["rank"], one["dropped"], one["dense_rank"]) for one in trace.candidates] == [(1, None, 1)]
    assert {"retrieve", "total", "search_embed", "search_find"} <= trace.timings_ms.keys()
    assert trace.timings_ms["total"] == pytest.approx(done.timings_ms["total"], abs=0.01)
    assert done.trace is None


def test_the_trace_of_a_reader_who_left_says_so(workshop: Workshop, traces: Traces) -> None:
    done = ask(answerer(workshop, traces), most_events=1)

    trace = kept(workshop)
    assert (done, trace.ended, trace.answer, trace.abstained) == (None, Ended.LEFT, None, False)
    assert len(trace.candidates) == 1


def test_a_reader_whose_connection_breaks_leaves_a_trace_too(workshop: Workshop, traces: Traces) -> None:
    async def read() -> None:
        question = Question(text="days of leave", principal=VISITOR, top_k=3, trace_id="t1")
        with anyio.CancelScope() as scope:
            async with aclosing(answerer(workshop, traces).answer(question)) as events:
                async for _ in events:
                    scope.cancel()
                    await anyio.lowlevel.checkpoint()

    anyio.run(read)

    assert kept(workshop).ended == Ended.LEFT


def test_the_trace_of_an_error_has_its_type(workshop: Workshop, traces: Traces) -> None:
    broken = answerer(workshop, traces, raising(EmbedderUnavailable("It is away.")))

    with pytest.raises(EmbedderUnavailable):
        ask(broken)

    trace = kept(workshop)
    assert (trace.ended, trace.generator) == (Ended.ERROR, None)
    assert trace.error == {"type": "embedder-unavailable", "title": EmbedderUnavailable.title, "detail": "It is away."}


@pytest.mark.parametrize("error", [RegistryUnavailable("away"), ValueError("a mistake")])
def test_a_trace_that_cannot_be_written_stops_no_answer(workshop: Workshop, traces: Traces, error: Exception) -> None:
    class Broken(Traces):
        def record(self, trace: Trace) -> None:
            raise error

    done = ask(answerer(workshop, Broken(workshop.engine, TraceSettings())))

    assert done
    assert SIX in done.answer


def test_explained_the_answer_brings_its_trace_also_where_none_is_kept(workshop: Workshop, traces: Traces) -> None:
    done = ask(answerer(workshop, Traces(workshop.engine, TraceSettings(keep_days=0))), explain=True)

    assert done
    assert done.trace
    assert (done.trace.question, done.trace.answer) == ("days of leave", done.answer)
    assert "t1" not in str(workshop.engine.connect().exec_driver_sql("SELECT id FROM traces").all())


def test_an_explained_answer_shows_nothing_of_what_was_deleted_meanwhile(workshop: Workshop, traces: Traces) -> None:
    late = workshop.add("Nobody has leave, said the gnu.", filename="gnu.md")
    workshop.work()
    calls: list[int] = []

    def delete_it() -> None:
        calls.append(1)
        if len(calls) == 2:
            workshop.registry.delete(late.id, ADMIN)

    done = ask(answerer(workshop, traces, delete_it), explain=True)

    assert done
    assert done.trace
    states = {one["document_id"]: (one["state"], one["title"]) for one in done.trace.candidates}
    assert states[late.id] == (State.REMOVED, None)
    assert "gnu" not in str(done.trace)
