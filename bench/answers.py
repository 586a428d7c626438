"""Answers on samples/, quoted alone and by the demonstration model: right, withheld or wrong, and cited as it stands.

Beside it, the check of citations on the outputs made by hand in tests/rag/outputs.toml, which needs no service.
"""

import json
import re
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import Measure
from bench.service import ROOT, Service, start, stop, wait_until
from rag.citations import check
from rag.sentences import sentences
from rag.types import Hit

GENERATORS = ("none", "demo")
LOADING_S = 300
_MARK = re.compile(r"\s?\[(\d+)\]")
# What a sentence can least have by chance: numbers, codes, and words with a capital that do not begin it.
_FACT = re.compile(r"[^\W_]*\d[\w.,:-]*\w|\d|(?<=[a-z,] )[A-Z]\w+")


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A question of samples/questions.jsonl, what the service answered, and the sources by number."""

    question: dict[str, Any]
    done: dict[str, Any]
    sources: dict[int, dict[str, Any]]

    @property
    def right(self) -> bool:
        """Whether all that is expected is in the answer; of a question that nothing answers, whether it is withheld."""
        if not self.question["answerable"] or self.done["abstained"]:
            return bool(not self.question["answerable"] and self.done["abstained"])
        answer = " ".join(self.done["answer"].lower().split())
        return all(expected.lower() in answer for expected in self.question["expected"])

    @property
    def written(self) -> bool:
        return self.done["generator"] != "extractive" and not self.done["abstained"]


def run() -> Iterator[Measure]:
    """Ask every question once of a service of its own for each generator, without a cache or a conversation."""
    lines = (ROOT / "samples" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    for generator in GENERATORS:
        yield from _of_generator(generator, questions)
    yield from _outputs()


def _of_generator(generator: str, questions: Sequence[dict[str, Any]]) -> Iterator[Measure]:
    with tempfile.TemporaryDirectory() as folder:
        arguments = ("--generator", generator, "--samples", str(ROOT / "samples"))
        service = start(Path(folder), *arguments, RAG_CACHE_KEEP_S="0")
        try:
            if generator != "none":
                wait_until(lambda: _generator_is_ready(service), LOADING_S)
            answers = [_ask(service, question) for question in questions]
            marks = [_has_quote(service, answer, citation) for answer in answers for citation in _citations(answer)]
        finally:
            stop(service)
    yield from _verdicts(f"answers.{generator}", answers)
    yield from _marks(f"answers.{generator}", answers, marks)


def _verdicts(name: str, answers: Sequence[Answered]) -> Iterator[Measure]:
    answerable = [answer for answer in answers if answer.question["answerable"]]
    others = [answer for answer in answers if not answer.question["answerable"]]
    honest = [answer for answer in answers if answer.right or answer.done["abstained"]]
    yield _share(
        f"{name}.right", sum(answer.right for answer in answerable), len(answerable), "of those with an answer"
    )
    yield _share(f"{name}.abstained", sum(answer.right for answer in others), len(others), "of those without one")
    wrong = ", ".join(answer.question["id"] for answer in answers if answer not in honest)
    yield _share(f"{name}.right_or_abstained", len(honest), len(answers), f"wrong: {wrong or 'none'}", least=0.9)
    answered = sum(not answer.done["abstained"] for answer in answerable)
    yield _share(f"{name}.answered", answered, len(answerable), "of those with an answer, right or wrong")
    written = [answer for answer in answers if answer.written]
    right = sum(answer.right for answer in written)
    yield _share(
        f"{name}.written_right", right, len(written), "of those in the model's own words; the others are quotes"
    )


def _marks(name: str, answers: Sequence[Answered], marks: Sequence[bool]) -> Iterator[Measure]:
    yield _share(f"{name}.marks_with_quote", sum(marks), len(marks), "the quote stands at its place", least=0.98)
    unproven = [
        sentence
        for answer in answers
        if answer.written
        for sentence in sentences(answer.done["answer"])
        if not _facts_are_quoted(sentence, answer)
    ]
    yield Measure(
        name=f"{name}.unsupported_shown_as_supported",
        value=len(unproven),
        unit="sentences",
        n=sum(len(sentences(answer.done["answer"])) for answer in answers if answer.written),
        note="written sentences with a number, code or name that neither their quote nor the headings above it have",
    )


def _outputs() -> Iterator[Measure]:
    """Measure the check on outputs made by hand: how many good ones are shown whole, how many false ones at all."""
    corpus = tomllib.loads((ROOT / "tests" / "rag" / "outputs.toml").read_text(encoding="utf-8"))
    good, false = corpus["good"], corpus["false"]
    shown = sum(_shown(corpus, case) == case.get("answer", case["output"]).strip() for case in good)
    lies = sum(case.get("false", _MARK.sub("", case["output"]).strip()) in _shown(corpus, case) for case in false)
    yield _share("outputs.good_shown", shown, len(good), "made by hand: tests/rag/outputs.toml")
    yield Measure(name="outputs.false_shown", value=lies, unit="outputs", n=len(false), note="made by hand")


def _shown(corpus: dict[str, Any], case: dict[str, Any]) -> str:
    hits = [_hit(name, corpus["passages"][name]) for name in case["sources"]]
    return check(case["output"].strip(), hits, case.get("question", "")).answer


def _hit(name: str, passage: dict[str, str]) -> Hit:
    return Hit(
        chunk_id=name,
        document_id=name,
        version=1,
        title=name,
        text=passage["text"],
        context=passage["context"],
        page=None,
        section=None,
        start=0,
        end=len(passage["text"]),
        score=0.0,
    )


def _ask(service: Service, question: dict[str, Any]) -> Answered:
    events: dict[str, Any] = {}
    with service.http.stream("POST", "/v1/ask", json={"question": question["question"]}) as response:
        response.raise_for_status()
        name = ""
        for line in response.iter_lines():
            kind, _, value = line.partition(": ")
            name = value if kind == "event" else name
            if kind == "data":
                events[name] = json.loads(value)
    sources = {source["n"]: source for source in events["sources"]["sources"]}
    return Answered(question=question, done=events["done"], sources=sources)


def _citations(answer: Answered) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer.done["citations"]
    return found


def _has_quote(service: Service, answer: Answered, citation: dict[str, Any]) -> bool:
    """Return whether the document has the quote at its span, in a passage that is one of the answer's sources."""
    if answer.sources[citation["n"]]["document_id"] != citation["document_id"]:
        return False
    chunks = service.http.get(f"/v1/documents/{citation['document_id']}/chunks").json()
    return any(
        chunk["text"][citation["start"] - chunk["start"] : citation["end"] - chunk["start"]] == citation["quote"]
        for chunk in chunks
        if chunk["start"] <= citation["start"] and citation["end"] <= chunk["end"]
    )


def _facts_are_quoted(sentence: str, answer: Answered) -> bool:
    """Return whether the quotes of a sentence's marks, with the headings above them, have its numbers and names."""
    numbers = {int(n) for n in _MARK.findall(sentence)}
    cited = [citation for citation in _citations(answer) if citation["n"] in numbers and citation["supported"]]
    above = [f"{answer.sources[one['n']]['title']} {one.get('section') or ''}" for one in cited]
    held = " ".join([*(one["quote"] for one in cited), *above]).lower()
    return bool(cited) and all(fact.lower() in held for fact in _FACT.findall(_MARK.sub("", sentence)))


def _share(name: str, part: int, whole: int, note: str, least: float | None = None) -> Measure:
    value = part / whole if whole else 0.0
    return Measure(name=name, value=value, unit="share", n=whole, reference=least, note=note)


def _generator_is_ready(service: Service) -> bool:
    return bool(service.http.get("/readyz").json()["checks"]["generator"]["status"] == "ok")
