"""A span of a document's text to the places on its pages where a reader sees it."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from rag.tables import ChunkRow, VersionRow

BOX = struct.Struct("<4H")  # left, top, right, bottom, in tenths of a point
Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Highlight:
    """Where a span stands on one page, in points from its upper left corner: left, top, right, bottom."""

    page: int
    width: float
    height: float
    rectangles: tuple[Rectangle, ...]


def highlights(session: Session, document_id: str, version: int, start: int, end: int) -> list[Highlight]:
    """Return the places of characters [start, end) in the served version, page by page; none without boxes."""
    row = session.get(
        VersionRow, (document_id, version), options=[undefer(VersionRow.boxes), undefer(VersionRow.page_sizes)]
    )
    if row is None or row.boxes is None:
        return []
    boxes = zlib.decompress(row.boxes)
    query = select(ChunkRow.page, ChunkRow.start, ChunkRow.end).where(
        ChunkRow.document_id == document_id, ChunkRow.version == version, ChunkRow.start < end, ChunkRow.end > start
    )
    spans: dict[int, tuple[int, int]] = {}
    for page, first, last in session.execute(query.order_by(ChunkRow.start)):
        if page is not None:
            known = spans.get(page, (last, first))
            spans[page] = min(known[0], max(first, start)), max(known[1], min(last, end))
    return [
        Highlight(
            page=page,
            width=row.page_sizes[page - 1][0],
            height=row.page_sizes[page - 1][1],
            rectangles=tuple(lines(boxes, *span)),
        )
        for page, span in spans.items()
    ]


def lines(boxes: bytes, start: int, end: int) -> Iterator[Rectangle]:
    """Yield one rectangle a line for characters [start, end), in points, in reading order."""
    current: list[int] = []
    for offset in range(start * BOX.size, min(end * BOX.size, len(boxes)), BOX.size):
        left, top, right, bottom = BOX.unpack_from(boxes, offset)
        if right <= left and bottom <= top:
            continue  # a character that is not on the page
        if current and min(bottom, current[3]) - max(top, current[1]) > (bottom - top) / 2:
            current = [min(left, current[0]), min(top, current[1]), max(right, current[2]), max(bottom, current[3])]
            continue
        if current:
            yield _points(current)
        current = [left, top, right, bottom]
    if current:
        yield _points(current)


def _points(box: list[int]) -> Rectangle:
    left, top, right, bottom = (value / 10 for value in box)
    return left, top, right, bottom
