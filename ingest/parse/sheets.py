"""Spreadsheets and CSV: every run of filled rows is a table, under its sheet's name and the titles above it.

Read by calamine (.xlsx, .xlsb, .xls, .ods) and the standard library. Formulas are not computed: what was saved is read.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import groupby
from pathlib import Path

import python_calamine as calamine

from ingest.parse.encodings import read_text
from ingest.parse.kinds import OLE_MAGIC
from ingest.parse.metadata import Metadata, office_metadata
from ingest.parse.tables import CELL, MOST_HEADER_CHARS, header_of, row_of
from rag.errors import EncryptedDocument
from rag.types import Block, ParsedDocument

DELIMITERS = ";\t|,"  # of two that fit alike, the first: a comma may be a decimal one
SNIFFED_LINES = 20
MOST_HEADER_ROWS = 5
MOST_TITLE_CHARS = 150
MOST_CSV_FIELD = 10_000_000

Cell = str | float | bool | date | time | datetime | timedelta


def parse_sheets(path: Path, filename: str) -> ParsedDocument:
    """One section a visible sheet. Raise EncryptedDocument if it needs a password."""
    try:
        with calamine.CalamineWorkbook.from_path(str(path)) as book:
            blocks = tuple(
                block
                for number, sheet in enumerate(book.sheets_metadata)
                if sheet.visible == calamine.SheetVisibleEnum.Visible and sheet.typ == calamine.SheetTypeEnum.WorkSheet
                for block in _tables(book.get_sheet_by_index(number).iter_rows(), (sheet.name,))
            )
    except calamine.PasswordError as exc:
        raise EncryptedDocument(f"{filename} needs a password. Save it without one and upload it again.") from exc
    title, known = _metadata(path)
    return ParsedDocument(title=title or Path(filename).stem, blocks=blocks, **known)


def _metadata(path: Path) -> tuple[str, Metadata]:
    with path.open("rb") as file:
        is_old = file.read(len(OLE_MAGIC)) == OLE_MAGIC
    if is_old:
        from ingest.parse.ole import ole_metadata  # only for what is one

        return ole_metadata(path)
    return office_metadata(path)


def parse_csv(path: Path, filename: str) -> ParsedDocument:
    """One table for each run of lines; the delimiter is told from the first lines. Raise csv.Error if it is none."""
    text = read_text(path)
    csv.field_size_limit(MOST_CSV_FIELD)
    rows = csv.reader(text.splitlines(keepends=True), delimiter=_delimiter(text))
    return ParsedDocument(title=Path(filename).stem, blocks=tuple(_tables(rows, ())))


def _delimiter(text: str) -> str:
    """Return the sign that cuts the first lines into most cells, the same number in each before all."""
    first = text.splitlines()[:SNIFFED_LINES]

    def fit(delimiter: str) -> tuple[bool, int]:
        widths = {len(row) for row in csv.reader(first, delimiter=delimiter)}
        return len(widths) == 1 and widths != {1}, max(widths, default=0)

    return max(DELIMITERS, key=fit)


def _tables(rows: Iterable[Sequence[Cell]], sheet: tuple[str, ...]) -> Iterator[Block]:
    """A run of lines with one cell is text, and the title of the tables below it; any other run is a table."""
    titles: list[str] = []
    is_used = False
    for run in _whole(rows):
        lines = [row_of([_shown(cell) for cell in row]) for row in run]
        if sheet and not any(CELL in line for line in lines):
            yield Block(text="\n".join(lines), section=sheet)
            title = " ".join(lines)
            titles = [] if is_used else titles
            if len(title) <= MOST_TITLE_CHARS:
                titles, is_used = [*titles, title], False
        else:
            is_used = True
            yield Block(text="\n".join(lines), section=(*sheet, *titles), is_table=True, header=_header(run, lines))


def _whole(rows: Iterable[Sequence[Cell]]) -> Iterator[list[Sequence[Cell]]]:
    """Yield the runs of filled rows; a header that an empty row parts from its numbers belongs to them."""
    held: list[Sequence[Cell]] = []
    for is_filled, group in groupby(rows, key=lambda row: any(cell not in {"", None} for cell in row)):
        run = list(group)
        if not is_filled:
            if held and len(run) > 1:
                yield held
                held = []
            continue
        is_header = not any(_is_number(cell) for row in run for cell in row) and any(_width(row) > 1 for row in run)
        if held and (is_header or not any(_is_number(cell) for cell in run[0])):
            yield held
            held = []
        if is_header and len(run) <= MOST_HEADER_ROWS:
            held = run
        else:
            yield [*held, *run]
            held = []
    if held:
        yield held


def _header(run: Sequence[Sequence[Cell]], lines: Sequence[str]) -> str:
    """Return the rows above the first one with a number, if they are few; else the first."""
    above = next((number for number, row in enumerate(run) if any(_is_number(cell) for cell in row)), 0)
    header = "\n".join(lines[:above])
    return header if 0 < above <= MOST_HEADER_ROWS and len(header) <= MOST_HEADER_CHARS else header_of(lines)


def _width(row: Sequence[Cell]) -> int:
    return sum(cell not in {"", None} for cell in row)


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, float | int) and not isinstance(cell, bool)


def _shown(cell: Cell) -> str:
    """Return a cell as a reader writes it: whole numbers without a point, dates without midnight."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else f"{cell:.12g}"
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ")
    return str(cell)
