"""Blocks to chunks: sentences packed up to a token limit, within one page and one section, tables by rows."""

from collections.abc import Iterator
from itertools import groupby

from llama_index.core import Document
from llama_index.core.node_parser import SentenceSplitter

from rag.embed import Embedder
from rag.errors import ConfigurationError
from rag.sentences import sentences
from rag.settings import ChunkSettings
from rag.types import Block, Chunk, ParsedDocument

BETWEEN = "\n\n"  # between two blocks in the extracted text
MARGIN_TOKENS = 8  # two special tokens, and what joining context and text may add


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
            tokenizer=embedder.tokens,
            chunking_tokenizer_fn=sentences,
        )
        self._rows = SentenceSplitter(
            chunk_size=settings.tokens,
            chunk_overlap=0,
            tokenizer=embedder.tokens,
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
            for node in splitter.get_nodes_from_documents([Document(text=text)]):
                start, end = getattr(node, "start_char_idx", None), getattr(node, "end_char_idx", None)
                if start is None or end is None:
                    raise ValueError("a chunk is not a part of its text")
                yield run[0], offset + start, offset + end
            offset += len(text) + len(BETWEEN)

    def _context(self, title: str, block: Block, text: str) -> str:
        """Title, headings and a table's header row, as many whole words from the end as fit."""
        parts = [title, *(heading for heading in block.section if heading != title)]
        context = " > ".join(parts)
        if block.header and not text.startswith(block.header):
            context += f"\n{block.header}"
        words = context.split(" ")
        while words and len(self._embedder.tokens(" ".join(words))) > self._context_tokens:
            words.pop(0)
        return " ".join(words)


def embedded_text(chunk: Chunk) -> str:
    """Return what the embedder reads of a chunk."""
    return f"{chunk.context}\n{chunk.text}" if chunk.context else chunk.text
