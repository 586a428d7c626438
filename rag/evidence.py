"""Hits to the probability that they answer the question, before anything is written; and the words when they do not.

A logistic regression on two numbers. Both are absolute and count from what the embedding model gives unrelated texts,
so that they mean much the same for another model: docs/evaluate.md tells how to see whether they do for yours.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from rag.embed import Embedder
from rag.sentences import sentence_spans
from rag.types import Hit
from rag.vectors import Vectors

# Fitted on 2,000 questions of four sets at once (SQuAD 2.0, MuSiQue and MTRAG, also with the passages that answer
# taken away, and a handbook), each set of equal weight, MTRAG threefold: it alone has conversations. Neither the
# words that hits and question share, nor their number, nor the cosine of whole passages added anything to these two.
CLOSENESS_WEIGHT = 8.7
LEAD_WEIGHT = 4.2
BIAS = -5.3
PASSAGES = 3  # whose sentences are compared: embedding them is what this costs
MIN_CHARS = 20  # of a sentence; shorter ones are headings and numbers
RIVALS = 5  # hits that the first one is compared with
USUAL_LEAD = 0.15  # where there is one hit alone
NEAREST = 3


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """How sure it is, from the hits alone, that they answer; and why.

    `probability`: 0 to 1. `closeness`: of the best hits' closest sentence to the question, as a share of the way from
    the cosine of unrelated texts to 1. `lead`: by how much the best score exceeds the mean of the next ones.
    """

    probability: float = 0.0
    closeness: float = 0.0
    lead: float = 0.0

    def parts(self) -> dict[str, float]:
        """Return the numbers by name, as they are shown."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


NO_EVIDENCE = Evidence()


def weigh(hits: Sequence[Hit], vector: Vectors, embedder: Embedder) -> Evidence:
    """Return how likely the hits answer the question whose vector, (dimension,), they were found with.

    Raise EmbedderUnavailable if the sentences cannot be embedded.
    """
    if not hits:
        return NO_EVIDENCE
    closest = float((embedder.embed(list(_sentences(hits[:PASSAGES]))) @ vector).max())
    closeness = (closest - embedder.unrelated) / (1 - embedder.unrelated)
    lead = _lead([hit.score for hit in hits[: RIVALS + 1]])
    log_odds = CLOSENESS_WEIGHT * closeness + LEAD_WEIGHT * lead + BIAS
    return Evidence(probability=1 / (1 + math.exp(-log_odds)), closeness=closeness, lead=lead)


def doubt(hits: Sequence[Hit], evidence: Evidence, min_evidence: float) -> str:
    """Return why a question should not be answered from these hits, in words, or "" if it can be."""
    if not hits:
        return "no passage was found"
    if evidence.probability < min_evidence:
        return f"the passages answer it with a probability of {evidence.probability:.2f}, under {min_evidence:.2f}"
    return ""


def nearest(hits: Sequence[Hit]) -> str:
    """Return a sentence that names the documents of the best hits with their pages, or "" without hits.

    It has no marks: these passages support nothing.
    """
    places = list(dict.fromkeys(f"{hit.title} (page {hit.page})" if hit.page else hit.title for hit in hits))
    return f"Nearest to the question: {'; '.join(places[:NEAREST])}." if places else ""


def _sentences(hits: Sequence[Hit]) -> Iterator[str]:
    """Yield the sentences, each with its passage's title and headings; whole passages where none is long enough."""
    for hit in hits:
        spans = [(start, end) for start, end in sentence_spans(hit.text) if end - start >= MIN_CHARS]
        for start, end in spans or [(0, len(hit.text))]:
            yield f"{hit.context}\n{hit.text[start:end].strip()}"


def _lead(scores: Sequence[float]) -> float:
    """Return by how much the best exceeds the mean of the others, whatever order a reranker gave them."""
    best, *others = sorted(scores, reverse=True)
    return best - sum(others) / len(others) if others else USUAL_LEAD
