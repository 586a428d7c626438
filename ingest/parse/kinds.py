"""What kind of file this is, by its content first and its name second."""

import codecs
import re
import zipfile
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import filetype
from charset_normalizer import is_binary

from ingest.parse.encodings import MARKS, wide
from rag.errors import BrokenDocument, EmptyDocument, EncryptedDocument, ParserLimitExceeded, UnsupportedFormat

HEAD_BYTES = 8192
END_BYTES = 65_536 + 22  # a zip archive's end record and its longest comment
MOST_DIRECTORY_BYTES = 16_000_000
OLE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")


class Kind(StrEnum):
    """A family of formats that one parser reads; the value is its media type, and stands in the registry."""

    CSV = "text/csv"
    DOC = "application/msword"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    EML = "message/rfc822"
    EPUB = "application/epub+zip"
    HTML = "text/html"
    IMAGE = "image/*"
    IPYNB = "application/x-ipynb+json"
    JSON = "application/json"
    MARKDOWN = "text/markdown"
    MBOX = "application/mbox"
    MSG = "application/vnd.ms-outlook"
    ODP = "application/vnd.oasis.opendocument.presentation"
    ODS = "application/vnd.oasis.opendocument.spreadsheet"
    ODT = "application/vnd.oasis.opendocument.text"
    PAGES = "application/vnd.apple.pages"
    PDF = "application/pdf"
    PPT = "application/vnd.ms-powerpoint"
    PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    RST = "text/x-rst"
    RTF = "application/rtf"
    TEXT = "text/plain"
    VTT = "text/vtt"
    XLS = "application/vnd.ms-excel"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    XML = "application/xml"
    ZIP = "application/zip"


_NAMES = {  # macros and templates are read as what they are made for; macros are never run
    Kind.CSV: ".csv .tsv",
    Kind.DOC: ".doc .dot",
    Kind.DOCX: ".docx .docm .dotx .dotm",
    Kind.EML: ".eml",
    Kind.EPUB: ".epub",
    Kind.HTML: ".html .htm .xhtml",
    Kind.IMAGE: ".png .jpg .jpeg .tif .tiff .bmp .gif .webp",
    Kind.IPYNB: ".ipynb",
    Kind.JSON: ".json",
    Kind.MARKDOWN: ".md .markdown",
    Kind.MBOX: ".mbox",
    Kind.MSG: ".msg",
    Kind.ODP: ".odp .otp",
    Kind.ODS: ".ods .ots",
    Kind.ODT: ".odt .ott",
    Kind.PAGES: ".pages",
    Kind.PDF: ".pdf",
    Kind.PPT: ".ppt .pps .pot",
    Kind.PPTX: ".pptx .pptm .ppsx .ppsm .potx .potm",
    Kind.RST: ".rst",
    Kind.RTF: ".rtf",
    Kind.TEXT: ".txt .text .log",
    Kind.VTT: ".vtt",
    Kind.XLS: ".xls .xlt",
    Kind.XLSX: ".xlsx .xlsm .xltx .xltm .xlsb",
    Kind.XML: ".xml",
    Kind.ZIP: ".zip",
}
EXTENSIONS = {extension: kind for kind, extensions in _NAMES.items() for extension in extensions.split()}
ZIPPED = {
    "word/document.xml": Kind.DOCX,
    "ppt/presentation.xml": Kind.PPTX,
    "xl/workbook.xml": Kind.XLSX,
    "xl/workbook.bin": Kind.XLSX,
    "META-INF/container.xml": Kind.EPUB,
    "Index/Document.iwa": Kind.PAGES,
    "index.xml": Kind.PAGES,  # before 2013
}
OPEN_DOCUMENT = (Kind.ODP, Kind.ODS, Kind.ODT)
STREAMS = {  # what an OLE container holds tells what it is; one name is enough
    "WordDocument": Kind.DOC,
    "PowerPoint Document": Kind.PPT,
    "Workbook": Kind.XLS,
    "Book": Kind.XLS,
    "__properties_version1.0": Kind.MSG,
}
TEXTUAL = {
    Kind.CSV, Kind.EML, Kind.HTML, Kind.IPYNB, Kind.JSON, Kind.MARKDOWN, Kind.MBOX,
    Kind.RST, Kind.RTF, Kind.TEXT, Kind.VTT, Kind.XML,
}  # fmt: skip
OPENINGS = (  # how a text begins whose name says nothing, or another thing than text
    (re.compile(rb"\{\\rtf"), Kind.RTF),
    (re.compile(rb"(?:\xef\xbb\xbf)?WEBVTT\b"), Kind.VTT),
    (re.compile(rb"From \S+ .*\d\d:\d\d.*\n[\w-]+:"), Kind.MBOX),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!doctype html|<html)", re.IGNORECASE), Kind.HTML),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml"), Kind.XML),
    (re.compile(rb"(?:(?:Return-Path|Received|From|Date|Message-ID|MIME-Version|Subject): .*\r?\n)+"), Kind.EML),
)


