"""reStructuredText by docutils: nothing is included from elsewhere, nothing is run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.core import publish_doctree

from ingest.parse.encodings import read_text
from ingest.parse.metadata import iso_date
from ingest.parse.tables import row_of, table_block
from rag.types import Block, ParsedDocument

SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "report_level": 5,  # faults of markup are no text
    "halt_level": 6,
    "input_encoding": "unicode",
    "_disable_config": True,
    "doctitle_xform": True,
    "smart_quotes": False,
}
LEFT_OUT = (nodes.comment, nodes.substitution_definition, nodes.target, nodes.system_message, nodes.docinfo, nodes.meta)


def parse_rst(path: Path, filename: str) -> ParsedDocument:
    """One block a section, tables by themselves."""
    tree: Any = publish_doctree(read_text(path), settings_overrides=SETTINGS)
    title = tree.get("title") or ""
    about = {type(node).__name__: node.astext() for node in tree.findall(nodes.docinfo) for node in node.children}
    return ParsedDocument(
        title=title or Path(filename).stem,
        blocks=tuple(_blocks(tree, (title,) if title else ())),
        author=about.get("author"),
        created_at=iso_date(about.get("date")),
    )


def _blocks(parent: Any, section: tuple[str, ...]) -> Iterator[Block]:
    run: list[str] = []

    def finished() -> Iterator[Block]:
        if run:
            yield Block(text="\n\n".join(run), section=section)
            run.clear()

    for node in parent.children:
        if isinstance(node, nodes.section):
            yield from finished()
            yield from _blocks(node, (*section, node[0].astext()))
        elif isinstance(node, nodes.table):
            name = [child.astext() for child in node if isinstance(child, nodes.title)]
            rows = [row_of([entry.astext() for entry in row]) for row in node.findall(nodes.row)]
            yield from finished()
            yield table_block([row for row in rows if row], (*section, *name))
        elif text := _text(node):
            run.append(text)
    yield from finished()


def _text(node: Any) -> str:
    if isinstance(node, LEFT_OUT):
        return ""
    if isinstance(node, nodes.bullet_list | nodes.enumerated_list):
        marks = ("-" if isinstance(node, nodes.bullet_list) else f"{number}." for number in range(1, len(node) + 1))
        return "\n".join(f"{mark} {_text(item)}" for mark, item in zip(marks, node, strict=True))
    if isinstance(node, nodes.list_item | nodes.definition | nodes.block_quote | nodes.Admonition):
        return "\n".join(filter(None, map(_text, node.children)))
    return str(node.astext())
