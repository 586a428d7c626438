"""Plain text and Markdown. Spans are those of the decoded text; Markdown is cut at its headings."""

import re
from pathlib import Path

from charset_normalizer import from_bytes
from llama_index.core import Document
from llama_index.core.node_parser import MarkdownNodeParser

from rag.errors import BrokenDocument
from rag.types import Block, ParsedDocument

_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*\n", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:\s*[\"']?(.+?)[\"']?\s*$", re.MULTILINE)
_HEADING = re.compile(r"\A#{1,6}\s+(.+?)(?:\s+#+)?\s*$", re.MULTILINE)
_CLOSING = re.compile(r"\s+#+$")


def read_text(path: Path) -> str:
    """Return the file's text, its encoding told from its bytes; line ends become `\\n`."""
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        best = from_bytes(raw).best()
        if best is None:
            raise BrokenDocument("Its character encoding could not be told. Save it as UTF-8.") from None
        text = str(best)
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def parse_text(path: Path, filename: str) -> ParsedDocument:
    return ParsedDocument(title=Path(filename).stem, blocks=(Block(text=read_text(path)),))


def parse_markdown(path: Path, filename: str) -> ParsedDocument:
    """One block a heading, with the headings above it as its section."""
    text = read_text(path)
    front = _FRONT_MATTER.match(text)
    body = text[front.end() :] if front else text
    parser = MarkdownNodeParser(include_prev_next_rel=False, header_path_separator="\n")
    nodes = parser.get_nodes_from_documents([Document(text=body)])
    blocks = tuple(
        Block(text=node.get_content(), section=_section(node.metadata["header_path"], node.get_content()))
        for node in nodes
    )
    title = _FRONT_TITLE.search(front.group(1)) if front else None
    first_heading = next((block.section[0] for block in blocks if block.section), None)
    return ParsedDocument(title=title.group(1) if title else first_heading or Path(filename).stem, blocks=blocks)


def _section(header_path: str, text: str) -> tuple[str, ...]:
    """The lines A and B, and a text that begins with the heading C: (A, B, C)."""
    heading = _HEADING.match(text)
    above = tuple(_CLOSING.sub("", part) for part in header_path.split("\n") if part)
    return (*above, heading.group(1)) if heading else above
