"""Answers compared with known ones, and what is made of many: the figures, the curve, the area under it."""

import pytest

from rag.evaluate.abstention import at_target, auc, curve, figures, point
from rag.evaluate.answers import Answered, contains, f1, normalised


def answered(evidence: float, *, answerable: bool, abstained: bool = False, **named: object) -> Answered:
    plain = {"contains": 1.0, "f1": 0.5, "citations": 2, "sound": 1, "gold": 2, "text": "six"}
    if abstained:
        plain |= {"citations": 0, "sound": 0, "gold": 0}
    return Answered(answerable=answerable, abstained=abstained, evidence=evidence, **(plain | named))  # type: ignore[arg-type]


MIXED = [
    answered(0.1, answerable=False, abstained=True),
    answered(0.2, answerable=True, abstained=True),
    answered(0.4, answerable=False),
    answered(0.6, answerable=True),
    answered(0.8, answerable=True),
]


def test_words_are_compared_without_marks_case_punctuation_and_articles() -> None:
    assert normalised("“The Lamp-oil, of an Owl.” [1] [12]") == ["lamp", "oil", "of", "owl"]
    assert normalised("Überfahrt um 7:40 [sic]") == ["überfahrt", "um", "7", "40", "sic"]


def test_an_answer_contains_a_known_one_word_by_word() -> None:
    assert contains("It burns rape oil [1].", ["whale oil", "Rape-oil"]) == 1
    assert contains("It burns 240 litres.", ["24"]) == 0
    assert contains("Anything.", ["the", ""]) is None


def test_f1_is_that_of_the_known_answer_that_is_nearest() -> None:
    assert f1("six days", ["thirty days of leave", "six days"]) == 1
    assert f1("six whole days", ["six"]) == pytest.approx(0.5)
    assert f1("", ["six"]) == 0
    assert f1("six", []) is None


def test_what_is_withheld_counts_against_recall_precision_and_the_answers() -> None:
    found = {name: (round(one.value, 3), one.n) for name, one in figures(MIXED).items()}

    assert found == {
        "answered.answerable": (0.667, 3),
        "abstention.precision": (0.5, 2),
        "abstention.recall": (0.5, 2),
        "answer.contains": (0.667, 3),
        "answer.f1": (0.333, 3),
        "citation.precision": (0.5, 6),
        "citation.gold": (1.0, 4),
    }


def test_the_curve_is_of_the_evidence_whatever_was_withheld() -> None:
    points = {one.threshold: one for one in curve(MIXED)}

    assert (points[0.05].precision, points[0.05].recall, points[0.05].answered) == (None, 0, 1)
    assert points[0.5] == point(MIXED, 0.5)
    assert [points[0.5].precision, points[0.5].recall, points[0.5].answered] == pytest.approx([2 / 3, 1, 2 / 3])


def test_the_area_counts_pairs_and_ties_half() -> None:
    assert auc(MIXED) == pytest.approx(5 / 6)
    assert auc([answered(0.5, answerable=True), answered(0.5, answerable=False)]) == 0.5
    assert auc([answered(0.5, answerable=True)]) is None


def test_the_target_leaves_at_least_93_of_100_answerable_questions_answered() -> None:
    many = [answered(n / 100, answerable=True) for n in range(100)] + [answered(0.01, answerable=False)]

    found = at_target(many)

    assert found is not None
    assert (found.threshold, found.answered, found.recall) == (0.07, 0.93, 1)
    assert list(curve(many[:100])) == []
    assert at_target(many[:100]) is None
