"""The question's story: retrieve, decide, generate, check. Yields what a reader may see, as it happens."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from anyio.to_thread import run_sync

from rag.asked import fully_answered
from rag.citations import check, rest_on
from rag.draft import EXTRACTIVE, Draft, Question
from rag.errors import GeneratorUnavailable
from rag.evidence import doubt
from rag.extract import closest_sentences, extract
from rag.generate import Generator
from rag.prompt import ABSTENTION, Prompt, load_prompt, messages, numbered_passages, recent
from rag.retrieve import Retrieval, Retriever
from rag.types import AnswerEvent, Hit, Search, Sources, Token, Usage

HISTORY_SHARE = 0.25  # of the prompt's room; what is left is the sources'


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
        quoted from the passages if the model cannot be reached or no source states what it wrote, and withheld if
        no sentence of theirs is close enough either.
        Raise a RagError if the retrieval fails.
        """
        draft = Draft(question=question)
        draft.retrieval = await run_sync(self._retrieve, question)
        draft.reached("retrieve")
        yield Sources(hits=tuple(draft.hits))
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

    async def _generate(self, draft: Draft) -> AsyncGenerator[Token | Usage, None]:
        if self.generator is None:
            raise GeneratorUnavailable("No generator is configured.")
        draft.generator = await self.generator.model()
        prompt = load_prompt(self.generator.settings.prompt or draft.generator)
        history = recent(draft.question.history, int(self.room_tokens * HISTORY_SHARE))
        sources = await run_sync(self._sources, draft.question, draft.hits, prompt)
        draft.small_model = bool(prompt.sentences)
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
            return "\n".join(closest)
        return numbered_passages(hits, prompt, question.text, int(self.room_tokens * (1 - HISTORY_SHARE)))

    def _conclude(self, draft: Draft) -> None:
        """Check what was written.

        It is withheld if a document that it may rest on was deleted, or a right revoked, since it was begun: the
        last thing that is looked at.
        """
        if not draft.withheld:
            self._check(draft)
        if self.retriever.registry.hidden([hit.document_id for hit in draft.hits], draft.question.principal):
            draft.withhold("a document was deleted or closed to the asker meanwhile")

    def _check(self, draft: Draft) -> None:
        if ABSTENTION in draft.written:
            draft.withhold("the model finds no answer in the passages")
            return
        checked = check(draft.written, draft.hits, draft.question.text)
        draft.answer, draft.citations, draft.dropped_marks = checked.answer, checked.citations, checked.dropped_marks
        if draft.small_model or not draft.citations:
            self._quote(draft)

    def _quote(self, draft: Draft) -> None:
        """Have sentences of the passages answer, unless what was written rests on the same and answers the question.

        What a small model writes may be true and no answer. If no sentence is close enough, nothing answers.
        """
        question = draft.question.text
        quoted, citations = extract(question, draft.hits, self.retriever.indexes.serving().embedder)
        if not citations:
            draft.withhold("no sentence of the passages is close enough to the question")
        elif not (draft.citations and rest_on(draft.citations, citations) and fully_answered(question, draft.answer)):
            draft.answer, draft.citations, draft.generator = quoted, citations, EXTRACTIVE
