"""Office, web and book formats, read by unstructured. Its types and its private names stay in this file."""

import os
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from ingest.parse import nlp

nlp.install()
os.environ |= {"UNSTRUCTURED_DISABLE_NOTICE": "1", "SCARF_NO_ANALYTICS": "true", "DO_NOT_TRACK": "true"}

import pypandoc
from lxml.etree import iterwalk
from lxml.html import HTMLParser, document_fromstring, fromstring, tostring
from unstructured.documents.elements import Element, PageBreak, Table, Title
from unstructured.partition.docx import partition_docx
from unstructured.partition.html import partition_html as partition_visible_html
from unstructured.partition.pptx import partition_pptx

from ingest.parse.encodings import decoded
from ingest.parse.metadata import Metadata, iso_date, language_tag, office_metadata, own_title, rtf_metadata
from ingest.parse.office import plain_office, slide_notes
from ingest.parse.tables import CELL, is_caption, row_of, table_block
from ingest.parse.xml import local, parsed_xml
from rag.errors import BrokenDocument
from rag.types import Block, ParsedDocument

_CHARSET = re.compile(rb"<(?:meta[^>]*charset|\?xml[^>]*encoding)\s*=\s*[\"']?([\w:-]+)", re.IGNORECASE)
_BOLD = re.compile(r"font-weight:\s*(?:bold|[6-9]00)")
META = {  # of a web page, by what their names begin with
    "author": ("author", "dc.creator", "article:author"),
    "created_at": ("date", "dc.date", "article:published_time", "dcterms.created"),
    "modified_at": ("last-modified", "article:modified_time", "dcterms.modified"),
}
NOTES = "Notes"
MOST_HEADING_CHARS = 120
MOST_CHAPTER_BYTES = 50_000_000
MOST_DEPTH = 200  # of a page's elements
DEEPEST = 2000  # libxml2 leaves out what is deeper than 2,048


def parse_docx(path: Path, filename: str) -> ParsedDocument:
    """Blocks by heading, text boxes and notes among them."""
    title, known = office_metadata(path)
    elements = _partitioned(partition_docx, file=plain_office(path))
    return _parsed(elements, filename, title, known)


def parse_pptx(path: Path, filename: str) -> ParsedDocument:
    """A page a slide; what is said to it, in its notes, follows its text."""
    title, known = office_metadata(path)
    file = plain_office(path)
    notes = slide_notes(file)
    elements = _partitioned(partition_pptx, file=file, include_slide_notes=False)
    parsed = _parsed(elements, filename, title, known, paged=True)
    return replace(parsed, blocks=tuple(_with_notes(parsed.blocks, notes)), pages=max(parsed.pages or 0, len(notes)))


def _with_notes(blocks: Sequence[Block], notes: Sequence[str]) -> Iterator[Block]:
    """Notes follow the slide that they belong to, under its title."""
    for page, said in enumerate(notes, 1):
        shown = [block for block in blocks if block.page == page]
        yield from shown
        if said.strip():
            section = shown[0].section if shown else ()
            yield Block(text=said.strip(), page=page, section=(*section, NOTES))


def parse_rtf(path: Path, filename: str) -> ParsedDocument:
    """Read what pandoc makes of it, which knows no headings in this format: see `_name_headings`."""
    page = f"<body>{pypandoc.convert_file(str(path), 'html', format='rtf')}</body>"
    parsed = _web_page(page, filename)
    title, known = rtf_metadata(path.read_bytes())
    return replace(parsed, title=title or parsed.title, **known)


def parse_html(path: Path, filename: str) -> ParsedDocument:
    """Blocks by heading, without what the page itself hides."""
    raw = path.read_bytes()
    charset = _CHARSET.search(raw[:4096])
    return _web_page(decoded(raw, charset.group(1).decode() if charset else None), filename)


def html_blocks(page: str) -> tuple[Block, ...]:
    """Return the blocks of a page within another document: the body of a mail."""
    return _web_page(page, "page").blocks if page.strip() else ()


