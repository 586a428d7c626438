"""OpenDocument texts and presentations: what stands in content.xml, in its order. Sheets are calamine's."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingest.parse.metadata import MOST_PART_BYTES, office_metadata
from ingest.parse.tables import row_of, table_block
from ingest.parse.xml import local, parsed_xml
from rag.errors import BrokenDocument, EncryptedDocument
from rag.types import Block, ParsedDocument

NOTES = "Notes"  # a slide's, to the one who speaks
MOST_BYTES = 40 * MOST_PART_BYTES
MOST_REPEATS = 100  # of an empty cell or row
UNSEEN = {"tracked-changes", "sequence-decls", "annotation", "forms", "table-of-content-source", "desc", "title"}
_NAME = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}%s"


def parse_odf(path: Path, filename: str) -> ParsedDocument:
    """Blocks by heading, or by slide. Raise EncryptedDocument if it needs a password."""
    with zipfile.ZipFile(path) as archive:
        if b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise EncryptedDocument(f"{filename} needs a password. Save it without one and upload it again.")
        if archive.getinfo("content.xml").file_size > MOST_BYTES:
            raise BrokenDocument(f"Its text unpacks to over {MOST_BYTES // 1_000_000} MB. Split it.")
        body = parsed_xml(archive.read("content.xml"))
    title, known = office_metadata(path)
    slides = list(body.iter(_NAME % ("drawing", "page")))
    reader = _Reader(body)
    if slides:
        blocks = tuple(block for number, slide in enumerate(slides, 1) for block in reader.slide(slide, number))
    else:
        blocks = tuple(reader.text(next(body.iter(_NAME % ("office", "text")), body)))
    first = reader.title or next((block.section[0] for block in blocks if block.section), "")
    return ParsedDocument(
        title=title or first or Path(filename).stem, blocks=blocks, pages=len(slides) or None, **known
    )


class _Reader:
    """Walks a document's elements; knows its styles' names and the headings above."""

    def __init__(self, body: Any) -> None:
        named = ((style.get(_NAME % ("style", "name")), style.get(_NAME % ("style", "parent-style-name")))
                 for style in body.iter(_NAME % ("style", "style")))  # fmt: skip
        self._parents = {name: parent for name, parent in named if name and parent}
        self._numbered = {
            style.get(_NAME % ("style", "name"))
            for style in body.iter(_NAME % ("text", "list-style"))
            if style.find(_NAME % ("text", "list-level-style-number")) is not None
        }
        self.title = ""

    def text(self, body: Any) -> Iterator[Block]:
        headings: list[tuple[int, str]] = []
        run: list[str] = []
        for level, item in self._items(body):
            section = tuple(heading for _, heading in headings)
            if isinstance(item, str) and not level:
                run.append(item)
                continue
            if run and not (not isinstance(item, str) and run == list(section[-1:])):
                yield Block(text="\n\n".join(run), section=section)
            run = []
            if isinstance(item, str):
                headings = [(above, text) for above, text in headings if above < level] + [(level, item)]
                run = [item]
            elif item:
                yield table_block(item, section)
        if run:
            yield Block(text="\n\n".join(run), section=tuple(heading for _, heading in headings))

    def slide(self, slide: Any, number: int) -> Iterator[Block]:
        """The title frame names the slide; the speaker's notes follow its text."""
        frames = [frame for frame in slide if local(frame) != "notes"]
        titles = [frame for frame in frames if frame.get(_NAME % ("presentation", "class")) == "title"]
        title = " ".join(_words(line) for frame in titles for line in frame.iter(_NAME % ("text", "p"))).strip()
        self.title = self.title or title
        section = (title,) if title else ()
        run = [title] if title else []
        for _, item in (item for frame in frames if frame not in titles for item in self._items(frame)):
            if isinstance(item, str):
                run.append(item)
            elif item:
                yield table_block(item, section, number)
        if run:
            yield Block(text="\n\n".join(run), page=number, section=section)
        notes = [item for frame in slide if local(frame) == "notes" for _, item in self._items(frame)]
        if said := "\n\n".join(item for item in notes if isinstance(item, str)):
            yield Block(text=said, page=number, section=(*section, NOTES))

    def _items(self, parent: Any) -> Iterator[tuple[int, str | list[str]]]:
        """Yield (level, heading), (0, paragraph) and (0, rows of a table) in order."""
        for child in parent:
            name = local(child)
            if name in UNSEEN or not name:
                continue
            if name in {"p", "h"}:
                if text := _words(child):
                    yield self._level(child, name), text
                for frame in child.iter(_NAME % ("drawing", "text-box")):
                    yield from self._items(frame)
            elif name == "list":
                yield from ((0, line) for line in self._list(child, 0))
            elif name == "table":
                yield 0, _rows(child)
            else:
                yield from self._items(child)

    def _level(self, element: Any, name: str) -> int:
        style: str | None = element.get(_NAME % ("text", "style-name"))
        while style and style not in {"Title", "Subtitle"}:
            style = self._parents.get(style)
        if style == "Title" and not self.title:
            self.title = _words(element)
        return int(element.get(_NAME % ("text", "outline-level")) or 1) if name == "h" else 0

    def _list(self, element: Any, depth: int, style: str | None = None) -> Iterator[str]:
        style = element.get(_NAME % ("text", "style-name")) or style
        for number, item in enumerate(element, 1):
            mark = f"{number}." if style in self._numbered and not depth else "-"
            for child in item:
                if local(child) == "list":
                    yield from self._list(child, depth + 1, style)
                elif text := _words(child):
                    yield f"{'  ' * depth}{mark} {text}"


def _rows(table: Any) -> list[str]:
    rows: list[str] = []
    for row in table.iter(_NAME % ("table", "table-row")):
        if next(row.iterancestors(_NAME % ("table", "table"))) is not table:
            continue  # of a table within a cell, which is that cell's text
        cells = [
            text
            for cell in row
            for text in [_words(cell)] * min(_repeats(cell), MOST_REPEATS)
        ]  # fmt: skip
        if line := row_of(cells):
            rows.append(line)
    return rows


def _repeats(cell: Any) -> int:
    return int(cell.get(_NAME % ("table", "number-columns-repeated")) or 1)


def _words(element: Any) -> str:
    """Return an element's text with spaces, tabs and breaks, without text boxes; notes in brackets."""
    parts: list[str] = []

    def walk(node: Any) -> None:
        name = local(node)
        if name in UNSEEN or not name or (name == "text-box" and node is not element):
            parts.append("\n" if name == "text-box" else "")
        elif name in {"s", "tab", "line-break"}:
            parts.append(" " * int(node.get(_NAME % ("text", "c")) or 1) if name == "s" else " ")
        elif name == "note":
            body = next(node.iter(_NAME % ("text", "note-body")), None)
            parts.append(f" [{_words(body)}]" if body is not None else "")
        else:
            parts.append(node.text or "")
            for child in node:
                walk(child)
                parts.append(child.tail or "")
            if name in {"p", "h", "table-cell", "list-item"}:
                parts.append(" ")

    walk(element)
    return " ".join("".join(parts).split())
