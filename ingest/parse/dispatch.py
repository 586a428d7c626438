"""Which parser reads which kind of file. Runs inside the sandbox's child processes.

The fork server imports this module once. unstructured takes seconds and 100 MB, docutils is seldom needed: their
parsers are imported by the first document that needs them.
"""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from ingest.parse.archive import parse_pages, parse_zip
from ingest.parse.data import parse_ipynb, parse_json
from ingest.parse.kinds import Kind
from ingest.parse.language import language_of
from ingest.parse.libreoffice import converted, in_folder
from ingest.parse.mail import parse_eml, parse_mbox, parse_msg
from ingest.parse.members import Budget, Members
from ingest.parse.odf import parse_odf
from ingest.parse.pdf import parse_image, parse_pdf
from ingest.parse.sheets import parse_csv, parse_sheets
from ingest.parse.text import parse_markdown, parse_text
from ingest.parse.transcript import parse_vtt
from ingest.parse.xml import parse_xml
from rag.errors import BrokenDocument, EmptyDocument, PermanentError
from rag.types import ParsedDocument

PARSERS: dict[Kind, Callable[[Path, str], ParsedDocument]] = {
    Kind.CSV: parse_csv,
    Kind.IMAGE: parse_image,
    Kind.IPYNB: parse_ipynb,
    Kind.JSON: parse_json,
    Kind.MARKDOWN: parse_markdown,
    Kind.ODP: parse_odf,
    Kind.ODS: parse_sheets,
    Kind.ODT: parse_odf,
    Kind.PDF: parse_pdf,
    Kind.TEXT: parse_text,
    Kind.VTT: parse_vtt,
    Kind.XLS: parse_sheets,
    Kind.XLSX: parse_sheets,
    Kind.XML: parse_xml,
}
HEAVY = {  # module and function
    Kind.DOCX: ("ingest.parse.elements", "parse_docx"),
    Kind.EPUB: ("ingest.parse.elements", "parse_epub"),
    Kind.HTML: ("ingest.parse.elements", "parse_html"),
    Kind.PPTX: ("ingest.parse.elements", "parse_pptx"),
    Kind.RST: ("ingest.parse.rst", "parse_rst"),
    Kind.RTF: ("ingest.parse.elements", "parse_rtf"),
}
CONTAINERS: dict[Kind, Callable[[Path, str, Members], ParsedDocument]] = {
    Kind.EML: parse_eml,
    Kind.MBOX: parse_mbox,
    Kind.MSG: parse_msg,
    Kind.PAGES: parse_pages,
    Kind.ZIP: parse_zip,
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
    """Return some of the text, prose before tables."""
    text = ""
    for block in sorted(parsed.blocks, key=lambda block: block.is_table):
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
    if kind in CONTAINERS:
        return CONTAINERS[kind](path, filename, Members(parse=_parse, budget=budget))
    if kind in CONVERTED:
        return _converted(path, filename, kind)
    if kind in HEAVY:
        module, name = HEAVY[kind]
        parsed: ParsedDocument = getattr(import_module(module), name)(path, filename)
        return parsed
    return PARSERS[kind](path, filename)


def _converted(path: Path, filename: str, kind: Kind) -> ParsedDocument:
    """Old Office files, read as what LibreOffice makes of them; what they say about themselves is read here."""
    from ingest.parse.ole import ole_metadata  # only for what is one

    old, new, new_kind = CONVERTED[kind]
    with in_folder() as folder:
        parsed = _read(converted(path, Path(folder), old, new), filename, new_kind, Budget())
    title, known = ole_metadata(path)
    return replace(parsed, title=title or parsed.title, **known)
