"""Rows of cells as a block: a row is a line, `cell | cell`, and what names the columns travels with every part."""

import re
from collections.abc import Sequence

from rag.types import Block

CELL = " | "
_CAPTION = re.compile(r"(?:table|tabelle|tab\.|tableau|tabla|tabela|tabel|表|표)\s*[\dIVX]", re.IGNORECASE)
MOST_HEADER_CHARS = 600  # the rows above the first full one may be prose, not a header


def is_caption(text: str) -> bool:
    """Return whether a line names the table under it: `Table 3: ...`."""
    return bool(_CAPTION.match(text))


def row_of(cells: Sequence[str]) -> str:
    """Return the row as one line; empty cells keep their place, but not at the end."""
    filled = [" ".join(cell.split()) for cell in cells]
    while filled and not filled[-1]:
        filled.pop()
    return CELL.join(filled)


def header_of(rows: Sequence[str]) -> str:
    """Return the header row with the titles above it that span the table; empty if there is nothing below."""
    if len(rows) < 2:
        return ""
    first = next((number for number, row in enumerate(rows) if CELL in row), 0)
    header = "\n".join(rows[: first + 1])
    return header if first + 1 < len(rows) and len(header) <= MOST_HEADER_CHARS else rows[0][:MOST_HEADER_CHARS]


def table_block(rows: Sequence[str], section: tuple[str, ...] = (), page: int | None = None) -> Block:
    return Block(text="\n".join(rows), page=page, section=section, is_table=True, header=header_of(rows))
