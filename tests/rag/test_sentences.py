"""Sentence boundaries."""

import pytest

from rag.sentences import sentence_spans, sentences

CUT = {
    "two sentences": ["The knife is worn. ", "Replace it."],
    "a question and an exclamation": ["Who agrees? ", "A director! ", "Ask first."],
    "a quote ends after its mark": ["“It ran well.” ", "Callum said so."],
    "a number goes on after its point": ["It costs 3.5 percent of 1.000 pounds."],
    "a small letter goes on": ["Send it to Ghent approx. two weeks ahead."],
    "a title is no end": ["Dr. Oakes and Mrs. Larkspur agree."],
    "an initial is no end": ["Ask R. Castell about it."],
    "an abbreviation is no end": ["Bring a mark, e.g. Internal, on paper."],
    "a blank line ends": ["A heading\n\n", "Its text."],
    "list items end": ["Bring:\n", "- the badge\n", "- form HR-12"],
    "numbered items end": ["First:\n", "1. arrive\n", "2. sign"],
    "table rows end": ["Class | Kept for\n", "Visitor book | 90 days\n", "Logs | 180 days"],
    "a wrapped line goes on": ["The first line\nand the second."],
    "Chinese has no spaces": ["刀具已磨损。", "请更换。"],
    "Japanese quotes": ["「はい。」", "次へ。"],
}


@pytest.mark.parametrize("expected", CUT.values(), ids=CUT)
def test_a_text_is_cut_where_its_sentences_end(expected: list[str]) -> None:
    assert sentences("".join(expected)) == expected


@pytest.mark.parametrize("text", ["", " ", "\n\n\n", "...", "One. Two.\n\n\n Three.  ", "!?!? A\n- \n| |"])
def test_the_sentences_of_any_text_joined_are_the_text(text: str) -> None:
    assert "".join(sentences(text)) == text


def test_spans_follow_each_other_without_a_gap() -> None:
    assert sentence_spans("One. Two.\n\nThree.") == [(0, 5), (5, 11), (11, 17)]
    assert sentence_spans("") == []
