"""Blocks to chunks: sentences packed up to a token limit, within one page and one section, tables by rows."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, groupby

from llama_index.core.node_parser import SentenceSplitter
from tokenizers import Tokenizer

from rag.errors import ConfigurationError
from rag.sentences import sentences
from rag.settings import ChunkSettings
from rag.tokens import load_tokenizer
from rag.types import Block, Chunk, ParsedDocument

BETWEEN = "\n\n"  # between two blocks in the extracted text
MARGIN_TOKENS = 8  # two special tokens, and what joining context and text may add
MOST_CHARS_PER_TOKEN = 10  # English has about 4; a word of over 100 letters is one unknown token to the model
MOST_CHARS_AT_ONCE = 20_000  # the splitter's time grows faster than its text
MOST_SENTENCE_CHARS = 800
_SPACE = re.compile(r"\s*")
# As much as fits up to a comma, to white space, or anywhere. The second is for texts of a token a character.
_PART = re.compile(r".{400,799}[,;:]\s{1,99}|.{1,800}(?:\s{1,99}|\Z)|.{1,800}", re.DOTALL)
_DENSE_PART = re.compile(r".{1,150}(?:\s{1,9}|\Z)|.{1,150}", re.DOTALL)


class Chunker:
    """Splitters that count with the embedder's own tokenizer, so that no chunk is cut when embedded.

    Pickled as what it is made of: a process that receives it has one for all documents, with the tokenizer loaded once.
    """

    def __init__(self, model: str, max_tokens: int, settings: ChunkSettings) -> None:
        """`max_tokens` is what the embedder `model` reads whole. Raise ConfigurationError if chunks would not fit."""
        self._recipe = model, max_tokens, settings.tokens, settings.overlap_tokens
        self._tokenizer = _loaded(model)
        self._tokens = settings.tokens
        self._context_tokens = max_tokens - settings.tokens - MARGIN_TOKENS
        if self._context_tokens < MARGIN_TOKENS or settings.overlap_tokens >= settings.tokens:
            raise ConfigurationError(
                f"RAG_CHUNK_TOKENS is {settings.tokens}: with its context it must fit the {max_tokens} "
                "tokens that the embedder reads, and RAG_CHUNK_OVERLAP_TOKENS must be smaller."
            )
        self._prose = SentenceSplitter(
            chunk_size=settings.tokens,
            chunk_overlap=settings.overlap_tokens,
            tokenizer=self._counted,
            chunking_tokenizer_fn=self._sentences,
        )
        self._rows = SentenceSplitter(
            chunk_size=settings.tokens, chunk_overlap=0, tokenizer=self._counted, chunking_tokenizer_fn=self._lines
        )

    def __reduce__(self) -> tuple[Callable[..., "Chunker"], tuple[str, int, int, int]]:
        return _chunker, self._recipe

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
            for start, end in self._split(text, is_table=table is not None):
                yield run[0], offset + start, offset + end
            offset += len(text) + len(BETWEEN)

    def _split(self, text: str, *, is_table: bool) -> Iterator[tuple[int, int]]:
        """Yield the spans of chunks; a long text is split in parts, whose time is that of their length."""
        splitter, pieces = (self._rows, self._lines) if is_table else (self._prose, self._sentences)
        for first, last in _parts(text, pieces):
            part = text[first:last]
            may_fit = len(part) <= self._tokens * MOST_CHARS_PER_TOKEN
            fits = not part.strip() or (may_fit and len(self._counted(part)) <= self._tokens)
            for start, end in _located([part.strip()] if fits else splitter.split_text(part), part):
                yield first + start, first + end

    def _context(self, title: str, block: Block, text: str) -> str:
        """Title, headings and a table's header row, as many whole words from the end as fit."""
        parts = [title, *(heading for heading in block.section if heading != title)]
        context = " > ".join(parts)
        if block.header and not text.startswith(block.header):
            context += f"\n{block.header}"
        most = self._context_tokens * MOST_CHARS_PER_TOKEN
        if len(context) <= self._context_tokens and context.isascii():  # a token has a letter at least
            return context
        words = context.split(" ") if len(context) <= most else context[-most:].split(" ")[1:]
        while words and len(self._encoded(" ".join(words))) > self._context_tokens:
            words.pop(0)
        return " ".join(words)

    def _sentences(self, text: str) -> list[str]:
        return [part for sentence in sentences(text) for part in self._cut(sentence)]

    def _lines(self, text: str) -> list[str]:
        return [part for line in text.splitlines(keepends=True) for part in self._cut(line)]

    def _cut(self, piece: str) -> Iterable[str]:
        """Cut what is far too long for a sentence: the splitter would count its words, then its letters, one by one."""
        if len(piece) <= MOST_SENTENCE_CHARS:
            return [piece]
        parts = _PART.findall(piece)
        return chain.from_iterable(
            [part] if len(self._counted(part)) <= self._tokens else _DENSE_PART.findall(part) for part in parts
        )

    def _counted(self, text: str) -> list[int]:
        """Return the text's tokens, filled up where they are too few for its length."""
        tokens = self._encoded(text)
        return tokens + [0] * (len(text) // MOST_CHARS_PER_TOKEN - len(tokens))

    def _encoded(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)


@cache
def _loaded(model: str) -> Tokenizer:
    return load_tokenizer(model)


@cache
def _chunker(model: str, max_tokens: int, tokens: int, overlap_tokens: int) -> Chunker:
    return Chunker(model, max_tokens, ChunkSettings(tokens=tokens, overlap_tokens=overlap_tokens))


def _parts(text: str, pieces: Callable[[str], list[str]]) -> Iterator[tuple[int, int]]:
    """Yield spans that cover `text`, each of whole pieces and not longer than may be split at once."""
    if len(text) <= MOST_CHARS_AT_ONCE:
        yield 0, len(text)
        return
    start = end = 0
    for piece in pieces(text):
        if end + len(piece) - start > MOST_CHARS_AT_ONCE and end > start:
            yield start, end
            start = end
        end += len(piece)
    yield start, end


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
