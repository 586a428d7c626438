"""What a file is: its content first, its name second."""

import io
import zipfile
from pathlib import Path

import pytest

from ingest.parse.kinds import EXTENSIONS, OLE_MAGIC, Kind, kind_of
from rag.errors import BrokenDocument, EmptyDocument, EncryptedDocument, ParserLimitExceeded, UnsupportedFormat
from tests.ole_file import ole

SAMPLES = Path(__file__).parents[3] / "samples"
PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010806000000")
ELF = b"\x7fELF\x02\x01\x01" + bytes(60)
EXE = b"MZ" + bytes(60)


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "content")
    return file.getvalue()


def kind(content: bytes, filename: str) -> Kind:
    return kind_of(io.BytesIO(content), filename)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("travel-and-expenses.md", Kind.MARKDOWN),
        ("travel-policy-2019.txt", Kind.TEXT),
        ("training-courses.csv", Kind.CSV),
        ("it-service-catalogue.html", Kind.HTML),
        ("gearbox-supplier-decision.eml", Kind.EML),
        ("parental-leave-policy.docx", Kind.DOCX),
        ("price-list-2025.xlsx", Kind.XLSX),
        ("all-hands-april-2025.pptx", Kind.PPTX),
        ("plover-300-manual.pdf", Kind.PDF),
    ],
)
def test_every_kind_of_sample_is_told(name: str, expected: Kind) -> None:
    with (SAMPLES / name).open("rb") as file:
        assert kind_of(file, name) == expected
        assert file.tell() == 0


@pytest.mark.parametrize("name", ["parental-leave-policy.docx", "price-list-2025.xlsx", "plover-300-manual.pdf"])
def test_a_wrong_or_missing_extension_misleads_nobody(name: str) -> None:
    content = (SAMPLES / name).read_bytes()

    assert kind(content, "file.pptx") == kind(content, "file") == EXTENSIONS[Path(name).suffix]


@pytest.mark.parametrize(
    ("content", "filename", "expected"),
    [
        (b"# Rules", "RULES.MD", Kind.MARKDOWN),
        (b"one,two", "rules.v2.csv", Kind.CSV),
        (b"{\\rtf1 six days}", "rules.rtf", Kind.RTF),
        (b"six days", "rules.log", Kind.TEXT),
        (b"a text about %PDF- and its header", "rules.txt", Kind.TEXT),
        (b"\r\n%PDF-1.4 after a line break", "rules.pdf", Kind.PDF),
        (PNG, "scan.bin", Kind.IMAGE),
        (PNG, "scan.txt", Kind.IMAGE),
        (zipped("META-INF/container.xml"), "book", Kind.EPUB),
        (zipped("content.xml", "mimetype"), "letter.odt", Kind.ODT),
        (zipped("rules.txt"), "rules.pdf", Kind.ZIP),
        (zipped("xl/workbook.xml"), "rules.xlsm", Kind.XLSX),
        (b"{\\rtf1 six days}", "rules.doc", Kind.RTF),
        (b"<!DOCTYPE html><p>six", "rules.xls", Kind.HTML),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\nsix", "talk", Kind.VTT),
        (b"<?xml version='1.0'?><a/>", "rules", Kind.XML),
        (b"From: a@b.example\nSubject: six\n\ndays", "mail", Kind.EML),
        (b"# six\n", "rules.rst", Kind.RST),
        (b"The retention\x00 period is\x00 seven years.", "rules.txt", Kind.TEXT),
        ("größer".encode("utf-32-be"), "rules.txt", Kind.TEXT),
        (b"PK\x03\x04 damaged", "letter.docx", Kind.DOCX),
        ("größer".encode("cp1252"), "rules.txt", Kind.TEXT),
        ("größer".encode("utf-16"), "rules.txt", Kind.TEXT),
        ("规则".encode("gb18030"), "rules.txt", Kind.TEXT),
    ],
)
def test_a_files_kind_is_told(content: bytes, filename: str, expected: Kind) -> None:
    assert kind(content, filename) == expected


@pytest.mark.parametrize(
    ("content", "filename", "said"),
    [
        (b"six days", "rules", "an unknown format"),
        (b"six days", "rules.exe", r"Supported: \.bmp, \.csv, "),
        (ELF, "rules.txt", "rules.txt is application/x-executable"),
        (EXE, "rules.md", "rules.md"),
        (bytes(range(256)) * 8, "rules.txt", "rules.txt"),
    ],
)
def test_what_no_parser_reads_is_refused_by_its_name(content: bytes, filename: str, said: str) -> None:
    with pytest.raises(UnsupportedFormat, match=said):
        kind(content, filename)


@pytest.mark.parametrize("filename", ["rules.docx", "rules.xlsx", "rules.pptx", "rules"])
def test_an_office_file_with_a_password_is_called_encrypted(filename: str) -> None:
    with pytest.raises(EncryptedDocument, match=f"{filename} needs a password"):
        kind(ole("EncryptionInfo", "EncryptedPackage"), filename)


def test_an_old_word_file_with_a_password_is_called_encrypted() -> None:
    with pytest.raises(EncryptedDocument, match=r"rules\.doc needs a password"):
        kind(ole(WordDocument=bytes(11) + b"\x01"), "rules.doc")


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ("WordDocument", Kind.DOC),
        ("PowerPoint Document", Kind.PPT),
        ("Workbook", Kind.XLS),
        ("__properties_version1.0", Kind.MSG),
    ],
)
def test_old_office_files_are_told_apart_whatever_their_names(stream: str, expected: Kind) -> None:
    assert kind(ole(stream), "rules") == kind(ole(stream), "rules.docx") == expected


@pytest.mark.parametrize(
    ("content", "filename"),
    [(b"PK\x03\x04 damaged", "rules.zip"), (OLE_MAGIC + bytes(600), "rules.doc"), (b"nothing of the kind", "a.zip")],
)
def test_a_damaged_container_is_called_broken(content: bytes, filename: str) -> None:
    with pytest.raises(BrokenDocument, match=filename):
        kind(content, filename)


@pytest.mark.parametrize(
    "media_type", ["text/csv", "message/rfc822", "image/*", "application/rtf", "application/epub+zip", "text/plain"]
)
def test_the_media_types_in_a_registry_stay_what_they_are(media_type: str) -> None:
    assert Kind(media_type) in EXTENSIONS.values()


def test_a_file_without_bytes_is_called_empty() -> None:
    with pytest.raises(EmptyDocument, match=r"rules\.pdf has no bytes"):
        kind(b"", "rules.pdf")


def test_an_archive_with_a_huge_list_of_files_is_refused_before_the_list_is_read() -> None:
    end = b"PK\x05\x06" + bytes(8) + (500_000_000).to_bytes(4, "little") + bytes(6)

    with pytest.raises(ParserLimitExceeded, match=r"many\.zip lists far more files"):
        kind_of(io.BytesIO(b"PK\x03\x04" + bytes(100) + end), "many.zip")


def test_utf8_is_text_however_odd_its_signs_are() -> None:
    odd = "→ “📅” ☑\ufe0f 🧑‍💻 — \u200b " * 300

    assert kind_of(io.BytesIO(odd.encode()[1:]), "calendars.md") == Kind.MARKDOWN
    assert kind_of(io.BytesIO(odd.encode()[:8191]), "calendars.md") == Kind.MARKDOWN