def kind_of(file: BinaryIO, filename: str) -> Kind:
    """Return the kind of `file`, left at its start.

    Raise EmptyDocument, EncryptedDocument, BrokenDocument or UnsupportedFormat, naming the file and what to do.
    """
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if not head:
        raise EmptyDocument(f"{filename} has no bytes. Upload it again, should it have been cut on the way.")
    by_name = EXTENSIONS.get(Path(filename).suffix.lower())
    if head.startswith(b"%PDF-") or (b"%PDF-" in head[:1024] and by_name in {None, Kind.PDF}):
        return Kind.PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped_kind(file, filename, by_name)
    if head.startswith(OLE_MAGIC):
        return _ole_kind(file, filename)
    sniffed = filetype.guess(head)
    if sniffed is not None and sniffed.mime.startswith("image/"):
        return Kind.IMAGE
    return _textual_kind(head, filename, by_name, sniffed.mime if sniffed else None)


def _textual_kind(head: bytes, filename: str, by_name: Kind | None, sniffed: str | None) -> Kind:
    if by_name not in TEXTUAL - {Kind.RTF, Kind.TEXT}:
        opening = next((kind for pattern, kind in OPENINGS if pattern.match(head)), None)
        if opening is not None and (by_name != Kind.TEXT or opening == Kind.RTF):
            return opening
    if by_name is None or (sniffed is not None and by_name in TEXTUAL - {Kind.RTF}):
        raise UnsupportedFormat(f"{filename} is {sniffed or 'an unknown format'}. {supported()}")
    if by_name in TEXTUAL and _is_binary(head):
        raise UnsupportedFormat(f"{filename} holds no text, whatever its name says.")
    if by_name in {Kind.RTF, Kind.ZIP}:
        raise BrokenDocument(f"{filename} is no {by_name.name} file, or its beginning is lost. Upload it again.")
    return by_name


def supported() -> str:
    return f"Supported: {', '.join(sorted(EXTENSIONS))}."


def _is_binary(head: bytes) -> bool:
    """Text in UTF-16 or UTF-32 is full of zero bytes, others may have a stray one."""
    if b"\x00" not in head and _is_utf8(head):
        return False
    if head.startswith(tuple(mark for mark, _ in MARKS)) or wide(head[: len(head) // 4 * 4]):
        return False
    return bool(is_binary(head.replace(b"\x00", b"") if head.count(0) < len(head) / 10 else head))


def _is_utf8(head: bytes) -> bool:
    """Tell whether it is UTF-8, the last character perhaps cut off, with hardly any control characters."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return sum(sign < " " and sign not in "\t\n\r\f\x1b" for sign in text) <= len(text) / 100


def _zipped_kind(file: BinaryIO, filename: str, by_name: Kind | None) -> Kind:
    """Office files are zip archives: the parts inside tell them apart, whatever the name says."""
    if _directory_bytes(file) > MOST_DIRECTORY_BYTES:
        raise ParserLimitExceeded(f"{filename} lists far more files than an archive may hold. Split it.")
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            declared = archive.read("mimetype")[:100].decode("ascii", "replace") if _has_type(members) else ""
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, zipfile.zlib.error):  # type: ignore[attr-defined]
        if by_name in {None, Kind.ZIP} or by_name in TEXTUAL:
            raise BrokenDocument(f"{filename} is a damaged archive. Pack or upload it again.") from None
        return by_name  # its parser says what is broken
    finally:
        file.seek(0)
    names = {member.filename for member in members}
    for kind in OPEN_DOCUMENT:
        if declared.startswith(kind):
            return kind
    if (found := next((kind for part, kind in ZIPPED.items() if part in names), None)) is not None:
        return found
    if by_name in {Kind.DOCX, Kind.PPTX, Kind.XLSX, Kind.EPUB, *OPEN_DOCUMENT}:
        return by_name  # its parser says what is missing
    files = [member for member in members if not member.is_dir()]
    if files and all(member.flag_bits & 1 for member in files):
        raise EncryptedDocument(f"{filename} needs a password. Pack it without one and upload it again.")
    return Kind.ZIP


def _directory_bytes(file: BinaryIO) -> int:
    """Return the stated size of the list of files: it would be read whole, into ten times its memory."""
    size = file.seek(0, 2)
    file.seek(max(0, size - END_BYTES))
    end = file.read()
    file.seek(0)
    at = end.rfind(b"PK\x05\x06")
    return int.from_bytes(end[at + 12 : at + 16], "little") if at >= 0 else 0


def _has_type(members: list[zipfile.ZipInfo]) -> bool:
    """OpenDocument and EPUB state their media type in a small file."""
    return any(member.filename == "mimetype" and member.file_size < 1000 for member in members)


def _ole_kind(file: BinaryIO, filename: str) -> Kind:
    """Old Office files, Outlook's mails, and new Office files with a password are OLE containers."""
    from ingest.parse.ole import streams  # only for what is one

    try:
        names = streams(file)
    except BrokenDocument as exc:
        raise BrokenDocument(f"{filename}: {exc.detail}") from exc
    finally:
        file.seek(0)
    if {"EncryptedPackage", "EncryptionInfo"} & names:
        raise EncryptedDocument(f"{filename} needs a password. Save it without one and upload it again.")
    if (kind := next((kind for name, kind in STREAMS.items() if name in names), None)) is not None:
        return kind
    raise UnsupportedFormat(f"{filename} is an OLE file of an unknown program. {supported()}")
