"""What was asked and what it took, summed by day, caller and generator. Holds no word of a question or an answer.

Apart from traces, which are removed in time or not written at all.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Engine, case, cast, func, select, union_all
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from rag.database import clock, transaction
from rag.draft import Draft
from rag.errors import RagError
from rag.site_tables import SiteRow
from rag.tables import ApiKeyRow, UsageRow
from rag.trace import Ended

log = logging.getLogger(__name__)
MOST_CALLERS = 100
OTHERS = "others"


@dataclass(frozen=True, kw_only=True)
class Sums:
    """`cost` is in the currency of RAG_GENERATOR_POLICY, at the prices of the time; None where none was known.

    `cached` answers are among `answered` and `abstained`. Who left before the end is among the `questions` alone.
    """

    questions: int = 0
    answered: int = 0
    abstained: int = 0
    failed: int = 0
    cached: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost: float | None = None

    def __add__(self, other: "Sums") -> "Sums":
        costs = [cost for cost in (self.cost, other.cost) if cost is not None]
        counts = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        return Sums(**counts, cost=sum(costs) if costs else None)


COUNTS = [field.name for field in fields(Sums) if field.name != "cost"]


@dataclass(frozen=True, kw_only=True)
class Report:
    """Sums of the last days: by day, oldest first and without gaps; by caller's id and by generator, most questions
    first. `labels` has the callers' names for people."""

    days: Mapping[str, Sums]
    callers: Mapping[str, Sums]
    generators: Mapping[str, Sums]
    labels: Mapping[str, str]


class DailyUsage:
    """The sums in the registry."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def count(self, draft: Draft, ended: Ended, _error: Exception | None = None) -> None:
        """Add an answer to its day's sums. No failure reaches the answer."""
        try:
            self.add(caller_of(draft), generator_of(draft), sums_of(draft, ended))
        except RagError as exc:
            log.warning("usage not counted", extra={"trace_id": draft.question.trace_id, "error": exc.type})
        except Exception:
            log.exception("usage not counted", extra={"trace_id": draft.question.trace_id})

    def add(self, caller: str, generator: str, sums: Sums) -> None:
        """Add to today's sums; whoever else does so at the same time, nothing is lost."""
        insert = sqlite_insert if self._engine.dialect.name == "sqlite" else postgresql_insert
        with transaction(self._engine, writes=True) as session:
            row = {"day": day_of(clock(session)), "caller": caller, "generator": generator} | vars(sums)
            new = insert(UsageRow).values(**row)
            added = {name: getattr(UsageRow, name) + getattr(new.excluded, name) for name in COUNTS}
            cost = func.coalesce(UsageRow.cost, 0.0) + new.excluded.cost
            added["cost"] = case((new.excluded.cost.is_(None), UsageRow.cost), else_=cost)
            session.execute(new.on_conflict_do_update(index_elements=["day", "caller", "generator"], set_=added))

    def report(self, days: int) -> Report:
        """Return the sums of the last `days` days, today included."""
        with transaction(self._engine, writes=False) as session:
            today = datetime.fromtimestamp(clock(session), UTC).date()
            wanted = [(today - timedelta(days=n)).isoformat() for n in reversed(range(days))]
            named = union_all(select(ApiKeyRow.id, ApiKeyRow.name), select(SiteRow.id, SiteRow.name))
            labels = {row.id: row.name for row in session.execute(named)}
            by_day, callers, generators = (
                _summed(session, column, wanted[0]) for column in (UsageRow.day, UsageRow.caller, UsageRow.generator)
            )
        return Report(
            days=dict.fromkeys(wanted, Sums()) | by_day,
            callers=_largest(callers),
            generators=_largest(generators),
            labels=labels,
        )


def caller_of(draft: Draft) -> str:
    """Return whose sums an answer belongs to: of a site's visitors the site, of which nobody is told apart."""
    return draft.question.principal.name.partition("/")[0]


def generator_of(draft: Draft) -> str:
    """Return the model that was asked, also if what it wrote is not the answer; else what the answer names."""
    return draft.model or draft.generator


def sums_of(draft: Draft, ended: Ended) -> Sums:
    done = ended == Ended.DONE
    return Sums(
        questions=1,
        answered=int(done and bool(draft.citations)),
        abstained=int(done and not draft.citations),
        failed=int(ended == Ended.ERROR),
        cached=int(draft.cached),
        prompt_tokens=draft.usage.prompt_tokens,
        completion_tokens=draft.usage.completion_tokens,
        cached_tokens=draft.usage.cached_tokens,
        cost=draft.cost,
    )


def day_of(at: float) -> str:
    """Return the day, in UTC, of a Unix time."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _summed(session: Session, column: InstrumentedAttribute[str], first_day: str) -> dict[str, Sums]:
    """Return the sums from a day on by the values of a column."""
    sums = (cast(func.sum(getattr(UsageRow, name)), BigInteger).label(name) for name in COUNTS)
    query = select(column.label("key"), *sums, func.sum(UsageRow.cost).label("cost"))
    rows = session.execute(query.where(UsageRow.day >= first_day).group_by(column)).mappings()
    return {row["key"]: Sums(**{field.name: row[field.name] for field in fields(Sums)}) for row in rows}


def _largest(found: Mapping[str, Sums]) -> dict[str, Sums]:
    """Return them with the most questions first; those beyond MOST_CALLERS as one."""
    order: Sequence[str] = sorted(found, key=lambda name: (-found[name].questions, name))
    shown = {name: found[name] for name in order[:MOST_CALLERS]}
    for name in order[MOST_CALLERS:]:
        shown[OTHERS] = shown.get(OTHERS, Sums()) + found[name]
    return shown
