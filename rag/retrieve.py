"""A question to hits: search the index, then keep only what the registry says may be shown now."""

from collections.abc import Sequence
from dataclasses import dataclass

from rag.dense import DenseIndexes
from rag.registry import Registry
from rag.types import Hit, Principal

OVER_FETCH = 4


@dataclass(frozen=True, kw_only=True)
class Retriever:
    """What a search needs, opened once."""

    registry: Registry
    indexes: DenseIndexes

    def retrieve(
        self, query: str, principal: Principal, *, top_k: int, collections: Sequence[str] | None = None
    ) -> list[Hit]:
        """Return up to `top_k` hits, best first. Raise CollectionNotFound for an unknown collection.

        The index may still hold vectors of deleted or replaced versions: it is asked for more until
        `top_k` live hits are found or it has no more. A document that was replaced between the index's answer
        and the registry's would be missing: then the index, which held the new version before, is asked again,
        once for each version that comes to serve meanwhile.
        """
        if collections is None:
            collections = self.registry.collections()
        else:
            self.registry.require_collections(collections)
        dense = self.indexes.serving()
        vector = dense.embedder.embed_query(query)
        limit, seen = top_k * OVER_FETCH, set[tuple[str, int]]()
        while True:
            scores = dense.index.search(vector, limit=limit, collections=collections)
            found = self.registry.live_hits(scores, principal)
            if found.replaced - seen:
                seen |= found.replaced
            elif len(found.hits) >= top_k or len(scores) < limit:
                return found.hits[:top_k]
            else:
                limit *= OVER_FETCH
