"""Candidates to an order: dense and lexical scores fused, names followed to a second hop, repetition left out.

Weights were chosen on five question sets together (`rag eval`, docs/benchmarks.md), none for one of them.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.lexical.index import LexicalQuery
from rag.lexical.words import DEFAULT_LANGUAGE, QueryWord, query_words
from rag.types import Hit

LEXICAL_WEIGHT = 0.4  # the rest is the dense score's. Both are absolute, so that a query sets their balance
BRIDGES = 3  # hits of different documents whose names are followed
HOP_BONUS = 0.15
HOP_CEILING = 0.85  # of the bridge's score: what is reached through a hit never outranks it
ALIKE = 0.9  # share of a better hit's words that a chunk must have to be no more than its repetition
FAIR_SHARE = 0.5  # of a search's hits, for one document
# Capitalised words and numbers in a row, small words between them: people, places, products, codes.
_NAME = re.compile(
    r"[A-Z\d][\w'’&.-]*(?:(?:\s+|\s+(?:of|the|de|and|du|la|von|van|for|in|on|del|y|der|und)\s+)[A-Z\d][\w'’&.-]*)*"
)
_WORD = re.compile(r"\w+")


@dataclass(kw_only=True, eq=False)
class Candidate:
    """A chunk that a retriever proposed and that may be shown, with what became of it.

    `dense` is its cosine, None if the vectors did not propose it; `lexical` its share of the query's words. `via`
    is the hit through which it was reached. `rerank` is the reranker's score, None if it did not read the chunk.
    `dropped` says why it is no hit, in words.
    """

    hit: Hit
    words: str
    dense: float | None = None
    lexical: float | None = None
    hop: float = 0.0
    via: str | None = None
    score: float = 0.0
    rerank: float | None = None
    dropped: str | None = None

    @cached_property
    def own(self) -> frozenset[str]:
        return frozenset(self.words.split())


def fuse(candidates: Sequence[Candidate], unrelated: float) -> None:
    """Set the scores to the convex combination of dense and lexical score.

    The dense one is the cosine, as a share of the way from what the model gives unrelated texts (`unrelated`) to 1:
    so the weights hold for every model. A chunk that only the lexical index proposed is at most as close as the last
    of the dense ones: that is its cosine.
    """
    least = min((one.dense for one in candidates if one.dense is not None), default=0.0)
    for one in candidates:
        cosine = least if one.dense is None else one.dense
        near = (cosine - unrelated) / (1 - unrelated)
        one.score = (1 - LEXICAL_WEIGHT) * near + LEXICAL_WEIGHT * (one.lexical or 0.0)


def follow_names(candidates: Sequence[Candidate], query: LexicalQuery) -> None:
    """Raise what the first hits name and the question does not: the second hop of a question that needs two.

    "The seat of the county where X is": the hit about X names the county, another chunk tells its seat. A rarer
    name counts more. No index and no model is asked again.
    """
    if len(candidates) < 2:
        return
    known = _forms(query)
    begun = {id(one): one.score for one in candidates}
    told = [(one, name) for one in _bridges(candidates) for name in _names(one.hit.text, query.languages)]
    told = [(one, name) for one, name in told if any(known.isdisjoint(word.forms) for word in name)]
    wanted = frozenset(form for _, name in told for word in name for form in word.forms)
    held = [(one, wanted.intersection(one.words.split())) for one in candidates if wanted]
    for bridge, name in told:
        holders = [one for one, forms in held if all(not forms.isdisjoint(word.forms) for word in name)]
        if holders:
            bonus = HOP_BONUS * math.log(len(candidates) / len(holders)) / math.log(len(candidates))
            for one in holders:
                reached = min(begun[id(one)] + bonus, HOP_CEILING * begun[id(bridge)])
                if one.hit.document_id != bridge.hit.document_id and reached > one.score:
                    one.score, one.hop, one.via = reached, reached - begun[id(one)], bridge.hit.chunk_id


def _bridges(candidates: Sequence[Candidate]) -> list[Candidate]:
    found: dict[str, Candidate] = {}
    for one in ranked(candidates):
        found.setdefault(one.hit.document_id, one)
        if len(found) == BRIDGES:
            break
    return list(found.values())


def _names(text: str, languages: Sequence[str]) -> Iterator[tuple[QueryWord, ...]]:
    for name in dict.fromkeys(_NAME.findall(text)):
        if found := tuple(dict.fromkeys(query_words(name, languages))):
            yield found


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates, best first: those that were reranked by that, the others behind them by their score.

    Equal ones are in the order of their ids.
    """
    return sorted(candidates, key=lambda one: (one.rerank is None, -(one.rerank or 0.0), -one.score, one.hit.chunk_id))


def select_hits(candidates: Sequence[Candidate], query: LexicalQuery, top_k: int) -> list[Candidate]:
    """Return up to `top_k` candidates, best first, and say of the others why not.

    What only repeats a better one is left out. Of one document there are at most FAIR_SHARE of the hits as long as
    others have any, unless the query names it.
    """
    most = max(1, math.ceil(top_k * FAIR_SHARE))
    chosen: list[Candidate] = []
    waiting: list[Candidate] = []
    for one in ranked(candidates):
        if len(chosen) == top_k:
            one.dropped = f"not among the best {top_k}"
        elif better := next((other for other in chosen if _repeats(one, other)), None):
            one.dropped = f"says nothing that {better.hit.chunk_id} does not say"
        elif _of_document(chosen, one) >= most and not _is_named(one.hit.title, query):
            one.dropped = f"{most} hits of its document are better"
            waiting.append(one)
        else:
            chosen.append(one)
    for one in waiting[: top_k - len(chosen)]:
        one.dropped = None
        chosen.append(one)
    return chosen


def _of_document(chosen: Sequence[Candidate], one: Candidate) -> int:
    return sum(other.hit.document_id == one.hit.document_id for other in chosen)


def _is_named(title: str, query: LexicalQuery) -> bool:
    """Tell whether the query has every word of a title of two words or more."""
    words, known = query_words(title, query.languages or [DEFAULT_LANGUAGE]), _forms(query)
    return len(words) > 1 and all(not known.isdisjoint(word.forms) for word in words)


def _forms(query: LexicalQuery) -> frozenset[str]:
    return frozenset(form for word in query.words for form in word.word.forms)


def _repeats(one: Candidate, other: Candidate) -> bool:
    """Tell whether a chunk has no word, number or "not" that another lacks, and not many fewer."""
    if not one.own <= other.own or len(one.own) < ALIKE * len(other.own):
        return False
    return _said(one.hit.text) <= _said(other.hit.text)


def _said(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))
