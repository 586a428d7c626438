"""Runs as people read them: a table of means with their intervals, what changed, and the worst queries in words."""

from collections.abc import Iterator, Mapping, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from rag.evaluate.measures import MEASURES
from rag.evaluate.runs import RANKED_BY, Change, Result, Results, Run, changes, difference, estimate, ranks, search_ms
from rag.evaluate.sets import EvaluationSet

SHOWN_FOUND = 3  # what was found instead
Slices = Mapping[str, Sequence[str]]  # "" is the whole set; ids of queries


def means(run: Run, slices: Slices) -> Table:
    """One row a mode and slice; under each mean its 95% interval."""
    table = _table("Mean, and its 95% interval")
    for mode, results in run.modes.items():
        for name, queries in slices.items():
            found = [estimate(results, measure, queries) for measure in MEASURES]
            table.add_row(
                _who(mode, name, len(queries)), *(f"{one.value:.3f}\n{one.low:.2f}-{one.high:.2f}" for one in found)
            )
    return table


def times(run: Run, before: Run | None) -> Iterator[str]:
    """One line a mode: how long a search took, then and now, and how many a reranker ordered."""
    for mode, results in run.modes.items():
        if (now := search_ms(results)) is None:
            continue
        old = search_ms(before.of(mode)) if before else None
        reranked = sum(result.reranked for result in results.values())
        yield (
            f"{mode}: a search takes {now[0]:.0f} ms, 95% within {now[1]:.0f} ms"
            + (f"; before {old[0]:.0f} ms, {old[1]:.0f} ms" if old else "")
            + (f"; {reranked} of {len(results)} reranked" if reranked else "")
        )


def differences(run: Run, before: Run, slices: Slices) -> Table:
    """The same rows, of the queries that both runs have: by how much the means rose, and how many queries moved."""
    table = _table("Difference, its 95% interval (paired), queries better and worse")
    for mode, now in run.modes.items():
        old = before.of(mode)
        for name, chosen in slices.items():
            if queries := [query for query in chosen if query in old]:
                cells = [_moved(now, old, measure, queries) for measure in MEASURES]
                table.add_row(_who(mode, name, len(queries)), *cells)
    return table


def _moved(now: Results, old: Results, measure: str, queries: Sequence[str]) -> str:
    rise = difference(now, old, measure, queries)
    steps = [now[query].measures[measure] - old[query].measures[measure] for query in queries]
    return (
        f"{rise.value:+.3f}\n{rise.low:+.2f} {rise.high:+.2f}\n"
        f"+{sum(step > 0 for step in steps)} -{sum(step < 0 for step in steps)}"
    )


def _table(title: str) -> Table:
    """A table whose figures are never cut: on a narrow terminal the names of slices are folded."""
    table = Table(box=box.SIMPLE, title=title, title_justify="left", show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("queries", overflow="fold")
    for measure in MEASURES:
        table.add_column(measure, no_wrap=True)
    return table


def _who(mode: str, name: str, queries: int) -> str:
    return f"{mode}, {queries}\n{name}"


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
