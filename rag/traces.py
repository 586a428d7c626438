"""Traces in the registry: written when an answer ends, read without what became of its documents, removed in time.

The row holds what the settings allow. What rests on documents is one value of it, and `trace_documents` names them:
a trace that is read leaves it out if one of them is deleted or closed to the reader, and the purge removes it.
"""

import json
import logging
import zlib
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import anyio
from anyio.to_thread import run_sync
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from rag.database import clock, transaction
from rag.draft import Draft
from rag.errors import RagError, TraceNotFound
from rag.settings import TraceSettings
from rag.tables import DocumentRow, FeedbackRow, TraceDocumentRow, TraceRow, VersionRow
from rag.trace import Ended, Opinion, State, Trace, TracedCitation, trace_of
from rag.types import Principal, Usage

log = logging.getLogger(__name__)
WAIT_S = 2.0  # the answer's last event does not wait longer for its trace, which is written all the same
DAY_S = 86_400.0
AT_ONCE = 500
Version = tuple[str, int]
Keeper = Callable[[Draft, Ended, Exception | None], None]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a reader may be told of a version: its title, unless it is removed."""

    state: State
    title: str | None


GONE = Standing(state=State.REMOVED, title=None)


@asynccontextmanager
async def recorded(draft: Draft, *keepers: Keeper) -> AsyncGenerator[None, None]:
    """Have what is done within kept, however it ends: its trace, which is `draft.trace` where it is asked for."""
    ended, error = Ended.LEFT, None
    try:
        yield
        draft.reached("first_token")
        ended = Ended.DONE
    except Exception as exc:
        ended, error = Ended.ERROR, exc
        raise
    finally:
        draft.reached("total")
        with anyio.move_on_after(WAIT_S, shield=True):
            await run_sync(_keep, keepers, draft, ended, error, abandon_on_cancel=True)


def _keep(keepers: Sequence[Keeper], draft: Draft, ended: Ended, error: Exception | None) -> None:
    for keep in keepers:
        keep(draft, ended, error)


class Traces:
    """Every read and write of traces. One short transaction a call."""

    def __init__(self, engine: Engine, settings: TraceSettings) -> None:
        self._engine, self._settings = engine, settings

    def keep(self, draft: Draft, ended: Ended, error: Exception | None = None) -> None:
        """Write the trace of a draft, and set it where the question asks for it. No failure reaches the answer."""
        try:
            trace = trace_of(draft, ended, error)
            if self._settings.keep_days:
                self.record(trace)
            if draft.question.explain:
                draft.trace = self.shown(trace, draft.question.principal)
        except RagError as exc:
            log.warning("trace not written", extra={"trace_id": draft.question.trace_id, "error": exc.type})
        except Exception:
            log.exception("trace not written", extra={"trace_id": draft.question.trace_id})

    def record(self, trace: Trace) -> None:
        """Write a trace with as much text as the settings allow; none if one of its documents is deleted already.

        An answer may repeat what was said before in its conversation, so it rests on the same documents, too.
        """
        level = self._settings.keep_text
        with transaction(self._engine, writes=True) as session:
            sources = trace.sources | _sources_of_conversation(session, trace)
            # Held until the end, so that a purge either sees this trace or is seen by it.
            wanted = {document_id for document_id, _ in sources}
            documents = select(DocumentRow).where(DocumentRow.id.in_(wanted)).order_by(DocumentRow.id)
            known = session.scalars(documents.with_for_update(read=True))
            is_whole = {document.id for document in known if document.deleted_at is None} == wanted
            session.add(_row(trace, level, clock(session), has_text=is_whole))
            session.flush()
            session.add_all(TraceDocumentRow(trace_id=trace.id, document_id=d, version=v) for d, v in sorted(sources))

    def read(self, trace_id: str, principal: Principal) -> Trace:
        """Return a trace as its asker or an administrator may see it now. Raise TraceNotFound for anybody else."""
        with transaction(self._engine, writes=False) as session:
            row = require_trace(session, trace_id, principal)
            trace = _trace(session, row)
            opinions = session.scalars(select(FeedbackRow).where(FeedbackRow.trace_id == trace_id)).all()
            standings = _standings(session, _versions(trace), principal)
        shown = _redacted(trace, standings)
        own = [one for one in opinions if principal.is_admin or one.principal == principal.name]
        return replace(shown, feedback=[_opinion(one, with_comment=not shown.removed) for one in own])

    def shown(self, trace: Trace, principal: Principal) -> Trace:
        """Return a trace without what its reader may not see (any more)."""
        with transaction(self._engine, writes=False) as session:
            standings = _standings(session, _versions(trace), principal)
        return _redacted(trace, standings)

    def remove_old(self) -> int:
        """Remove the traces that are older than the settings allow, with their feedback; return how many."""
        removed = 0
        while True:
            with transaction(self._engine, writes=True) as session:
                before = clock(session) - self._settings.keep_days * DAY_S
                ids = session.scalars(select(TraceRow.id).where(TraceRow.at < before).limit(AT_ONCE)).all()
                session.execute(delete(TraceRow).where(TraceRow.id.in_(ids)))
            removed += len(ids)
            if len(ids) < AT_ONCE:
                return removed


def require_trace(session: Session, trace_id: str, principal: Principal) -> TraceRow:
    """Return the row. Raise TraceNotFound unless the principal asked the question or is an administrator."""
    row = session.get(TraceRow, trace_id)
    if row is None or not (principal.is_admin or row.principal == principal.name):
        raise TraceNotFound(f"No trace has the id {trace_id}, or it is not of a question that this key asked.")
    return row


def hide_document(session: Session, document_id: str) -> None:
    """Remove from all traces what rests on a document, and what was said of such answers."""
    traces = select(TraceDocumentRow.trace_id).where(TraceDocumentRow.document_id == document_id)
    session.execute(update(TraceRow).where(TraceRow.id.in_(traces)).values(text=None))
    session.execute(update(FeedbackRow).where(FeedbackRow.trace_id.in_(traces)).values(comment=None))


def _sources_of_conversation(session: Session, trace: Trace) -> set[Version]:
    earlier = select(TraceDocumentRow.document_id, TraceDocumentRow.version).join(
        TraceRow, TraceRow.id == TraceDocumentRow.trace_id
    )
    own = (TraceRow.conversation_id == trace.conversation_id, TraceRow.principal == trace.principal)
    return {(row.document_id, row.version) for row in session.execute(earlier.where(*own).distinct())}


def _row(trace: Trace, level: str, at: float, *, has_text: bool) -> TraceRow:
    keeps = level != "none"
    text: dict[str, Any] = {"answer": trace.answer, "quotes": [one.quote for one in trace.citations]}
    if level == "full":
        text |= {"written": trace.written, "messages": _own(trace.messages or ())}
    candidates = [_kept_candidate(one) for one in trace.candidates]
    return TraceRow(
        id=trace.id,
        at=at,
        principal=trace.principal,
        conversation_id=trace.conversation_id,
        ended=trace.ended,
        question=trace.question if keeps else None,
        search={name: value for name, value in trace.search.items() if keeps or name != "filters"},
        text=text if keeps and has_text else None,
        abstained=trace.abstained,
        withheld=trace.withheld,
        generator=trace.generator,
        routed=trace.routed,
        prompt=trace.prompt,
        usage=vars(trace.usage),
        timings=dict(trace.timings_ms),
        evidence=trace.evidence,
        candidates=zlib.compress(json.dumps(candidates).encode()),
        citations=[_kept_citation(one) for one in trace.citations],
        dropped_marks=trace.dropped_marks,
        error={name: value for name, value in (trace.error or {}).items() if keeps or name != "detail"} or None,
    )


def _own(messages: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Return the prompt without the conversation before: that may rest on documents which nobody knows of here."""
    return [one for n, one in enumerate(messages) if one["role"] == "system" or n == len(messages) - 1]


