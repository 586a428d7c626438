"""The question's story: retrieve, decide, generate, check. Yields what a reader may see, as it happens."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from anyio.to_thread import run_sync

from rag.citations import check
from rag.compose import bare_exchanges, compose, exchanges, remembered
from rag.conversations import Conversations
from rag.draft import EXTRACTIVE, Draft, Question
from rag.errors import GeneratorUnavailable
from rag.evidence import doubt
from rag.extract import closest_sentences, extract
from rag.generate import Generator
from rag.language import question_language
from rag.marks import relabelled
from rag.prompt import ABSTENTION, asked, load_prompt, numbered, system_messages
from rag.retrieve import Retrieval, Retriever
from rag.types import AnswerEvent, Citation, Hit, Search, Sources, Token, Turn, Usage

SEARCHED_TURNS = 6  # of a conversation, the last ones


@dataclass(frozen=True, kw_only=True)
class Answerer:
    """What answering needs, opened once.

    `room_tokens` is what the engine's context leaves for the prompt; 0: as the engine says. `prompts` is the folder of
    the operator's own prompt files. Without `conversations` none is kept.
    """

    retriever: Retriever
    generator: Generator | None
    min_score: float
    room_tokens: int = 0
    prompts: Path | None = None
    conversations: Conversations | None = None

    async def answer(self, question: Question) -> AsyncGenerator[AnswerEvent, None]:
        """Yield Sources, Tokens, Citations, then one Done.

        The answer is withheld if no passage is close enough or the model finds none that answers; it is
        quoted from the passages if the model cannot be reached or no source supports what it wrote.
        Raise a RagError if the retrieval fails.
        """
        draft = Draft(question=question)
        draft.retrieval = await run_sync(self._retrieve, draft)
        draft.reached("retrieve")
        await self._compose(draft)
        yield Sources(hits=tuple(one.hit for one in draft.sources), numbers=tuple(one.n for one in draft.sources))
        draft.withheld = doubt(draft.hits, self.min_score)
        if not draft.withheld:
            async with aclosing(self._write(draft)) as tokens:
                async for token in tokens:
                    draft.reached("first_token")
                    yield token
        await run_sync(self._conclude, draft)
        for citation in draft.citations:
            yield citation
        yield draft.done()

    def _retrieve(self, draft: Draft) -> Retrieval:
        """Search, with what was said before: what the caller sends, else what is kept of the conversation."""
        question, history = draft.question, draft.question.history
        if self.conversations and question.conversation_id and not history:
            draft.conversation = self.conversations.begun(question.conversation_id, question.principal)
            turns = draft.conversation.turns[-SEARCHED_TURNS:]
            said = (pair for turn in turns for pair in (("user", turn.question), ("assistant", turn.answer)))
            history = [Turn(role=role, content=content) for role, content in said]
        search = Search(
            text=question.text,
            principal=question.principal,
            collections=question.collections,
            filters=question.filters,
            history=history,
            top_k=question.top_k,
        )
        return self.retriever.retrieve(search)

    async def _write(self, draft: Draft) -> AsyncGenerator[Token, None]:
        """Yield what the model writes and keep it. If it cannot be reached, or not to its end, nothing is kept."""
        try:
            async with aclosing(self._generate(draft)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Usage):
                        draft.usage = piece
                    else:
                        draft.written += piece.text
                        yield piece
        except GeneratorUnavailable:
            draft.written = ""

    async def _compose(self, draft: Draft) -> None:
        """Number the sources and write the prompt. Without an engine the hits are numbered as they are."""
        after = draft.conversation.last_number if draft.conversation else 0
        draft.sources = draft.added = numbered(draft.hits, after)
        draft.documents = tuple({hit.document_id for hit in draft.hits})
        if self.generator is None or not draft.hits:
            return
        try:
            model = await self.generator.model()
            room = self.room_tokens or await self.generator.room_tokens()
        except GeneratorUnavailable:
            return
        turns = draft.conversation.turns if draft.conversation else ()
        first = next((turn.content for turn in draft.question.history), turns[0].question if turns else "")
        prompt = load_prompt(
            self.generator.settings.prompt or model, question_language(first or draft.question.text), self.prompts
        )
        earlier = exchanges(turns, prompt) or bare_exchanges(draft.question.history)
        draft.template, count = prompt, partial(self.generator.count, model=model)
        if prompt.sentences:
            before, _, documents = await remembered(earlier, room, count)
            sentences = await run_sync(self._sentences, draft, prompt.sentences)
            draft.messages = [*system_messages(prompt), *before, asked(prompt, draft.question.text, sentences)]
            draft.documents += documents
            return
        composed = await compose(
            prompt,
            draft.question.text,
            draft.hits,
            earlier,
            after=after,
            room_tokens=room,
            count=count,
            read=partial(self._read, draft.question),
        )
        draft.messages, draft.sources = composed.messages, composed.sources
        draft.added, draft.documents = composed.added, composed.documents

    async def _read(self, question: Question, chunk_ids: Sequence[str]) -> Mapping[str, Hit]:
        return await run_sync(self.retriever.candidates.hits, chunk_ids, question.principal)

    def _sentences(self, draft: Draft, limit: int) -> str:
        """Return what a small model reads in place of whole passages: the closest sentences."""
        embedder = self.retriever.indexes.serving().embedder
        closest = closest_sentences(draft.question.text, draft.hits, embedder, limit)
        return " ".join(" ".join(sentence.quote.split()) for sentence in closest)

    async def _generate(self, draft: Draft) -> AsyncGenerator[Token | Usage, None]:
        if self.generator is None or draft.template is None:
            raise GeneratorUnavailable("No generator is configured, or it does not answer.")
        if not draft.messages:
            raise GeneratorUnavailable("No passage fits the prompt: RAG_GENERATOR_CONTEXT_TOKENS is too small.")
        draft.generator = await self.generator.model()
        async with aclosing(self.generator.stream(draft.template, draft.messages)) as pieces:
            async for piece in pieces:
                yield piece

    def _conclude(self, draft: Draft) -> None:
        """Check what was written.

        It is withheld if a document that it may rest on was deleted, or a right revoked, since it was begun: the
        last thing that is looked at.
        """
        if not draft.withheld:
            self._check(draft)
        if self.retriever.registry.hidden(draft.documents, draft.question.principal):
            draft.withhold("a document was deleted or closed to the asker meanwhile")
        if self.conversations and draft.conversation:
            conversation, asker = draft.conversation, draft.question.principal
            self.conversations.append(conversation.id, asker, draft.turn(), after=conversation.count)

    def _check(self, draft: Draft) -> None:
        if ABSTENTION in draft.written:
            draft.withhold("the model finds no answer in the passages")
            return
        places = {source.n: place for place, source in enumerate(draft.sources, 1)}
        written = relabelled(draft.written, places)
        found = check(written, [source.hit for source in draft.sources])
        draft.answer, draft.citations = _numbered(*found, [source.n for source in draft.sources])
        if not any(citation.supported for citation in draft.citations):
            embedder = self.retriever.indexes.serving().embedder
            hits = [hit for hit in draft.hits if draft.number(hit)]
            found = extract(draft.question.text, hits, embedder)
            draft.answer, draft.citations = _numbered(*found, [draft.number(hit) or 0 for hit in hits])
            draft.generator = EXTRACTIVE


def _numbered(answer: str, citations: Sequence[Citation], numbers: Sequence[int]) -> tuple[str, list[Citation]]:
    """Return both with the sources' own numbers in place of their places, which begin at 1."""
    renumbered = [replace(citation, n=numbers[citation.n - 1]) for citation in citations]
    return relabelled(answer, dict(enumerate(numbers, 1))), renumbered
