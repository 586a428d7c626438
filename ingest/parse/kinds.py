"""What kind of file this is, by its content first and its name second."""

import zipfile
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import filetype
from charset_normalizer import is_binary

from rag.errors import EmptyDocument, EncryptedDocument, UnsupportedFormat

HEAD_BYTES = 8192
OLE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")


class Kind(StrEnum):
    """A family of formats that one parser reads; the value is its media type."""

    CSV = "text/csv"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    EML = "message/rfc822"
    EPUB = "application/epub+zip"
    HTML = "text/html"
    IMAGE = "image/*"
    MARKDOWN = "text/markdown"
    ODT = "application/vnd.oasis.opendocument.text"
    PDF = "application/pdf"
    PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    RTF = "application/rtf"
    TEXT = "text/plain"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


EXTENSIONS = {
    ".csv": Kind.CSV,
    ".docx": Kind.DOCX,
    ".eml": Kind.EML,
    ".epub": Kind.EPUB,
    ".htm": Kind.HTML,
    ".html": Kind.HTML,
    ".jpeg": Kind.IMAGE,
    ".jpg": Kind.IMAGE,
    ".log": Kind.TEXT,
    ".markdown": Kind.MARKDOWN,
    ".md": Kind.MARKDOWN,
    ".odt": Kind.ODT,
    ".pdf": Kind.PDF,
    ".png": Kind.IMAGE,
    ".pptx": Kind.PPTX,
    ".rtf": Kind.RTF,
    ".text": Kind.TEXT,
    ".tif": Kind.IMAGE,
    ".tiff": Kind.IMAGE,
    ".txt": Kind.TEXT,
    ".xlsx": Kind.XLSX,
}
ZIPPED = {
    "word/document.xml": Kind.DOCX,
    "ppt/presentation.xml": Kind.PPTX,
    "xl/workbook.xml": Kind.XLSX,
    "META-INF/container.xml": Kind.EPUB,
}
TEXTUAL = {Kind.CSV, Kind.EML, Kind.HTML, Kind.MARKDOWN, Kind.RTF, Kind.TEXT}


def kind_of(file: BinaryIO, filename: str) -> Kind:
    """Return the kind of `file`, left at its start.

    Raise EmptyDocument, EncryptedDocument or UnsupportedFormat, naming the file and what to do.
    """
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if not head:
        raise EmptyDocument(f"{filename} has no bytes. Upload it again, should it have been cut on the way.")
    by_name = EXTENSIONS.get(Path(filename).suffix.lower())
    if head.startswith(b"%PDF-") or (b"%PDF-" in head[:1024] and by_name in {None, Kind.PDF}):
        return Kind.PDF
    if head.startswith(b"PK\x03\x04"):
        return _zipped_kind(file, filename, by_name)
    if head.startswith(OLE_MAGIC):
        return _refuse_ole(filename, by_name)
    sniffed = filetype.guess(head)
    if sniffed is not None and sniffed.mime.startswith("image/"):
        return Kind.IMAGE
    if by_name is None or (sniffed is not None and by_name in TEXTUAL - {Kind.RTF}):
        found = sniffed.mime if sniffed else "an unknown format"
        raise UnsupportedFormat(f"{filename} is {found}. Supported: {', '.join(sorted(EXTENSIONS))}.")
    if by_name in TEXTUAL and is_binary(head):
        raise UnsupportedFormat(f"{filename} holds no text, whatever its name says.")
    return by_name


def _zipped_kind(file: BinaryIO, filename: str, by_name: Kind | None) -> Kind:
    """Office files are zip archives: the parts inside tell them apart, whatever the name says."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
    except zipfile.BadZipFile:
        if by_name is None:
            raise UnsupportedFormat(f"{filename} is a damaged archive.") from None
        return by_name  # its parser says what is broken
    finally:
        file.seek(0)
    kind = next((kind for part, kind in ZIPPED.items() if part in names), by_name)
    if kind is None or (kind in TEXTUAL or kind in {Kind.PDF, Kind.IMAGE}):
        raise UnsupportedFormat(f"{filename} is a zip archive. Upload the files in it one by one.")
    return kind


def _refuse_ole(filename: str, by_name: Kind | None) -> Kind:
    """Password-protected .docx, .pptx and .xlsx files are OLE containers, as the formats before 2007 are."""
    if by_name in {Kind.DOCX, Kind.PPTX, Kind.XLSX}:
        raise EncryptedDocument(f"{filename} needs a password. Save it without one and upload it again.")
    raise UnsupportedFormat(f"{filename} is in an old Office format. Save it as .docx, .xlsx or .pptx.")
