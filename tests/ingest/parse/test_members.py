"""Archives and mails: one document with what is in them, and a warning for what cannot be read."""

import io
import struct
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from ingest.parse import archive, members
from ingest.parse.dispatch import parse
from ingest.parse.kinds import Kind, kind_of
from rag.errors import EncryptedDocument, ParserLimitExceeded, UnsupportedFormat
from rag.types import ParsedDocument
from tests.ole_file import ole

WHEN = "Mon, 02 Mar 2026 09:30:00 +0100"


def zipped(*files: tuple[str | zipfile.ZipInfo, bytes | str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files:
            packed.writestr(name, content)
    return file.getvalue()


def locked(content: bytes) -> bytes:
    """Set the flags that say that the first member is encrypted."""
    central = content.index(b"PK\x01\x02")
    return content[:6] + b"\x01" + content[7 : central + 8] + b"\x01" + content[central + 9 :]


def pdf(text: str) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.drawString(72, 720, text)
    canvas.save()
    return file.getvalue()


def parsed(folder: Path, content: bytes, name: str) -> ParsedDocument:
    path = folder / "stored"
    path.write_bytes(content)
    return parse(path, name, kind_of(io.BytesIO(content), name))


def mail(subject: str = "Yard", **attached: bytes) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Date"], message["Subject"] = "a@b.example", "c@d.example", WHEN, subject
    message.set_content("The yard is closed on Fridays.")
    for name, data in attached.items():
        message.add_attachment(data, "application", "octet-stream", filename=name.replace("_", "."))
    return message.as_bytes()


def test_the_files_in_an_archive_are_read_under_their_names(tmp_path: Path) -> None:
    content = zipped(("b/rules.md", "# Yard\n\nClosed."), ("a.csv", "Key,Place\nGate,Hut\n"), ("c.pdf", pdf("Six.")))

    document = parsed(tmp_path, content, "all.zip")

    assert [(block.section, block.text, block.page) for block in document.blocks] == [
        (("a.csv",), "Key | Place\nGate | Hut", None),
        (("b/rules.md", "Yard"), "# Yard\n\nClosed.", None),
        (("c.pdf",), "Six.", None),
    ]
    assert (document.title, document.warnings) == ("all", ())


def test_a_member_that_cannot_be_read_is_named_with_its_reason(tmp_path: Path) -> None:
    content = zipped(("a.docx", b"PK\x03\x04 cut"), ("b.exe", b"MZ\x00\x01"), ("c.txt", "Closed."))

    document = parsed(tmp_path, content, "all.zip")

    assert [block.text for block in document.blocks] == ["Closed."]
    assert [warning.split()[0] for warning in document.warnings] == ["a.docx", "b.exe"]


@pytest.mark.parametrize("name", ["../../etc/rules.txt", "/etc/rules.txt"])
def test_a_path_out_of_the_archive_is_not_followed(tmp_path: Path, name: str) -> None:
    document = parsed(tmp_path, zipped((name, "evil"), ("ok.txt", "Closed.")), "all.zip")

    assert [block.text for block in document.blocks] == ["Closed."]
    assert "points out of the archive" in document.warnings[0]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = 0o120777 << 16

    with pytest.raises(UnsupportedFormat, match=r"link\.txt is a link"):
        parsed(tmp_path, zipped((link, "/etc/passwd")), "all.zip")


def test_an_archive_with_a_password_is_called_encrypted(tmp_path: Path) -> None:
    with pytest.raises(EncryptedDocument, match=r"all\.zip needs a password"):
        parsed(tmp_path, locked(zipped(("a.txt", "Closed."))), "all.zip")

    document = parsed(tmp_path, locked(zipped(("a.txt", "Closed."), ("b.txt", "Open."))), "all.zip")
    assert [block.text for block in document.blocks] == ["Open."]
    assert document.warnings == ("a.txt needs a password. Pack it without one.",)


def test_archives_are_opened_three_deep_and_no_deeper(tmp_path: Path) -> None:
    content = zipped(("rules.txt", "Closed."))
    for depth in (2, 3):
        content = zipped((f"{depth}.zip", content))
    assert [block.text for block in parsed(tmp_path, content, "all.zip").blocks] == ["Closed."]

    with pytest.raises(UnsupportedFormat, match="nested over 3 archives deep"):
        parsed(tmp_path, zipped(("4.zip", content)), "all.zip")


def test_too_many_files_too_many_bytes_and_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zipped(("zeros.txt", bytes(11_000_000)))
    with pytest.raises(ParserLimitExceeded, match="as a zip bomb does"):
        parsed(tmp_path, bomb, "all.zip")

    with pytest.raises(ParserLimitExceeded, match="1,001 files"):
        parsed(tmp_path, zipped(*((f"{n}.txt", "x") for n in range(1001))), "all.zip")

    monkeypatch.setattr(members, "MOST_BYTES", 10)
    with pytest.raises(ParserLimitExceeded, match="unpack to over"):
        parsed(tmp_path, zipped(("a.txt", "Closed on Fridays.")), "all.zip")


def test_a_mail_says_who_wrote_when_and_its_attachments_are_read(tmp_path: Path) -> None:
    content = mail(plan_pdf=pdf("Six days."), notes_zip=zipped(("a.txt", "Closed.")), tool_exe=b"MZ\x00\x01")

    document = parsed(tmp_path, content, "yard.eml")

    assert (document.title, document.author, document.created_at) == (
        "Yard",
        "a@b.example",
        "2026-03-02T09:30:00+01:00",
    )
    assert document.blocks[0].text == f"From: a@b.example\nTo: c@d.example\nDate: {WHEN}\nSubject: Yard"
    assert [(block.section, block.text) for block in document.blocks[1:]] == [
        ((), "The yard is closed on Fridays."),
        (("plan.pdf",), "Six days."),
        (("notes.zip", "a.txt"), "Closed."),
    ]
    assert [warning.split()[0] for warning in document.warnings] == ["tool.exe"]


def test_a_mail_within_a_mail_is_read_under_its_subject(tmp_path: Path) -> None:
    outer = EmailMessage()
    outer["Subject"] = "Fwd"
    outer.set_content("See below.")
    inner = EmailMessage()
    inner["Subject"] = "Inner"
    inner.set_content("Closed.")
    outer.add_attachment(inner)

    document = parsed(tmp_path, outer.as_bytes(), "fwd.eml")

    assert (("Inner.eml",), "Closed.") in [(block.section, block.text) for block in document.blocks]


def test_every_mail_of_a_mailbox_is_read_under_its_subject(tmp_path: Path) -> None:
    mails = [mail("One"), mail("Two", plan_txt=b"Six days.")]
    content = b"".join(b"From a@b.example Mon Mar  2 09:30:00 2026\n" + one + b"\n\n" for one in mails)

    document = parsed(tmp_path, content, "box")

    assert kind_of(io.BytesIO(content), "box") == Kind.MBOX
    assert {block.section for block in document.blocks} == {("One",), ("Two",), ("Two", "plan.txt")}


def test_an_outlook_mail_is_read(tmp_path: Path) -> None:
    texts = {"0037": "Parking rules", "1000": "The yard is closed on Fridays."}
    values = {name: text.encode("utf-16-le") for name, text in texts.items()}
    entries = [struct.pack("<HHIII", 0x1F, int(name, 16), 6, len(value) + 2, 0) for name, value in values.items()]
    streams = {f"__substg1.0_{name}001F": value for name, value in values.items()}

    document = parsed(tmp_path, ole(**{"__properties_version1.0": bytes(32) + b"".join(entries)}, **streams), "mail")

    assert document.title == "Parking rules"
    assert [block.text for block in document.blocks] == ["Subject: Parking rules", "The yard is closed on Fridays."]


def test_a_pages_document_is_read_by_its_preview_or_refused_with_what_to_do(tmp_path: Path) -> None:
    part = ("Index/Document.iwa", b"x")
    with pytest.raises(UnsupportedFormat, match="export it as PDF or Word"):
        parsed(tmp_path, zipped(part), "plan.pages")

    document = parsed(tmp_path, zipped(part, (archive.PREVIEWS[0], pdf("Six days."))), "plan.pages")

    assert document.blocks[0].text == "Six days."
    assert "may lack pages" in document.warnings[0]
