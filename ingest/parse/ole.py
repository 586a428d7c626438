"""OLE containers: what is in one, and what it says about itself. Office used them before 2007; Outlook still does."""

from pathlib import Path
from typing import BinaryIO

import olefile
from olefile.olefile import OleFileError

from ingest.parse.metadata import Metadata, own_title
from rag.errors import BrokenDocument

NO_YEAR = 1601  # a time of zero
WORD_FLAGS = 10  # offset of the flags in a Word document's first stream ([MS-DOC] 2.5.2, FibBase)
WORD_ENCRYPTED = 0x01  # in the second byte there
_DAMAGE = (OleFileError, OSError, ValueError, IndexError, TypeError, AttributeError)


def streams(file: BinaryIO) -> set[str]:
    """Return the names at the top of an OLE container; the file's place is lost. Raise BrokenDocument."""
    try:
        with olefile.OleFileIO(file.read()) as container:
            names = {entry[0] for entry in container.listdir()}
            word = container.openstream("WordDocument").read(WORD_FLAGS + 2) if "WordDocument" in names else b""
    except _DAMAGE as exc:
        raise BrokenDocument(f"It is a damaged Office file ({exc}). Save it anew.") from exc
    is_locked = len(word) == WORD_FLAGS + 2 and word[WORD_FLAGS + 1] & WORD_ENCRYPTED
    return names | ({"EncryptionInfo"} if is_locked else set())


def ole_metadata(path: Path) -> tuple[str, Metadata]:
    """Return the title and the rest of what an old Office file says about itself."""
    try:
        with olefile.OleFileIO(path.read_bytes()) as container:
            found = container.get_metadata()
    except _DAMAGE:
        return "", {}
    texts = [_text(value, found.codepage) for value in (found.title, found.author)]
    times = (found.create_time, found.last_saved_time)
    dates = [value.isoformat() if value and value.year > NO_YEAR else None for value in times]
    return own_title(texts[0]), Metadata(author=texts[1] or None, created_at=dates[0], modified_at=dates[1])


def _text(value: bytes | str | None, codepage: int | None) -> str:
    if not isinstance(value, bytes):
        return (value or "").strip()
    encoding = "utf-8" if codepage in {65001, -535} else f"cp{codepage}" if codepage and codepage > 0 else "cp1252"
    try:
        return value.decode(encoding, "replace").strip("\x00 ")
    except LookupError:
        return value.decode("cp1252", "replace").strip("\x00 ")
