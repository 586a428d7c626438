"""Cases: made of traces, changed by making them again, and without what was deleted."""

import pytest
from sqlalchemy import Engine, select

from rag.cases import Cases, Wish
from rag.database import transaction
from rag.errors import CaseNotFound, DocumentNotFound, InvalidRequest, TraceNotFound
from rag.feedback import Feedback, Rating
from rag.leases import Leases
from rag.registry import Registry
from rag.serving import Serving
from rag.settings import TraceSettings
from rag.tables import CaseDocumentRow, CaseRow
from rag.traces import Traces
from rag.types import Document
from rag.work import Kind
from tests.rag.conftest import ADMIN, finish, take, upload
from tests.rag.test_traces import ASKER, trace_on

SETTINGS = TraceSettings()


@pytest.fixture
def cases(engine: Engine) -> Cases:
    return Cases(engine)


@pytest.fixture
def document(registry: Registry, leases: Leases, serving: Serving) -> Document:
    added, _ = registry.add(upload("six days"), ADMIN)
    finish(leases, serving, added, "Six days.")
    return added


@pytest.fixture
def traces(engine: Engine, document: Document) -> Traces:
    """There is one trace, t1, whose answer cites the document."""
    opened = Traces(engine, SETTINGS)
    opened.record(trace_on(document, search={"collections": ["default"]}))
    return opened


def test_one_call_makes_a_case_of_a_trace(cases: Cases, traces: Traces, document: Document) -> None:
    made = cases.make(Wish(trace_id="t1"), ADMIN)

    assert (made.question, made.collections, made.created_by) == ("What is the password?", ("default",), "admin")
    assert (made.documents, made.answerable, made.answer) == ((document.id,), True, None)
    assert cases.list(10) == [made]


def test_what_a_disliked_answer_cites_is_not_taken_for_right(engine: Engine, cases: Cases, traces: Traces) -> None:
    Feedback(engine, SETTINGS).give("t1", ASKER, Rating.DOWN)

    assert cases.make(Wish(trace_id="t1"), ADMIN).documents == ()


def test_made_again_the_case_is_changed(cases: Cases, traces: Traces, document: Document) -> None:
    first = cases.make(Wish(trace_id="t1"), ADMIN)

    cases.make(Wish(trace_id="t1", question="Which days?", answer="Six.", documents=[document.id]), ADMIN)
    changed = cases.list(10)
    cases.make(Wish(trace_id="t1", answerable=False), ADMIN)

    assert [(one.id, one.question, one.answer) for one in changed] == [(first.id, "Which days?", "Six.")]
    assert [(one.answerable, one.documents) for one in cases.list(10)] == [(False, ())]


def test_what_cannot_be_a_case_is_refused(engine: Engine, cases: Cases, traces: Traces, document: Document) -> None:
    Traces(engine, TraceSettings(keep_text="none")).record(trace_on(document, id="silent"))

    with pytest.raises(TraceNotFound):
        cases.make(Wish(trace_id="t9"), ADMIN)
    with pytest.raises(DocumentNotFound, match="doc_none"):
        cases.make(Wish(trace_id="t1", documents=["doc_none"]), ADMIN)
    with pytest.raises(InvalidRequest, match="question"):
        cases.make(Wish(trace_id="silent"), ADMIN)
    with pytest.raises(InvalidRequest, match="documents"):
        cases.make(Wish(trace_id="t1", documents=[document.id], answerable=False), ADMIN)
    assert cases.list(10) == []


def test_a_deleted_document_is_shown_in_no_case_and_its_purge_leaves_no_answer(
    engine: Engine,
    cases: Cases,
    traces: Traces,
    registry: Registry,
    leases: Leases,
    serving: Serving,
    document: Document,
) -> None:
    cases.make(Wish(trace_id="t1", answer="Six days.", documents=[document.id]), ADMIN)

    registry.delete(document.id, ADMIN)
    shown = cases.list(10)[0]
    serving.purge(take(leases, document, Kind.CLEAN).work, lambda _: None)

    assert (shown.answer, shown.documents) == (None, ())
    with transaction(engine, writes=False) as session:
        assert session.scalars(select(CaseDocumentRow)).all() == []
        assert session.scalars(select(CaseRow)).one().answer is None


def test_a_case_outlives_its_trace_and_is_removed_by_hand(engine: Engine, cases: Cases, traces: Traces) -> None:
    made = cases.make(Wish(trace_id="t1"), ADMIN)
    Traces(engine, TraceSettings(keep_days=0)).remove_old()

    assert cases.list(10) == [made]
    cases.remove(made.id)
    assert cases.list(10) == []
    with pytest.raises(CaseNotFound):
        cases.remove(made.id)
