"""Answers given again: a question that was answered, and the same one, while nothing has changed that it rests on.

All that an answer depends on is in the key under which it is kept, so that a stale one, or one for other rights, is
not looked for and found wanting, but never found. What is kept is sealed with the same key, of which the collections'
epochs are a part: once a document is deleted or replaced, nobody can read any more what was answered from it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from rag import metrics
from rag.alike import gist, normalised
from rag.draft import CacheKey, Draft, Question
from rag.epochs import read_basis
from rag.evidence import Evidence
from rag.retrieve import Retrieval, Retriever
from rag.seal import seal, unseal
from rag.settings import Settings
from rag.shelf import Shelf, open_shelf
from rag.types import Citation, Hit, NumberedHit, Usage
from rag.widen import joined, of_hit

MOST_ENTRY_BYTES = 200_000


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A finished answer. Of its hits only ids and scores are kept: what they say is read again each time."""

    question: str
    hits: list[tuple[str, float, dict[str, float]]]
    sources: list[tuple[int, list[str]]]
    answer: str
    citations: list[Citation]
    generator: str
    prompt: str
    usage: Usage
    withheld: str
    evidence: Evidence

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, value: bytes) -> "Kept":
        fields: dict[str, Any] = json.loads(value)
        fields["citations"] = [Citation(**one) for one in fields["citations"]]
        return cls(**fields | {"usage": Usage(**fields["usage"]), "evidence": _evidence(fields["evidence"])})


@dataclass(frozen=True, kw_only=True)
class AnswerCache:
    """`configured` are the settings that make an answer what it is; `keep_s` is how long it may be given again."""

    retriever: Retriever
    shelf: Shelf
    keep_s: float
    configured: str = ""

    def recall(self, draft: Draft, writer: str) -> None:
        """Make the draft the answer that was given before, if there is one and its passages may be shown now.

        `writer` tells model and prompt from others; "" if nobody knows them: then nothing is recalled nor kept.
        Neither embedder nor index is asked.
        """
        if not writer or (draft.conversation and draft.conversation.turns):
            return
        draft.cache_key = self._key(draft.question, writer)
        kept = self._kept(draft.cache_key)
        chunks = self._chunks(draft.question, kept) if kept else None
        if kept is None or chunks is None:
            metrics.LOOKUPS.labels("miss").inc()
            return
        metrics.LOOKUPS.labels("hit" if kept.question == normalised(draft.question.text) else "near").inc()
        metrics.SAVED_TOKENS.labels("prompt").inc(kept.usage.prompt_tokens)
        metrics.SAVED_TOKENS.labels("completion").inc(kept.usage.completion_tokens)
        hits = [replace(chunks[key], score=score, scores=scores) for key, score, scores in kept.hits]
        draft.sources = [_source(n, ids, hits, chunks) for n, ids in kept.sources]
        draft.added, draft.documents = draft.sources, tuple({hit.document_id for hit in chunks.values()})
        draft.retrieval = Retrieval(hits=hits, candidates=[], took_ms={}, reranked=bool(self.retriever.reranker))
        draft.answer, draft.citations, draft.withheld = kept.answer, kept.citations, kept.withheld
        draft.generator, draft.prompt, draft.cached = kept.generator, kept.prompt, True
        draft.evidence = kept.evidence

    def keep(self, draft: Draft) -> None:
        """Keep a finished answer, unless it would be better with all parts there."""
        assert draft.retrieval is not None  # noqa: S101  # a finished one has been looked for
        is_whole = not draft.degraded and draft.retrieval.reranked == bool(self.retriever.reranker)
        if draft.cached or draft.cache_key is None or not is_whole:
            return
        kept = Kept(
            question=normalised(draft.question.text),
            hits=[(hit.chunk_id, hit.score, dict(hit.scores)) for hit in draft.hits],
            sources=[(source.n, list(source.chunk_ids)) for source in draft.sources],
            answer=draft.answer,
            citations=draft.citations,
            generator=draft.generator,
            prompt=draft.prompt,
            usage=draft.usage,
            withheld=draft.withheld,
            evidence=draft.evidence,
        )
        value = kept.to_bytes()
        if len(value) <= MOST_ENTRY_BYTES:
            self.shelf.put(draft.cache_key.address, seal(draft.cache_key.secret, value), self.keep_s)

    def _kept(self, key: CacheKey) -> Kept | None:
        sealed = self.shelf.get(key.address)
        value = unseal(key.secret, sealed) if sealed else None
        return Kept.from_bytes(value) if value else None

    def _key(self, question: Question, writer: str) -> CacheKey:
        """Return the key made of all that the answer depends on, as it is before anything is looked for.

        What changes while the answer is made leaves it under a key that nobody asks for any more. Within a
        conversation every word counts; without one, wordings with the same gist share a key.
        """
        principal, basis = question.principal, read_basis(self.retriever.registry.engine, question.collections)
        parts = {
            "asked": normalised(question.text) if question.history else gist(question.text),
            "history": [(turn.role, turn.content) for turn in question.history],
            "collections": None if question.collections is None else sorted(set(question.collections)),
            "epochs": basis.epochs,
            "generation": basis.generation,
            "filters": asdict(question.filters),
            "top_k": question.top_k,
            "rights": sorted(principal.groups),
            "within": None if principal.collections is None else sorted(principal.collections),
            "scopes": sorted(principal.scopes),  # rights, and what rules of generators go by
            "writer": writer,
            "configured": self.configured,
            "release": release(),
        }
        digest = hashlib.sha512(json.dumps(parts, sort_keys=True, default=str).encode()).digest()
        return CacheKey(address=digest[:32].hex(), secret=digest[32:])

    def _chunks(self, question: Question, kept: Kept) -> dict[str, Hit] | None:
        """Return the kept passages by their ids as the registry has them now; None if one may not be shown any more."""
        ids = {key for key, _, _ in kept.hits} | {key for _, keys in kept.sources for key in keys}
        found = self.retriever.candidates.hits(ids, question.principal)
        return found if len(found) == len(ids) else None


def _evidence(fields: dict[str, Any]) -> Evidence:
    return Evidence(**fields | {"missing": tuple(fields["missing"])})


def _source(n: int, chunk_ids: Sequence[str], hits: Sequence[Hit], chunks: Mapping[str, Hit]) -> NumberedHit:
    """Return a source as it was put together from these chunks, with the scores of the best hit among them."""
    best = next((hit for hit in hits if hit.chunk_id in chunk_ids), chunks[chunk_ids[0]])
    whole = of_hit(best, joined([chunks[key] for key in chunk_ids]))
    return NumberedHit(n=n, hit=whole, chunk_ids=tuple(chunk_ids))


def open_cache(settings: Settings, retriever: Retriever) -> AnswerCache | None:
    """Return the cache that the settings describe; None if they switch it off."""
    if not settings.cache.keep_s:
        return None
    generator = settings.generator.model_dump_json(exclude={"url", "model", "api_key", "timeout_s"})
    return AnswerCache(
        retriever=retriever,
        shelf=open_shelf(settings.broker.url.get_secret_value()),
        keep_s=settings.cache.keep_s,
        configured=f"{generator} {settings.retrieve.model_dump_json()} {settings.reranker.model}",
    )


@cache
def release() -> str:
    """Return the SHA-256 of the code and the prompts that make answers: another release makes others."""
    folder = Path(__file__).parent
    files = [path for kind in ("*.py", "*.toml") for path in sorted(folder.rglob(kind))]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()
