"""Spreadsheets and CSV: every run of filled rows is a table, with its first row as the header.

Read by openpyxl and the standard library: unstructured's readers take pandas along, 1.3 s and 50 MB a document.
"""

import csv
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import openpyxl

from ingest.parse.text import read_text
from rag.types import Block, ParsedDocument

DELIMITERS = ";\t|,"  # of two that fit alike, the first: a comma may be a decimal one
SNIFFED_LINES = 20


def parse_xlsx(path: Path, filename: str) -> ParsedDocument:
    """One section a visible sheet."""
    with path.open("rb") as file:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        blocks = tuple(
            block
            for sheet in book.worksheets
            if sheet.sheet_state == "visible"
            for block in _tables(sheet.iter_rows(values_only=True), (sheet.title,))
        )
        title = str(book.properties.title or "").strip()
        book.close()
    return ParsedDocument(title=title or Path(filename).stem, blocks=blocks)


def parse_csv(path: Path, filename: str) -> ParsedDocument:
    """One table for each run of lines; the delimiter is told from the first lines. Raise csv.Error if it is none."""
    text = read_text(path)
    rows = csv.reader(text.splitlines(), delimiter=_delimiter(text))
    return ParsedDocument(title=Path(filename).stem, blocks=tuple(_tables(rows, ())))


def _delimiter(text: str) -> str:
    """Return the sign that cuts the first lines into most cells, the same number in each before all."""
    first = text.splitlines()[:SNIFFED_LINES]

    def fit(delimiter: str) -> tuple[bool, int]:
        widths = {len(row) for row in csv.reader(first, delimiter=delimiter)}
        return len(widths) == 1 and widths != {1}, max(widths, default=0)

    return max(DELIMITERS, key=fit)


def _tables(rows: Iterable[Iterable[object]], section: tuple[str, ...]) -> Iterator[Block]:
    cells = ([" ".join(str(cell).split()) if cell is not None else "" for cell in row] for row in rows)
    for is_filled, run in groupby(cells, key=any):
        if is_filled:
            lines = [" | ".join(row).rstrip(" |") for row in run]
            header = lines[0] if len(lines) > 1 else ""
            yield Block(text="\n".join(lines), section=section, is_table=True, header=header)
