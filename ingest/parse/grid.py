"""Tables on a page, by the lines drawn around their rows, or by cells that stand in columns without any."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ingest.parse.layout import Boxes, Line, Page, Segment, Text, lines_of
from ingest.parse.tables import CELL
from ingest.parse.wording import text_of

LEAST_RULES = 3
SAME = 3.0  # points: lines of one table begin and end alike
WIDE = 1.5  # times the usual height of a row: no row
MOST_APART = 250.0  # points between two lines of one table
LEAST_CELLS = 3  # in a row of a table without lines
CELL_WIDTH = 20  # times its height: what is wider on most lines is prose, not cells


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of cells; the first is the header if there are several."""

    rows: tuple[Text, ...]
    top: float


def ruled_areas(rules: Boxes) -> list[tuple[float, float, float, float, tuple[float, ...]]]:
    """Return left, top, right, bottom and the heights of the lines of every stack of lines of one width."""
    wide = _whole_rules([rule for rule in rules if rule[2] - rule[0] > 40 and rule[3] - rule[1] < 60])
    stacks: list[list[tuple[float, float, float, float]]] = []
    for rule in sorted(wide, key=lambda rule: rule[1]):
        for stack in stacks:
            last = stack[-1]
            if abs(last[0] - rule[0]) < SAME and abs(last[2] - rule[2]) < SAME and rule[1] - last[3] < MOST_APART:
                stack.append(rule)
                break
        else:
            stacks.append([rule])
    areas = []
    for stack in stacks:
        edges = sorted({round(edge) for rule in stack for edge in (rule[1], rule[3])})
        edges = [edge for edge, before in zip(edges, [-np.inf, *edges], strict=False) if edge - before > SAME]
        if len(edges) >= LEAST_RULES:
            areas.append((stack[0][0], min(r[1] for r in stack), stack[0][2], max(r[3] for r in stack), tuple(edges)))
    return [area for area in areas if not any(_is_inside(area, other) for other in areas)]


def _whole_rules(pieces: Sequence[Sequence[float]]) -> list[tuple[float, float, float, float]]:
    """A line is often drawn cell by cell: join the pieces that touch."""
    whole: list[tuple[float, float, float, float]] = []
    for left, top, right, bottom in sorted(pieces, key=lambda rule: (round(rule[1]), rule[0])):
        if whole and abs(whole[-1][1] - top) < 1.5 and left - whole[-1][2] < 10:
            before = whole[-1]
            whole[-1] = (before[0], min(before[1], top), max(before[2], right), max(before[3], bottom))
        else:
            whole.append((left, top, right, bottom))
    return whole


def _is_inside(area: tuple[object, ...], other: tuple[object, ...]) -> bool:
    a, b = np.array(area[:4], float), np.array(other[:4], float)
    return area is not other and bool((a[:2] >= b[:2] - SAME).all() and (a[2:] <= b[2:] + SAME).all())


def divided(segments: Sequence[Segment], edges: Sequence[float]) -> list[list[Segment]]:
    """Tables of one width may follow each other: part them at text that stands in a gap wider than their rows."""
    usual = float(np.median(np.diff(edges)))
    parts: list[list[Segment]] = [[]]
    for above, below in pairwise(edges):
        group = [one for one in segments if above <= one.middle < below]
        is_between = below - above > WIDE * usual and len(edges) > LEAST_RULES and not _has_cells(group)
        if is_between:
            parts.append([])
        else:
            parts[-1] += group
    return [part for part in parts if part]


def _has_cells(group: Sequence[Segment]) -> bool:
    return any(
        one is not other and min(one.y1, other.y1) - max(one.y0, other.y0) > 0.5 * one.height
        for one in group
        for other in group
    )


def ruled_table(page: Page, segments: Sequence[Segment], edges: Sequence[float]) -> Table | None:
    """Return the table that the segments between the edges of its rows make, or None if they are no cells."""
    lines = lines_of(page, segments)
    columns = _columns(lines)
    cells = [segment.x1 - segment.x0 < CELL_WIDTH * segment.height for segment in segments]
    full = sum(len(line) > 1 for line in lines)
    if len(columns) < 2 or full < max(0.4 * len(lines), 2) or sum(cells) < 0.6 * len(cells):
        return None
    groups = [
        group
        for above, below in pairwise([-np.inf, *edges, np.inf])
        if (group := [line for line in lines if above <= line[0].middle < below])
    ]
    rows = [row for group in groups for row in _rows(page, group, columns)]
    return _table(page, rows, columns)


def loose_table(page: Page, lines: Sequence[Line]) -> Table | None:
    """Return the table that lines of several cells make, or None if the cells are not in columns."""
    columns = _columns(lines)
    filled = Counter(column for line in lines for column in {_column(one, columns) for one in line})
    if sum(count >= 0.6 * len(lines) for count in filled.values()) < LEAST_CELLS:
        return None
    return _table(page, [[line] for line in lines], columns)


def _columns(lines: Sequence[Line]) -> list[float]:
    """Return the left edges of the columns: what lies between them, hardly a row covers."""
    lines = [line for line in lines if len(line) > 1]  # others are titles across the table, or long cells
    if not lines:
        return []
    left = min(segment.x0 for line in lines for segment in line)
    width = int(max(segment.x1 for line in lines for segment in line) - left) + 2
    covered = np.zeros(width, int)
    for line in lines:
        for segment in line:
            covered[int(segment.x0 - left) : int(segment.x1 - left) + 1] += 1
    full = np.concatenate(([False], covered > 0.12 * len(lines)))
    return [left + start for start in np.flatnonzero(full[1:] & ~full[:-1])]


def _rows(page: Page, group: Sequence[Line], columns: Sequence[float]) -> list[list[Line]]:
    """What stands between two drawn lines is one row if its first cell is one, else a row a line."""
    firsts = sum(_column(line[0], columns) == 0 for line in group)
    is_grid = len(group) > 1 and firsts == len(group) and all(len(line) > 1 for line in group)
    return [[line] for line in group] if firsts > 1 and (is_grid or len(group) > 3) else [list(group)]


def _column(segment: Segment, columns: Sequence[float]) -> int:
    return max(sum(edge <= segment.x0 + SAME for edge in columns) - 1, 0)


def _table(page: Page, rows: Sequence[Sequence[Line]], columns: Sequence[float]) -> Table:
    return Table(rows=tuple(_row(page, row, columns) for row in rows), top=rows[0][0][0].y0)


def _row(page: Page, lines: Sequence[Line], columns: Sequence[float]) -> Text:
    cells = [Text() for _ in columns]
    for line in lines:
        for column in range(len(columns)):
            here = [segment for segment in line if _column(segment, columns) == column]
            if here:
                cells[column] = cells[column].plus(text_of(page, here), " " if cells[column].text else "")
    while len(cells) > 1 and not cells[-1].text:
        cells.pop()
    whole = cells[0]
    for cell in cells[1:]:
        whole = whole.plus(cell, CELL)
    return whole
