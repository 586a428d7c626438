"""The sentences that answer a question best: quoted as an answer without a generator, or given to a small one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from rag.asked import Asked
from rag.embed import Embedder
from rag.pieces import Piece, pieces
from rag.rows import BAR
from rag.support.tokens import Token, stems, tokens
from rag.types import Citation, Hit

PASSAGES = 3
QUOTES = 2
MARGIN_TOKENS = 32  # a prefix, and two special ones
# The least sureness of an answer, chosen on samples/ and looked at on two other sets: see docs/benchmarks.md.
SURE = 0.5
# What counts beside the cosine, in its unit. To be found at all: words, the passage's rank, the kind asked for, names.
WORDS, RANK, KIND, NAMES = 0.5, 0.3, 0.3, 0.2
LEFT_WORDS = 0.3  # words that the first quote leaves open, for the second one
NO_KIND, NO_NAMES, NO_CODES = 0.3, 0.3, 0.5  # what makes an answer less sure

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """A piece with its tokens and those of its surroundings, read in the question's language."""

    piece: Piece
    hit: Hit
    asked: Asked

    @cached_property
    def own(self) -> list[Token]:
        return tokens(f"{self.piece.lead}\n{self.piece.shown}", self.asked.language)

    @cached_property
    def around(self) -> list[Token]:
        return [*tokens(self.hit.context, self.asked.language), *self.own]

    @cached_property
    def kind(self) -> bool:
        return self.asked.kind_in(self.piece.shown)

    @cached_property
    def named(self) -> bool:
        return self.asked.names_in(self.around) and self.asked.codes_in(self.around)

    @cached_property
    def named_in_passage(self) -> bool:
        passage = tokens(f"{self.hit.context}\n{self.hit.text}", self.asked.language)
        return self.asked.names_in(passage) and self.asked.codes_in(passage)

    def overlaps(self, other: "_Candidate") -> bool:
        ours, theirs = self.piece, other.piece
        return ours.n == theirs.n and ours.start < theirs.end and theirs.start < ours.end


def extract(
    question: str, hits: Sequence[Hit], embedder: Embedder, numbers: Sequence[int] | None = None
) -> tuple[str, list[Citation]]:
    """Return the one or two sentences that answer best, quoted with marks, and their citations.

    `numbers` are those of the hits; left out, they begin at 1. Return "" and no citation if even the best sentence is
    far from answering.
    """
    best, sureness = _ranked(question, hits, embedder, QUOTES)
    if sureness < SURE:
        return "", []
    marks = [one.piece.n if numbers is None else numbers[one.piece.n - 1] for one in best]
    texts = [_quoted(one, n) for one, n in zip(best, marks, strict=True)]
    return "\n".join(texts), [_cite(one, n) for one, n in zip(best, marks, strict=True)]


def closest_sentences(question: str, hits: Sequence[Hit], embedder: Embedder, limit: int) -> list[str]:
    """Return up to `limit` sentences of the best passages, the one that answers best first, as shown."""
    best, _ = _ranked(question, hits, embedder, limit)
    return [one.piece.shown for one in best]


def _ranked(question: str, hits: Sequence[Hit], embedder: Embedder, limit: int) -> tuple[list[_Candidate], float]:
    """Return the best candidates and how sure it is that the first one answers: 1 is as sure as can be."""
    asked, nearest = Asked.of(question), hits[:PASSAGES]
    found = [_Candidate(piece=piece, hit=nearest[piece.n - 1], asked=asked) for piece in pieces(nearest)]
    if not found:
        return [], 0.0
    closeness = _closeness(question, found, embedder)
    worth = _weights(asked, found)
    held = np.array([_weight(asked.words & stems(one.around), worth) for one in found])
    rank = np.array([one.hit.score for one in found]) / max(1e-9, *(hit.score for hit in nearest))
    kind = np.array([one.kind for one in found], dtype=float)
    unnamed = np.array([2.0 - one.named - one.named_in_passage for one in found])
    score = closeness + WORDS * held + RANK * rank - NAMES * unnamed
    order = [int(np.argmax(score + KIND * kind))]
    first = found[order[0]]
    left = asked.words - stems(first.own)
    more = np.array([len(left & stems(one.own)) for one in found]) / max(1, len(asked.words))
    others = score + KIND / 2 * kind + LEFT_WORDS * more
    for place in np.argsort(-others):
        if len(order) < limit and not any(found[place].overlaps(found[taken]) for taken in order):
            order.append(int(place))
    own = _weight(asked.words & stems(first.own), worth)
    doubt = NO_KIND * (not first.kind) + NO_NAMES * (not first.named)
    doubt += NO_CODES * (not asked.codes_in(first.around))
    return [found[place] for place in order], float(closeness[order[0]] + WORDS * own - doubt)


def _closeness(question: str, found: Sequence[_Candidate], embedder: Embedder) -> Scores:
    """Return each piece's cosine with the question, 0 where they have nothing to do with each other."""
    texts = [f"{one.hit.context.partition(chr(10))[0]}\n{one.piece.lead} {one.piece.shown}" for one in found]
    cosines = embedder.embed_sentences([_cut(text, embedder) for text in texts]) @ embedder.embed_query(question)
    return np.asarray((cosines - embedder.unrelated) / (1 - embedder.unrelated), dtype=float)


def _cut(text: str, embedder: Embedder) -> str:
    """Return as much of a text as the embedder reads: a row in words can be longer than its passage."""
    room = embedder.max_tokens - MARGIN_TOKENS
    while (count := len(embedder.tokens(text))) > room:
        text = text[: len(text) * room // count]
    return text


def _weights(asked: Asked, found: Sequence[_Candidate]) -> dict[str, float]:
    """Return for each word of the question its share of what they weigh; the fewer pieces have it, the more."""
    counts = {word: sum(word in stems(one.own) for one in found) for word in asked.words}
    weights = {word: float(np.log1p((len(found) - count + 0.5) / (count + 0.5))) for word, count in counts.items()}
    total = sum(weights.values()) or 1.0
    return {word: weight / total for word, weight in weights.items()}


def _weight(words: set[str] | frozenset[str], worth: dict[str, float]) -> float:
    return sum(worth[word] for word in words)


def _quoted(one: _Candidate, n: int) -> str:
    """Return the quote after the last heading above it; a row in words is no quote."""
    heading = (one.hit.section or "").rpartition(" > ")[2]
    raw = one.hit.text[one.piece.start : one.piece.end]
    text = one.piece.shown if BAR in raw else f"“{' '.join(raw.split())}”"
    return f"{heading}: {text} [{n}]" if heading else f"{text} [{n}]"


def _cite(one: _Candidate, n: int) -> Citation:
    piece, hit = one.piece, one.hit
    return Citation(
        n=n,
        document_id=hit.document_id,
        version=hit.version,
        page=hit.page,
        section=hit.section,
        start=hit.start + piece.start,
        end=hit.start + piece.end,
        quote=hit.text[piece.start : piece.end],
        supported=True,
    )
