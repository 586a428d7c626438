"""Citation marks: removed, added, moved and checked against their sources."""

import pytest

from rag.citations import check as checked
from rag.types import Citation, Hit


def check(answer: str, hits: list[Hit]) -> tuple[str, list[Citation]]:
    found = checked(answer, hits)
    return found.answer, found.citations


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


@pytest.mark.parametrize(
    "written",
    [
        "Partners may take 8 weeks at full pay [1].",
        "Fly business class whenever it pleases [1].",
        "Nobody knows the colour of the sky [7].",
        "Nobody knows the colour of the sky.",
    ],
)
def test_a_sentence_that_no_source_states_is_left_out(written: str) -> None:
    assert check(f"They may take 6 weeks at full pay [1]. {written}", [LEAVE])[0] == (
        "They may take 6 weeks at full pay [1]."
    )
    assert check(written, [LEAVE, TRAVEL]) == ("", [])


def test_a_mark_to_a_source_that_does_not_state_the_sentence_gives_way_to_one_that_does() -> None:
    found = checked("Hand in expenses within 30 days [1][7].", [LEAVE, TRAVEL])

    assert (found.answer, found.dropped_marks) == ("Hand in expenses within 30 days [2].", 2)


def test_a_sentence_without_a_mark_gets_that_of_the_source_which_states_it() -> None:
    answer, citations = check("Hand in expenses within 30 days.", [LEAVE, TRAVEL])

    assert answer == "Hand in expenses within 30 days [2]."
    assert [(citation.n, citation.supported) for citation in citations] == [(2, True)]


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
    written = "They may take 6 weeks at full pay, and hand in your expenses within 30 days"

    answer, citations = check(f"{written} [2][1][2].", [LEAVE, TRAVEL])

    assert answer == f"{written} [2] [1]."
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
    assert check("They may take 6 weeks [1].", []) == ("", [])
    assert check("", [LEAVE]) == ("", [])
