"""Hits to the probability that they answer the question, before anything is written; and the words when they do not.

A logistic regression on three things. The cosines in them count from what the embedding model gives unrelated texts,
so that they mean much the same for another model: docs/evaluate.md tells how to see whether they do for yours.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.embed import Embedder
from rag.sentences import sentence_spans
from rag.types import Hit
from rag.vectors import Vectors

# Fitted on 2,000 questions of four sets at once (SQuAD 2.0, MuSiQue and MTRAG, also with the passages that answer
# taken away, and a handbook), each set of equal weight, MTRAG threefold: it alone has conversations. Neither the
# words that hits and question share, nor their number, nor the cosine of whole passages added anything to these.
CLOSENESS_WEIGHT = 8.7
LEAD_WEIGHT = 4.1
MISSING_WEIGHT = -1.9
BIAS = -5.3
PASSAGES = 3  # whose sentences are compared: embedding those that are not remembered is what this costs
MIN_CHARS = 20  # of a sentence; shorter ones are headings and numbers
RIVALS = 5  # hits that the first one is compared with
USUAL_LEAD = 0.15  # where there is one hit alone
NEAREST = 3
SQUEEZED_CHARS = 4  # of a number or code that may stand in parts: 1,200 and ERR-4032
_CODE = re.compile(r"[^\W_]*\d[^\W_]*")
_THOUSANDS = re.compile(r"(?<=\d)[,.'](?=\d{3}\b)")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """How sure it is, from the hits alone, that they answer; and why.

    `probability`: 0 to 1. `closeness`: of the best hits' closest sentence to the question, as a share of the way from
    the cosine of unrelated texts to 1. `lead`: by how much the best score exceeds the mean of the next ones.
    `missing`: the question's numbers and codes that no hit has.
    """

    probability: float = 0.0
    closeness: float = 0.0
    lead: float = 0.0
    missing: tuple[str, ...] = ()


NO_EVIDENCE = Evidence()


def weigh(question: str, hits: Sequence[Hit], vector: Vectors, embedder: Embedder) -> Evidence:
    """Return how likely the hits answer the question; `vector`, (dimension,), is what they were found with.

    Raise EmbedderUnavailable if the sentences cannot be embedded.
    """
    if not hits:
        return NO_EVIDENCE
    closest = float((embedder.embed_sentences(list(_sentences(hits[:PASSAGES]))) @ vector).max())
    closeness = (closest - embedder.unrelated) / (1 - embedder.unrelated)
    lead = _lead([hit.score for hit in hits[: RIVALS + 1]])
    missing = _missing(question, hits)
    log_odds = CLOSENESS_WEIGHT * closeness + LEAD_WEIGHT * lead + MISSING_WEIGHT * bool(missing) + BIAS
    return Evidence(probability=1 / (1 + math.exp(-log_odds)), closeness=closeness, lead=lead, missing=missing)


def doubt(hits: Sequence[Hit], evidence: Evidence, min_evidence: float) -> str:
    """Return why a question should not be answered from these hits, in words, or "" if it can be."""
    if not hits:
        return "no passage was found"
    if evidence.probability < min_evidence:
        lacking = "a number or code of the question is in no passage; " if evidence.missing else ""
        return f"{lacking}the passages answer it with a probability of {evidence.probability:.2f}, under {min_evidence}"
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


def _missing(question: str, hits: Sequence[Hit]) -> tuple[str, ...]:
    """Return what has a digit in the question and is in no hit, however it is written there: ERR4032 and ERR-4032."""
    wanted = dict.fromkeys(_CODE.findall(_THOUSANDS.sub("", question.casefold())))
    if not wanted:
        return ()
    text = "\n".join(f"{hit.title}\n{hit.context}\n{hit.text}" for hit in hits).casefold()
    held, squeezed = set(_CODE.findall(text)), re.sub(r"[\W_]+", "", text)
    return tuple(code for code in wanted if code not in held and not (len(code) >= SQUEEZED_CHARS and code in squeezed))


def _lead(scores: Sequence[float]) -> float:
    """Return by how much the best exceeds the mean of the others, whatever order a reranker gave them."""
    best, *others = sorted(scores, reverse=True)
    return best - sum(others) / len(others) if others else USUAL_LEAD
