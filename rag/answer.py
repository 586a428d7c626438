"""The question's story: retrieve, decide, generate, check. Yields what a reader may see, as it happens."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from rag.cache import AnswerCache
from rag.citations import check
from rag.draft import EXTRACTIVE, Draft, Question
from rag.engines import Engines
from rag.errors import GeneratorUnavailable
from rag.evidence import doubt, weigh
from rag.extract import closest_sentences, extract
from rag.metrics import measured
from rag.prompt import ABSTENTION, Prompt, load_prompt, messages, numbered_passages, recent
from rag.retrieve import Retrieval, Retriever
from rag.routing import Routing
from rag.traces import Traces, traced
from rag.types import AnswerEvent, Hit, Search, Sources, Token, Usage

HISTORY_SHARE = 0.25  # of the prompt's room; what is left is the sources'
THREADS = 8  # for searching and checking; so that many questions leave the other threads to the other routes


@dataclass(frozen=True, kw_only=True)
class Answerer:
    """What answering needs, opened once.

    `generator` is None where none is configured. `min_evidence` is the probability, 0 to 1, under which nothing is
    written. Without `traces` nobody can tell later how an answer came about; without `cache` every answer is made anew.
    """

    retriever: Retriever
    generator: Routing | None
    min_evidence: float
    cache: AnswerCache | None = None
    traces: Traces | None = None
    threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(THREADS))

    @measured
    async def answer(self, question: Question) -> AsyncGenerator[AnswerEvent, None]:
        """Yield Sources, Tokens, Citations, then one Done. An answer that was given before is one Token.

        The answer is withheld if the passages are too unlikely to answer or the model finds none that answers; it is
        quoted from the passages if the model cannot be reached or no source supports what it wrote.
        Raise a RagError if the retrieval fails.
        """
        draft = Draft(question=question)
        async with traced(draft, self.traces):
            if self.cache:
                await run_sync(self.cache.recall, draft, await self._writer(), limiter=self.threads)
            if not draft.cached:
                draft.retrieval = await run_sync(self._retrieve, question, limiter=self.threads)
                draft.reached("retrieve")
            yield Sources(hits=tuple(draft.hits))
            if not draft.cached:
                await run_sync(self._weigh, draft, limiter=self.threads)
            if not draft.withheld:
                async with aclosing(self._write(draft)) as tokens:
                    async for token in tokens:
                        draft.reached("first_token")
                        yield token
            await run_sync(self._conclude, draft, limiter=self.threads)
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

    def _weigh(self, draft: Draft) -> None:
        """Withhold the answer before anything is written if the hits are too unlikely to hold it."""
        found = draft.retrieval
        if found and found.vector is not None and found.embedder is not None:
            draft.evidence = weigh(draft.hits, found.vector, found.embedder)
        if reason := doubt(draft.hits, draft.evidence, self.min_evidence):
            draft.withhold(reason)
        draft.reached("weigh")

    async def _writer(self) -> str:
        """Return what tells whoever writes answers now from all others; "" if nobody can tell."""
        return await self.generator.writers() if self.generator else EXTRACTIVE

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
        """Yield what the first generator writes that can; what it began, no other model goes on with."""
        if self.generator is None:
            raise GeneratorUnavailable("No generator is configured.")
        failure = GeneratorUnavailable("The policy leaves no generator for this question.")
        for route in await run_sync(self.generator.routes, draft, limiter=self.threads):
            draft.routed += f"; {route.why}" if draft.routed else route.why
            try:
                async with aclosing(self._generate_with(route.engines, draft)) as pieces:
                    async for piece in pieces:
                        yield piece
            except GeneratorUnavailable as exc:
                failure, draft.degraded = exc, True
                if draft.written:
                    break
            else:
                return
        raise failure

    async def _generate_with(self, engines: Engines, draft: Draft) -> AsyncGenerator[Token | Usage, None]:
        draft.generator = await engines.model()
        prompt = load_prompt(engines.settings.prompt or draft.generator)
        history = recent(draft.question.history, int(engines.room_tokens * HISTORY_SHARE))
        room_tokens = int(engines.room_tokens * (1 - HISTORY_SHARE))
        sources = await run_sync(self._sources, draft.question, draft.hits, prompt, room_tokens, limiter=self.threads)
        draft.prompt, draft.messages = prompt.version, messages(prompt, draft.question.text, sources, history)
        async with aclosing(engines.stream(prompt, draft)) as pieces:
            async for piece in pieces:
                yield piece

    def _sources(self, question: Question, hits: Sequence[Hit], prompt: Prompt, room_tokens: int) -> str:
        """Return what the model reads: whole passages, or for a small one the closest sentences."""
        if prompt.sentences:
            closest = closest_sentences(
                question.text, hits, self.retriever.indexes.serving().embedder, prompt.sentences
            )
            return " ".join(" ".join(sentence.quote.split()) for sentence in closest)
        return numbered_passages(hits, prompt, question.text, room_tokens)

    def _conclude(self, draft: Draft) -> None:
        """Check what was written.

        It is withheld if a document that it may rest on was deleted, or a right revoked, since it was begun: the
        last thing that is looked at.
        """
        if not draft.withheld and not draft.cached:
            self._check(draft)
        if self.retriever.registry.hidden([hit.document_id for hit in draft.hits], draft.question.principal):
            draft.withhold("a document was deleted or closed to the asker meanwhile", name_nearest=False)
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
