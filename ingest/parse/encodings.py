"""Bytes to text: the encoding is told by its mark, its form, or what the text in it would look like."""

import codecs
import re
from contextlib import suppress
from pathlib import Path

from charset_normalizer import from_bytes

from rag.errors import BrokenDocument

MARKS = (  # the longer ones first: UTF-32's mark begins like UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
WIDE = (("utf-32-le", 4, 0), ("utf-32-be", 4, 3), ("utf-16-le", 2, 0), ("utf-16-be", 2, 1))
SNIFFED_BYTES = 65_536  # a whole book need not be looked at to tell its encoding
MOST_BAD_SHARE = 0.02  # of its bytes: more, and it is another encoding, not a damaged UTF-8
_HIGH = re.compile(rb"[\x80-\xff]")
_IN_WORD = re.compile(r"(?<=[^\W\d_])[^\x00-\x7f\w\s’‘–—“”„«»·…\xad](?=[^\W\d_])")
_KANA = re.compile(r"[\u3041-\u30fa]")
_HALF_WIDTH = re.compile(r"[\uff61-\uff9f]")
JAPANESE = ["cp932", "shift_jis", "shift_jis_2004", "shift_jisx0213"]
TELLTALES = (  # encoding, letters that it makes of its own in cp1252, letters that tell cp1252 itself
    ("cp1254", "ýþð", "áæéíú"),  # Turkish, not Icelandic
    ("cp1250", "õû", "ãäçèêôë"),  # Hungarian, not Portuguese, Estonian or French
)
_CONTROLS = dict.fromkeys([*range(9), 0x0B, *range(0x0E, 0x20), 0xFEFF])  # NUL and its like say nothing to a reader


def read_text(path: Path, declared: str | None = None) -> str:
    """Return a file's text; `declared` is the encoding that the file itself names. Line ends become `\\n`."""
    return decoded(path.read_bytes(), declared)


def decoded(raw: bytes, declared: str | None = None) -> str:
    """Return the text in `raw`, without control characters; line ends become `\\n`. Raise BrokenDocument."""
    text = _decoded(raw, declared)
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0c", "\n").translate(_CONTROLS)


def _decoded(raw: bytes, declared: str | None) -> str:
    for mark, encoding in MARKS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(encoding, errors="replace")
    known = "iso2022_jp" if b"\x1b$B" in raw or b"\x1b$@" in raw else wide(raw)
    if known:
        return raw.decode(known, errors="replace")
    with suppress(UnicodeDecodeError):
        return raw.decode("utf-8")
    if declared and (text := _tried(raw, declared)) is not None:
        return text
    text = raw.decode("utf-8", errors="replace")
    high = len(_HIGH.findall(raw))
    if text.count("\ufffd") <= max(MOST_BAD_SHARE * len(raw), 1) and text.count("\ufffd") < high / 2:
        return text  # UTF-8 with a few bad bytes: those alone are lost
    return raw.decode(_guessed(raw), errors="replace")


def wide(raw: bytes) -> str | None:
    """UTF-16 and UTF-32 without a mark: in most scripts every second or fourth byte alone is not zero."""
    head = raw[: SNIFFED_BYTES // 4 * 4]
    for encoding, width, place in WIDE:
        if len(head) % width or not head:
            continue
        zeros = [head[offset::width].count(0) / (len(head) / width) for offset in range(width)]
        if zeros[place] < 0.1 and all(share > 0.7 for offset, share in enumerate(zeros) if offset != place):
            return encoding
    return None


def _tried(raw: bytes, encoding: str) -> str | None:
    """HTML and mail say latin-1 and mean cp1252, as browsers read it."""
    western = encoding.lower().replace("_", "-") in {"iso-8859-1", "latin-1", "latin1", "us-ascii", "ascii"}
    try:
        return raw.decode("cp1252" if western else encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _guessed(raw: bytes) -> str:
    """Return the likeliest 8-bit or East Asian encoding.

    Western and Central European texts are mistaken for each other: in the wrong one, signs stand inside words.
    """
    sample = raw[:SNIFFED_BYTES]
    for encoding in ("shift_jis", "euc_jp"):
        with suppress(UnicodeDecodeError):
            text = codecs.getincrementaldecoder(encoding)().decode(sample)  # the sample may end within a letter
            if len(_KANA.findall(text)) > 0.2 * sum(character > "\x7f" for character in text):
                return encoding
    best = from_bytes(sample).best()
    if best is not None and len(_HALF_WIDTH.findall(str(best))) > 0.2 * len(str(best)):
        best = from_bytes(sample, cp_exclusion=JAPANESE).best()  # no Japanese text is like that, but Russian looks so
    western = _tried(sample, "cp1252")
    if best is None:
        if western is None:
            raise BrokenDocument("Its character encoding could not be told. Save it as UTF-8.")
        return "cp1252"
    if western is not None and _is_latin(str(best)) and not _IN_WORD.search(western):
        marks = {character for character in western.lower() if character > "\x7f"}
        return next((name for name, own, other in TELLTALES if marks & {*own} and not marks & {*other}), "cp1252")
    return str(best.encoding)


def _is_latin(text: str) -> bool:
    return all("\xaa" <= character <= "\u02ff" for character in text if character.isalpha() and character > "\x7f")
