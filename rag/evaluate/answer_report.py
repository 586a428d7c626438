"""Answers as people read them: the figures, what another threshold would change, and what was decided wrongly."""

from collections.abc import Iterator

from rich import box
from rich.table import Table
from rich.text import Text

from rag.evaluate.abstention import ANSWERED, Point, at_target, auc, curve, figures
from rag.evaluate.report import Slices
from rag.evaluate.runs import Run
from rag.evaluate.sets import EvaluationSet

SHOWN_CHARS = 150  # of an answer


def answer_figures(run: Run, before: Run | None, slices: Slices) -> Table:
    """One row a figure and slice, with its 95% interval, and its value in the run before."""
    table = Table(box=box.SIMPLE, show_edge=False, padding=(0, 1, 0, 0))
    for column in ("figure", "value", "95% interval", "n", *(["before"] if before else [])):
        table.add_column(column, overflow="fold")
    for name, queries in slices.items():
        old = before.of_answers([query for query in queries if query in before.answers]) if before else []
        then = {figure: f"{one.value:.3f}" for figure, one in figures(old).items()}
        for figure, one in figures(run.of_answers(queries)).items():
            cells = [f"{figure} {name}".strip(), f"{one.value:.3f}", f"{one.low:.2f}-{one.high:.2f}", str(one.n)]
            table.add_row(*cells, *([then.get(figure, "")] if before else []))
        if (area := auc(run.of_answers(queries))) is not None:
            table.add_row(f"abstention.auc {name}".strip(), f"{area:.3f}", "", str(len(queries)))
    return table


def thresholds(run: Run, slices: Slices) -> Table:
    """What withholding by the evidence alone would give at every threshold, for the whole set."""
    table = Table(box=box.SIMPLE, show_edge=False, padding=(0, 1, 0, 0))
    for column in ("RAG_RETRIEVE_MIN_EVIDENCE", "precision", "recall", "answered"):
        table.add_column(column)
    answers = run.of_answers(slices[""])
    for point in curve(answers):
        table.add_row(f"{point.threshold:.2f}", *_cells(point))
    if target := at_target(answers):
        table.add_row(f"{target.threshold:.4f}: {ANSWERED:.0%} answered", *_cells(target))
    return table


def _cells(point: Point) -> tuple[str, str, str]:
    precision = "" if point.precision is None else f"{point.precision:.3f}"
    return precision, f"{point.recall:.3f}", f"{point.answered:.3f}"


def wrong(run: Run, evaluated: EvaluationSet, most: int) -> Iterator[Text]:
    """The questions withheld although they are answerable, lowest evidence first, and the opposite, highest first."""
    texts = {query.id: " ".join(query.text.split()) for query in evaluated.queries}
    order = sorted(run.answers, key=lambda query: run.answers[query].evidence)
    withheld = [query for query in order if run.answers[query].answerable and run.answers[query].abstained]
    given = [
        query for query in reversed(order) if not run.answers[query].answerable and not run.answers[query].abstained
    ]
    for title, queries in (("Withheld, but answerable", withheld), ("Answered, but not answerable", given)):
        if queries and most:
            yield Text(f"{title}: {len(queries)}", style="bold")
        for query in queries[:most]:
            answer = run.answers[query]
            said = " ".join(answer.text.split())[:SHOWN_CHARS]
            yield Text(f"{answer.evidence:.2f}  {query}  {texts[query]}\n      {said}")
