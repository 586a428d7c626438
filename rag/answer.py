"""The question's story: retrieve, decide, generate, check. Yields what a reader may see, as it happens."""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from uuid import uuid4

from anyio.to_thread import run_sync

from rag.citations import check
from rag.errors import GeneratorUnavailable
from rag.extract import closest_sentences, extract
from rag.generate import Generator
from rag.prompt import ABSTENTION, Prompt, load_prompt, messages, numbered_passages, recent
from rag.retrieve import Retriever
from rag.types import (
    ANY_DOCUMENT,
    AnswerEvent,
    Citation,
    Done,
    Filters,
    Hit,
    Principal,
    Search,
    Sources,
    Token,
    Turn,
    Usage,
)

EXTRACTIVE = "extractive"
HISTORY_SHARE = 0.25  # of the prompt's room; what is left is the sources'


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked, by whom, of which collections (None: all)."""

    text: str
    principal: Principal
    collections: Sequence[str] | None = None
    history: Sequence[Turn] = ()
    conversation_id: str | None = None
    filters: Filters = ANY_DOCUMENT
    top_k: int


@dataclass(frozen=True, kw_only=True)
class Answerer:
    """What answering needs, opened once. `room_tokens` is what the engine's context leaves for the prompt."""

    retriever: Retriever
    generator: Generator | None
    min_score: float
    room_tokens: int

    async def answer(self, question: Question) -> AsyncGenerator[AnswerEvent, None]:
        """Yield Sources, Tokens, Citations, then one Done.

        The answer is withheld if no passage is close enough or the model finds none that answers; it is
        quoted from the passages if the model cannot be reached or no source supports what it wrote.
        Raise a RagError if the retrieval fails.
        """
        started = time.perf_counter()
        hits = await run_sync(self._retrieve, question)
        retrieved = time.perf_counter()
        yield Sources(hits=tuple(hits))
        text, label, usage, first_token = "", EXTRACTIVE, Usage(), None
        if _is_answerable(hits, self.min_score):
            try:
                async with aclosing(self._generate(question, hits)) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, Token):
                            first_token = first_token or time.perf_counter()
                            text += piece.text
                            yield piece
                        elif isinstance(piece, Usage):
                            usage = piece
                        else:
                            label = piece
            except GeneratorUnavailable:
                text = ""
        final, citations, label = await run_sync(self._conclude, question, hits, text, label)
        for citation in citations:
            yield citation
        yield Done(
            answer=final,
            abstained=not citations,
            citations=tuple(citations),
            generator=label,
            usage=usage,
            trace_id=uuid4().hex,
            conversation_id=question.conversation_id or uuid4().hex,
            timings_ms={
                "retrieve": (retrieved - started) * 1000,
                "first_token": ((first_token or time.perf_counter()) - started) * 1000,
                "total": (time.perf_counter() - started) * 1000,
            },
        )

    def _retrieve(self, question: Question) -> list[Hit]:
        search = Search(
            text=question.text,
            principal=question.principal,
            collections=question.collections,
            filters=question.filters,
            history=question.history,
            top_k=question.top_k,
        )
        return self.retriever.retrieve(search).hits

    async def _generate(self, question: Question, hits: Sequence[Hit]) -> AsyncGenerator[str | Token | Usage, None]:
        """Yield the model's name, then its pieces."""
        if self.generator is None:
            raise GeneratorUnavailable("No generator is configured.")
        model = await self.generator.model()
        yield model
        prompt = load_prompt(self.generator.settings.prompt or model)
        history = recent(question.history, int(self.room_tokens * HISTORY_SHARE))
        sources = await run_sync(self._sources, question, hits, prompt)
        asked = messages(prompt, question.text, sources, history)
        async with aclosing(self.generator.stream(prompt, asked)) as pieces:
            async for piece in pieces:
                yield piece

    def _sources(self, question: Question, hits: Sequence[Hit], prompt: Prompt) -> str:
        """Return what the model reads: whole passages, or for a small one the closest sentences."""
        if prompt.sentences:
            closest = closest_sentences(
                question.text, hits, self.retriever.indexes.serving().embedder, prompt.sentences
            )
            return " ".join(" ".join(sentence.quote.split()) for sentence in closest)
        return numbered_passages(hits, prompt, question.text, int(self.room_tokens * (1 - HISTORY_SHARE)))

    def _conclude(
        self, question: Question, hits: Sequence[Hit], text: str, label: str
    ) -> tuple[str, list[Citation], str]:
        """Return the final text, its citations, and who wrote it.

        It is withheld if a document that it may rest on was deleted, or a right revoked, since it was begun: the
        last thing that is looked at.
        """
        concluded = self._checked(question, hits, text, label)
        if self.retriever.registry.hidden([hit.document_id for hit in hits], question.principal):
            return ABSTENTION, [], label
        return concluded

    def _checked(
        self, question: Question, hits: Sequence[Hit], text: str, label: str
    ) -> tuple[str, list[Citation], str]:
        if not _is_answerable(hits, self.min_score) or ABSTENTION in text:
            return ABSTENTION, [], label
        checked, citations = check(text, hits)
        if any(citation.supported for citation in citations):
            return checked, citations, label
        return *extract(question.text, hits, self.retriever.indexes.serving().embedder), EXTRACTIVE


def _is_answerable(hits: Sequence[Hit], min_score: float) -> bool:
    return max((hit.scores.get("dense", -1.0) for hit in hits), default=-1.0) >= min_score
