"""Mails: .eml by the standard library, Outlook's .msg by oxmsg, .mbox as the mails in it; attachments with them."""

import mailbox
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from pathlib import Path
from typing import Any

from ingest.parse.encodings import decoded
from ingest.parse.kinds import Kind
from ingest.parse.members import Members
from ingest.parse.metadata import language_tag, mail_date
from rag.errors import EmptyDocument
from rag.types import Block, ParsedDocument

SHOWN = ("From", "To", "Cc", "Date", "Subject")


@dataclass(frozen=True, kw_only=True)
class Mail:
    """What a mail says, whatever its format."""

    head: dict[str, str]
    html: str = ""
    plain: str = ""
    attached: tuple[tuple[str, bytes], ...] = ()
    date: str | None = None
    language: str | None = None

    @property
    def title(self) -> str:
        return self.head.get("Subject", "")


def parse_eml(path: Path, filename: str, members: Members) -> ParsedDocument:
    """The head as a reader sees it, the body, then the attachments under their names."""
    return _parsed(_internet_mail(path.read_bytes()), filename, members)


def parse_msg(path: Path, filename: str, members: Members) -> ParsedDocument:
    from oxmsg import Message  # only for Outlook's

    found = Message.load(str(path))
    people = ", ".join(f"{one.name} <{one.email_address}>" for one in found.recipients)
    date = found.sent_date.isoformat() if found.sent_date else mail_date(found.message_headers.get("Date"))
    head = {"From": found.sender or "", "To": people, "Date": date or "", "Subject": _string(found.subject)}
    mail = Mail(
        head=head,
        html=_string(found.html_body),
        plain=_string(found.body),
        attached=tuple((one.file_name or "attachment", one.file_bytes) for one in found.attachments if one.file_bytes),
        date=date,
    )
    return _parsed(mail, filename, members)


def parse_mbox(path: Path, filename: str, members: Members) -> ParsedDocument:
    """Each mail under its subject, in the order of the file."""
    box = mailbox.mbox(path, create=False)
    try:
        for number, key in enumerate(box.iterkeys(), 1):
            raw = box.get_bytes(key)
            members.budget.spend(len(raw))
            subject = _header(message_from_bytes(raw, policy=policy.default), "Subject")
            members.add(subject or f"Mail {number}", raw, Kind.EML)
    finally:
        box.close()
    return ParsedDocument(title=Path(filename).stem, blocks=members.read(), warnings=tuple(members.warnings))


def _parsed(mail: Mail, filename: str, members: Members) -> ParsedDocument:
    head = "\n".join(f"{name}: {mail.head[name]}" for name in SHOWN if mail.head.get(name))
    body = _html_blocks(mail.html) if mail.html.strip() else ()
    if not any(block.text.strip() for block in body) and mail.plain.strip():
        body = (Block(text=decoded(mail.plain.encode()).strip("\n")),)
    for name, content in mail.attached:
        members.budget.spend(len(content))
        members.add(name, content)
    if not body and not members.blocks:
        members.read()
        raise EmptyDocument(f"{filename} has no readable text.")
    first = (Block(text=head),) if head else ()
    return ParsedDocument(
        title=mail.title or Path(filename).stem,
        blocks=(*first, *body, *members.blocks),
        author=mail.head.get("From") or None,
        created_at=mail.date,
        language=mail.language,
        warnings=tuple(members.warnings),
    )


def _html_blocks(page: str) -> tuple[Block, ...]:
    from ingest.parse.elements import html_blocks  # 3 s and 100 MB: not for plain mails

    return html_blocks(page)


def _internet_mail(raw: bytes) -> Mail:
    message = message_from_bytes(raw, policy=policy.default)
    head = {name: _header(message, name) for name in SHOWN}
    parts = list(_parts(message))
    body = {"html": "", "plain": ""}
    for name, content, (subtype, charset) in parts:
        if not name:
            body[subtype] += f"{decoded(content, charset)}\n\n"
    return Mail(
        head=head,
        html=body["html"],
        plain=body["plain"],
        attached=tuple((name, content) for name, content, _ in parts if name),
        date=mail_date(head["Date"]),
        language=language_tag(_header(message, "Content-Language")),
    )


def _parts(message: Any) -> Iterator[tuple[str, bytes, tuple[str, str | None]]]:
    """Yield name (empty for the body), content, and subtype and charset of every part; a mail within is one part."""
    for number, part in enumerate(message.iter_parts() if message.is_multipart() else [message], 1):
        if part.get_content_type() == "message/rfc822":
            inner = part.get_payload(0) if part.is_multipart() else part
            name = part.get_filename() or f"{_header(inner, 'Subject') or f'Mail {number}'}.eml"
            yield name, inner.as_bytes(), ("rfc822", None)
        elif part.is_multipart():
            yield from _parts(part)
        else:
            content = part.get_payload(decode=True) or b""
            name = part.get_filename() or ""
            is_text = part.get_content_maintype() == "text" and part.get_content_subtype() in {"html", "plain"}
            is_body = is_text and part.get_content_disposition() != "attachment" and not name
            if is_body or name:
                yield ("" if is_body else name), content, (part.get_content_subtype(), part.get_content_charset())


def _header(message: Any, name: str) -> str:
    try:
        return " ".join(str(message.get(name, "")).split())
    except (HeaderParseError, ValueError, IndexError, AttributeError):  # the parser trips over some broken ones
        return ""


def _string(value: str | bytes | None) -> str:
    return decoded(value) if isinstance(value, bytes) else (value or "").replace("\x00", "")
