"""Hits to what a model writes of them: the generators that may, the prompt that they are sent, the pieces they send."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from rag.compose import bare_exchanges, compose, exchanges, remembered
from rag.draft import EXTRACTIVE, Draft
from rag.embed import Embedder
from rag.engines import Engines
from rag.errors import GeneratorUnavailable
from rag.extract import closest_sentences
from rag.language import question_language
from rag.prompt import Prompt, asked, load_prompt, numbered, own_prompts, system_messages
from rag.retrieve import Retriever
from rag.routing import Route, Routing
from rag.types import Hit, Principal, Token, Usage

THREADS = 8  # for searching and checking; so that many questions leave the other threads to the other routes


@dataclass(frozen=True, kw_only=True)
class Writer:
    """`generator` is None where none is configured. `prompts` is the folder of the operator's own prompt files."""

    retriever: Retriever
    generator: Routing | None
    prompts: Path | None = None
    threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(THREADS))

    async def identity(self) -> str:
        """Return what tells whoever writes answers now from all others: models and prompts; "" if nobody can tell."""
        if self.generator is None:
            return EXTRACTIVE
        own = await run_sync(own_prompts, self.prompts, limiter=self.threads) if self.prompts else []
        return await self.generator.writers(own)

    async def compose(self, draft: Draft) -> None:
        """Choose the generators, number the sources and write the prompt for the first one that can be reached.

        Without one the hits are numbered as they are.
        """
        after = draft.conversation.last_number if draft.conversation else 0
        draft.sources = draft.added = numbered(draft.hits, after)
        draft.documents = tuple({hit.document_id for hit in draft.hits})
        if self.generator is None or not draft.hits:
            return
        draft.routes = await run_sync(self.generator.routes, draft, limiter=self.threads)
        for route in draft.routes:
            try:
                await self._compose_for(route.engines, draft, after)
            except GeneratorUnavailable:
                draft.degraded = True
            else:
                return

    async def _compose_for(self, engines: Engines, draft: Draft, after: int) -> None:
        model, room_tokens = await engines.model(), await engines.room_tokens()
        turns = draft.conversation.turns if draft.conversation else ()
        first = next((turn.content for turn in draft.history), draft.question.text)
        language, name = question_language(first), engines.settings.prompt or model
        prompt = await run_sync(load_prompt, name, language, self.prompts, limiter=self.threads)
        earlier = exchanges(turns, prompt) or bare_exchanges(draft.question.history)
        draft.template, draft.prompt = prompt, f"{prompt.name}/{prompt.version}"
        count = partial(engines.count, model=model)
        if prompt.sentences:
            before, _, documents = await remembered(earlier, room_tokens, count)
            sentences = await run_sync(self._sentences, draft, prompt, limiter=self.threads)
            draft.messages = [*system_messages(prompt), *before, asked(prompt, draft.question.text, sentences)]
            draft.documents += documents
            return
        composed = await compose(
            prompt,
            draft.question.text,
            draft.hits,
            earlier,
            after=after,
            room_tokens=room_tokens,
            count=count,
            read=partial(self._read, draft.question.principal),
        )
        draft.messages, draft.sources = composed.messages, composed.sources
        draft.added, draft.documents = composed.added, composed.documents

    async def _read(self, principal: Principal, chunk_ids: Sequence[str]) -> Mapping[str, Hit]:
        return await run_sync(self.retriever.candidates.hits, chunk_ids, principal, limiter=self.threads)

    def _sentences(self, draft: Draft, prompt: Prompt) -> str:
        """Return what a small model reads in place of whole passages: the closest sentences."""
        embedder: Embedder = self.retriever.indexes.serving().embedder
        closest = closest_sentences(draft.question.text, draft.hits, embedder, prompt.sentences)
        return "\n".join(closest)

    async def write(self, draft: Draft) -> AsyncGenerator[Token, None]:
        """Yield what a model writes and keep it. If none can be reached, or not to its end, nothing is kept."""
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
        """Yield what the first generator writes that can; what it began, no other model goes on with.

        All get the prompt that was made for the first, so that the numbers of the sources stay.
        """
        if draft.template is None:
            raise GeneratorUnavailable("No generator is configured, or none can be reached.")
        if not draft.messages:
            raise GeneratorUnavailable("No passage fits the prompt: RAG_GENERATOR_CONTEXT_TOKENS is too small.")
        failure = GeneratorUnavailable("The policy leaves no generator for this question.")
        for route in draft.routes:
            draft.routed += f"; {route.why}" if draft.routed else route.why
            try:
                async with aclosing(self._stream(route, draft.template, draft)) as pieces:
                    async for piece in pieces:
                        yield piece
            except GeneratorUnavailable as exc:
                failure, draft.degraded = exc, True
                if draft.written:
                    break
            else:
                return
        raise failure

    async def _stream(self, route: Route, prompt: Prompt, draft: Draft) -> AsyncGenerator[Token | Usage, None]:
        draft.generator = draft.model = await route.engines.model()
        async with aclosing(route.engines.stream(prompt, draft)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Usage):
                    draft.cost = route.cost(piece)
                yield piece
