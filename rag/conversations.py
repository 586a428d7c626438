"""Conversations: what was asked and answered, kept for who asked, and shown only while its documents may be."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Engine, delete, func, or_, select
from sqlalchemy.orm import Session

from rag.candidates import Candidates
from rag.database import clock, insert_if_new, transaction
from rag.errors import ConversationNotFound, InvalidRequest
from rag.marks import relabelled
from rag.registry import Registry
from rag.tables import ConversationRow, DocumentRow, TurnRow
from rag.types import NumberedHit, Principal
from rag.widen import joined

GONE = "This answer rested on a document that has since been deleted, changed or closed. Please ask again."
DAY_S = 86_400.0
TITLE_CHARS = 80
REMOVED_AT_ONCE = 500
TURNS_AT_ONCE = 50  # a prompt is built from the last 50 to 99 turns
_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, kw_only=True)
class PastTurn:
    """A question and its answer. `sources` are those that it added to the prompt, as far as they may be read now.

    `again` are those that earlier questions added and that its citations point to. `documents` are all that the answer
    may rest on. `at` is Unix seconds. `is_gone`: the answer is replaced by GONE.
    """

    question: str
    answer: str
    abstained: bool
    trace_id: str
    sources: tuple[NumberedHit, ...]
    documents: tuple[str, ...]
    again: tuple[NumberedHit, ...] = ()
    at: float = 0.0
    is_gone: bool = False


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """A conversation; times are Unix seconds. `count` is how many turns it has, `turns` those that were read.

    `last_number` is the highest that a source of these turns was given, also one that may not be read now.
    """

    id: str
    title: str = ""
    created_at: float = 0.0
    updated_at: float = 0.0
    count: int = 0
    turns: tuple[PastTurn, ...] = ()
    last_number: int = 0


class Conversations:
    """Every read and write of conversations. Another caller's do not exist for anybody else, administrators too."""

    def __init__(self, engine: Engine, keep_days: float) -> None:
        """With `keep_days` 0 nothing is kept."""
        self._engine, self._keep_days = engine, keep_days
        self._registry, self._candidates = Registry(engine), Candidates(engine)

    def require(self, conversation_id: str, principal: Principal) -> None:
        """Raise ConversationNotFound if it is another caller's, or unknown and no id that one could begin under."""
        with transaction(self._engine, writes=False) as session:
            row = session.get(ConversationRow, conversation_id)
        if row.principal != principal.name if row else not _ID.fullmatch(conversation_id):
            raise _unknown(conversation_id)

    def begun(self, conversation_id: str, principal: Principal) -> Conversation:
        """Return a conversation with the turns that a prompt is built from; an empty one if it is not known yet."""
        return self._read(conversation_id, principal, whole=False) or Conversation(id=conversation_id)

    def read(self, conversation_id: str, principal: Principal) -> Conversation:
        """Return a conversation with all its turns. Raise ConversationNotFound."""
        found = self._read(conversation_id, principal, whole=True)
        if found is None:
            raise _unknown(conversation_id)
        return found

    def _read(self, conversation_id: str, principal: Principal, *, whole: bool) -> Conversation | None:
        with transaction(self._engine, writes=False) as session:
            row = session.get(ConversationRow, conversation_id)
            if row is None or row.principal != principal.name:
                return None
            own = TurnRow.conversation_id == conversation_id
            count = session.scalar(select(func.max(TurnRow.ordinal)).where(own)) or 0
            first = 0 if whole else (count // TURNS_AT_ONCE - 1) * TURNS_AT_ONCE
            query = select(TurnRow).where(own, TurnRow.ordinal > first).order_by(TurnRow.ordinal)
            rows = session.scalars(query).all()
        last = max((n for row_of in rows for n, _ in row_of.sources), default=0)
        return replace(_record(row), count=count, turns=tuple(self._turns(rows, principal)), last_number=last)

    def _turns(self, rows: Sequence[TurnRow], principal: Principal) -> list[PastTurn]:
        """Return the turns with what may be read now.

        An answer is gone with a document that it may rest on, and with a passage that it added to the prompt, or cites,
        and that is not served any more.
        """
        ids = {chunk for row in rows for _, chunks in row.sources for chunk in chunks}
        hits = self._candidates.hits(ids, principal) if ids else {}
        named = {document for row in rows for document in row.documents}
        hidden = self._registry.hidden(sorted(named), principal) if named else set()
        turns = []
        for row in rows:
            kept = [(n, chunks) for n, chunks in row.sources if all(chunk in hits for chunk in chunks)]
            is_gone = not row.abstained and (len(kept) < len(row.sources) or not hidden.isdisjoint(row.documents))
            turns.append(
                PastTurn(
                    question=row.question,
                    answer=GONE if is_gone else row.answer,
                    abstained=row.abstained,
                    trace_id=row.trace_id,
                    sources=tuple(
                        NumberedHit(n=n, hit=joined([hits[chunk] for chunk in chunks]), chunk_ids=tuple(chunks))
                        for n, chunks in kept
                        if n
                    ),
                    documents=tuple(row.documents),
                    at=row.at,
                    is_gone=is_gone,
                )
            )
        return turns

    def append(self, conversation_id: str, principal: Principal, turn: PastTurn, *, after: int) -> None:
        """Add a turn that was answered when the conversation had `after` turns; begin it if that is none.

        Beside another turn that came first, it is kept without its sources and marks, whose numbers the other one has.
        In a conversation that was deleted meanwhile it is not kept, nor the text of an answer whose document was.
        """
        if not self._keep_days:
            return
        with transaction(self._engine, writes=True) as session:
            now = clock(session)
            if not after:
                times = {"created_at": now, "updated_at": now}
                title = _title(turn.question)
                insert_if_new(
                    session, ConversationRow, id=conversation_id, principal=principal.name, title=title, **times
                )
            row = session.get(ConversationRow, conversation_id, with_for_update=True)
            if row is None or row.principal != principal.name:
                return
            last = session.scalar(select(func.max(TurnRow.ordinal)).where(TurnRow.conversation_id == conversation_id))
            row.updated_at = now
            is_next = (last or 0) == after
            answer = turn.answer if _are_there(session, turn.documents) else ""
            # With 0 in place of a number that is another turn's.
            sources = [[source.n if is_next else 0, list(source.chunk_ids)] for source in turn.sources]
            sources += [[0, list(source.chunk_ids)] for source in turn.again]
            session.add(
                TurnRow(
                    conversation_id=conversation_id,
                    ordinal=(last or 0) + 1,
                    question=turn.question,
                    answer=answer if is_next else relabelled(answer, {}),
                    abstained=turn.abstained,
                    trace_id=turn.trace_id,
                    sources=sources,
                    documents=list(turn.documents),
                    at=now,
                )
            )

    def page(
        self, principal: Principal, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[Conversation], str | None]:
        """Return up to `limit` of the caller's conversations without their turns, and the cursor of the next page.

        The one that was asked last comes first. Raise InvalidRequest for a cursor that was not given out.
        """
        query = (
            select(ConversationRow)
            .where(ConversationRow.principal == principal.name)
            .order_by(ConversationRow.updated_at.desc(), ConversationRow.id.desc())
            .limit(limit + 1)
        )
        if cursor:
            at, conversation_id = _place(cursor)
            same = (ConversationRow.updated_at == at) & (ConversationRow.id < conversation_id)
            query = query.where(or_(ConversationRow.updated_at < at, same))
        with transaction(self._engine, writes=False) as session:
            found = [_record(row) for row in session.scalars(query)]
        more = len(found) > limit
        return found[:limit], f"{found[limit - 1].updated_at!r}_{found[limit - 1].id}" if more else None

    def rename(self, conversation_id: str, title: str, principal: Principal) -> Conversation:
        """Raise ConversationNotFound."""
        with transaction(self._engine, writes=True) as session:
            row = _own(session, conversation_id, principal)
            row.title = title
            return _record(row)

    def delete(self, conversation_id: str, principal: Principal) -> None:
        """Remove a conversation and its turns at once. Raise ConversationNotFound."""
        with transaction(self._engine, writes=True) as session:
            _own(session, conversation_id, principal)
            _remove(session, [conversation_id])

    def remove_old(self) -> int:
        """Remove those whose last question is longer ago than they are kept; return how many."""
        removed = 0
        while True:
            with transaction(self._engine, writes=True) as session:
                old = ConversationRow.updated_at <= clock(session) - self._keep_days * DAY_S
                query = select(ConversationRow.id).where(old).limit(REMOVED_AT_ONCE).with_for_update()
                ids = list(session.scalars(query))
                _remove(session, ids)
            removed += len(ids)
            if len(ids) < REMOVED_AT_ONCE:
                return removed


def _are_there(session: Session, documents: Sequence[str]) -> bool:
    """Tell whether none is deleted; they are held until the end, so that a purge sees the turn or is seen by it."""
    query = select(DocumentRow).where(DocumentRow.id.in_(documents)).order_by(DocumentRow.id)
    known = session.scalars(query.with_for_update(read=True))
    return {document.id for document in known if document.deleted_at is None} == set(documents)


def _remove(session: Session, ids: Sequence[str]) -> None:
    session.execute(delete(TurnRow).where(TurnRow.conversation_id.in_(ids)))
    session.execute(delete(ConversationRow).where(ConversationRow.id.in_(ids)))


def _own(session: Session, conversation_id: str, principal: Principal) -> ConversationRow:
    row = session.get(ConversationRow, conversation_id, with_for_update=True)
    if row is None or row.principal != principal.name:
        raise _unknown(conversation_id)
    return row


def _unknown(conversation_id: str) -> ConversationNotFound:
    return ConversationNotFound(
        f"No conversation of yours has the id {conversation_id}. Ask without one to begin a conversation."
    )


def _record(row: ConversationRow) -> Conversation:
    return Conversation(id=row.id, title=row.title, created_at=row.created_at, updated_at=row.updated_at)


def _title(question: str) -> str:
    words = " ".join(question.split())
    return words if len(words) <= TITLE_CHARS else words[: TITLE_CHARS - 1].rstrip() + "…"


def _place(cursor: str) -> tuple[float, str]:
    at, _, conversation_id = cursor.partition("_")
    try:
        return float(at), conversation_id
    except ValueError as exc:
        raise InvalidRequest("cursor: send the `next_cursor` of an earlier page, or none.") from exc
