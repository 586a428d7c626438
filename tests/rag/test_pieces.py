"""Passages in the pieces that can answer: no headings and labels, rows in words, items with their lead."""

from rag.pieces import pieces
from rag.types import Hit


def shown(text: str, context: str = "Manual > 7.2 Replacing the knife") -> list[str]:
    hit = Hit(
        chunk_id="doc.1.0",
        document_id="doc",
        version=1,
        title="Manual",
        text=text,
        context=context,
        page=None,
        section="7.2 Replacing the knife",
        start=0,
        end=len(text),
        score=1.0,
    )
    found = pieces([hit])
    assert all(text[piece.start : piece.end].strip() for piece in found)
    return [piece.shown for piece in found]


def test_a_heading_is_no_piece() -> None:
    assert shown("7.2 Replacing the knife\n\n1. Lock the switch.\n2. Take out the head.") == [
        "Lock the switch.",
        "Take out the head.",
    ]
    assert shown("### Prices\n\nA knife costs £86.") == ["A knife costs £86."]


def test_a_label_is_no_piece_but_a_line_with_a_number_is() -> None:
    assert shown("METER READINGS\n\nElectricity, day 48213 kWh\n\nRemarks") == ["Electricity, day 48213 kWh"]


def test_a_row_is_told_with_the_names_of_its_columns() -> None:
    table = "Part | Work | Interval\nTape knife | replace | every 400,000 cases"

    assert shown(table) == ["Part: Tape knife; Work: replace; Interval: every 400,000 cases"]


def test_a_row_whose_header_is_in_another_passage_gets_it_from_the_context() -> None:
    assert shown("Tape knife | weekly", "Manual > Schedule\nPart | Interval") == ["Part: Tape knife; Interval: weekly"]


def test_a_row_that_does_not_fit_its_header_stays_as_it_is() -> None:
    assert shown("Part | Interval\nTape knife | weekly | Leeds") == ["Tape knife; weekly; Leeds"]


def test_an_item_comes_with_the_line_that_leads_to_its_list() -> None:
    found = shown("The following is free:\n- coffee\n- tea")

    assert found == ["The following is free: - coffee", "The following is free: - coffee - tea"]


def test_a_passage_of_headings_alone_is_one_piece() -> None:
    assert shown("# Prices\n\nRemarks") == ["# Prices Remarks"]
