"""A line's characters to its text: spaces where there is room, right-to-left text as it is read, no ligatures."""

import unicodedata
from collections.abc import Sequence

from ingest.parse.layout import HYPHENS, Page, Segment, Text, is_rtl

WORD_GAP = 0.3  # of a character's height
SPACE = 0.13  # the same, where two segments meet


def text_of(page: Page, line: Sequence[Segment]) -> Text:
    """Return the line's text: its segments, with spaces where there is room for one."""
    if is_rtl(page, line):
        return _from_right(page, line)
    whole = Text()
    before: Segment | None = None
    for segment in line:
        room = max(segment.x0 - before.x1, before.x0 - segment.x1) if before else 0.0
        between = " " if before and room > SPACE * max(segment.size, before.size) else ""
        whole = whole.plus(_piece(page, segment), between)
        before = segment
    return whole


def _piece(page: Page, segment: Segment) -> Text:
    text: list[str] = []
    places: list[int] = []
    right: float | None = None
    room = WORD_GAP  # after a line break that pdfium saw where there is none, as before a raised sign, less is enough
    for place in range(segment.start, segment.end):
        code = page.codes[place]
        left = float(page.boxes[place, 0])
        if code in "\r\n":
            room = SPACE
            continue
        if code in HYPHENS:
            continue
        is_apart = right is not None and left - right > room * segment.size
        if text and text[-1] != " " and (code.isspace() or is_apart):
            text.append(" ")
            places.append(-1)
        if code.isspace():
            continue
        room, right = WORD_GAP, float(page.boxes[place, 2])
        plain = _plain(code)
        text += plain
        places += [place] * len(plain)
    return Text(text="".join(text), places=tuple(places))


def _from_right(page: Page, line: Sequence[Segment]) -> Text:
    """Return right-to-left text as it is read, by where its characters stand; numbers and Latin words run within it.

    pdfium's own order is that of the line as a whole, which moves full stops and turns ligatures around.
    """
    seen = [place for one in line for place in range(one.start, one.end) if page.codes[place] not in "\r\n"]
    seen = [place for place in seen if page.boxes[place, 2] > page.boxes[place, 0]]
    seen.sort(key=lambda place: (-round(float(page.boxes[place, 0] + page.boxes[place, 2]), 1), -place))
    size = max(one.size for one in line)
    text: list[str] = []
    places: list[int] = []
    for place, before in zip(seen, [None, *seen], strict=False):
        code = page.codes[place]
        apart = before is not None and float(page.boxes[before, 0] - page.boxes[place, 2]) > SPACE * size
        if (code.isspace() or apart) and text[-1:] != [" "]:
            text.append(" ")
            places.append(-1)
        if not code.isspace() and code not in HYPHENS:
            plain = _plain(code)
            text += plain
            places += [place] * len(plain)
    for start, end in _left_to_right_runs(text):
        text[start:end] = text[start:end][::-1]
        places[start:end] = places[start:end][::-1]
    return Text(text="".join(text), places=tuple(places))


def _left_to_right_runs(text: Sequence[str]) -> list[tuple[int, int]]:
    """Return the spans from a Latin letter or digit to the last one before a right-to-left letter."""
    runs: list[tuple[int, int]] = []
    start = end = -1
    for index, code in enumerate([*text, "\u05d0"]):
        direction = unicodedata.bidirectional(code)
        if direction in {"L", "EN", "AN"}:
            start, end = start if start >= 0 else index, index + 1
        elif direction in {"R", "AL"} and start >= 0:
            runs.append((start, end))
            start = -1
    return runs


def _plain(code: str) -> str:
    """Ligatures and the positional forms of Arabic letters are what the reader's keyboard has no key for."""
    if "\ufb00" <= code <= "\ufdff" or "\ufe70" <= code <= "\ufefc":
        return unicodedata.normalize("NFKC", code)
    return "" if code in "\x00\ufeff" or "\ud800" <= code <= "\udfff" else code