def _kept_candidate(candidate: Mapping[str, Any]) -> dict[str, Any]:
    """Return it without its title, and rounded: 200 of them take 7 KB at most, compressed."""
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in candidate.items()}
    return {name: value for name, value in rounded.items() if name != "title"}


def _kept_citation(citation: TracedCitation) -> dict[str, Any]:
    return {name: value for name, value in vars(citation).items() if name not in {"quote", "title", "state"}}


def _trace(session: Session, row: TraceRow) -> Trace:
    sources = session.execute(
        select(TraceDocumentRow.document_id, TraceDocumentRow.version).where(TraceDocumentRow.trace_id == row.id)
    )
    text = row.text or {}
    quotes = text.get("quotes") or [None] * len(row.citations)
    return Trace(
        id=row.id,
        at=row.at,
        principal=row.principal,
        conversation_id=row.conversation_id,
        ended=Ended(row.ended),
        question=row.question,
        search=row.search,
        sources=frozenset((document_id, version) for document_id, version in sources),
        candidates=json.loads(zlib.decompress(row.candidates)),
        evidence=row.evidence,
        prompt=row.prompt,
        messages=text.get("messages"),
        written=text.get("written"),
        answer=text.get("answer"),
        abstained=row.abstained,
        withheld=row.withheld,
        generator=row.generator,
        routed=row.routed,
        citations=[TracedCitation(quote=q, **one) for q, one in zip(quotes, row.citations, strict=True)],
        dropped_marks=row.dropped_marks,
        usage=Usage(**row.usage),
        timings_ms=row.timings,
        error=row.error,
    )


