"""Zip archives: their members in the order of their names, each under its path. Nothing is unpacked to its own path."""

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from ingest.parse.members import MOST_MEMBERS, Members
from rag.errors import BrokenDocument, EncryptedDocument, ParserLimitExceeded, PermanentError, UnsupportedFormat
from rag.types import ParsedDocument

MOST_RATIO = 200  # unpacked to packed: text seldom has more than 20
RATIO_MATTERS = 10_000_000  # bytes: small files may be blank
UNSEEN = {"__MACOSX", ".DS_Store", "Thumbs.db"}
PREVIEWS = ("QuickLook/Preview.pdf", "preview.pdf")
PAGES = "Pages documents cannot be read. Open it in Pages, export it as PDF or Word (File, Export To) and upload that."


def parse_zip(path: Path, filename: str, members: Members) -> ParsedDocument:
    """Raise the first member's reason if not one of them can be read, ParserLimitExceeded for a bomb."""
    with zipfile.ZipFile(path) as archive:
        files = [
            member
            for member in archive.infolist()
            if not member.is_dir() and not UNSEEN & {*PurePosixPath(member.filename).parts}
        ]
        if len(files) > MOST_MEMBERS:
            raise ParserLimitExceeded(
                f"{filename} holds {len(files):,} files, the limit is {MOST_MEMBERS:,}. Split it."
            )
        for member in sorted(files, key=lambda member: member.filename):
            if (reason := _refusal(member)) is not None:
                members.refuse(member.filename, reason)
            else:
                _add(archive, member, members)
    return ParsedDocument(title=Path(filename).stem, blocks=members.read(), warnings=tuple(members.warnings))


def _refusal(member: zipfile.ZipInfo) -> PermanentError | None:
    name = member.filename
    if stat.S_ISLNK(member.external_attr >> 16):
        return UnsupportedFormat(f"{name} is a link, not a file. Pack the file itself.")
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        return UnsupportedFormat(f"{name} points out of the archive. Pack it anew.")
    if member.flag_bits & 1:
        return EncryptedDocument(f"{name} needs a password. Pack it without one.")
    return None


def _add(archive: zipfile.ZipFile, member: zipfile.ZipInfo, members: Members) -> None:
    """Read a member whose stated size the budget allows; zipfile stops at that size, whatever follows."""
    name = member.filename
    members.budget.spend(member.file_size)
    if member.file_size > RATIO_MATTERS and member.file_size > MOST_RATIO * max(member.compress_size, 1):
        raise ParserLimitExceeded(f"{name} unpacks to over {MOST_RATIO} times its size, as a zip bomb does.")
    try:
        content = archive.read(member)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as exc:
        members.refuse(name, BrokenDocument(f"{name} is damaged ({exc}). Pack it anew."))
    else:
        members.add(name, content)


def parse_pages(path: Path, filename: str, members: Members) -> ParsedDocument:
    """Apple's Pages: the PDF that older versions keep beside the document, where there is one."""
    with zipfile.ZipFile(path) as archive:
        preview = next((name for name in PREVIEWS if name in archive.namelist()), None)
        if preview is None:
            raise UnsupportedFormat(f"{filename}: {PAGES}")
        _add(archive, archive.getinfo(preview), members)
    warning = "Read by its preview, which may lack pages. Export it as PDF to be sure."
    return ParsedDocument(title=Path(filename).stem, blocks=members.read(), warnings=(*members.warnings, warning))