def _web_page(page: str, filename: str) -> ParsedDocument:
    if not page.strip():
        return ParsedDocument(title=Path(filename).stem, blocks=())
    tree = _visible(page)
    title = own_title(tree.findtext(".//title"))
    metas = {(e.get("name") or e.get("property") or "").lower(): e.get("content", "") for e in tree.iter("meta")}
    found = {field: next(filter(None, map(metas.get, names)), None) for field, names in META.items()}
    known = Metadata(
        author=found["author"],
        created_at=iso_date(found["created_at"]),
        modified_at=iso_date(found["modified_at"]),
        language=language_tag(tree.get("lang")),
    )
    elements = _partitioned(partition_visible_html, text=tostring(tree, encoding="unicode"))
    return _parsed(elements, filename, "", known, fallback=title)


def _visible(page: str) -> Any:
    """Leave out what the page itself hides: to its readers it is no text, and it may try to speak to the model."""
    tree: Any = document_fromstring(page.encode(), parser=HTMLParser(encoding="utf-8", huge_tree=True))
    _flatten(tree)
    for element in tree.xpath("//*[@hidden or @style]"):
        style = "".join(element.get("style", "").lower().split())
        if "hidden" in element.attrib or "display:none" in style or "visibility:hidden" in style:
            element.drop_tree()
    for inner in tree.xpath("//table//table"):  # a table in a cell is the cell's text
        inner.tag = "div"
    if not tree.xpath("//h1|//h2|//h3|//h4"):
        _name_headings(tree)
    return tree


