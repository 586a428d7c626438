"""Runs as people read them: a table of means with their intervals, what changed, and the worst queries in words."""

from collections.abc import Iterator, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from rag.evaluate.measures import MEASURES, Estimate
from rag.evaluate.runs import RANKED_BY, Change, Result, Run, changes, difference, estimate, ranks
from rag.evaluate.sets import EvaluationSet

SHOWN_FOUND = 3  # what was found instead
Slices = Mapping[str, Sequence[str]]  # "" is the whole set; ids of queries


def means(run: Run, slices: Slices) -> Table:
    """One row a mode and slice; under each mean its 95% interval."""
    table = Table("mode", *(["slice"] if len(slices) > 1 else []), "queries", *MEASURES)
    for mode, results in run.modes.items():
        for name, queries in slices.items():
            found = [estimate(results, measure, queries) for measure in MEASURES]
            table.add_row(
                mode,
                *([name or "all"] if len(slices) > 1 else []),
                str(len(queries)),
                *(f"{one.value:.3f}\n{one.low:.2f}-{one.high:.2f}" for one in found),
            )
        table.add_section()
    return table


def differences(run: Run, before: Run, slices: Slices) -> Table:
    """One row a mode, slice and measure, over the queries that both runs have; 95% interval by paired bootstrap."""
    table = Table("mode", "slice", "measure", "before", "now", "difference", "better", "worse")
    for mode, now in run.modes.items():
        old = before.of(mode)
        for name, chosen in slices.items():
            queries = [query for query in chosen if query in old]
            for measure in MEASURES if queries else ():
                moved = [now[query].measures[measure] - old[query].measures[measure] for query in queries]
                table.add_row(
                    mode,
                    name or "all",
                    measure,
                    f"{estimate(old, measure, queries).value:.3f}",
                    f"{estimate(now, measure, queries).value:.3f}",
                    signed(difference(now, old, measure, queries)),
                    str(sum(step > 0 for step in moved)),
                    str(sum(step < 0 for step in moved)),
                )
        table.add_section()
    return table


def signed(estimate: Estimate) -> str:
    return f"{estimate.value:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f})"


def worst(run: Run, mode: str, evaluated: EvaluationSet, most: int) -> Iterator[Text]:
    """The queries with the lowest nDCG@10, if it is not 1; equal ones in the order of the file."""
    results = run.of(mode)
    order = sorted(results, key=lambda query: results[query].measures[RANKED_BY])
    low = [query for query in order[:most] if results[query].measures[RANKED_BY] < 1]
    if low:
        yield Text(f"The lowest {RANKED_BY}, {mode}:", style="bold")
    for query in low:
        yield _told(evaluated, query, results[query], f"{results[query].measures[RANKED_BY]:.2f}")


def moved(run: Run, before: Run, mode: str, evaluated: EvaluationSet, most: int) -> Iterator[Text]:
    """The queries whose nDCG@10 fell most, and those where it rose most."""
    found = changes(run.of(mode), before.of(mode))
    fell = [change for change in found if change.now < change.before]
    rose = [change for change in reversed(found) if change.now > change.before]
    for word, several in (("Worse", fell), ("Better", rose)):
        if several and most:
            yield Text(f"{word} than before, {mode}: {len(several)} queries, by {RANKED_BY}", style="bold")
        for change in several[:most]:
            yield _told(evaluated, change.query, run.of(mode)[change.query], _step(change))


def _step(change: Change) -> str:
    return f"{change.before:.2f} -> {change.now:.2f}"


def _told(evaluated: EvaluationSet, query_id: str, result: Result, value: str) -> Text:
    """A query, the passages that answer it with their ranks, and what was found first that does not."""
    query = next(query for query in evaluated.queries if query.id == query_id)
    gold = evaluated.gold[query_id]
    lines = [f"{value}  {query_id}  {' '.join(query.text.split())}"]
    for name, rank in ranks(result, gold).items():
        lines.append(f"      answer, {f'rank {rank}' if rank else 'not found'}: {evaluated.passages[name].name}")
    instead = [name for name, _ in result.found if name not in gold][:SHOWN_FOUND]
    lines += [f"      found: {evaluated.passages[name].name}" for name in instead]
    return Text("\n".join(lines))
