"""Title, author, dates and language as files state them: PDF dates, Office's core properties, Dublin Core, mails."""

import re
import zipfile
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypedDict

from ingest.parse.xml import local, parsed_xml

_PDF_DATE = re.compile(r"D?:?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:(Z)|([+-])(\d\d)'?(\d\d)?)?")
_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_RTF_TEXT = re.compile(r"\{\\(title|author) ([^{}]*)\}")
_RTF_DATE = re.compile(r"\{\\(creatim|revtim)\\yr(\d{4})\\mo(\d+)\\dy(\d+)")
_RTF_ESCAPE = re.compile(r"\\'([0-9a-fA-F]{2})|\\u(-?\d+) ?\??")
_NO_TITLE = re.compile(  # what programs write where the author wrote nothing
    r"\(?anonymous\)?|\(?unspecified\)?|untitled.*|no ?title|slide \d+|powerpoint.*"
    r"|(?:document|book|unknown|title) ?\d*"
    r"|microsoft (?:word|powerpoint|excel) - .*|\S*\.(?:docx?|pptx?|xlsx?|odt|pdf|indd|tex|dvi|html?|txt|rtf)",
    re.IGNORECASE,
)
MOST_PART_BYTES = 5_000_000


class Metadata(TypedDict, total=False):
    """The fields of a ParsedDocument that describe it."""

    author: str | None
    created_at: str | None
    modified_at: str | None
    language: str | None


def own_title(text: str | None) -> str:
    """Return a title (or a name) that somebody gave, on one line; empty for what a program put there."""
    title = " ".join((text or "").split())
    return "" if _NO_TITLE.fullmatch(title) else title


def pdf_date(text: str | None) -> str | None:
    """`D:20240115103000+01'00'` to `2024-01-15T10:30:00+01:00`; None if it is no date."""
    match = _PDF_DATE.match(text or "")
    if match is None:
        return None
    year, month, day, hour, minute, second, zulu, sign, east_h, east_m = match.groups()
    zone = "+00:00" if zulu else f"{sign}{east_h}:{east_m or '00'}" if sign else ""
    clock = f"T{hour}:{minute or '00'}:{second or '00'}{zone}" if hour else ""
    return iso_date(f"{year}-{month or '01'}-{day or '01'}{clock}")


def iso_date(text: str | None) -> str | None:
    """Return an ISO 8601 date or time as it is, None for anything else."""
    text = (text or "").strip()
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return None
    return text


def mail_date(text: str | None) -> str | None:
    """`Mon, 20 Jul 2015 00:01:07 -0700` to ISO 8601."""
    try:
        return parsedate_to_datetime(text or "").isoformat()
    except ValueError:
        return None


def language_tag(text: str | None) -> str | None:
    """Return what looks like a BCP 47 tag: `de`, `en-GB`."""
    match = _TAG.fullmatch((text or "").strip().replace("_", "-"))
    return match.group() if match else None


def office_metadata(path: Path) -> tuple[str, Metadata]:
    """Return the title and the rest of a .docx, .pptx or .xlsx file's core properties, or of an OpenDocument's."""
    with zipfile.ZipFile(path) as archive:
        found = _properties(archive, "docProps/core.xml") | _properties(archive, "meta.xml")
    return own_title(found.get("title")), Metadata(
        author=found.get("creator") or found.get("initial-creator") or None,
        created_at=iso_date(found.get("created") or found.get("creation-date")),
        modified_at=iso_date(found.get("modified") or found.get("date")),
        language=language_tag(found.get("language")),
    )


def rtf_metadata(raw: bytes) -> tuple[str, Metadata]:
    """Return the title and the rest of what the information group of a .rtf file says."""
    head = raw.decode("cp1252", "replace")
    found = {name: _RTF_ESCAPE.sub(_rtf_letter, value).strip() for name, value in _RTF_TEXT.findall(head)}
    dates = {name: f"{year}-{month:0>2}-{day:0>2}" for name, year, month, day in _RTF_DATE.findall(head)}
    return own_title(found.get("title")), Metadata(
        author=found.get("author") or None,
        created_at=iso_date(dates.get("creatim")),
        modified_at=iso_date(dates.get("revtim")),
    )


def _rtf_letter(escape: re.Match[str]) -> str:
    code, number = escape.groups()
    return bytes.fromhex(code).decode("cp1252", "replace") if code else chr(int(number) % 65536)


def _properties(archive: zipfile.ZipFile, part: str) -> dict[str, str]:
    if part not in archive.namelist() or archive.getinfo(part).file_size > MOST_PART_BYTES:
        return {}
    tree: Any = parsed_xml(archive.read(part))
    return {local(element): element.text.strip() for element in tree.iter() if element.text and element.text.strip()}
