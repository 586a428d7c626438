"""Plain text and Markdown. Spans are those of the decoded text; Markdown is cut at its headings and tables."""

import re
from collections.abc import Iterator
from pathlib import Path

from llama_index.core import Document
from llama_index.core.node_parser import MarkdownNodeParser

from ingest.parse.encodings import read_text
from ingest.parse.metadata import iso_date, language_tag
from ingest.parse.tables import row_of, table_block
from rag.types import Block, ParsedDocument

_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*\n", re.DOTALL)
_FRONT_LINE = re.compile(r"^(\w+):[ \t]*[\"']?(.+?)[\"']?[ \t]*$", re.MULTILINE)
_HEADING = re.compile(r"\A#{1,6}\s+(.+?)(?:\s+#+)?\s*$", re.MULTILINE)
_UNDERLINED = re.compile(r"^(?![ \t]*(?:[-*+>|#]|\d+\.))(\S[^\n]*)\n(=+|-{2,})[ \t]*$", re.MULTILINE)
_CLOSING = re.compile(r"\s+#+$")
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_TABLE = re.compile(r"^[^\n]*\|[^\n]*\n[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+\|?[ \t]*(?:\n[^\n]*\|[^\n]*)*", re.MULTILINE)


def parse_text(path: Path, filename: str) -> ParsedDocument:
    return ParsedDocument(title=Path(filename).stem, blocks=(Block(text=read_text(path)),))


def parse_markdown(path: Path, filename: str) -> ParsedDocument:
    """One block a heading, with the headings above it as its section; tables by themselves."""
    text = read_text(path)
    front = _FRONT_MATTER.match(text)
    known = {name.lower(): value for name, value in _FRONT_LINE.findall(front.group(1))} if front else {}
    title, blocks = markdown_blocks(text[front.end() :] if front else text)
    return ParsedDocument(
        title=known.get("title") or title or Path(filename).stem,
        blocks=blocks,
        author=known.get("author"),
        created_at=iso_date(known.get("date")),
        language=language_tag(known.get("lang") or known.get("language")),
    )


def markdown_blocks(text: str) -> tuple[str | None, tuple[Block, ...]]:
    """Return the first heading and the blocks of a text in Markdown."""
    parser = MarkdownNodeParser(include_prev_next_rel=False, header_path_separator="\n")
    nodes = parser.get_nodes_from_documents([Document(text=_hashed(text))])
    blocks = tuple(
        block
        for node in nodes
        for block in _parted(node.get_content(), _section(node.metadata["header_path"], node.get_content()))
    )
    return next((block.section[0] for block in blocks if block.section), None), blocks


def _hashed(text: str) -> str:
    """Write headings that are underlined with = or - as those that begin with #, outside of code."""
    parts, end = [], 0
    for fence in _FENCE.finditer(text):
        parts += [_with_hashes(text[end : fence.start()]), fence.group()]
        end = fence.end()
    return "".join([*parts, _with_hashes(text[end:])])


def _with_hashes(text: str) -> str:
    return _UNDERLINED.sub(lambda match: f"{'#' if match[2][0] == '=' else '##'} {match[1]}", text)


def _section(header_path: str, text: str) -> tuple[str, ...]:
    """The lines A and B, and a text that begins with the heading C: (A, B, C)."""
    heading = _HEADING.match(text)
    above = tuple(_CLOSING.sub("", part) for part in header_path.split("\n") if part)
    return (*above, heading.group(1)) if heading else above


def _parted(text: str, section: tuple[str, ...]) -> Iterator[Block]:
    """Part a section's text at its tables; in a block of code there is none."""
    fences = [fence.span() for fence in _FENCE.finditer(text)]
    end = 0
    for table in _TABLE.finditer(text):
        if any(start <= table.start() < stop for start, stop in fences):
            continue
        if before := text[end : table.start()].strip("\n"):
            yield Block(text=before, section=section)
        lines = table.group().splitlines()
        yield table_block([_row(line) for number, line in enumerate(lines) if number != 1], section)
        end = table.end()
    if rest := text[end:].strip("\n") if end else text:
        yield Block(text=rest, section=section)


def _row(line: str) -> str:
    cells = re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))
    return row_of([cell.replace("\\|", "|") for cell in cells])
