"""The question's story: retrieve, decide, generate, check. Yields what a reader may see, as it happens."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from anyio.to_thread import run_sync

from rag.asked import fully_answered
from rag.cache import AnswerCache
from rag.citations import check, rest_on
from rag.conversations import Conversations
from rag.draft import EXTRACTIVE, Draft, Question
from rag.evidence import doubt, weigh
from rag.extract import extract
from rag.marks import relabelled
from rag.metrics import measured
from rag.prompt import ABSTENTION
from rag.retrieve import Retrieval, Retriever
from rag.traces import Keeper, Traces, recorded
from rag.types import AnswerEvent, Citation, Search, Sources
from rag.usage import DailyUsage
from rag.write import Writer

SEARCHED_MESSAGES = 12  # of what was said before, the last ones


@dataclass(frozen=True, kw_only=True)
class Answerer:
    """What answering needs, opened once.

    `min_evidence` is the probability, 0 to 1, under which nothing is written. Without `cache` every answer is made
    anew; without `conversations` none is kept; without `traces` nobody can tell later how an answer came about, without
    `usage` not how many there were.
    """

    retriever: Retriever
    writer: Writer
    min_evidence: float
    cache: AnswerCache | None = None
    conversations: Conversations | None = None
    traces: Traces | None = None
    usage: DailyUsage | None = None

    @measured
    async def answer(self, question: Question) -> AsyncGenerator[AnswerEvent, None]:
        """Yield Sources, Tokens, Citations, then one Done. An answer that was given before is one Token.

        The answer is withheld if the passages are too unlikely to answer or the model finds none that answers; it is
        quoted from the passages if the model cannot be reached or no source states what it wrote, and withheld if no
        sentence of theirs is close enough either.
        Raise a RagError if the retrieval fails.
        """
        draft, threads = Draft(question=question), self.writer.threads
        async with recorded(draft, *self._keepers):
            await run_sync(self._remember, draft, limiter=threads)
            if self.cache and not question.explain:  # who wants to see how it comes about has it made
                await run_sync(self.cache.recall, draft, await self.writer.identity(), limiter=threads)
            if not draft.cached:
                draft.retrieval = await run_sync(self._retrieve, draft, limiter=threads)
                draft.reached("retrieve")
                await self.writer.compose(draft)
            yield Sources(hits=tuple(one.hit for one in draft.sources), numbers=tuple(one.n for one in draft.sources))
            if not draft.cached:
                await run_sync(self._weigh, draft, limiter=threads)
            if not draft.withheld:
                async with aclosing(self.writer.write(draft)) as tokens:
                    async for token in tokens:
                        draft.reached("first_token")
                        yield token
            await run_sync(self._conclude, draft, limiter=threads)
            for citation in draft.citations:
                yield citation
        yield draft.done()

    @property
    def _keepers(self) -> Iterator[Keeper]:
        if self.traces:
            yield self.traces.keep
        if self.usage:
            yield self.usage.count

    def _remember(self, draft: Draft) -> None:
        """Read what is kept of the conversation, unless the caller sends what was said."""
        question = draft.question
        if self.conversations and question.conversation_id and not question.history:
            draft.conversation = self.conversations.begun(question.conversation_id, question.principal)

    def _retrieve(self, draft: Draft) -> Retrieval:
        question = draft.question
        search = Search(
            text=question.text,
            principal=question.principal,
            collections=question.collections,
            filters=question.filters,
            history=draft.history[-SEARCHED_MESSAGES:],
            top_k=question.top_k,
        )
        return self.retriever.retrieve(search)

    def _weigh(self, draft: Draft) -> None:
        """Withhold the answer before anything is written if the hits are too unlikely to hold it."""
        found = draft.retrieval
        if found and found.vector is not None and found.embedder is not None:
            draft.evidence = weigh(draft.question.text, draft.hits, found.vector, found.embedder)
        if reason := doubt(draft.hits, draft.evidence, self.min_evidence):
            draft.withhold(reason)
        draft.reached("weigh")

    def _conclude(self, draft: Draft) -> None:
        """Check what was written, and keep the answer.

        It is withheld if a document that it may rest on was deleted, or a right revoked, since it was begun: the
        last thing that is looked at.
        """
        if not draft.withheld and not draft.cached:
            self._check(draft)
        if self.retriever.registry.hidden(draft.documents, draft.question.principal):
            draft.withhold("a document was deleted or closed to the asker meanwhile", name_nearest=False)
        elif self.cache:
            self.cache.keep(draft)
        if self.conversations and draft.conversation:
            conversation, asker = draft.conversation, draft.question.principal
            self.conversations.append(conversation.id, asker, draft.turn(), after=conversation.count)

    def _check(self, draft: Draft) -> None:
        if ABSTENTION in draft.written:
            draft.withhold("the model finds no answer in the passages")
            return
        places = {source.n: place for place, source in enumerate(draft.sources, 1)}
        written, hits = relabelled(draft.written, places), [source.hit for source in draft.sources]
        checked = check(written, hits, draft.question.text)
        draft.dropped_marks = checked.dropped_marks
        draft.answer, draft.citations = _numbered(
            checked.answer, checked.citations, [source.n for source in draft.sources]
        )
        is_small = bool(draft.template and draft.template.sentences)
        if is_small or not draft.citations:
            self._quote(draft)

    def _quote(self, draft: Draft) -> None:
        """Have sentences of the passages answer, unless what was written rests on the same and answers the question.

        What a small model writes may be true and no answer. If no sentence is close enough, nothing answers.
        """
        hits = [hit for hit in draft.hits if draft.number(hit)]
        question = draft.question.text
        embedder, numbers = self.retriever.indexes.serving().embedder, [draft.number(hit) or 0 for hit in hits]
        quoted, citations = extract(question, hits, embedder, numbers)
        if not citations:
            draft.withhold("no sentence of the passages is close enough to the question")
        elif not (draft.citations and rest_on(draft.citations, citations) and fully_answered(question, draft.answer)):
            draft.answer, draft.citations, draft.generator = quoted, citations, EXTRACTIVE


def _numbered(answer: str, citations: Sequence[Citation], numbers: Sequence[int]) -> tuple[str, list[Citation]]:
    """Return both with the sources' own numbers in place of their places, which begin at 1."""
    renumbered = [replace(citation, n=numbers[citation.n - 1]) for citation in citations]
    return relabelled(answer, dict(enumerate(numbers, 1))), renumbered
