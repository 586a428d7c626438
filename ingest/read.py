"""An original to its text and chunks. All that looks at a document's bytes runs in the sandbox."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import BoundedSemaphore

from pydantic import TypeAdapter, ValidationError

from ingest.chunk import BETWEEN, Chunker
from ingest.parse.dispatch import parse
from ingest.parse.kinds import Kind, kind_of
from ingest.parse.sandbox import Sandbox
from rag.errors import BrokenDocument, ParserLimitExceeded
from rag.settings import ParseSettings
from rag.types import Block, Extracted, ParsedDocument

SPARE_PARSERS = 2  # beside one a core: each may take all the memory that a parser may
BOX_BYTES = 8  # a character
MAX_CHUNKS = 200_000  # 20 million characters of prose make 40,000
_LENGTH_BYTES = 8
_EXTRACTED = TypeAdapter(Extracted)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Reads documents, each in a child process of its own with these limits, a few at a time."""

    sandbox: Sandbox
    limits: ParseSettings
    slots: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore((os.cpu_count() or 1) + SPARE_PARSERS))

    def read(
        self, path: Path, filename: str, chunker: Chunker, on_progress: Callable[[int, int], None] | None = None
    ) -> Extracted:
        """Return what the file holds, cut by the chunker. Raise a PermanentError that says why it cannot be had.

        `on_progress` is told how many pages of how many are read, where it takes long.
        """
        arguments = chunker, self.limits.max_chars
        with self.slots:
            answer = self.sandbox.run(extract, path, filename, *arguments, limits=self.limits, on_progress=on_progress)
        try:
            return _decoded(answer)
        except (ValidationError, ValueError) as exc:
            raise BrokenDocument(f"{filename} cannot be read: its parser returned what is no document.") from exc


def extract(path: Path, filename: str, chunker: Chunker, max_chars: int) -> bytes:
    """Tell the file's kind, parse it, chunk it; return the encoded Extracted. Runs inside the sandbox."""
    parsed = _storable(parse(path, filename, _kind(path, filename)))
    size = sum(len(block.text) for block in parsed.blocks)
    if size > max_chars:
        raise ParserLimitExceeded(
            f"{filename} holds {size:,} characters of text, the limit is {max_chars:,}. Split it."
        )
    text, chunks = chunker.chunk(parsed)
    if len(chunks) > MAX_CHUNKS:
        raise ParserLimitExceeded(f"{filename} makes {len(chunks):,} passages, the limit is {MAX_CHUNKS:,}. Split it.")
    return _encoded(
        Extracted(
            title=parsed.title,
            text=text,
            boxes=_boxes(parsed.blocks),
            chunks=tuple(chunks),
            pages=parsed.pages,
            page_sizes=parsed.page_sizes,
            author=parsed.author,
            created_at=parsed.created_at,
            modified_at=parsed.modified_at,
            language=parsed.language,
            warnings=parsed.warnings,
        )
    )


def rehearse() -> None:
    """Read a document of our own, so that what is made at first use is made before the fork server forks."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rehearsal.md"
        path.write_text("# A\n\nOne sentence. Another.\n\n## B\n\n- item\n", encoding="ascii")
        _storable(parse(path, path.name, _kind(path, path.name)))


def _storable(parsed: ParsedDocument) -> ParsedDocument:
    """Replace, one for one, the characters that neither UTF-8 nor PostgreSQL can hold: half surrogates and NUL."""

    def clean(text: str) -> str:
        return text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")

    blocks = tuple(
        replace(block, text=clean(block.text), section=tuple(map(clean, block.section)), header=clean(block.header))
        for block in parsed.blocks
    )
    author = None if parsed.author is None else clean(parsed.author)
    warnings = tuple(map(clean, parsed.warnings))
    return replace(parsed, title=clean(parsed.title), blocks=blocks, author=author, warnings=warnings)


def _kind(path: Path, filename: str) -> Kind:
    with path.open("rb") as file:
        return kind_of(file, filename)


def _boxes(blocks: tuple[Block, ...]) -> bytes:
    """Return the blocks' boxes joined as their text is, or nothing if there are none."""
    if not any(block.boxes for block in blocks):
        return b""
    return bytes(BOX_BYTES * len(BETWEEN)).join(block.boxes or bytes(BOX_BYTES * len(block.text)) for block in blocks)


def _encoded(extracted: Extracted) -> bytes:
    """Return its JSON without the boxes, after its length, and then the boxes as they are."""
    head = _EXTRACTED.dump_json(replace(extracted, boxes=b""))
    return len(head).to_bytes(_LENGTH_BYTES) + head + extracted.boxes


def _decoded(answer: bytes) -> Extracted:
    """Return the record, its types and spans checked. Raise ValueError: a hostile document may have written it."""
    end = _LENGTH_BYTES + int.from_bytes(answer[:_LENGTH_BYTES])
    extracted = replace(_EXTRACTED.validate_json(answer[_LENGTH_BYTES:end], strict=True), boxes=answer[end:])
    if len(extracted.boxes) not in {0, BOX_BYTES * len(extracted.text)}:
        raise ValueError("boxes do not fit the text")
    for ordinal, chunk in enumerate(extracted.chunks):
        if chunk.ordinal != ordinal or chunk.start < 0 or chunk.text != extracted.text[chunk.start : chunk.end]:
            raise ValueError(f"chunk {ordinal} is not a part of the text")
    return extracted