def _flatten(tree: Any) -> None:
    """Make the text of elements nested beyond all measure that of the one they are in; unstructured calls itself."""
    depth, deep = 0, []
    for event, element in iterwalk(tree, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > DEEPEST:
            raise BrokenDocument("Its elements are nested too deeply to be read. Save the page as PDF.")
        if event == "start" and depth == MOST_DEPTH:
            deep.append(element)
    for element in deep:
        text = " ".join(" ".join(element.itertext()).split())
        element[:] = []
        element.text = text


def _name_headings(tree: Any) -> None:
    """Where a page names no headings, its readers take short paragraphs for some that are bold throughout."""
    for paragraph in tree.xpath(
        "//p[not(ancestor::table) and not(ancestor::li)]|//div[not(*//p|p|*//div|div|*//table)]"
    ):
        pieces = [piece for piece in paragraph.xpath(".//text()") if piece.strip()]
        length = sum(map(len, pieces))
        if pieces and length <= MOST_HEADING_CHARS and all(_is_bold(piece, paragraph) for piece in pieces):
            paragraph.tag = "h2"


def _is_bold(piece: Any, paragraph: Any) -> bool:
    element = piece.getparent().getparent() if piece.is_tail else piece.getparent()
    while element is not None:
        if element.tag in {"b", "strong"} or _BOLD.search(element.get("style", "")):
            return True
        element = None if element is paragraph else element.getparent()
    return False


def parse_epub(path: Path, filename: str) -> ParsedDocument:
    """The chapters in the book's order."""
    with zipfile.ZipFile(path) as archive:
        container = parsed_xml(archive.read("META-INF/container.xml"))
        package_path = next(e.get("full-path") for e in container.iter() if local(e) == "rootfile")
        package = parsed_xml(archive.read(package_path))
        if "META-INF/encryption.xml" in archive.namelist() and "META-INF/rights.xml" in archive.namelist():
            raise BrokenDocument("It is protected by its seller (DRM) and cannot be read.")
        elements = [element for page in _chapters(archive, package, package_path) for element in _elements(page)]
    about = {local(e): e.text.strip() for e in reversed(list(package.iter())) if e.text and e.text.strip()}
    known = Metadata(
        author=about.get("creator"),
        created_at=iso_date(about.get("date")),
        language=language_tag(about.get("language")),
    )
    parsed = _parsed(elements, filename, "", known)
    return replace(parsed, title=about.get("title") or parsed.title)


def _chapters(archive: zipfile.ZipFile, package: Any, package_path: str) -> Iterator[str]:
    files = {e.get("id"): e for e in package.iter() if local(e) == "item"}
    for reference in (e for e in package.iter() if local(e) == "itemref"):
        item = files.get(reference.get("idref"))
        if item is None or item.get("properties") == "nav":
            continue
        name = str(PurePosixPath(package_path).parent / unquote(item.get("href", "")))
        if name in archive.namelist() and archive.getinfo(name).file_size < MOST_CHAPTER_BYTES:
            yield decoded(archive.read(name))


def _elements(page: str) -> list[Element]:
    if not page.strip():
        return []
    return _partitioned(partition_visible_html, text=tostring(_visible(page), encoding="unicode"))


def _partitioned(partition: Callable[..., list[Element]], **source: Any) -> list[Element]:
    """Telling the language loads 0.3 s of profiles for every document, and `ingest/parse/language.py` does it."""
    return partition(**source, languages=[""])


def _parsed(
    elements: list[Element], filename: str, title: str, known: Metadata, *, fallback: str = "", paged: bool = False
) -> ParsedDocument:
    """Return the document; without a title of its own it is named by its first heading, `fallback`, or its file."""
    blocks = tuple(_blocks(elements, paged=paged))
    pages = max((block.page or 0 for block in blocks), default=0) if paged else None
    titles = [" ".join(element.text.split()) for element in elements if isinstance(element, Title)]
    if elements and isinstance(elements[0], Title):  # what a reader sees first; a template's title is often left over
        title = titles[0]
    title = title or next(iter(titles), "") or fallback or Path(filename).stem
    return ParsedDocument(title=title, blocks=blocks, pages=pages, **known)


def _blocks(elements: Iterable[Element], *, paged: bool) -> Iterator[Block]:
    """Blocks in reading order: a run of paragraphs under one heading, or one table."""
    headings: list[tuple[int, str]] = []
    run: list[str] = []
    titles = 0  # of the run: while it holds nothing else, it goes on under the next heading
    at: tuple[int | None, tuple[str, ...]] = (None, ())
    for element in elements:
        text = (element.text or "").strip()
        if isinstance(element, PageBreak) or not text:
            continue
        page = element.metadata.page_number if paged else None
        depth = element.metadata.category_depth or 0
        if paged and page != at[0]:
            headings, depth = [], 0  # the first title on a slide is its own, whatever its depth
        is_heading = isinstance(element, Title) and not (paged and depth)  # deeper ones on a slide are bullets
        if is_heading:
            headings = [(level, heading) for level, heading in headings if level < depth]
            headings.append((depth, " ".join(text.split())))
        here = (page, tuple(heading for _, heading in headings))
        rows = _rows(element) if isinstance(element, Table) else []
        caption = run[-1:] if rows and run and here == at and is_caption(run[-1]) else []
        if run and (rows or (here != at and not (titles == len(run) and page == at[0]))):
            if not (rows and set(run) <= set(here[1])):  # it is the table's section already
                yield Block(text="\n\n".join(run), page=at[0], section=at[1])
            run, titles = [], 0
        at = here
        if rows:
            yield table_block(rows, (*here[1], *caption), page)
        else:
            run.append(f"- {text}" if element.category == "ListItem" else text)
            titles += is_heading
    if run:
        yield Block(text="\n\n".join(run), page=at[0], section=at[1])


def _rows(table: Table) -> list[str]:
    """Return a table's rows, without empty ones; none for one cell, which web pages put around their text."""
    html = table.metadata.text_as_html
    if not html:
        return []
    tree: Any = fromstring(html)
    rows = [row_of([_cell(cell) for cell in row.xpath("./td|./th")]) for row in tree.iter("tr")]
    filled = [row for row in rows if row]
    return filled if len(filled) > 1 or CELL in "".join(filled) else []


def _cell(cell: Any) -> str:
    return " ".join(" ".join(cell.itertext()).split())
