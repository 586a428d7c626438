"""JSON as `path: value` lines, and Jupyter notebooks as their cells."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingest.parse.encodings import read_text
from ingest.parse.metadata import iso_date
from ingest.parse.text import markdown_blocks
from rag.errors import BrokenDocument
from rag.types import Block, ParsedDocument

TITLES = ("title", "name", "headline", "subject")
MOST_LINES = 200  # in a block without a heading


def parse_json(path: Path, filename: str) -> ParsedDocument:
    """A block for each member of the outermost list or mapping that holds others; every value with its path."""
    data = _loaded(path)
    title = next((str(data[key]) for key in TITLES if isinstance(data, dict) and isinstance(data.get(key), str)), "")
    return ParsedDocument(title=title or Path(filename).stem, blocks=tuple(_blocks(data)))


def _loaded(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except RecursionError as exc:
        raise BrokenDocument("Its values are nested too deeply to be read.") from exc
    except ValueError as exc:
        raise BrokenDocument(f"It is not valid JSON ({exc}).") from exc


def _blocks(data: Any) -> Iterator[Block]:
    if not isinstance(data, dict | list):
        yield Block(text=str(data))
        return
    plain: list[str] = []
    for key, value in data.items() if isinstance(data, dict) else enumerate(data, 1):
        if isinstance(value, dict | list):
            lines = list(_lines(value, ""))
            for start in range(0, len(lines), MOST_LINES):
                yield Block(text="\n".join(lines[start : start + MOST_LINES]), section=(str(key),))
        else:
            plain.append(f"{key}: {value}" if isinstance(data, dict) else str(value))
    for start in range(0, len(plain), MOST_LINES):
        yield Block(text="\n".join(plain[start : start + MOST_LINES]))


def _lines(data: Any, above: str) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _lines(value, f"{above}.{key}" if above else str(key))
    elif isinstance(data, list):
        for number, value in enumerate(data, 1):
            yield from _lines(value, f"{above}[{number}]" if isinstance(value, dict | list) else above)
    elif data is not None and data != "":
        yield f"{above}: {data}" if above else str(data)


def parse_ipynb(path: Path, filename: str) -> ParsedDocument:
    """Markdown cells give the headings; code and its printed output stand under them. Pictures are left out."""
    notebook = _loaded(path)
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise BrokenDocument("It is no Jupyter notebook of version 4. Open it in Jupyter and save it anew.")
    known = notebook.get("metadata") or {}
    text = "\n\n".join(filter(None, map(_cell, notebook["cells"])))
    title, blocks = markdown_blocks(text)
    authors = ", ".join(str(author.get("name", "")) for author in known.get("authors", []) if isinstance(author, dict))
    return ParsedDocument(
        title=str(known.get("title") or "") or title or Path(filename).stem,
        blocks=blocks,
        author=authors or None,
        created_at=iso_date(str(known.get("date") or "")),
    )


def _cell(cell: Any) -> str:
    source = _joined(cell.get("source", ""))
    if cell.get("cell_type") != "code":
        return source
    outputs = [_output(output) for output in cell.get("outputs", [])]
    return "\n\n".join(f"```\n{part.rstrip()}\n```" for part in (source, *outputs) if part.strip())


def _output(output: Any) -> str:
    if "text" in output:
        return _joined(output["text"])
    return _joined((output.get("data") or {}).get("text/plain", ""))


def _joined(text: Any) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text)
