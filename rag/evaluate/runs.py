"""What a run found and how good that was, query by query; kept in a file, so that a later one can be compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from statistics import median

from pydantic import TypeAdapter, ValidationError

from rag.evaluate.answers import Answered
from rag.evaluate.errors import EvaluationFailed
from rag.evaluate.measures import Estimate, estimated

RANKED_BY = "ndcg@10"  # the measure by which queries are better or worse


@dataclass(frozen=True, kw_only=True)
class Result:
    """The passages found for a query with the service's scores, best first, and the measures of that.

    How long the service took, in milliseconds, and whether a reranker gave the order; older files say neither.
    """

    found: tuple[tuple[str, float], ...]
    measures: dict[str, float]
    took_ms: float | None = None
    reranked: bool = False


Results = dict[str, Result]  # by the query's id


@dataclass(frozen=True, kw_only=True)
class Run:
    """The results by mode, or the answers by query. `collection` tells which passages were searched."""

    set: str
    collection: str
    history: bool
    modes: dict[str, Results] = field(default_factory=dict)
    answers: dict[str, Answered] = field(default_factory=dict)

    def of(self, mode: str) -> Results:
        return self.modes.get(mode, {})

    def of_answers(self, queries: Sequence[str]) -> list[Answered]:
        """Return the answers to these queries."""
        return [self.answers[query] for query in queries]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What became of a query between two runs, by nDCG@10."""

    query: str
    before: float
    now: float


_FILE = TypeAdapter(Run)


def save(run: Run, path: Path) -> None:
    try:
        path.write_bytes(_FILE.dump_json(run))
    except OSError as exc:
        raise EvaluationFailed(f"{path}: {exc.strerror}.") from exc


def load(path: Path) -> Run:
    try:
        return _FILE.validate_json(path.read_bytes())
    except OSError as exc:
        raise EvaluationFailed(f"{path}: {exc.strerror}.") from exc
    except ValidationError as exc:
        raise EvaluationFailed(f"{path}: it was not written by `rag eval --save`.") from exc


def estimate(results: Results, measure: str, queries: Sequence[str]) -> Estimate:
    """Return the mean of a measure over some of the queries."""
    return estimated([results[query].measures[measure] for query in queries])


def difference(now: Results, before: Results, measure: str, queries: Sequence[str]) -> Estimate:
    """Return by how much a measure rose over some of the queries, which both runs have."""
    return estimated([now[query].measures[measure] - before[query].measures[measure] for query in queries])


def search_ms(results: Results) -> tuple[float, float] | None:
    """Return the median time of a search and the time that 95 of 100 stay within; None if they were not kept."""
    times = sorted(result.took_ms for result in results.values() if result.took_ms is not None)
    return (median(times), times[ceil(0.95 * len(times)) - 1]) if times else None


def changes(now: Results, before: Results) -> list[Change]:
    """Return the queries of both runs, those that lost most first; equal ones in this run's order."""
    found = [
        Change(query=query, before=before[query].measures[RANKED_BY], now=result.measures[RANKED_BY])
        for query, result in now.items()
        if query in before
    ]
    return sorted(found, key=lambda change: change.now - change.before)


def ranks(result: Result, gold: Mapping[str, int]) -> dict[str, int | None]:
    """Return at which place, from 1, each passage that answers was found; None if it was not."""
    places = {name: rank for rank, (name, _) in enumerate(result.found, 1)}
    return {name: places.get(name) for name in gold}
