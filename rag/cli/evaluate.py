"""`rag eval`: a set of questions with known passages, asked of the running service."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.measure import Measure
from rag.cli.answers import answer_measures, ask_questions
from rag.cli.client import Client
from rag.cli.passages import CALLS_AT_ONCE, Asking, remove_passages, search_passages, upload_passages, with_documents
from rag.evaluate.answer_report import answer_figures, thresholds, wrong
from rag.evaluate.errors import EvaluationFailed
from rag.evaluate.measures import MEASURES, measured
from rag.evaluate.report import Slices, differences, means, moved, times, worst
from rag.evaluate.runs import Result, Results, Run, difference, estimate, load, save, search_ms
from rag.evaluate.sets import EvaluationSet, read_set
from rag.settings import load_settings


class Mode(StrEnum):
    """How the service searches."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


@dataclass(frozen=True, kw_only=True)
class Output:
    """Where the figures go, besides the terminal, and what they are compared with."""

    json_file: Path | None = None
    save: Path | None = None
    compare: Path | None = None
    most_worst: int = 5


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of corpus.jsonl, queries.jsonl and qrels.tsv.")],
    mode: Annotated[list[Mode] | None, typer.Option(help="Way of searching; all three, if none is named.")] = None,
    by: Annotated[list[str] | None, typer.Option(help="Field of the queries to tell figures apart by.")] = None,
    queries: Annotated[list[str] | None, typer.Option(metavar="FIELD=VALUE", help="Ask only these queries.")] = None,
    corpus: Annotated[list[str] | None, typer.Option(metavar="FIELD=VALUE", help="Search only these passages.")] = None,
    qrels: Annotated[str, typer.Option(help="File of DIR that says which passages answer.")] = "qrels.tsv",
    first: Annotated[int | None, typer.Option(min=1, help="Ask only so many queries.")] = None,
    history: Annotated[bool, typer.Option("--history", help="Send the conversation before a query with it.")] = False,
    answers: Annotated[
        bool, typer.Option("--answers", help="Ask every question, answerable or not, and measure the answers.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    save_file: Annotated[Path | None, typer.Option("--save", help="Keep all that was found in this file.")] = None,
    compare: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="File of --save to show differences from.")
    ] = None,
    most_worst: Annotated[int, typer.Option("--worst", min=0, help="How many of the worst queries to show.")] = 5,
    remove: Annotated[bool, typer.Option("--remove", help="Delete the set from the service afterwards.")] = False,
) -> None:
    """Measure how well the running service finds the passages that answer the questions of a set, or answers them."""
    console = Console()
    evaluated = read_set(
        folder,
        qrels=qrels,
        corpus=_filter(corpus, "--corpus"),
        queries=_filter(queries, "--queries"),
        first=first,
        with_unanswerable=answers,
    )
    if remove and evaluated.is_live:
        raise EvaluationFailed(f"--remove: the documents of {evaluated.name} are the service's own.")
    slices: Slices = {"": [query.id for query in evaluated.queries]}
    slices = dict(slices) | {name: ids for field in by or () for name, ids in evaluated.slices(field).items()}
    output = Output(json_file=json_file, save=save_file, compare=compare, most_worst=most_worst)
    before = load(compare) if compare else None
    client = Client(load_settings())
    try:
        if evaluated.is_live:
            evaluated = with_documents(client, evaluated)
        if answers:
            run = ask_questions(client, evaluated, history, console)
        else:
            run = ask_service(client, evaluated, [Mode(name) for name in mode or Mode], history, console)
        if remove:
            remove_passages(client, evaluated, console)
    finally:
        client.close()
    write(run, before, slices, output)
    (show_answers if answers else show)(run, before, evaluated, slices, output, console)


