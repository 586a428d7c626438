"""Eval cases: questions that were really asked, with the documents that answer them, made of traces."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from rag.database import clock, transaction
from rag.errors import CaseNotFound, DocumentNotFound, InvalidRequest
from rag.feedback import Rating
from rag.tables import CaseDocumentRow, CaseRow, DocumentRow, FeedbackRow, TraceRow
from rag.traces import require_trace
from rag.types import Principal


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What an administrator says of a trace's question; None: as the trace has it.

    `documents` are the ids of those that answer it, `answer` is what should be said.
    """

    trace_id: str
    question: str | None = None
    answer: str | None = None
    documents: Sequence[str] | None = None
    answerable: bool = True


@dataclass(frozen=True, kw_only=True)
class Case:
    """A question for `rag eval`. `collections` is where it is asked, None: in all. `created_at` is in Unix seconds."""

    id: str
    trace_id: str
    created_at: float
    created_by: str
    question: str
    collections: tuple[str, ...] | None
    answerable: bool
    answer: str | None
    documents: tuple[str, ...]


class Cases:
    """Every read and write of cases."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def make(self, wish: Wish, principal: Principal) -> Case:
        """Make a trace's question a case, or change the case that was made of it.

        Where no documents are named, they are those that the answer's supported citations point to, unless somebody
        disliked it. Raise TraceNotFound; DocumentNotFound if one that is named is not there; InvalidRequest if the
        trace's question was not kept and none is given, or if a question without an answer has documents.
        """
        if wish.documents and not wish.answerable:
            raise InvalidRequest("documents: a question that is not answerable has none.")
        with transaction(self._engine, writes=True) as session:
            trace = require_trace(session, wish.trace_id, principal)
            question = wish.question or trace.question
            if question is None:
                raise InvalidRequest("question: the trace was kept without its text; give the question.")
            row = session.scalar(select(CaseRow).where(CaseRow.trace_id == trace.id).with_for_update())
            if row is None:
                row = CaseRow(id=f"case_{secrets.token_hex(8)}", trace_id=trace.id, created_at=clock(session))
                row.created_by = principal.name
                session.add(row)
            row.question, row.collections = question, trace.search["collections"]
            row.answerable, row.answer = wish.answerable, wish.answer
            session.flush()
            session.execute(delete(CaseDocumentRow).where(CaseDocumentRow.case_id == row.id))
            for document_id in _documents(session, wish, trace):
                session.add(CaseDocumentRow(case_id=row.id, document_id=document_id))
            session.flush()
            return _cases(session, [row])[0]

    def list(self, limit: int, offset: int = 0) -> list[Case]:
        """Return the cases, newest first.

        A deleted document is left out, and with it the answer that may rest on it.
        """
        query = select(CaseRow).order_by(CaseRow.created_at.desc(), CaseRow.id).limit(limit).offset(offset)
        with transaction(self._engine, writes=False) as session:
            return _cases(session, session.scalars(query).all())

    def remove(self, case_id: str) -> None:
        """Raise CaseNotFound if there is none."""
        with transaction(self._engine, writes=True) as session:
            row = session.get(CaseRow, case_id)
            if row is None:
                raise CaseNotFound(f"No case has the id {case_id}.")
            session.delete(row)


def hide_document_in_cases(session: Session, document_id: str) -> None:
    """Remove a document from all cases, with the answers that may rest on it."""
    cases = select(CaseDocumentRow.case_id).where(CaseDocumentRow.document_id == document_id)
    session.execute(update(CaseRow).where(CaseRow.id.in_(cases)).values(answer=None))
    session.execute(delete(CaseDocumentRow).where(CaseDocumentRow.document_id == document_id))


def _documents(session: Session, wish: Wish, trace: TraceRow) -> list[str]:
    """Return the ids in order, of documents that are there."""
    if wish.documents is None:
        disliked = (FeedbackRow.trace_id == trace.id, FeedbackRow.rating == Rating.DOWN)
        if not wish.answerable or session.scalar(select(FeedbackRow.trace_id).where(*disliked).limit(1)):
            return []
        cited = {one["document_id"] for one in trace.citations if one["supported"]}
        return sorted(_there(session, cited))
    there = _there(session, wish.documents)
    for document_id in wish.documents:
        if document_id not in there:
            raise DocumentNotFound(f"No document has the id {document_id}.")
    return sorted(there)


def _there(session: Session, document_ids: Sequence[str] | set[str]) -> set[str]:
    alive = (DocumentRow.id.in_(document_ids), DocumentRow.deleted_at.is_(None))
    return set(session.scalars(select(DocumentRow.id).where(*alive).with_for_update(read=True)))


def _cases(session: Session, rows: Sequence[CaseRow]) -> list[Case]:
    query = (
        select(CaseDocumentRow.case_id, CaseDocumentRow.document_id, DocumentRow.deleted_at)
        .join(DocumentRow, DocumentRow.id == CaseDocumentRow.document_id)
        .where(CaseDocumentRow.case_id.in_([row.id for row in rows]))
        .order_by(CaseDocumentRow.document_id)
    )
    documents: dict[str, list[str]] = {row.id: [] for row in rows}
    incomplete = set()
    for case_id, document_id, deleted_at in session.execute(query):
        if deleted_at is None:
            documents[case_id].append(document_id)
        else:
            incomplete.add(case_id)
    return [
        Case(
            id=row.id,
            trace_id=row.trace_id,
            created_at=row.created_at,
            created_by=row.created_by,
            question=row.question,
            collections=None if row.collections is None else tuple(row.collections),
            answerable=row.answerable,
            answer=None if row.id in incomplete else row.answer,
            documents=tuple(documents[row.id]),
        )
        for row in rows
    ]
