"""Office, web and mail formats, read by unstructured. Its types and its private names stay in this file."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ingest.parse import nlp

nlp.install()
os.environ |= {"UNSTRUCTURED_DISABLE_NOTICE": "1", "SCARF_NO_ANALYTICS": "true", "DO_NOT_TRACK": "true"}

from lxml.html import HTMLParser, document_fromstring, fromstring, tostring
from unstructured.documents.elements import Element, PageBreak, Table, Title
from unstructured.partition.docx import partition_docx
from unstructured.partition.email import partition_email
from unstructured.partition.epub import partition_epub
from unstructured.partition.html import partition_html as partition_visible_html
from unstructured.partition.odt import partition_odt
from unstructured.partition.pptx import partition_pptx
from unstructured.partition.rtf import partition_rtf

from ingest.parse.kinds import Kind
from ingest.parse.text import read_text
from rag.types import Block, ParsedDocument


def partition_html(*, filename: str, **options: Any) -> list[Element]:
    """Leave out what the page itself hides: to its readers it is no text, and it may try to speak to the model."""
    text = read_text(Path(filename))
    if not text.strip():
        return []
    tree: Any = document_fromstring(text.encode(), parser=HTMLParser(encoding="utf-8"))
    for element in tree.xpath("//*[@hidden or @style]"):
        style = "".join(element.get("style", "").lower().split())
        if "hidden" in element.attrib or "display:none" in style or "visibility:hidden" in style:
            element.drop_tree()
    return list(partition_visible_html(text=tostring(tree, encoding="unicode"), **options))


PARTITION: dict[Kind, Callable[..., list[Element]]] = {
    Kind.DOCX: partition_docx,
    Kind.EML: partition_email,
    Kind.EPUB: partition_epub,
    Kind.HTML: partition_html,
    Kind.ODT: partition_odt,
    Kind.PPTX: partition_pptx,
    Kind.RTF: partition_rtf,
}
PAGED = {Kind.PPTX}  # the only one of them whose pages a reader sees as such


def parse_elements(path: Path, filename: str, kind: Kind) -> ParsedDocument:
    """Blocks in reading order: a run of paragraphs under one heading, or one table."""
    # Telling the language loads 0.3 s of profiles for every document, and nothing here depends on it.
    elements = PARTITION[kind](filename=str(path), metadata_filename=filename, languages=[""])
    blocks = tuple(_blocks(elements, paged=kind in PAGED))
    pages = max((block.page or 0 for block in blocks), default=0) if kind in PAGED else None
    title = next((element.text for element in elements if isinstance(element, Title)), "")
    subject = next((element.metadata.subject for element in elements if element.metadata.subject), None)
    return ParsedDocument(title=subject or title.strip() or Path(filename).stem, blocks=blocks, pages=pages)


def _blocks(elements: Iterable[Element], *, paged: bool) -> Iterable[Block]:
    headings: list[tuple[int, str]] = []
    run: list[str] = []
    at: tuple[int | None, tuple[str, ...]] = (None, ())
    for element in elements:
        text = (element.text or "").strip()
        if isinstance(element, PageBreak) or not text:
            continue
        depth = element.metadata.category_depth or 0
        if isinstance(element, Title) and not (paged and depth):  # on a slide, deeper titles are bullets
            headings = [(level, heading) for level, heading in headings if level < depth] + [(depth, text)]
        page = element.metadata.page_number if paged else None
        here = (page, tuple(heading for _, heading in headings))
        is_heading_of_table = isinstance(element, Table) and here == at and run == list(here[1][-1:])
        if run and (here != at or isinstance(element, Table)):
            if not is_heading_of_table:  # it is the table's section already
                yield Block(text="\n\n".join(run), page=at[0], section=at[1])
            run = []
        at = here
        if isinstance(element, Table):
            yield _table_block(element, page, here[1])
        else:
            run.append(f"- {text}" if element.category == "ListItem" else text)
    if run:
        yield Block(text="\n\n".join(run), page=at[0], section=at[1])


def _table_block(table: Table, page: int | None, section: tuple[str, ...]) -> Block:
    rows = _rows(table.metadata.text_as_html) or [table.text]
    header = rows[0] if len(rows) > 1 else ""
    return Block(text="\n".join(rows), page=page, section=section, is_table=True, header=header)


def _rows(html: str | None) -> list[str]:
    """Return a table's rows as `cell | cell`, without empty ones."""
    if not html:
        return []
    tree: Any = fromstring(html)
    rows = [[" ".join(cell.text_content().split()) for cell in row.xpath("./td|./th")] for row in tree.iter("tr")]
    return [" | ".join(cells) for cells in rows if any(cells)]
