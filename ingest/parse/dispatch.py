"""Which parser reads which kind of file. Runs inside the sandbox's child processes."""

from pathlib import Path

from ingest.parse.kinds import Kind
from ingest.parse.pdf import parse_image, parse_pdf
from ingest.parse.text import parse_markdown, parse_text
from rag.errors import BrokenDocument, EmptyDocument, PermanentError
from rag.types import ParsedDocument


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
    match kind:
        case Kind.MARKDOWN:
            return parse_markdown(path, filename)
        case Kind.TEXT:
            return parse_text(path, filename)
        case Kind.PDF:
            return parse_pdf(path, filename)
        case Kind.IMAGE:
            return parse_image(path, filename)
        case _:
            from ingest.parse.elements import parse_elements  # 3 s and 200 MB: not for text and PDF

            return parse_elements(path, filename, kind)
