"""A question to hits: vectors and words propose chunks, the registry says which may be shown, both give the order."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rag.candidates import Candidates, Found
from rag.dense import Dense, DenseIndexes
from rag.embed import Embedder
from rag.errors import RerankerUnavailable
from rag.filters import Selection
from rag.ranking import Candidate, follow_names, fuse, ranked, select_hits
from rag.registry import Registry
from rag.rerank import Reranker, rerank
from rag.types import Hit, Mode, Search, Turn
from rag.vectors import Vectors, normalised

log = logging.getLogger(__name__)

POOL = 100  # chunks that each retriever proposes at least
OVER_FETCH = 4
MOST_ASKED = 2_000


@dataclass(frozen=True, kw_only=True)
class Retrieval:
    """The hits, best first; every candidate with what became of it, best first; how long it took, in milliseconds.

    `vector` is the question's, with what was said before, and `embedder` its model, whatever serves meanwhile; None
    where words alone were compared. `reranked`: whether a reranker gave the order of the best.
    """

    hits: list[Hit]
    candidates: list[Candidate]
    took_ms: dict[str, float]
    reranked: bool
    vector: Vectors | None = None
    embedder: Embedder | None = None


@dataclass(frozen=True, kw_only=True)
class Retriever:
    """What a search needs, opened once; `reranker` is None where none is configured."""

    registry: Registry
    candidates: Candidates
    indexes: DenseIndexes
    reranker: Reranker | None = None

    def retrieve(self, search: Search) -> Retrieval:
        """Return up to `top_k` hits. Raise CollectionNotFound for an unknown collection.

        The question is embedded once. With a history, what was said before is embedded beside it and shifts the
        vector; the words that are looked for stay the user's own.
        """
        began = time.perf_counter()
        names = self._collections(search)
        dense = self.indexes.serving()
        vector = None if search.mode == Mode.LEXICAL else _vector(search, dense)
        embedded = time.perf_counter()

        def propose(limit: int, ids: Mapping[str, Sequence[str]] | None) -> dict[str, float]:
            if vector is None:
                return {}
            return dense.index.search(vector, limit=limit, collections=names, ids=ids)

        found = self._found(search, propose)
        read = time.perf_counter()
        _score(found, search.mode, dense.embedder)
        scored = time.perf_counter()
        reranked = self._rerank(search, found.candidates)
        ordered = time.perf_counter()
        chosen = select_hits(found.candidates, found.query, search.top_k)
        ended = time.perf_counter()
        return Retrieval(
            hits=[_hit(one) for one in chosen],
            candidates=ranked(found.candidates),
            took_ms=_milliseconds(
                embed=embedded - began,
                find=read - embedded,
                rank=scored - read + ended - ordered,
                rerank=ordered - scored,
                total=ended - began,
            ),
            reranked=reranked,
            vector=vector,
            embedder=dense.embedder,
        )

    def _rerank(self, search: Search, candidates: Sequence[Candidate]) -> bool:
        """Have the reranker order the best of a hybrid search. Without its answer the order stays: return False."""
        if self.reranker is None or search.mode != Mode.HYBRID:
            return False
        try:
            rerank(self.reranker, _conversation(search.text, search.history), candidates)
        except RerankerUnavailable as exc:
            log.warning("searched without the reranker", extra={"reason": exc.detail})
            return False
        return True

    def _collections(self, search: Search) -> Sequence[str]:
        if search.collections is None:
            return self.registry.collections(search.principal)
        self.registry.require_collections(search.collections, search.principal)
        return search.collections

    def _found(
        self, search: Search, propose: Callable[[int, Mapping[str, Sequence[str]] | None], dict[str, float]]
    ) -> Found:
        """Ask both indexes until there are `top_k` candidates that may be shown, or the indexes have no more.

        Where only few chunks may be shown, those alone are compared; where a small share, so many more are asked for.

        The vectors of deleted and replaced versions stay for a while, and others are not for everybody. A document
        that was replaced between an index's answer and the registry's would be missing: then all is asked again,
        once for each version that comes to serve meanwhile.
        """
        wanted = max(POOL, search.top_k * OVER_FETCH)
        seen, more = set[tuple[str, int]](), 1
        while True:
            selection = self.candidates.selection(search)
            ids = selection.ids() if selection and selection.is_small else None
            limit = wanted if ids is not None else more * _reach(search.top_k, wanted, selection)
            scores = propose(limit, ids)
            found = self.candidates.read(search, _within(scores, selection), wanted, selection)
            confirmed = sum(one.dense is not None for one in found.candidates)
            if found.replaced - seen:
                seen |= found.replaced
            elif confirmed >= search.top_k or ids is not None or len(scores) < limit:
                return found
            else:
                more *= OVER_FETCH


def explained(found: Retrieval) -> list[dict[str, Any]]:
    """Return every candidate, best first: each retriever's score and rank, what was added, why it was dropped."""
    ids = [hit.chunk_id for hit in found.hits]
    ranks = {name: _ranks(found.candidates, name) for name in ("dense", "lexical")}
    return [
        {
            "chunk_id": one.hit.chunk_id,
            "document_id": one.hit.document_id,
            "title": one.hit.title,
            "dense": one.dense,
            "dense_rank": ranks["dense"].get(one.hit.chunk_id),
            "lexical": one.lexical,
            "lexical_rank": ranks["lexical"].get(one.hit.chunk_id),
            "hop": one.hop,
            "via": one.via,
            "score": one.score,
            "rerank": one.rerank,
            "rerank_rank": None if one.rerank is None else place,
            "rank": ids.index(one.hit.chunk_id) + 1 if one.hit.chunk_id in ids else None,
            "dropped": one.dropped,
        }
        for place, one in enumerate(found.candidates, 1)
    ]


