"""Answers to how well a service knows what its documents do not say: as it ran, and at every other threshold."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.evaluate.answers import Answered
from rag.evaluate.measures import Estimate, estimated

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
ANSWERED = 0.93  # share of the answerable questions that should stay answered


@dataclass(frozen=True, kw_only=True)
class Point:
    """What withholding every question with less evidence than `threshold` would do.

    `precision` is the share of the withheld that nothing answers, None if none is withheld; `recall` the share withheld
    of those that nothing answers; `answered` the share not withheld of the others.
    """

    threshold: float
    precision: float | None
    recall: float
    answered: float


def figures(answers: Sequence[Answered]) -> dict[str, Estimate]:
    """Return every figure that these answers allow, by its name.

    A withheld answer to an answerable question is wrong: it contains nothing, and its F1 is 0.
    """
    answerable = [one for one in answers if one.answerable]
    cited = [one for one in answers if one.citations]
    withheld = [one for one in answers if one.abstained]
    samples = {
        "answered.answerable": [float(not one.abstained) for one in answerable],
        "abstention.precision": [float(not one.answerable) for one in withheld],
        "abstention.recall": [float(one.abstained) for one in answers if not one.answerable],
        "answer.contains": [_unless_withheld(one, one.contains) for one in answerable if one.contains is not None],
        "answer.f1": [_unless_withheld(one, one.f1) for one in answerable if one.f1 is not None],
        "citation.precision": [float(n < one.sound) for one in cited for n in range(one.citations)],
        "citation.gold": [float(n < one.gold) for one in cited if one.answerable for n in range(one.citations)],
    }
    return {name: estimated(values) for name, values in samples.items() if values}


def _unless_withheld(one: Answered, value: float | None) -> float:
    return 0.0 if one.abstained or value is None else value


def auc(answers: Sequence[Answered]) -> float | None:
    """Return the chance that a question which the documents answer has more evidence than one which they do not.

    Equal ones count half. None if one of the kinds is missing.
    """
    known = [one.evidence for one in answers if one.answerable]
    unknown = [one.evidence for one in answers if not one.answerable]
    if not known or not unknown:
        return None
    return sum((a > b) + (a == b) / 2 for a in known for b in unknown) / (len(known) * len(unknown))


def curve(answers: Sequence[Answered]) -> Iterator[Point]:
    """Yield the points of every threshold, if there are questions of both kinds."""
    if auc(answers) is not None:
        yield from (point(answers, threshold) for threshold in THRESHOLDS)


def at_target(answers: Sequence[Answered]) -> Point | None:
    """Return the point with the highest threshold that leaves ANSWERED of the answerable questions answered."""
    known = sorted(one.evidence for one in answers if one.answerable)
    if auc(answers) is None:
        return None
    return point(answers, known[int((1 - ANSWERED) * len(known) + 1e-9)])


def point(answers: Sequence[Answered], threshold: float) -> Point:
    """Return it for answers of both kinds."""
    withheld = [one for one in answers if one.evidence < threshold]
    right = sum(not one.answerable for one in withheld)
    answerable = sum(one.answerable for one in answers)
    return Point(
        threshold=threshold,
        precision=right / len(withheld) if withheld else None,
        recall=right / (len(answers) - answerable),
        answered=(answerable - (len(withheld) - right)) / answerable,
    )