def ask_service(
    client: Client, evaluated: EvaluationSet, modes: Sequence[Mode], history: bool, console: Console
) -> Run:
    """Have the set in the service and search for every query in every mode.

    Each mode is tried first: one that the service refuses ends it before anything is uploaded.
    """
    ways = [Asking(client=client, mode=str(mode), history=history) for mode in modes]
    for way in ways:
        way.search(evaluated.queries[0], None, 1)
    documents = upload_passages(client, evaluated, console)
    found: dict[str, Results] = {}
    for way in ways:
        searched = search_passages(way, evaluated, documents, console)
        rankings = {query: [name for name, _ in one.ranking] for query, one in searched.items()}
        values = measured(evaluated.gold, rankings)
        found[way.mode] = {
            query: Result(found=one.ranking, measures=values[query], took_ms=one.took_ms, reranked=one.reranked)
            for query, one in searched.items()
        }
    return Run(set=evaluated.name, collection=evaluated.collection, history=history, modes=found)


def write(run: Run, before: Run | None, slices: Slices, output: Output) -> None:
    """Write the files that were asked for."""
    if output.save:
        save(run, output.save)
    if output.json_file:
        measures = answer_measures(run, before, slices) if run.answers else _figures(run, before, slices)
        figures = [measure.as_json() for measure in measures]
        output.json_file.write_text(json.dumps(figures, indent=2), encoding="utf-8")


def show_answers(
    run: Run, before: Run | None, evaluated: EvaluationSet, slices: Slices, output: Output, console: Console
) -> None:
    """Print the tables of the answers and those that were given or withheld most wrongly."""
    console.print(answer_figures(run, before, slices))
    console.print(thresholds(run, slices))
    for line in wrong(run, evaluated, output.most_worst):
        console.print(line, soft_wrap=True)


def show(
    run: Run, before: Run | None, evaluated: EvaluationSet, slices: Slices, output: Output, console: Console
) -> None:
    """Print the tables of a search and its worst queries."""
    console.print(means(run, slices))
    if before:
        if before.collection != run.collection:
            console.print(f"{output.compare} is a run over other passages: {before.collection}.", soft_wrap=True)
        console.print(differences(run, before, slices))
    for time in times(run, before):
        console.print(time, soft_wrap=True, highlight=False)
    for mode in run.modes:
        lines = (
            moved(run, before, mode, evaluated, output.most_worst)
            if before
            else worst(run, mode, evaluated, output.most_worst)
        )
        for line in lines:
            console.print(line, soft_wrap=True)


def _figures(run: Run, before: Run | None, slices: Slices) -> Iterator[Measure]:
    """Yield every mean; beside it that of the run before, if all its queries were asked then, too. And the times."""
    for mode, now in run.modes.items():
        old = before.of(mode) if before else {}
        yield from _times(mode, now, old)
        for name, queries in slices.items():
            comparable = all(query in old for query in queries)
            for measure in MEASURES:
                mean = estimate(now, measure, queries)
                note = f"95% interval {mean.low:.4f} to {mean.high:.4f}"
                if comparable:
                    rise = difference(now, old, measure, queries)
                    note += f"; difference {rise.value:+.4f}, 95% interval {rise.low:+.4f} to {rise.high:+.4f}"
                yield Measure(
                    name=f"{measure}.{mode}" + (f"[{name}]" if name else ""),
                    value=mean.value,
                    unit="of 1",
                    n=mean.n,
                    reference=round(estimate(old, measure, queries).value, 4) if comparable else None,
                    note=note,
                )


def _times(mode: str, now: Results, old: Results) -> Iterator[Measure]:
    if spent := search_ms(now):
        note = f"median, of the service alone, {CALLS_AT_ONCE} searches at a time; 95% within {spent[1]:.1f} ms"
        reference = search_ms(old)
        yield Measure(
            name=f"search_ms.{mode}",
            value=spent[0],
            unit="ms",
            n=len(now),
            reference=round(reference[0], 4) if reference else None,
            note=note,
        )


def _filter(wanted: Sequence[str] | None, option: str) -> dict[str, set[str]]:
    """Return the values by field: a field given twice takes either value."""
    found: dict[str, set[str]] = {}
    for one in wanted or ():
        field, sign, value = one.partition("=")
        if not sign or not field:
            raise typer.BadParameter(f"{one!r} is not of the form FIELD=VALUE, such as lang=de.", param_hint=option)
        found.setdefault(field, set()).add(value)
    return found
