"""Chunks: parts of the text, within a page, a section and the embedder's limit."""

import pickle
import time
from itertools import pairwise
from pathlib import Path

import pytest

from ingest.chunk import Chunker, embedded_text
from ingest.parse.dispatch import parse
from ingest.parse.kinds import Kind
from rag.errors import ConfigurationError
from rag.settings import ChunkSettings
from rag.tokens import PACKAGED, load_tokenizer
from rag.types import Block, Chunk, ParsedDocument

SAMPLES = Path(__file__).parents[2] / "samples"
MAX_TOKENS = 256
TOKENIZER = load_tokenizer(PACKAGED)
TABLE = "Level | Visits | Price"


def chunked(*blocks: Block, title: str = "Handbook", tokens: int = 64) -> tuple[str, list[Chunk]]:
    chunker = Chunker(PACKAGED, MAX_TOKENS, ChunkSettings(tokens=tokens, overlap_tokens=12))
    return chunker.chunk(ParsedDocument(title=title, blocks=blocks))


def sized(chunk: Chunk) -> int:
    """Return what the model reads of a chunk, in tokens."""
    return len(TOKENIZER.encode(embedded_text(chunk)).ids)


def prose(sentences: int, word: str = "knife") -> str:
    return " ".join(f"Replace the {word} number {n} after many cases." for n in range(sentences))


@pytest.mark.parametrize("name", ["travel-and-expenses.md", "onboarding.md", "travel-policy-2019.txt"])
def test_every_chunk_of_a_sample_is_the_text_at_its_span(name: str) -> None:
    kind = Kind.MARKDOWN if name.endswith(".md") else Kind.TEXT
    chunker = Chunker(PACKAGED, MAX_TOKENS, ChunkSettings())

    text, chunks = chunker.chunk(parse(SAMPLES / name, name, kind))

    assert [chunk.text for chunk in chunks] == [text[chunk.start : chunk.end] for chunk in chunks]
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert max(sized(chunk) for chunk in chunks) <= MAX_TOKENS


def test_no_word_of_the_text_is_left_out() -> None:
    text, chunks = chunked(Block(text=prose(40)), Block(text=prose(40, "belt")))

    covered = {position for chunk in chunks for position in range(chunk.start, chunk.end)}
    missing = "".join(text[position] for position in range(len(text)) if position not in covered)

    assert missing.strip() == ""


def test_neighbouring_chunks_overlap_by_whole_sentences() -> None:
    text, chunks = chunked(Block(text=prose(40)))

    assert len(chunks) > 5
    for first, second in pairwise(chunks):
        assert text[second.start : first.end].startswith("Replace the knife number")
        assert first.text.endswith(".")


def test_a_chunk_never_crosses_a_page_or_a_section() -> None:
    blocks = [
        Block(text="Page one.", page=1),
        Block(text="Page two.", page=2),
        Block(text="Page two, leave.", page=2, section=("Leave",)),
        Block(text="Page two, partner.", page=2, section=("Leave", "Partner")),
    ]

    _, chunks = chunked(*blocks)

    assert [(chunk.text, chunk.page, chunk.section) for chunk in chunks] == [
        ("Page one.", 1, None),
        ("Page two.", 2, None),
        ("Page two, leave.", 2, "Leave"),
        ("Page two, partner.", 2, "Leave > Partner"),
    ]


def test_short_blocks_of_one_place_share_a_chunk() -> None:
    text, chunks = chunked(Block(text="One."), Block(text="Two."))

    assert text == "One.\n\nTwo."
    assert [chunk.text for chunk in chunks] == ["One.\n\nTwo."]


def test_an_empty_page_makes_no_chunk_and_shifts_no_span() -> None:
    text, chunks = chunked(Block(text="", page=1), Block(text=" \n", page=2), Block(text="Three.", page=3))

    assert [(chunk.text, chunk.page) for chunk in chunks] == [("Three.", 3)]
    assert text[chunks[0].start : chunks[0].end] == "Three."


