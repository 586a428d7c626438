"""What a run found and how good that was, query by query; kept in a file, so that a later one can be compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from rag.evaluate.errors import EvaluationFailed
from rag.evaluate.measures import Estimate, estimated

RANKED_BY = "ndcg@10"  # the measure by which queries are better or worse


@dataclass(frozen=True, kw_only=True)
class Result:
    """The passages found for a query with the service's scores, best first, and the measures of that."""

    found: tuple[tuple[str, float], ...]
    measures: dict[str, float]


Results = dict[str, Result]  # by the query's id


@dataclass(frozen=True, kw_only=True)
class Run:
    """The results by mode. `collection` tells which passages were searched."""

    set: str
    collection: str
    history: bool
    modes: dict[str, Results]

    def of(self, mode: str) -> Results:
        return self.modes.get(mode, {})


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
