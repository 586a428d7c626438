"""A page's text in reading order: paragraphs of lines, and tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from ingest.parse.grid import LEAST_CELLS, Table, divided, loose_table, ruled_areas, ruled_table
from ingest.parse.layout import (
    HYPHENS,
    Line,
    Page,
    Segment,
    Text,
    columns_of,
    lines_of,
    segments_of,
    spanning,
    turned,
)
from ingest.parse.wording import text_of

PARAGRAPH_GAP = 0.7  # of a line's height, more than the usual distance of lines
LEAST_ROWS = 3


@dataclass(frozen=True, kw_only=True)
class Written:
    """A line: its text, its height in points, whether a paragraph begins with it; `first` is its first character."""

    text: Text
    height: float
    first: int
    starts_paragraph: bool
    is_cut: bool  # its last word goes on in the next line


def read(page: Page) -> list[Written | Table]:
    """Return the lines and tables of a page in the order in which a reader takes them."""
    page, _ = turned(page)
    segments = segments_of(page)
    tables: dict[int, Table] = {}
    for left, top, right, bottom, edges in ruled_areas(page.rules):
        inside = [one for one in segments if left - 3 <= one.x0 and one.x1 <= right + 3 and top < one.middle < bottom]
        for part in divided(inside, edges):
            table = ruled_table(page, part, edges)
            if table is not None:
                taken = {id(one) for one in part}
                mark = replace(spanning(part), x0=left, x1=right, end=part[0].start)
                tables[id(mark)] = table
                segments = [*(one for one in segments if id(one) not in taken), mark]
    return [item for region in columns_of(page, segments) for item in _region(page, region, tables)]


def _region(page: Page, region: Sequence[Segment], tables: dict[int, Table]) -> Iterator[Written | Table]:
    """The tables of a region divide its lines."""
    marks = sorted((one for one in region if id(one) in tables), key=lambda mark: mark.y0)
    rest = [one for one in region if id(one) not in tables]
    for mark in marks:
        yield from _written(page, lines_of(page, [one for one in rest if one.middle < mark.y0 + 1]))
        yield tables[id(mark)]
        rest = [one for one in rest if one.middle >= mark.y0 + 1]
    yield from _written(page, lines_of(page, rest))


def _written(page: Page, lines: Sequence[Line]) -> Iterator[Written | Table]:
    distances = [_main(below).center - _main(above).center for above, below in pairwise(lines)]
    usual = float(np.median(distances)) if distances else 0.0
    number = 0
    before: Line | None = None
    while number < len(lines):
        end = number
        while end < len(lines) and len(lines[end]) >= LEAST_CELLS:
            end += 1
        table = loose_table(page, lines[number:end]) if end - number >= LEAST_ROWS else None
        if table is not None:
            yield table
            number, before = end, None
            continue
        for line in lines[number : max(end, number + 1)]:
            yield _line(page, line, before, usual)
            before = line
        number = max(end, number + 1)


def _line(page: Page, line: Line, before: Line | None, usual: float) -> Written:
    main, above = _main(line), _main(before) if before else None
    gap = main.center - above.center - usual if above else 0.0
    is_other = above is not None and abs(above.size - main.size) > 0.1 * main.size
    last = line[-1].end
    return Written(
        text=text_of(page, line),
        height=main.size,
        first=line[0].start,
        starts_paragraph=above is None or is_other or gap > PARAGRAPH_GAP * main.size,
        is_cut=last < len(page.codes) and page.codes[last] in HYPHENS,
    )


def _main(line: Line) -> Segment:
    return max(line, key=lambda one: one.end - one.start)