def test_a_tables_chunks_hold_whole_rows_and_its_header_once() -> None:
    rows = [TABLE, *(f"Level {n} | {n} visits | {n}00 pounds" for n in range(30))]
    table = Block(text="\n".join(rows), section=("Contracts",), is_table=True, header=TABLE)

    _, chunks = chunked(Block(text="Contracts:", section=("Contracts",)), table)

    parts = [chunk for chunk in chunks if chunk.ordinal > 0]
    assert len(parts) > 3
    assert [row for chunk in parts for row in chunk.text.splitlines()] == rows
    assert parts[0].context == "Handbook > Contracts"
    assert {chunk.context for chunk in parts[1:]} == {f"Handbook > Contracts\n{TABLE}"}


def test_the_context_is_the_title_and_the_headings_without_saying_the_title_twice() -> None:
    _, chunks = chunked(Block(text="Six days.", section=("Handbook", "Leave")))

    assert chunks[0].context == "Handbook > Leave"
    assert embedded_text(chunks[0]) == "Handbook > Leave\nSix days."


def test_a_context_that_does_not_fit_loses_words_from_its_start() -> None:
    section = (" ".join(f"heading{n}" for n in range(2000)), "Leave")

    _, chunks = chunked(Block(text=prose(20), section=section))

    assert chunks[0].context.endswith("heading1999 > Leave")
    assert max(sized(chunk) for chunk in chunks) <= MAX_TOKENS


@pytest.mark.parametrize(
    "text",
    ["x" * 5000, "x" * 90 + "y" * 5000, "刀" * 5000, "é" * 3000, "a-" * 3000, "https://example.com/" + "a1/" * 2000],
)
def test_one_long_word_is_cut_into_chunks_that_the_embedder_reads_whole(text: str) -> None:
    found, chunks = chunked(Block(text=text))

    assert found == text
    assert len(chunks) > 1
    assert [chunk.text for chunk in chunks] == [text[chunk.start : chunk.end] for chunk in chunks]
    assert chunks[-1].end == len(text)
    assert max(sized(chunk) for chunk in chunks) <= MAX_TOKENS


def test_repeated_lines_are_found_one_after_the_other() -> None:
    rows = "\n".join(["Level | Visits", *(["Bronze | 1"] * 200)])

    text, chunks = chunked(Block(text=rows, is_table=True, header="Level | Visits"))

    assert [(first.end, second.start) for first, second in pairwise(chunks) if second.start < first.end] == []
    assert chunks[-1].end == len(text)


@pytest.mark.parametrize(("tokens", "overlap_tokens"), [(250, 24), (64, 64)])
def test_settings_that_cannot_work_are_refused(tokens: int, overlap_tokens: int) -> None:
    with pytest.raises(ConfigurationError, match="RAG_CHUNK_TOKENS"):
        Chunker(PACKAGED, MAX_TOKENS, ChunkSettings(tokens=tokens, overlap_tokens=overlap_tokens))


def test_a_chunker_is_pickled_as_what_it_is_made_of_and_made_once() -> None:
    sent = pickle.dumps(Chunker(PACKAGED, MAX_TOKENS, ChunkSettings()))

    first, second = (pickle.loads(sent) for _ in range(2))  # noqa: S301  # our own

    assert len(sent) < 200
    assert first is second
    assert first.chunk(ParsedDocument(title="T", blocks=(Block(text="One. Two."),)))[1][0].text == "One. Two."


@pytest.mark.parametrize(
    "text",
    ["word " * 60_000, "x" * 300_000, "刀" * 60_000, "." * 60_000, "\n" * 2_000_000, "a\n" * 60_000, "a, b " * 30_000],
    ids=["no sentence", "no space", "no word", "dots", "lines", "short lines", "commas"],
)
@pytest.mark.parametrize("is_table", [False, True])
def test_the_time_of_a_hostile_text_is_that_of_its_length(text: str, is_table: bool) -> None:
    """Each takes 0.3 s or less; a splitter whose time grows with the square takes minutes."""
    started = time.process_time()

    found, chunks = chunked(Block(text=text, is_table=is_table))

    assert time.process_time() - started < 20
    assert sum(len("".join(chunk.text.split())) for chunk in chunks) >= len("".join(text.split()))
    assert max((sized(chunk) for chunk in chunks), default=0) <= MAX_TOKENS
    assert found == text


def test_a_sentence_that_never_ends_is_cut_between_words() -> None:
    text, chunks = chunked(Block(text=", ".join(f"the case sealer number {n} of the third hall" for n in range(200))))

    assert len(chunks) > 10
    assert {text[chunk.end : chunk.end + 1] for chunk in chunks} == {" ", ""}