def _reach(top_k: int, wanted: int, selection: Selection | None) -> int:
    """Return how many chunks to ask for, so that enough of them are of the selection."""
    return (
        max(wanted, min(MOST_ASKED, int(top_k * OVER_FETCH / selection.share)))
        if selection and selection.share
        else wanted
    )


def _within(scores: dict[str, float], selection: Selection | None) -> dict[str, float]:
    names = selection.names if selection else None
    return scores if names is None else {key: score for key, score in scores.items() if key.partition(".")[0] in names}


def _ranks(candidates: Sequence[Candidate], retriever: str) -> dict[str, int]:
    scored = [(getattr(one, retriever), one.hit.chunk_id) for one in candidates if getattr(one, retriever)]
    return {
        chunk_id: rank for rank, (_, chunk_id) in enumerate(sorted(scored, key=lambda pair: (-pair[0], pair[1])), 1)
    }


def _vector(search: Search, dense: Dense) -> Vectors:
    """Return the question's vector, (dim,), halfway to that of the conversation where there is one."""
    if not search.history:
        return dense.embedder.embed_query(search.text)
    own, whole = dense.embedder.embed_queries([search.text, _conversation(search.text, search.history)])
    return normalised(own + whole)


def _conversation(text: str, history: Sequence[Turn]) -> str:
    """Return the question and what was said before it, the latest first: a model cuts what it cannot read."""
    return "\n".join([text, *(turn.content for turn in reversed(history))])


def _score(found: Found, mode: Mode, embedder: Embedder) -> None:
    if mode == Mode.HYBRID:
        fuse(found.candidates, embedder.unrelated)
        follow_names(found.candidates, found.query)
        return
    for one in found.candidates:
        one.score = (one.dense if mode == Mode.DENSE else one.lexical) or 0.0


def _hit(one: Candidate) -> Hit:
    scores = {"dense": one.dense, "lexical": one.lexical, "hop": one.hop or None, "rerank": one.rerank}
    return replace(
        one.hit, score=one.score, scores={name: score for name, score in scores.items() if score is not None}
    )


def _milliseconds(**seconds: float) -> dict[str, float]:
    return {name: round(value * 1000, 2) for name, value in seconds.items()}
