"""Which parser reads which kind of file. Runs inside the sandbox's child processes.

Parsers are imported when a document needs them: together they take seconds and hundreds of megabytes.
"""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from ingest.parse.kinds import Kind
from ingest.parse.language import language_of
from ingest.parse.members import Budget, Members
from rag.errors import BrokenDocument, EmptyDocument, PermanentError
from rag.types import ParsedDocument

Parser = Callable[[Path, str], ParsedDocument]

PARSERS = {
    Kind.CSV: "sheets.parse_csv",
    Kind.DOCX: "elements.parse_docx",
    Kind.EPUB: "elements.parse_epub",
    Kind.HTML: "elements.parse_html",
    Kind.IMAGE: "pdf.parse_image",
    Kind.IPYNB: "data.parse_ipynb",
    Kind.JSON: "data.parse_json",
    Kind.MARKDOWN: "text.parse_markdown",
    Kind.ODP: "odf.parse_odf",
    Kind.ODS: "sheets.parse_sheets",
    Kind.ODT: "odf.parse_odf",
    Kind.PDF: "pdf.parse_pdf",
    Kind.PPTX: "elements.parse_pptx",
    Kind.RST: "rst.parse_rst",
    Kind.RTF: "elements.parse_rtf",
    Kind.TEXT: "text.parse_text",
    Kind.VTT: "transcript.parse_vtt",
    Kind.XLS: "sheets.parse_sheets",
    Kind.XLSX: "sheets.parse_sheets",
    Kind.XML: "xml.parse_xml",
}
CONVERTED = {Kind.DOC: ("doc", "docx", Kind.DOCX), Kind.PPT: ("ppt", "pptx", Kind.PPTX)}
LANGUAGE_CHARS = 20_000


def parse(path: Path, filename: str, kind: Kind) -> ParsedDocument:
    """Return the document at `path`. Raise a PermanentError that says what is wrong with it."""
    parsed = _parse(path, filename, kind, Budget())
    if not any(block.text.strip() for block in parsed.blocks):
        raise EmptyDocument(f"{filename} has no readable text.")
    return parsed if parsed.language else replace(parsed, language=language_of(_beginning(parsed)))


def _beginning(parsed: ParsedDocument) -> str:
    text = ""
    for block in parsed.blocks:
        if len(text) > LANGUAGE_CHARS:
            break
        text += f"{block.text}\n"
    return text


def _parse(path: Path, filename: str, kind: Kind, budget: Budget) -> ParsedDocument:
    try:
        return _read(path, filename, kind, budget)
    except (PermanentError, MemoryError):
        raise
    except Exception as exc:  # parsers raise anything on a broken file
        reason = (f"{type(exc).__name__}: {exc}".splitlines() or [""])[0][:300]
        raise BrokenDocument(f"{filename} could not be read as {kind.name} ({reason}).") from exc


def _read(path: Path, filename: str, kind: Kind, budget: Budget) -> ParsedDocument:
    if kind in PARSERS:
        return _parser(kind)(path, filename)
    if kind in CONVERTED:
        return _converted(path, filename, kind)
    members = Members(parse=_parse, budget=budget)
    if kind in {Kind.ZIP, Kind.PAGES}:
        from ingest.parse.archive import parse_pages, parse_zip

        return (parse_zip if kind == Kind.ZIP else parse_pages)(path, filename, members)
    from ingest.parse.mail import parse_eml, parse_mbox, parse_msg

    if kind == Kind.MBOX:
        return parse_mbox(path, filename, members)
    from ingest.parse.elements import html_blocks

    return (parse_eml if kind == Kind.EML else parse_msg)(path, filename, members, html_blocks)


def _parser(kind: Kind) -> Parser:
    module, _, function = PARSERS[kind].partition(".")
    parser: Parser = getattr(import_module(f"ingest.parse.{module}"), function)
    return parser


def _converted(path: Path, filename: str, kind: Kind) -> ParsedDocument:
    """Old Office files, read as what LibreOffice makes of them; what they say about themselves is read here."""
    from ingest.parse.libreoffice import converted, in_folder
    from ingest.parse.ole import ole_metadata

    old, new, new_kind = CONVERTED[kind]
    with in_folder() as folder:
        parsed = _parser(new_kind)(converted(path, Path(folder), old, new), filename)
    title, known = ole_metadata(path)
    return replace(parsed, title=title or parsed.title, **known)
