"""`rag eval --answers`: every question of a set asked of the running service, answerable or not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from bench.measure import Measure
from rag.cli.client import CallFailed, Client
from rag.cli.passages import each, upload_passages
from rag.evaluate.abstention import ANSWERED, Point, at_target, auc, curve, figures
from rag.evaluate.answers import Answered, contains, f1
from rag.evaluate.report import Slices
from rag.evaluate.runs import Run
from rag.evaluate.sets import EvaluationSet, Query


@dataclass(frozen=True, kw_only=True)
class Asker:
    """How the questions are put, and what of the service is needed to judge the answers."""

    client: Client
    evaluated: EvaluationSet
    documents: dict[str, str]
    history: bool
    chunks: dict[str, list[str]] = field(default_factory=dict)

    def answered(self, query: Query) -> Answered:
        """Ask, and compare. Raise CallFailed, with the query's id if it was refused."""
        answer = self._ask(query)
        citations: list[dict[str, Any]] = answer["citations"]
        gold = self.evaluated.gold.get(query.id, {})
        return Answered(
            answerable=query.is_answerable,
            abstained=answer["abstained"],
            evidence=answer["evidence"],
            contains=contains(answer["answer"], query.answers),
            f1=f1(answer["answer"], query.answers),
            citations=len(citations),
            sound=sum(self._is_sound(citation) for citation in citations),
            gold=sum(self.documents.get(citation["document_id"]) in gold for citation in citations),
            text=answer["answer"],
        )

    def _ask(self, query: Query) -> dict[str, Any]:
        turns = [{"role": turn.role, "content": turn.content} for turn in query.history] if self.history else []
        body = {"question": query.text, "collections": [self.evaluated.collection], "history": turns, "stream": False}
        try:
            answer: dict[str, Any] = self.client.call("POST", "/v1/ask", json=body)
        except CallFailed as exc:
            if exc.status is None:
                raise
            raise CallFailed(f"question {query.id}: {exc.detail}", exc.status) from exc
        return answer

    def _is_sound(self, citation: dict[str, Any]) -> bool:
        """Tell whether the quote is in a passage of its document, as it stands, and marked as supported."""
        name = citation["document_id"]
        if name not in self.chunks:
            self.chunks[name] = [one["text"] for one in self.client.call("GET", f"/v1/documents/{name}/chunks")]
        return citation["supported"] and any(citation["quote"] in text for text in self.chunks[name])


def ask_questions(client: Client, evaluated: EvaluationSet, history: bool, console: Console) -> Run:
    """Have the set in the service and ask it every question."""
    documents = upload_passages(client, evaluated, console)
    asker = Asker(client=client, evaluated=evaluated, documents=documents, history=history)
    answers = each(asker.answered, evaluated.queries, "questions", console)
    found = {query.id: answer for query, answer in zip(evaluated.queries, answers, strict=True)}
    return Run(set=evaluated.name, collection=evaluated.collection, history=history, answers=found)


def answer_measures(run: Run, before: Run | None, slices: Slices) -> Iterator[Measure]:
    """Yield every figure of the whole and the slices; beside it that of the run before, if it had all the queries."""
    for name, queries in slices.items():
        suffix = f"[{name}]" if name else ""
        old = before.of_answers(queries) if before and before.answers.keys() >= set(queries) else []
        references = {one.name: one.value for one in _measured(old)}
        for one in _measured(run.of_answers(queries)):
            reference = references.get(one.name)
            yield Measure(
                name=one.name + suffix,
                value=one.value,
                unit=one.unit,
                n=one.n,
                reference=None if reference is None else round(reference, 4),
                note=one.note,
            )


def _measured(answers: Sequence[Answered]) -> Iterator[Measure]:
    """Yield the figures as the service ran, then what other thresholds on the evidence would give."""
    for name, estimate in figures(answers).items():
        note = f"95% interval {estimate.low:.4f} to {estimate.high:.4f}"
        yield Measure(name=name, value=estimate.value, unit="of 1", n=estimate.n, note=note)
    if (area := auc(answers)) is not None:
        yield Measure(name="abstention.auc", value=area, unit="of 1", n=len(answers), note="of `evidence` alone")
    for point in curve(answers):
        yield from _of_point(point, f"@{point.threshold:g}", len(answers))
    if target := at_target(answers):
        yield from _of_point(target, f"@answered={ANSWERED:g}", len(answers))


def _of_point(point: Point, place: str, n: int) -> Iterator[Measure]:
    note = f"had everything with evidence under {point.threshold:.4f} been withheld, and nothing else"
    values = {
        "abstention.precision": point.precision,
        "abstention.recall": point.recall,
        "answered.answerable": point.answered,
    }
    for name, value in values.items():
        if value is not None:
            yield Measure(name=name + place, value=value, unit="of 1", n=n, note=note)