def _opinion(row: FeedbackRow, *, with_comment: bool) -> Opinion:
    """A comment may repeat what stood in the answer."""
    comment = row.comment if with_comment else None
    return Opinion(principal=row.principal, at=row.at, rating=row.rating, reasons=tuple(row.reasons), comment=comment)


def _version_of(candidate: Mapping[str, Any]) -> Version:
    document_id, version, _ = candidate["chunk_id"].split(".")
    return document_id, int(version)


def _versions(trace: Trace) -> frozenset[Version]:
    cited = {(one.document_id, one.version) for one in trace.citations}
    return trace.sources | cited | {_version_of(one) for one in trace.candidates}


def _standings(session: Session, versions: Iterable[Version], principal: Principal) -> dict[Version, Standing]:
    """Return what the principal may be told of each version; those that are gone or not for it are left out."""
    wanted = set(versions)
    query = (
        select(VersionRow.document_id, VersionRow.version, VersionRow.title, VersionRow.filename)
        .add_columns(DocumentRow.serving, DocumentRow.access, DocumentRow.collection)
        .join(DocumentRow, DocumentRow.id == VersionRow.document_id)
        .where(DocumentRow.id.in_({document_id for document_id, _ in wanted}), DocumentRow.deleted_at.is_(None))
    )
    return {
        (row.document_id, row.version): Standing(
            state=State.CURRENT if row.version == row.serving else State.REPLACED, title=row.title or row.filename
        )
        for row in session.execute(query)
        if (row.document_id, row.version) in wanted and principal.may_see(row.access, row.collection)
    }


def _redacted(trace: Trace, standings: Mapping[Version, Standing]) -> Trace:
    """Return the trace without anything but the id of what is gone, and without text that may rest on it."""
    candidates = []
    for one in trace.candidates:
        standing = standings.get(_version_of(one), GONE)
        candidates.append({**one, "title": standing.title, "state": standing.state})
    citations = []
    for citation in trace.citations:
        standing = standings.get((citation.document_id, citation.version), GONE)
        quote = None if standing is GONE else citation.quote
        citations.append(replace(citation, quote=quote, title=standing.title, state=standing.state))
    shown = replace(trace, candidates=candidates, citations=citations)
    if trace.sources <= standings.keys():
        return shown
    quoteless = [replace(one, quote=None) for one in citations]
    return replace(shown, messages=None, written=None, answer=None, citations=quoteless, removed=True)
