"""Character boxes to the rectangles that a reader sees marked."""

from rag.highlights import BOX, lines


def boxes(*of: tuple[int, int, int, int]) -> bytes:
    return b"".join(BOX.pack(*box) for box in of)


TWO_LINES = boxes((100, 100, 150, 200), (150, 110, 200, 200), (0, 0, 0, 0), (100, 220, 150, 320), (150, 220, 210, 330))


def test_characters_of_a_line_become_one_rectangle_in_points() -> None:
    assert list(lines(TWO_LINES, 0, 5)) == [(10.0, 10.0, 20.0, 20.0), (10.0, 22.0, 21.0, 33.0)]


def test_only_the_span_is_marked() -> None:
    assert list(lines(TWO_LINES, 1, 4)) == [(15.0, 11.0, 20.0, 20.0), (10.0, 22.0, 15.0, 32.0)]


def test_a_span_of_characters_that_are_not_on_the_page_has_no_place() -> None:
    assert list(lines(TWO_LINES, 2, 3)) == []


def test_a_span_beyond_the_text_ends_with_it() -> None:
    assert list(lines(TWO_LINES, 4, 99)) == [(15.0, 22.0, 21.0, 33.0)]
