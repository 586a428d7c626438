"""What is counted and timed, in Prometheus' words: by this process as it happens, of the registry when asked."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import wraps
from typing import ParamSpec

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from rag.database import clock, transaction
from rag.draft import EXTRACTIVE
from rag.errors import RegistryUnavailable
from rag.tables import DocumentRow, VersionRow, WorkerRow, WorkRow
from rag.types import AnswerEvent, Done
from rag.work import WORKER_SEEN_S, Kind

P = ParamSpec("P")
SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

ANSWERS = Counter("attest_answers", "Questions by how they ended.", ["outcome"])
LOOKUPS = Counter("attest_cache_lookups", "Questions looked up among kept answers.", ["result"])
SAVED_TOKENS = Counter("attest_saved_tokens", "Tokens that kept answers saved.", ["kind"])
TOKENS = Counter("attest_tokens", "Tokens as the engines counted them.", ["kind"])
FIRST_TOKEN = Histogram("attest_first_token_seconds", "Until an answer's first token.", ["cached"], buckets=SECONDS)
ANSWER = Histogram("attest_answer_seconds", "Until an answer's end.", ["cached"], buckets=SECONDS)

for _result in ("hit", "near", "miss"):
    LOOKUPS.labels(_result)
for _kind in ("prompt", "completion"):
    SAVED_TOKENS.labels(_kind)
    TOKENS.labels(_kind)
for _outcome in ("answered", "abstained", "extractive", "cached", "error", "left"):
    ANSWERS.labels(_outcome)


def measured(
    answer: Callable[P, AsyncGenerator[AnswerEvent, None]],
) -> Callable[P, AsyncGenerator[AnswerEvent, None]]:
    """Count and time each answer by its last event; one without is an `error`, or the reader has `left`."""

    @wraps(answer)
    async def counted(*args: P.args, **named: P.kwargs) -> AsyncGenerator[AnswerEvent, None]:
        outcome = "left"
        try:
            async with aclosing(answer(*args, **named)) as events:
                async for event in events:
                    if isinstance(event, Done):
                        outcome = _finished(event)
                    yield event
        except Exception:
            outcome = "error"
            raise
        finally:
            ANSWERS.labels(outcome).inc()

    return counted


def _finished(done: Done) -> str:
    """Count what a finished answer took; return its outcome."""
    cached = str(done.cached).lower()
    FIRST_TOKEN.labels(cached).observe(done.timings_ms["first_token"] / 1000)
    ANSWER.labels(cached).observe(done.timings_ms["total"] / 1000)
    TOKENS.labels("prompt").inc(done.usage.prompt_tokens)
    TOKENS.labels("completion").inc(done.usage.completion_tokens)
    if done.cached:
        return "cached"
    if done.abstained:
        return "abstained"
    return "extractive" if done.generator == EXTRACTIVE else "answered"


def exposition(engine: Engine) -> bytes:
    """Return all metrics as text. Without the registry, `attest_registry_up` is 0 and what it knows is missing."""
    scraped = CollectorRegistry()
    up = Gauge("attest_registry_up", "Whether the registry answers.", registry=scraped)
    try:
        with transaction(engine, writes=False) as session:
            _read(session, scraped)
        up.set(1)
    except RegistryUnavailable:
        up.set(0)
    return generate_latest(REGISTRY) + generate_latest(scraped)


def _read(session: Session, scraped: CollectorRegistry) -> None:
    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=scraped)

    documents = gauge("attest_documents", "Documents by the status of their latest version.", "status")
    for status, count in _documents(session).items():
        documents.labels(status).set(count)
    now = clock(session)
    waiting = gauge("attest_work", "Work that is waiting or being done.", "kind")
    oldest = gauge("attest_work_oldest_seconds", "Age of the oldest work.", "kind")
    work = dict.fromkeys(Kind, (0, now))
    rows = select(WorkRow.kind, func.count(), func.min(WorkRow.queued_at)).group_by(WorkRow.kind)
    work |= {Kind(kind): (count, since) for kind, count, since in session.execute(rows)}
    for kind, (count, since) in work.items():
        waiting.labels(kind).set(count)
        oldest.labels(kind).set(max(0.0, now - since))
    alive = select(func.count()).where(WorkerRow.seen_at >= now - WORKER_SEEN_S)
    gauge("attest_workers", "Workers that were heard from lately.").set(session.scalar(alive) or 0)


def _documents(session: Session) -> dict[str, int]:
    """Return how many documents there are of each status, that of the latest version; `deleting` until purged."""
    newest = select(VersionRow.document_id, func.max(VersionRow.version).label("version"))
    latest = newest.group_by(VersionRow.document_id).subquery()
    rows = (
        select(VersionRow.status, func.count())
        .join(latest, (latest.c.document_id == VersionRow.document_id) & (latest.c.version == VersionRow.version))
        .join(DocumentRow, DocumentRow.id == VersionRow.document_id)
        .where(DocumentRow.deleted_at.is_(None))
        .group_by(VersionRow.status)
    )
    deleting = select(func.count()).where(DocumentRow.deleted_at.is_not(None), DocumentRow.purged_at.is_(None))
    counts = {status: count for status, count in session.execute(rows)}  # noqa: C416  # a Result is no dict
    return counts | {"deleting": session.scalar(deleting) or 0}
