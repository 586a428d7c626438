"""An answer rests on what may be shown when it is given, not when its question was asked."""

from collections.abc import Callable
from typing import Any, cast

import anyio
import pytest

from rag.answer import Answerer
from rag.candidates import Candidates
from rag.dense import DenseIndexes
from rag.draft import Question
from rag.prompt import ABSTENTION
from rag.retrieve import Retriever
from rag.types import Citation, Done, Principal, Scope
from rag.write import Writer
from tests.workshop import ADMIN, Hooked, Workshop

SIX = "Everyone has six days of leave."
VISITOR = Principal(name="visitor", scopes=frozenset({Scope.ASK}))


def answered(workshop: Workshop, during: Callable[[], object] | None = None) -> tuple[Done, list[Citation]]:
    """Ask; `during` happens when the hits are found and the answer's sentences are looked for."""
    calls: list[int] = []

    def second_call() -> None:
        calls.append(1)
        if during and len(calls) == 2:
            during()

    indexes = cast("DenseIndexes", Hooked(workshop.indexes, serving=second_call))
    retriever = Retriever(registry=workshop.registry, candidates=Candidates(workshop.engine), indexes=indexes)
    answerer = Answerer(
        retriever=retriever,
        writer=Writer(retriever=retriever, generator=None),
        min_evidence=0.0,
    )

    async def ask() -> list[Any]:
        return [event async for event in answerer.answer(Question(text="days of leave", principal=VISITOR, top_k=3))]

    events = anyio.run(ask)
    return events[-1], [event for event in events if isinstance(event, Citation)]


def test_an_answer_cites_its_document(workshop: Workshop) -> None:
    document = workshop.add(SIX)
    workshop.work()

    done, citations = answered(workshop)

    assert SIX in done.answer
    assert [citation.document_id for citation in citations] == [document.id]


@pytest.mark.parametrize("how", ["delete it", "close it"])
def test_an_answer_from_a_document_that_is_hidden_meanwhile_is_withheld(workshop: Workshop, how: str) -> None:
    document = workshop.add(SIX, source_id="hr/leave")
    workshop.work()

    def hide() -> None:
        if how == "delete it":
            workshop.registry.delete(document.id, ADMIN)
        else:
            workshop.add(SIX, source_id="hr/leave", access=["finance"])

    done, citations = answered(workshop, hide)

    assert (done.answer, done.abstained, citations) == (ABSTENTION, True, [])
