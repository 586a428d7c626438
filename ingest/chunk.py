"""Blocks to chunks: sentences packed up to a token limit, within one page and one section, tables by rows."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from llama_index.core.node_parser import SentenceSplitter

from rag.embed import Embedder
from rag.errors import ConfigurationError
from rag.sentences import sentences
from rag.settings import ChunkSettings
from rag.types import Block, Chunk, ParsedDocument

BETWEEN = "\n\n"  # between two blocks in the extracted text
MARGIN_TOKENS = 8  # two special tokens, and what joining context and text may add
MOST_CHARS_PER_TOKEN = 10  # English has about 4; a word of over 100 letters is one unknown token to the model
_SPACE = re.compile(r"\s*")


class Chunker:
    """Splitters that count with the embedder's own tokenizer, so that no chunk is cut when embedded."""

    def __init__(self, embedder: Embedder, settings: ChunkSettings) -> None:
        self._embedder = embedder
        self._context_tokens = embedder.max_tokens - settings.tokens - MARGIN_TOKENS
        if self._context_tokens < MARGIN_TOKENS or settings.overlap_tokens >= settings.tokens:
            raise ConfigurationError(
                f"RAG_CHUNK_TOKENS is {settings.tokens}: with its context it must fit the {embedder.max_tokens} "
                "tokens that the embedder reads, and RAG_CHUNK_OVERLAP_TOKENS must be smaller."
            )
        self._prose = SentenceSplitter(
            chunk_size=settings.tokens,
            chunk_overlap=settings.overlap_tokens,
            tokenizer=self._counted,
            chunking_tokenizer_fn=sentences,
        )
        self._rows = SentenceSplitter(
            chunk_size=settings.tokens,
            chunk_overlap=0,
            tokenizer=self._counted,
            chunking_tokenizer_fn=lambda text: text.splitlines(keepends=True),
        )

    def chunk(self, parsed: ParsedDocument) -> tuple[str, list[Chunk]]:
        """Return the extracted text and its chunks in reading order; spans count characters of that text."""
        text = BETWEEN.join(block.text for block in parsed.blocks)
        return text, [
            Chunk(
                ordinal=ordinal,
                text=text[start:end],
                context=self._context(parsed.title, block, text[start:end]),
                page=block.page,
                section=" > ".join(block.section) or None,
                start=start,
                end=end,
            )
            for ordinal, (block, start, end) in enumerate(self._spans(parsed.blocks))
        ]

    def _spans(self, blocks: tuple[Block, ...]) -> Iterator[tuple[Block, int, int]]:
        """Neighbouring prose of one page and section is split as one text; every table by itself."""
        offset = 0
        for (_, _, table), group in groupby(
            enumerate(blocks), key=lambda item: (item[1].page, item[1].section, item[0] if item[1].is_table else None)
        ):
            run = [block for _, block in group]
            text = BETWEEN.join(block.text for block in run)
            splitter = self._prose if table is None else self._rows
            for start, end in _located(splitter.split_text(text), text):
                yield run[0], offset + start, offset + end
            offset += len(text) + len(BETWEEN)

    def _context(self, title: str, block: Block, text: str) -> str:
        """Title, headings and a table's header row, as many whole words from the end as fit."""
        parts = [title, *(heading for heading in block.section if heading != title)]
        context = " > ".join(parts)
        if block.header and not text.startswith(block.header):
            context += f"\n{block.header}"
        most = self._context_tokens * MOST_CHARS_PER_TOKEN
        words = context.split(" ") if len(context) <= most else context[-most:].split(" ")[1:]
        while words and len(self._embedder.tokens(" ".join(words))) > self._context_tokens:
            words.pop(0)
        return " ".join(words)

    def _counted(self, text: str) -> list[int]:
        """Return the text's tokens, filled up where they are too few for its length."""
        tokens = self._embedder.tokens(text)
        return tokens + [0] * (len(text) // MOST_CHARS_PER_TOKEN - len(tokens))


def _located(pieces: Sequence[str], text: str) -> Iterator[tuple[int, int]]:
    """Yield the span of every piece that is not blank; they come in order and may overlap.

    Where the text repeats itself, a piece has several places: the last one that leaves no gap is taken.
    """
    earliest = end = 0
    for piece in filter(str.strip, pieces):
        earliest = text.find(piece, earliest)
        space = _SPACE.match(text, end)
        latest = space.end() if space else end
        start = text.rfind(piece, earliest, latest + len(piece)) if earliest >= 0 else -1
        if start < 0:
            raise ValueError("a chunk is not a part of its text")
        end = start + len(piece)
        yield start, end


def embedded_text(chunk: Chunk) -> str:
    """Return what the embedder reads of a chunk."""
    return f"{chunk.context}\n{chunk.text}" if chunk.context else chunk.text
