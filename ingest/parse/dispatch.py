"""Which parser reads which kind of file. Runs inside the sandbox's child processes."""

from collections.abc import Callable
from pathlib import Path

from ingest.parse.kinds import Kind
from ingest.parse.pdf import parse_image, parse_pdf
from ingest.parse.sheets import parse_csv, parse_xlsx
from ingest.parse.text import parse_markdown, parse_text
from rag.errors import BrokenDocument, EmptyDocument, PermanentError
from rag.types import ParsedDocument

PARSERS: dict[Kind, Callable[[Path, str], ParsedDocument]] = {
    Kind.CSV: parse_csv,
    Kind.IMAGE: parse_image,
    Kind.MARKDOWN: parse_markdown,
    Kind.PDF: parse_pdf,
    Kind.TEXT: parse_text,
    Kind.XLSX: parse_xlsx,
}


def parse(path: Path, filename: str, kind: Kind) -> ParsedDocument:
    """Return the document at `path`. Raise a PermanentError that says what is wrong with it."""
    try:
        parsed = _parse(path, filename, kind)
    except (PermanentError, MemoryError):
        raise
    except Exception as exc:  # parsers raise anything on a broken file
        reason = f"{type(exc).__name__}: {exc}".splitlines()[0][:300]
        raise BrokenDocument(f"{filename} could not be read as {kind.name} ({reason}).") from exc
    if not any(block.text.strip() for block in parsed.blocks):
        raise EmptyDocument(f"{filename} has no readable text.")
    return parsed


def _parse(path: Path, filename: str, kind: Kind) -> ParsedDocument:
    if parser := PARSERS.get(kind):
        return parser(path, filename)
    from ingest.parse.elements import parse_elements  # 3 s and 100 MB: not for the kinds above

    return parse_elements(path, filename, kind)
