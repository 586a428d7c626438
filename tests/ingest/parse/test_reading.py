"""A page's characters to text as a reader takes it. Pages are set by hand: x, y of each line's beginning."""

import numpy as np

from ingest.parse.grid import Table
from ingest.parse.layout import Page, turn
from ingest.parse.reading import Written, read

WIDTH, HEIGHT = 5.0, 10.0
PROSE = [
    "The yard is closed on",
    "Fridays and on every",
    "public holiday. Keys",
    "are with the porter,",
    "whose hut is near by.",
]


def page(*lines: tuple[float, float, str], rules: tuple[tuple[float, ...], ...] = (), size: float = 1.0) -> Page:
    codes: list[str] = []
    boxes: list[tuple[float, float, float, float]] = []
    for x, y, text in lines:
        for number, code in enumerate(text):
            left = x + number * WIDTH * size
            codes.append(code)
            boxes.append((left, y, left + WIDTH * size, y + HEIGHT * size) if code != " " else (0, 0, 0, 0))
        codes.append("\n")
        boxes.append((0, 0, 0, 0))
    return Page(codes=codes, boxes=np.array(boxes, np.float32), rules=np.array(rules, np.float32).reshape(-1, 4))


def texts(items: list[Written | Table]) -> list[str]:
    return [item.text.text if isinstance(item, Written) else "\n".join(row.text for row in item.rows) for item in items]


def test_two_columns_are_read_one_after_the_other_however_they_were_drawn() -> None:
    right = [line.upper() for line in PROSE]
    drawn = [line for n in range(5) for line in ((50, 100 + 12 * n, PROSE[n]), (250, 100 + 12 * n, right[n]))]

    assert texts(read(page((50, 60, "A title that goes across both of the columns below"), *drawn))) == [
        "A title that goes across both of the columns below",
        *PROSE,
        *right,
    ]


def test_a_drawn_table_is_one_of_rows_whose_cells_keep_their_columns() -> None:
    cells = [(55, 103, "Key"), (155, 103, "Place"), (255, 103, "Since"), (55, 123, "Gate"), (255, 123, "2024")]
    rules = tuple((50.0, y, 350.0, y + 0.5) for y in (100.0, 120.0, 140.0))

    items = read(page((50, 80, "All keys"), *cells, (50, 160, "Ask the porter."), rules=rules))

    assert texts(items) == ["All keys", "Key | Place | Since\nGate |  | 2024", "Ask the porter."]
    assert isinstance(items[1], Table)


def test_a_cell_of_two_lines_stays_in_its_row() -> None:
    cells = [(55, 103, "Key"), (155, 103, "Place"), (55, 123, "Gate"), (155, 123, "Hut of"), (155, 135, "porter")]
    rules = tuple((50.0, y, 350.0, y + 0.5) for y in (100.0, 120.0, 150.0))

    assert texts(read(page(*cells, rules=rules))) == ["Key | Place\nGate | Hut of porter"]


def test_a_table_without_lines_is_told_by_its_columns() -> None:
    rows = [("Key", "Place", "Since"), ("Gate", "Hut", "2024"), ("Crane", "Hall", "2023")]
    cells = [(50 + 100 * x, 100 + 14 * y, text) for y, row in enumerate(rows) for x, text in enumerate(row)]

    assert texts(read(page(*cells))) == ["Key | Place | Since\nGate | Hut | 2024\nCrane | Hall | 2023"]


def test_text_in_a_frame_is_no_table() -> None:
    frame = tuple((40.0, y, 200.0, y + 0.5) for y in (90.0, 130.0, 190.0))

    assert texts(read(page(*((50, 100 + 12 * n, line) for n, line in enumerate(PROSE)), rules=frame))) == PROSE


def test_a_raised_sign_stays_on_its_line() -> None:
    parts = [page((50, 100, "E=m")), page((65, 98, "2"), size=0.7), page((72, 100, "is so"))]
    whole = Page(codes=[c for part in parts for c in part.codes], boxes=np.concatenate([part.boxes for part in parts]))

    assert texts(read(whole)) == ["E=m2 is so"]


def test_a_page_printed_sideways_is_read_as_if_one_turned_it() -> None:
    upright = page(*((50, 100 + 12 * n, line) for n, line in enumerate(PROSE)))
    for turns in (1, 2, 3):
        assert texts(read(Page(codes=upright.codes, boxes=turn(upright.boxes, turns)))) == PROSE


def test_right_to_left_text_is_in_the_order_it_is_read_and_its_numbers_in_theirs() -> None:
    codes = list("." + "ימים"[::-1] + " 20 " + "חופשה של"[::-1])  # from left to right, as it stands on the page
    boxes = [(50 + 5 * n, 100, 55 + 5 * n, 110) if code != " " else (0, 0, 0, 0) for n, code in enumerate(codes)]

    items = read(Page(codes=codes, boxes=np.array(boxes, np.float32)))

    assert texts(items) == ["חופשה של 20 ימים."]


def test_every_character_knows_its_place_on_the_page() -> None:
    given = page((50, 100, "oﬃce"))

    item = read(given)[0]

    assert isinstance(item, Written)
    assert (item.text.text, item.text.places) == ("office", (0, 1, 1, 1, 2, 3))
