"""XML without what makes it dangerous: no entities, no files, no network, no bombs. Its text as blocks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from rag.errors import BrokenDocument
from rag.types import Block, ParsedDocument

TITLES = {"title", "headline", "name"}


def parsed_xml(raw: bytes) -> Any:
    """Return the root element. Raise BrokenDocument for what is no XML, or declares entities."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False)
    try:
        root = etree.fromstring(raw, parser=parser)
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise BrokenDocument(f"It is not well-formed XML ({exc}).") from exc
    return root


def local(element: Any) -> str:
    """Return the element's name without its namespace; empty for comments and the like."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def parse_xml(path: Path, filename: str) -> ParsedDocument:
    """One line an element with text of its own, `name: text`; an element's children share its section."""
    root = parsed_xml(path.read_bytes())
    title = next((e.text.strip() for e in root.iter() if local(e) in TITLES and e.text and e.text.strip()), "")
    language = root.get("{http://www.w3.org/XML/1998/namespace}lang")
    blocks = tuple(_blocks(root))
    return ParsedDocument(title=title or Path(filename).stem, blocks=blocks, language=language)


def _blocks(root: Any) -> Iterator[Block]:
    """A block for each child of the root that has children, and one for the others before and after it."""
    lines: list[str] = []
    for child in root:
        if len(child):
            if lines:
                yield Block(text="\n".join(lines))
            lines = []
            inside = list(_lines(child))
            if inside:
                yield Block(text="\n".join(inside), section=(local(child),) if local(child) else ())
        else:
            lines += _lines(child)
    own = [root.text] if not len(root) and root.text else []
    if lines or own:
        yield Block(text="\n".join(lines or own))


def _lines(element: Any) -> Iterator[str]:
    """Mixed content (words within a sentence marked up) stays one line."""
    for one in [element] if _is_mixed(element) else element.iter():
        if not local(one) or any(_is_mixed(above) for above in one.iterancestors() if above is not one):
            continue
        text = " ".join("".join(one.itertext() if _is_mixed(one) else [one.text or ""]).split())
        values = [f"{name}={value}" for name, value in one.attrib.items() if not name.startswith("{")]
        if text:
            yield f"{local(one)}: {text}"
        elif values and not len(one):
            yield f"{local(one)}: {' '.join(values)}"


def _is_mixed(element: Any) -> bool:
    return len(element) > 0 and any((child.tail or "").strip() for child in element)
