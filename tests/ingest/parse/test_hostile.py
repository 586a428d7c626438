"""Hostile files, made here: each ends as a document or with a reason, reaches nothing and leaves nothing."""

import io
import json
import socket
import stat
import threading
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from bench.fuzz import CHUNKER
from ingest.read import Reader
from rag.errors import (
    BrokenDocument,
    EmptyDocument,
    EncryptedDocument,
    ParserLimitExceeded,
    PermanentError,
    UnsupportedFormat,
)
from rag.types import Extracted

SAMPLES = Path(__file__).parents[3] / "samples"
CANARY = "canary of another folder"
DEPTH = 100_000
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BILLION_LAUGHS = f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY l0 "ha ">{LAUGHS}]><r>&l9;</r>'
DOCUMENT_XML = "word/document.xml"


def zipped(parts: Mapping[str, bytes | str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return content.getvalue()


def zipped_with_link(target: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        link = zipfile.ZipInfo("link.txt")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, target)
    return content.getvalue()


def encrypted_zip() -> bytes:
    """An archive whose only part has the flag of a password."""
    content = bytearray(zipped({"secret.txt": "secret"}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + at] |= 1
    return bytes(content)


def pdf(*, password: str = "", script: str = "") -> bytes:
    content = io.BytesIO()
    canvas = Canvas(content, encrypt=StandardEncryption(password, "owner") if password else None)
    canvas.drawString(72, 720, "Six days of leave.")
    if script:
        canvas.setCatalogEntry("OpenAction", {"S": "/JavaScript", "JS": script})
    canvas.save()
    return content.getvalue()


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def word_with(xml: str) -> bytes:
    """A Word file of the samples whose text is this XML."""
    with zipfile.ZipFile(SAMPLES / "parental-leave-policy.docx") as archive:
        return zipped({name: archive.read(name) for name in archive.namelist()} | {DOCUMENT_XML: xml})


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "canary.txt"
    path.write_text(CANARY, encoding="ascii")
    yield path
    assert path.read_text(encoding="ascii") == CANARY


@pytest.fixture
def requests() -> Iterator[list[int]]:
    """The connections that a server accepts; its port is the first entry."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = [server.getsockname()[1]]

        def accept() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return
                found.append(1)

        threading.Thread(target=accept, daemon=True).start()
        yield found
        server.shutdown(socket.SHUT_RDWR)


def ended(reader: Reader, folder: Path, name: str, content: bytes) -> Extracted | PermanentError:
    """Return the document, or the error that says why there is none."""
    original = folder / "original"
    original.write_bytes(content)
    try:
        return reader.read(original, name, CHUNKER)
    except PermanentError as exc:
        assert name in exc.detail or exc.detail.startswith("It "), exc.detail
        return exc
    finally:
        assert original.read_bytes() == content


@pytest.mark.parametrize(
    ("name", "content", "errors"),
    [
        ("locked.pdf", pdf(password="s3cret"), {EncryptedDocument}),
        ("locked.xlsx", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(4096), {EncryptedDocument, BrokenDocument}),
        ("locked.zip", encrypted_zip(), {EncryptedDocument, UnsupportedFormat}),
        ("half.docx", sample("parental-leave-policy.docx")[:20_000], {BrokenDocument}),
        ("half.pdf", sample("plover-300-manual.pdf")[:3000], {BrokenDocument}),
        ("half.xlsx", sample("price-list-2025.xlsx")[:3000], {BrokenDocument}),
        ("half.pptx", sample("all-hands-april-2025.pptx")[:9000], {BrokenDocument}),
        ("no-text.docx", zipped({DOCUMENT_XML: "<w:document/>"}), {BrokenDocument}),
        ("bad.docx", word_with("<w:document><w:body>"), {BrokenDocument}),
        ("blank.txt", b" \n" * 1000, {EmptyDocument}),
        ("zeros.txt", bytes(100_000), {UnsupportedFormat, EmptyDocument, BrokenDocument}),
        ("program.txt", b"\x7fELF" + bytes(range(256)) * 100, {UnsupportedFormat, BrokenDocument}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_read_has_a_precise_reason(
    reader: Reader, tmp_path: Path, name: str, content: bytes, errors: set[type[PermanentError]]
) -> None:
    assert type(ended(reader, tmp_path, name, content)) in errors


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("leave.docx", sample("plover-300-manual.pdf"), "400,000"),
        ("manual.pdf", sample("parental-leave-policy.docx"), "leave"),
        ("latin.md", "# Übergabe\n\nDie größere Prüfung dauert länger.".encode("cp1252"), "dauert"),
        ("invalid.md", b"# Leave\n\nSix\xff\xfe days \xc3\x28 of leave for everybody.", "of leave for everybody"),
        ("script.pdf", pdf(script="app.launchURL('http://127.0.0.1:9/')"), "Six days of leave."),
        ("word.txt", b"x" * 1_000_000 + b" end", "x" * 100),
        ("line.txt", b"lorem ipsum " * 80_000, "lorem ipsum"),
    ],
    ids=lambda value: value[:10] if isinstance(value, str) else "",
)
def test_what_is_odd_and_readable_is_read(reader: Reader, tmp_path: Path, name: str, content: bytes, text: str) -> None:
    document = ended(reader, tmp_path, name, content)

    assert isinstance(document, Extracted), document
    assert text in document.text
    assert document.chunks


def test_bombs_meet_a_limit_or_are_refused(reader: Reader, tmp_path: Path) -> None:
    for name, content, error in (
        ("bomb.zip", zipped({"zeros.txt": bytes(200_000_000)}), PermanentError),
        ("bomb.docx", word_with("<a>" + "<a/>" * 20_000_000 + "</a>"), PermanentError),
        ("bomb.xlsx", zipped({"xl/workbook.xml": b"<a>" + b" " * 200_000_000}), PermanentError),
        ("long.txt", b"a" * (reader.limits.max_chars + 1), ParserLimitExceeded),
    ):
        assert isinstance(ended(reader, tmp_path, name, content), error)


@pytest.mark.parametrize("name", ["laughs.xml", "laughs.html", "laughs.docx"])
def test_entities_are_not_multiplied(reader: Reader, tmp_path: Path, name: str) -> None:
    content = word_with(BILLION_LAUGHS) if name.endswith(".docx") else BILLION_LAUGHS.encode()

    outcome = ended(reader, tmp_path, name, content)

    assert isinstance(outcome, PermanentError) or len(outcome.text) < 100_000


@pytest.mark.parametrize("name", ["xxe.xml", "xxe.html", "xxe.docx"])
def test_entities_reach_no_file_and_no_server(
    reader: Reader, tmp_path: Path, canary: Path, requests: list[int], name: str
) -> None:
    for url in (canary.as_uri(), f"http://127.0.0.1:{requests[0]}/", "/etc/hostname"):
        xml = f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "{url}">]><r><p>Before &x; after</p></r>'
        dtd = f'<?xml version="1.0"?><!DOCTYPE r SYSTEM "{url}"><r><p>Before and after</p></r>'
        for content in (xml, dtd):
            outcome = ended(reader, tmp_path, name, word_with(content) if name.endswith(".docx") else content.encode())

            assert isinstance(outcome, PermanentError) or CANARY not in outcome.text
    assert len(requests) == 1


def test_pages_and_mails_ask_no_server(reader: Reader, tmp_path: Path, requests: list[int]) -> None:
    url = f"http://127.0.0.1:{requests[0]}"
    page = f'<base href="{url}"><link rel=stylesheet href="a.css"><img src="{url}/a.png"><p>Leave.'
    mail = f"Subject: Leave\nContent-Type: text/html\n\n<img src='{url}/a.png'><p>Leave.</p>"
    markdown = f"# Leave\n\n![x]({url}/a.png)\n"

    for name, content in (("page.html", page), ("mail.eml", mail), ("page.md", markdown)):
        assert isinstance(ended(reader, tmp_path, name, content.encode()), Extracted)

    assert len(requests) == 1


def test_no_part_of_an_archive_lands_outside(reader: Reader, tmp_path: Path, canary: Path) -> None:
    evil = {f"{'../' * 12}{canary}"[1:]: "changed", str(canary): "changed", "..\\..\\canary.txt": "changed"}
    for name, content in (("slip.zip", zipped(evil)), ("slip.docx", zipped(evil | {DOCUMENT_XML: "<w:document/>"}))):
        before = sorted(tmp_path.iterdir())
        ended(reader, tmp_path, name, content)

        assert set(tmp_path.iterdir()) - set(before) <= {tmp_path / "original"}
    assert canary.read_text(encoding="ascii") == CANARY


def test_a_link_in_an_archive_is_not_followed(reader: Reader, tmp_path: Path, canary: Path) -> None:
    outcome = ended(reader, tmp_path, "link.zip", zipped_with_link(str(canary)))

    assert isinstance(outcome, PermanentError) or CANARY not in outcome.text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("deep.html", b"<div>" * DEPTH + b"text" + b"</div>" * DEPTH),
        ("deep.json", b"[" * DEPTH + b"]" * DEPTH),
        ("deep.xml", b"<a>" * DEPTH + b"text" + b"</a>" * DEPTH),
        ("deep.md", b"> " * DEPTH + b"text"),
        ("lists.md", b"".join(b" " * (n % 900) + b"- item\n" for n in range(3000))),
        ("deep.json", json.dumps({"a" * 1000: ["b"] * 100_000}).encode()),
        ("wide.csv", b"," * 200_000 + b"x\n" + b"a,b\n" * 100),
        ("deep.rtf", rb"{\rtf1 " + b"{" * 20_000 + b"text" + b"}" * 20_000 + b"}"),
        ("deep.eml", b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(2000))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_deep_and_wide_files_come_to_an_end(reader: Reader, tmp_path: Path, name: str, content: bytes) -> None:
    outcome = ended(reader, tmp_path, name, content)

    assert isinstance(outcome, Extracted | BrokenDocument | EmptyDocument | UnsupportedFormat | ParserLimitExceeded)


def test_characters_that_cannot_be_stored_are_replaced_one_for_one(reader: Reader, tmp_path: Path) -> None:
    outcome = ended(reader, tmp_path, "nul.md", b"# Leave\n\nSix" + bytes(1) + b" days.")

    if isinstance(outcome, Extracted):
        assert "\x00" not in outcome.text
        assert [chunk.text for chunk in outcome.chunks] == [outcome.text[c.start : c.end] for c in outcome.chunks]
