"""Citation marks: removed, added, moved and checked against their sources."""

import pytest

from rag.citations import check, support, words
from rag.types import Citation, Hit


def hit(text: str, *, n: int = 1, context: str = "", start: int = 0) -> Hit:
    return Hit(
        chunk_id=f"doc_{n}.1.0",
        document_id=f"doc_{n}",
        version=1,
        title="Handbook",
        text=text,
        context=context,
        page=4,
        section=None,
        start=start,
        end=start + len(text),
        score=0.5,
    )


LEAVE = hit("Partners get leave.\nThey may take 6 weeks at full pay. Ask People.", n=1, start=100)
TRAVEL = hit("Hand in your expenses within 30 days after the journey.", n=2)


def test_a_mark_whose_source_states_the_sentence_is_supported_and_quotes_it_at_its_place() -> None:
    answer, citations = check("Partners may take 6 weeks at full pay [1].", [LEAVE, TRAVEL])

    assert answer == "Partners may take 6 weeks at full pay [1]."
    assert citations == [
        Citation(
            n=1,
            document_id="doc_1",
            version=1,
            page=4,
            start=120,
            end=154,
            quote="They may take 6 weeks at full pay.",
            supported=True,
        )
    ]
    assert LEAVE.text[120 - LEAVE.start : 154 - LEAVE.start] == citations[0].quote


def test_a_number_that_the_source_does_not_hold_is_not_supported() -> None:
    _, citations = check("Partners may take 8 weeks at full pay [1].", [LEAVE])

    assert [citation.supported for citation in citations] == [False]


def test_a_sentence_of_other_words_is_not_supported() -> None:
    _, citations = check("Fly business class whenever it pleases [1].", [LEAVE])

    assert [citation.supported for citation in citations] == [False]


def test_a_mark_to_a_source_that_was_not_given_is_removed() -> None:
    answer, citations = check("Nobody knows the colour of the sky [7].", [LEAVE])

    assert answer == "Nobody knows the colour of the sky."
    assert citations == []


def test_a_sentence_without_a_mark_gets_that_of_the_source_which_states_it() -> None:
    answer, citations = check("Hand in expenses within 30 days.", [LEAVE, TRAVEL])

    assert answer == "Hand in expenses within 30 days [2]."
    assert [(citation.n, citation.supported) for citation in citations] == [(2, True)]


def test_a_sentence_that_no_source_states_stays_without_a_mark() -> None:
    assert check("Nobody knows the colour of the sky.", [LEAVE, TRAVEL]) == ("Nobody knows the colour of the sky.", [])


@pytest.mark.parametrize(
    "written",
    [
        "They may take 6 weeks at full pay. [1] Hand in your expenses within 30 days. [2]",
        "They may take 6 weeks at full pay.[1] Hand in your expenses within 30 days.[2]",
        "They may take 6 weeks at full pay[1]. Hand in your expenses within 30 days[2].",
    ],
)
def test_a_mark_after_the_end_mark_belongs_to_the_sentence_before_it(written: str) -> None:
    answer, citations = check(written, [LEAVE, TRAVEL])

    assert answer == "They may take 6 weeks at full pay [1]. Hand in your expenses within 30 days [2]."
    assert [(citation.n, citation.supported) for citation in citations] == [(1, True), (2, True)]


def test_several_marks_are_several_citations_and_a_double_one_counts_once() -> None:
    answer, citations = check("Take 6 weeks, hand in within 30 days [2][1][2].", [LEAVE, TRAVEL])

    assert answer == "Take 6 weeks, hand in within 30 days [2] [1]."
    assert [citation.n for citation in citations] == [2, 1]


def test_a_table_row_is_supported_by_its_header_in_the_context() -> None:
    row = hit("Visitor book | 90 days", context="Policy\nData | Kept for")

    _, citations = check("The data of the visitor book are kept for 90 days [1].", [row])

    assert citations[0].supported
    assert citations[0].quote == "Visitor book | 90 days"


def test_chinese_and_thousands_separators_are_compared_too() -> None:
    source = hit("样品测试持续1,000小时。")

    answer, citations = check("测试持续1000小时。", [source])

    assert answer == "测试持续1000小时 [1]。"
    assert citations[0].supported


def test_an_answer_without_sources_has_no_citations() -> None:
    assert check("They may take 6 weeks [1].", []) == ("They may take 6 weeks.", [])
    assert check("", [LEAVE]) == ("", [])


def test_support_is_the_share_of_the_words_and_nothing_if_a_number_is_missing() -> None:
    assert words("At 07:30, pay £1,000 on HR-31") == {"07:30", "pay", "1000", "31"}
    assert support("replace the tape knife", "the tape is new") == 0.5
    assert support("replace the tape knife after 400,000 cases", "replace the tape knife after many cases") == 0.0
    assert support("", "anything") == 0.0
