"""What comes out of the sandbox: the whole document, and nothing else that a taken-over parser may have written."""

from dataclasses import replace
from pathlib import Path

import pytest

from ingest.chunk import Chunker
from ingest.parse.sandbox import Sandbox
from ingest.read import Reader, _boxes, _decoded, _encoded, _storable, extract
from rag.errors import BrokenDocument, ParserLimitExceeded
from rag.settings import ChunkSettings, ParseSettings
from rag.tokens import PACKAGED
from rag.types import Block, Chunk, Extracted, ParsedDocument

SAMPLES = Path(__file__).parents[2] / "samples"
CHUNK = Chunk(ordinal=0, text="Six days.", context="Leave", page=1, section="Leave", start=0, end=9)
DOCUMENT = Extracted(
    title="Leave",
    text="Six days.",
    boxes=bytes(range(72)),
    chunks=(CHUNK,),
    pages=1,
    page_sizes=((595.0, 842.0),),
    author="Ö. Demir",
    created_at="2025-04-15",
    language="en",
    warnings=("a picture could not be read",),
)


@pytest.fixture(scope="module")
def chunker() -> Chunker:
    return Chunker(PACKAGED, 256, ChunkSettings())


def test_a_document_comes_through_whole() -> None:
    assert _decoded(_encoded(DOCUMENT)) == DOCUMENT


def test_a_document_is_read_in_the_sandbox_as_outside(chunker: Chunker) -> None:
    limits = ParseSettings()
    with Sandbox() as sandbox:
        reader = Reader(sandbox=sandbox, limits=limits)
        for name in ("travel-and-expenses.md", "price-list-2025.xlsx", "benefits-guide-2025.pdf"):
            read = reader.read(SAMPLES / name, name, chunker)

            assert read == _decoded(extract(SAMPLES / name, name, chunker, limits.max_chars))
            assert len(read.chunks) > 3


@pytest.mark.parametrize(
    "forged",
    [
        replace(DOCUMENT, chunks=(replace(CHUNK, end=8),)),
        replace(DOCUMENT, chunks=(replace(CHUNK, start=-9),)),
        replace(DOCUMENT, chunks=(replace(CHUNK, text="Sixty days."),)),
        replace(DOCUMENT, chunks=(replace(CHUNK, ordinal=7),)),
        replace(DOCUMENT, chunks=(CHUNK, CHUNK)),
        replace(DOCUMENT, boxes=bytes(71)),
        replace(DOCUMENT, pages="many"),  # type: ignore[arg-type]
        replace(DOCUMENT, title=None),  # type: ignore[arg-type]
    ],
)
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_a_document_that_does_not_fit_itself_is_refused(forged: Extracted) -> None:
    with pytest.raises(ValueError, match=r"part of the text|boxes|validation error"):
        _decoded(_encoded(forged))


@pytest.mark.parametrize("answer", [b"", b"\x00", b"\xff" * 100, bytes(7) + b"\x02{}", bytes(8)])
def test_an_answer_that_is_no_document_is_refused(answer: bytes) -> None:
    with pytest.raises(ValueError, match="validation error"):
        _decoded(answer)


def test_boxes_follow_the_text_with_zeros_between_blocks_and_where_there_are_none() -> None:
    with_boxes = Block(text="ab", boxes=bytes([1] * 16))

    assert _boxes((Block(text="ab"), Block(text="c"))) == b""
    assert _boxes((with_boxes, Block(text="c"), with_boxes)) == (
        bytes([1] * 16) + bytes(16) + bytes(8) + bytes(16) + bytes([1] * 16)
    )


def test_characters_that_no_database_holds_are_replaced_one_for_one() -> None:
    block = Block(text="a\ud800b\x00c", section=("\udfff",), header="\x00")

    clean = _storable(ParsedDocument(title="\x00", blocks=(block,), author="\ud800", warnings=("\x00",)))

    assert clean.blocks == (Block(text="a?b\ufffdc", section=("?",), header="\ufffd"),)
    assert (clean.title, clean.author, clean.warnings) == ("\ufffd", "?", ("\ufffd",))


def test_too_much_text_and_too_many_passages_are_refused(tmp_path: Path, chunker: Chunker) -> None:
    path = tmp_path / "stored"
    path.write_text("a" * 1001, encoding="ascii")

    with pytest.raises(ParserLimitExceeded, match=r"long\.txt holds 1,001 characters of text, the limit is 1,000"):
        extract(path, "long.txt", chunker, 1000)


def test_a_reader_calls_a_forged_answer_broken(tmp_path: Path, chunker: Chunker) -> None:
    class Forger(Sandbox):
        def __init__(self) -> None:
            pass

        def run(self, *_: object, **__: object) -> bytes:
            return b"forged"

    with pytest.raises(BrokenDocument, match="returned what is no document"):
        Reader(sandbox=Forger(), limits=ParseSettings()).read(tmp_path, "leave.docx", chunker)
