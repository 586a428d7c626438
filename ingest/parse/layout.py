"""Characters on a page to lines in the order of the page's columns. Knows no file format.

A page's characters come in the order in which they were drawn. They are cut into segments (runs without a gap),
segments are ordered by the page's columns (after the recursive X-Y cut of Nagy and Seth, 1984), and joined to
lines. Coordinates are points from the upper left corner of the page as it is shown.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]  # (n, 4): left, top, right, bottom

GAP = 0.7  # of a character's height: wider than a space in justified text, as between columns and cells
COLUMN_GAP = 0.8
PROSE_WIDTH = 8  # times its height: a narrower line is a cell or a label, no line of a column of text
LEAST_COLUMN_LINES = 4
RTL_FIRST, RTL_LAST, RTL_FORMS = "\u0590", "\u08ff", "\ufb1d"
HYPHENS = {"\ufffe", "\u00ad", "\x02"}  # how pdfium marks a word that is cut at a line's end


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page's characters in drawing order, and the bounds of the lines and bars drawn across it."""

    codes: Sequence[str]
    boxes: Boxes
    rules: Boxes = field(default_factory=lambda: np.zeros((0, 4), np.float32))

    @cached_property
    def has_rtl(self) -> bool:
        return any(RTL_FIRST <= code <= RTL_LAST or RTL_FORMS <= code <= "\ufefc" for code in self.codes)


@dataclass(frozen=True, kw_only=True)
class Text:
    """A string and, for each of its characters, which of the page's it is; -1 for none of them."""

    text: str = ""
    places: tuple[int, ...] = ()

    def plus(self, other: "Text", between: str = "") -> "Text":
        places = (*self.places, *(-1 for _ in between), *other.places)
        return Text(text=self.text + between + other.text, places=places)


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A run of characters on one line without a gap: `[start, end)` of the page's.

    `size` and `center` are the medians of the characters' heights and middles: one odd sign does not change them.
    """

    start: int
    end: int
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    center: float

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def middle(self) -> float:
        return (self.y0 + self.y1) / 2


Line = list[Segment]  # in reading order


def turned(page: Page) -> tuple[Page, int]:
    """Return the page as one turns it to read it, by how many quarter turns to the right.

    A wide table is often printed sideways on an upright page; then most characters follow one another up or down.
    """
    centers = (page.boxes[:, :2] + page.boxes[:, 2:]) / 2
    steps = np.diff(centers[page.boxes[:, 2] > page.boxes[:, 0]], axis=0)
    steps = steps[np.abs(steps).max(axis=1) < 30] if len(steps) else steps
    upright = np.abs(steps[:, 0]) >= np.abs(steps[:, 1]) if len(steps) else np.ones(1, bool)
    if upright.mean() > 0.4:
        turns = 2 if len(steps) and np.median(steps[upright, 0]) < 0 and not page.has_rtl else 0
    else:
        turns = 1 if np.median(steps[~upright, 1]) < 0 else 3
    return Page(codes=page.codes, boxes=turn(page.boxes, turns), rules=turn(page.rules, turns)), turns


def turn(boxes: Boxes, turns: int) -> Boxes:
    """Turn boxes to the right by quarter turns around the origin; what becomes negative stays so."""
    for _ in range(turns):
        boxes = np.stack([-boxes[:, 3], boxes[:, 0], -boxes[:, 1], boxes[:, 2]], axis=1)
    return boxes


def segments_of(page: Page) -> list[Segment]:
    """Cut the page's characters where the pen jumps; white space alone makes none."""
    inked = np.array([not code.isspace() and code not in HYPHENS for code in page.codes], bool)
    inked &= (page.boxes[:, 2] > page.boxes[:, 0]) & (page.boxes[:, 3] > page.boxes[:, 1])
    at = np.flatnonzero(inked)
    if not len(at):
        return []
    x0, y0, x1, y1 = page.boxes[at].T
    height = np.minimum((y1 - y0)[1:], (y1 - y0)[:-1])
    overlap = np.minimum(y1[1:], y1[:-1]) - np.maximum(y0[1:], y0[:-1])
    gap = np.maximum(x0[1:] - x1[:-1], x0[:-1] - x1[1:])  # to the left in right-to-left text
    jumps = (overlap < 0.5 * height) | (gap > GAP * height)
    cuts = np.flatnonzero(jumps) + 1
    bounds = zip([0, *cuts], [*cuts, len(at)], strict=True)
    return _upright(
        [
            Segment(
                start=int(at[first]),
                end=int(at[last - 1]) + 1,
                x0=float(x0[first:last].min()),
                y0=float(y0[first:last].min()),
                x1=float(x1[first:last].max()),
                y1=float(y1[first:last].max()),
                size=float(np.median((y1 - y0)[first:last])),
                center=float(np.median((y0 + y1)[first:last])) / 2,
            )
            for first, last in bounds
        ]
    )


def _upright(segments: list[Segment]) -> list[Segment]:
    """Join single characters that stand above each other: a label written sideways is one segment, not many."""
    joined: list[Segment] = []
    run: list[Segment] = []
    for segment in [*segments, None]:
        if segment is not None and segment.end - segment.start == 1 and (not run or _is_above(run[-1], segment)):
            run.append(segment)
            continue
        joined += [spanning(run)] if len(run) > 2 else run
        run = [segment] if segment is not None else []
    return joined


