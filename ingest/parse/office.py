"""What has to be put right in a .docx or .pptx file before it is read: its type, text boxes, and notes."""

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

from lxml import etree
from pptx import Presentation

from ingest.parse.xml import parsed_xml

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
MOST_BYTES = 500_000_000
MAIN = "application/vnd.openxmlformats-officedocument.{}.main+xml"
PLAIN_TYPES = {  # templates and files with macros, to the plain type that the readers know; macros are never run
    b"application/vnd.ms-word.document.macroEnabled.main+xml": MAIN.format("wordprocessingml.document"),
    b"application/vnd.ms-word.template.macroEnabledTemplate.main+xml": MAIN.format("wordprocessingml.document"),
    MAIN.format("wordprocessingml.template").encode(): MAIN.format("wordprocessingml.document"),
    b"application/vnd.ms-powerpoint.presentation.macroEnabled.main+xml": MAIN.format("presentationml.presentation"),
    b"application/vnd.ms-powerpoint.slideshow.macroEnabled.main+xml": MAIN.format("presentationml.presentation"),
    b"application/vnd.ms-powerpoint.template.macroEnabled.main+xml": MAIN.format("presentationml.presentation"),
    MAIN.format("presentationml.slideshow").encode(): MAIN.format("presentationml.presentation"),
    MAIN.format("presentationml.template").encode(): MAIN.format("presentationml.presentation"),
}
TYPES, DOCUMENT = "[Content_Types].xml", "word/document.xml"
NOTES = {"footnoteReference": "word/footnotes.xml", "endnoteReference": "word/endnotes.xml"}


def plain_office(path: Path) -> BytesIO:
    """Return the file with a plain type, and the text of boxes and notes among the paragraphs they belong to."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in (TYPES, DOCUMENT, *NOTES.values()) if name in archive.namelist()}
        changed = {TYPES: _with_plain_types(parts[TYPES])} if TYPES in parts else {}
        if any(mark in parts.get(DOCUMENT, b"") for mark in (b"txbxContent", b"noteReference ")):
            changed[DOCUMENT] = _with_everything(parts)
        if all(parts[name] == content for name, content in changed.items()):
            return BytesIO(path.read_bytes())
        copy = BytesIO()
        with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as target:
            for member in archive.infolist():
                if sum(one.file_size for one in archive.infolist()) > MOST_BYTES:
                    raise ValueError(f"it unpacks to over {MOST_BYTES // 1_000_000} MB")
                content = changed.get(member.filename)
                target.writestr(member.filename, archive.read(member) if content is None else content)
    copy.seek(0)
    return copy


def slide_notes(file: BytesIO) -> list[str]:
    """Return what is noted for each slide, in their order; the file is left at its start."""
    slides = Presentation(file).slides
    frames = [slide.notes_slide.notes_text_frame if slide.has_notes_slide else None for slide in slides]
    file.seek(0)
    return [frame.text if frame is not None else "" for frame in frames]


def _with_plain_types(types: bytes) -> bytes:
    for special, plain in PLAIN_TYPES.items():
        types = types.replace(b'"%s"' % special, b'"%s"' % plain.encode())
    return types


def _with_everything(parts: dict[str, bytes]) -> bytes:
    root = parsed_xml(parts[DOCUMENT])
    for twin in list(root.iter(FALLBACK)):  # the same text once more, for old programs
        twin.getparent().remove(twin)
    for box in list(root.iter(f"{W}txbxContent")):
        _move_after(_paragraph(box), list(box))
    for mark, part in NOTES.items():
        notes = {note.get(f"{W}id"): note for note in parsed_xml(parts[part])} if part in parts else {}
        for reference in list(root.iter(W + mark)):
            number = reference.get(f"{W}id")
            if number in notes:
                _write(reference, f"[{number}]")
                _move_after(_paragraph(reference), list(notes[number]), f"[{number}] ")
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True))


def _paragraph(element: Any) -> Any:
    """Return the outermost paragraph around an element: boxes lie within paragraphs of their own."""
    return list(element.iterancestors(f"{W}p"))[-1]


def _move_after(place: Any, paragraphs: list[Any], mark: str = "") -> None:
    for number, paragraph in enumerate(paragraphs):
        if mark and not number and paragraph.tag == f"{W}p":
            run = etree.SubElement(paragraph, f"{W}r")
            etree.SubElement(run, f"{W}t").text = mark
            paragraph.insert(1 if paragraph.find(f"{W}pPr") is not None else 0, run)
        place.addnext(paragraph)
        place = paragraph


def _write(reference: Any, text: str) -> None:
    etree.SubElement(reference.getparent(), f"{W}t").text = text
