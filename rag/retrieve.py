"""A question to hits: search the index, then keep only what the registry says may be shown now."""

from collections.abc import Sequence
from dataclasses import dataclass

from rag.embed import Embedder
from rag.index import Index
from rag.registry import Registry
from rag.types import Hit, Principal

OVER_FETCH = 4


@dataclass(frozen=True, kw_only=True)
class Retriever:
    """What a search needs, opened once."""

    registry: Registry
    embedder: Embedder
    index: Index

    def retrieve(
        self, query: str, principal: Principal, *, top_k: int, collections: Sequence[str] | None = None
    ) -> list[Hit]:
        """Return up to `top_k` hits, best first. Raise CollectionNotFound for an unknown collection.

        The index may still hold vectors of deleted or replaced versions: it is asked for more until
        `top_k` live hits are found or it has no more.
        """
        if collections is not None:
            self.registry.require_collections(collections)
        vector = self.embedder.embed_query(query)
        limit = top_k * OVER_FETCH
        while True:
            scores = self.index.search(vector, limit=limit, collections=collections)
            hits = self.registry.live_hits(scores, principal)
            if len(hits) >= top_k or len(scores) < limit:
                return hits[:top_k]
            limit *= OVER_FETCH