def _is_above(one: Segment, other: Segment) -> bool:
    is_near = max(other.y0 - one.y1, one.y0 - other.y1) < 1.5 * one.height
    return is_near and min(one.x1, other.x1) - max(one.x0, other.x0) > 0.5 * min(one.x1 - one.x0, other.x1 - other.x0)


def spanning(run: Sequence[Segment]) -> Segment:
    """Return one segment in place of several."""
    return Segment(
        start=run[0].start,
        end=run[-1].end,
        x0=min(segment.x0 for segment in run),
        y0=min(segment.y0 for segment in run),
        x1=max(segment.x1 for segment in run),
        y1=max(segment.y1 for segment in run),
        size=run[0].size,
        center=run[len(run) // 2].center,
    )


def lines_of(page: Page, segments: Sequence[Segment]) -> list[Line]:
    """Join segments to lines, from top to bottom; a raised or lowered sign stays on its line."""
    lines: list[Line] = []
    tallest: list[Segment] = []
    for segment in sorted(segments, key=lambda segment: segment.middle):
        near = [
            number
            for number in range(max(len(lines) - 3, 0), len(lines))
            if min(segment.y1, tallest[number].y1) - max(segment.y0, tallest[number].y0)
            > 0.5 * min(segment.height, tallest[number].height)
        ]
        if near:
            number = near[-1]
            lines[number].append(segment)
            tallest[number] = max(tallest[number], segment, key=lambda one: one.height)
        else:
            lines.append([segment])
            tallest.append(segment)
    for line in lines:
        from_right = is_rtl(page, line)
        line.sort(key=lambda segment: -segment.x1 if from_right else segment.x0)  # used at once
    return lines


def is_rtl(page: Page, line: Sequence[Segment]) -> bool:
    """Return whether most letters of a line are read from right to left."""
    if not page.has_rtl:
        return False
    signs = [unicodedata.bidirectional(page.codes[place]) for one in line for place in range(one.start, one.end)]
    return sum(sign in {"R", "AL"} for sign in signs) > sum(sign == "L" for sign in signs)


def columns_of(page: Page, segments: Sequence[Segment]) -> list[list[Segment]]:
    """Return the segments in reading order as regions of one column each."""
    gutter = _gutter(page, segments)
    if gutter is None:
        return [list(segments)] if segments else []
    left, right = gutter
    across = sorted((one for one in segments if one.x0 < left and one.x1 > right), key=lambda one: one.middle)
    bands: list[list[Segment]] = [[] for _ in range(len(across) + 1)]
    for segment in segments:
        if not (segment.x0 < left and segment.x1 > right):
            bands[sum(one.middle < segment.middle for one in across)].append(segment)
    regions: list[list[Segment]] = []
    wide: list[Segment] = []
    for number, band in enumerate(bands):
        if band:
            regions += [wide] if wide else []
            wide = []
            sides = ([one for one in band if one.x1 <= right], [one for one in band if one.x1 > right])
            ordered = reversed(sides) if is_rtl(page, band) else sides
            regions += [region for side in ordered for region in columns_of(page, side)]
        wide += across[number : number + 1]
    return regions + ([wide] if wide else [])


def _gutter(page: Page, segments: Sequence[Segment]) -> tuple[float, float] | None:
    """Return left and right edge of the white strip between two columns of text, the one fewest lines cross."""
    if len(segments) < 2 * LEAST_COLUMN_LINES:
        return None
    x0, x1 = np.array([(one.x0, one.x1) for one in segments]).T
    height = np.array([one.height for one in segments])
    lefts = np.unique(np.round(x1))
    width = COLUMN_GAP * float(np.median(height))
    is_left = x1[None, :] <= lefts[:, None] + 1
    is_right = x0[None, :] >= lefts[:, None] + width
    crossed = ((~is_left & ~is_right) * height).sum(axis=1)
    fits = (is_left.sum(axis=1) >= LEAST_COLUMN_LINES) & (is_right.sum(axis=1) >= LEAST_COLUMN_LINES)
    fits &= crossed < 0.5 * height.sum()
    for number in sorted(np.flatnonzero(fits), key=lambda number: float(crossed[number]))[:8]:
        sides = (
            [one for one, chosen in zip(segments, mask[number], strict=True) if chosen] for mask in (is_left, is_right)
        )
        if all(_is_prose(lines_of(page, side)) for side in sides):
            return float(lefts[number]) + 1, float(lefts[number]) + width
    return None


def _is_prose(lines: Sequence[Line]) -> bool:
    """Lines of a text column are wide and of one piece; the rows of half a table are neither."""
    wide = sum(line[-1].x1 - line[0].x0 > PROSE_WIDTH * line[0].height for line in lines)
    whole = sum(len(line) == 1 for line in lines)
    return len(lines) >= LEAST_COLUMN_LINES and wide >= 0.5 * len(lines) and whole >= 0.6 * len(lines)
