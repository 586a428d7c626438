"""Plain text and Markdown. Spans are those of the decoded text; Markdown is cut at its headings and tables."""

import re
from collections.abc import Iterator
from pathlib import Path

from ingest.parse.encodings import read_text
from ingest.parse.metadata import iso_date, language_tag
from ingest.parse.tables import row_of, table_block
from rag.types import Block, ParsedDocument

_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*\n", re.DOTALL)
_FRONT_LINE = re.compile(r"^(\w+):[ \t]*[\"']?(.+?)[\"']?[ \t]*$", re.MULTILINE)
_HEADING = re.compile(
    r"^(?P<hashes>#{1,6})[ \t]+(?P<title>[^\n]+?)(?:[ \t]+#+)?[ \t]*$"
    r"|^(?![ \t]*(?:[-*+>|#]|\d+\.))(?<!\S\n)(?P<above>\S[^\n]*)\n(?P<line>=+|-{2,})[ \t]*$",
    re.MULTILINE,
)
_FENCE = re.compile(r"^[ ]{0,3}(```+|~~~+).*?(?:^[ ]{0,3}\1|\Z)", re.MULTILINE | re.DOTALL)
_TABLE = re.compile(
    r"^[^\n]*\|[^\n]*\n[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+\|?[ \t]*(?:\n[^\n]*\|[^\n]*)*",
    re.MULTILINE,
)


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
    """Return the first heading and the blocks of a text in Markdown; what stands in a fence is code."""
    fences = [fence.span() for fence in _FENCE.finditer(text)]
    headings: list[tuple[int, str]] = []
    blocks: list[Block] = []
    start = 0
    found = [match for match in _HEADING.finditer(text) if not _is_within(match.start(), fences)]
    for match in [*found, None]:
        end = match.start() if match else len(text)
        blocks += _parted(text[start:end], tuple(title for _, title in headings))
        if match:
            level = len(match["hashes"]) if match["hashes"] else 1 if match["line"].startswith("=") else 2
            title = (match["title"] or match["above"]).strip()
            headings = [(above, words) for above, words in headings if above < level] + [(level, title)]
            start = end
    return next((block.section[0] for block in blocks if block.section), None), tuple(blocks)


def _is_within(place: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= place < end for start, end in spans)


def _parted(text: str, section: tuple[str, ...]) -> Iterator[Block]:
    """Part a section's text at its tables; in a block of code there is none."""
    fences = [fence.span() for fence in _FENCE.finditer(text)]
    end = 0
    for table in _TABLE.finditer(text):
        if _is_within(table.start(), fences):
            continue
        if before := text[end : table.start()].strip("\n"):
            yield Block(text=before, section=section)
        lines = table.group().splitlines()
        yield table_block([_row(line) for number, line in enumerate(lines) if number != 1], section)
        end = table.end()
    if (rest := text[end:].strip("\n")).strip():
        yield Block(text=rest, section=section)


def _row(line: str) -> str:
    cells = re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))
    return row_of([cell.replace("\\|", "|") for cell in cells])
