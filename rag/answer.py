"""The question's story: retrieve, decide, generate, check. Yields what a reader may see, as it happens."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from anyio.to_thread import run_sync

from rag.cache import AnswerCache
from rag.citations import check
from rag.draft import EXTRACTIVE, Draft, Question
from rag.errors import GeneratorUnavailable
from rag.evidence import doubt
from rag.extract import closest_sentences, extract
from rag.generate import Generator
from rag.metrics import measured
from rag.prompt import ABSTENTION, Prompt, load_prompt, messages, numbered_passages, recent
from rag.retrieve import Retrieval, Retriever
from rag.types import AnswerEvent, Hit, Search, Sources, Token, Usage

HISTORY_SHARE = 0.25  # of the prompt's room; what is left is the sources'


@dataclass(frozen=True, kw_only=True)
class Answerer:
    """What answering needs, opened once. `room_tokens` is what the engine's context leaves for the prompt.

    Without `cache` every answer is made anew.
    """

    retriever: Retriever
    generator: Generator | None
    min_score: float
    room_tokens: int
    cache: AnswerCache | None = None

    @measured
    async def answer(self, question: Question) -> AsyncGenerator[AnswerEvent, None]:
        """Yield Sources, Tokens, Citations, then one Done. An answer that was given before is one Token.

        The answer is withheld if no passage is close enough or the model finds none that answers; it is
        quoted from the passages if the model cannot be reached or no source supports what it wrote.
        Raise a RagError if the retrieval fails.
        """
        draft = Draft(question=question)
        if self.cache:
            await run_sync(self.cache.recall, draft, await self._writer())
        if not draft.cached:
            draft.retrieval = await run_sync(self._retrieve, question)
            draft.withheld = doubt(draft.hits, self.min_score)
        draft.reached("retrieve")
        yield Sources(hits=tuple(draft.hits))
        if not draft.withheld:
            async with aclosing(self._write(draft)) as tokens:
                async for token in tokens:
                    draft.reached("first_token")
                    yield token
        await run_sync(self._conclude, draft)
        for citation in draft.citations:
            yield citation
        yield draft.done()

    def _retrieve(self, question: Question) -> Retrieval:
        search = Search(
            text=question.text,
            principal=question.principal,
            collections=question.collections,
            filters=question.filters,
            history=question.history,
            top_k=question.top_k,
        )
        return self.retriever.retrieve(search)

    async def _writer(self) -> str:
        """Return what tells whoever writes answers now from all others: model and prompt; "" if nobody can."""
        if self.generator is None:
            return EXTRACTIVE
        try:
            model = await self.generator.model()
        except GeneratorUnavailable:
            return ""
        return f"{model} {load_prompt(self.generator.settings.prompt or model)}"

    async def _write(self, draft: Draft) -> AsyncGenerator[Token, None]:
        """Yield what the model writes and keep it. If it cannot be reached, or not to its end, nothing is kept."""
        if draft.cached:
            yield Token(text=draft.answer)
            return
        try:
            async with aclosing(self._generate(draft)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Usage):
                        draft.usage = piece
                    else:
                        draft.written += piece.text
                        yield piece
        except GeneratorUnavailable:
            draft.written, draft.degraded = "", self.generator is not None

    async def _generate(self, draft: Draft) -> AsyncGenerator[Token | Usage, None]:
        if self.generator is None:
            raise GeneratorUnavailable("No generator is configured.")
        draft.generator = await self.generator.model()
        prompt = load_prompt(self.generator.settings.prompt or draft.generator)
        history = recent(draft.question.history, int(self.room_tokens * HISTORY_SHARE))
        sources = await run_sync(self._sources, draft.question, draft.hits, prompt)
        draft.prompt, draft.messages = prompt.version, messages(prompt, draft.question.text, sources, history)
        async with aclosing(self.generator.stream(prompt, draft.messages)) as pieces:
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

    def _conclude(self, draft: Draft) -> None:
        """Check what was written.

        It is withheld if a document that it may rest on was deleted, or a right revoked, since it was begun: the
        last thing that is looked at.
        """
        if not draft.withheld and not draft.cached:
            self._check(draft)
        if self.retriever.registry.hidden([hit.document_id for hit in draft.hits], draft.question.principal):
            draft.withhold("a document was deleted or closed to the asker meanwhile")
        elif self.cache:
            self.cache.keep(draft)

    def _check(self, draft: Draft) -> None:
        if ABSTENTION in draft.written:
            draft.withhold("the model finds no answer in the passages")
            return
        draft.answer, draft.citations = check(draft.written, draft.hits)
        if not any(citation.supported for citation in draft.citations):
            embedder = self.retriever.indexes.serving().embedder
            draft.answer, draft.citations = extract(draft.question.text, draft.hits, embedder)
            draft.generator = EXTRACTIVE
