"""Answers given again: while nothing has changed that they rest on, to whom may see the same, and never otherwise."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from secrets import token_hex
from typing import Any, cast

import anyio
import pytest
from pydantic import SecretStr

from bench.service import free_port
from rag.answer import Answerer
from rag.cache import AnswerCache, open_cache
from rag.candidates import Candidates
from rag.draft import Question
from rag.engines import Engines
from rag.prompt import ABSTENTION
from rag.rerank import Reranker
from rag.retrieve import Retriever
from rag.routing import Routing
from rag.seal import unseal
from rag.settings import BrokerSettings, CacheSettings, GeneratorSettings, RetrieveSettings, Settings
from rag.shelf import MemoryShelf, RedisShelf
from rag.types import Citation, Done, Filters, Principal, Scope, Sources, Token, Turn
from rag.write import Writer
from tests.http_server import Exchange, serving
from tests.workshop import ADMIN, Hooked, Workshop, once, opened

SIX, SEVEN = "Everyone has six days of leave.", "Everyone has seven days of leave."
ASKED = "How many days of leave has everyone?"
VISITOR = Principal(name="visitor", scopes=frozenset({Scope.ASK}))
CLERK = replace(VISITOR, name="clerk", groups=frozenset({"finance"}))


@dataclass
class Desk:
    """Answers questions from a collection of its own, quoting passages unless there is a generator."""

    workshop: Workshop
    answerer: Answerer
    collection: str = field(default_factory=lambda: f"desk-{token_hex(4)}")
    shelf: MemoryShelf = field(default_factory=MemoryShelf)

    def events(self, text: str = ASKED, principal: Principal = VISITOR, **asked: Any) -> list[Any]:
        async def all_events() -> list[Any]:
            more = {"top_k": 3, "collections": [self.collection], **asked}
            question = Question(text=text, principal=principal, **more)
            return [event async for event in self.answerer.answer(question)]

        return anyio.run(all_events)

    def ask(self, text: str = ASKED, principal: Principal = VISITOR, **asked: Any) -> Done:
        done = self.events(text, principal, **asked)[-1]
        assert isinstance(done, Done)
        return done

    def serve(self, text: str, **named: Any) -> None:
        """Have a document served that says this, or change the one of this source_id."""
        self.workshop.add(text, **{"collection": self.collection, **named})
        self.workshop.work()

    def other(self, **changes: Any) -> "Desk":
        """Return a desk with the same kept answers and something else changed."""
        settings = {name: changes.pop(name) for name in ("configured", "retriever") if name in changes}
        assert self.answerer.cache is not None
        changes = {"cache": replace(self.answerer.cache, **settings), **changes}
        return replace(self, answerer=replace(self.answerer, **changes))


@pytest.fixture(scope="module")
def shared(chroma_url: str, empty_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with opened(chroma_url, empty_sqlite, tmp_path_factory.mktemp("desk")) as workshop:
        yield workshop


@pytest.fixture
def desk(shared: Workshop) -> Desk:
    candidates, shelf = Candidates(shared.engine), MemoryShelf()
    retriever = Retriever(registry=shared.registry, candidates=candidates, indexes=shared.indexes)
    cache = AnswerCache(retriever=retriever, shelf=shelf, keep_s=3600.0)
    answerer = Answerer(
        retriever=retriever, writer=Writer(retriever=retriever, generator=None), min_evidence=0.25, cache=cache
    )
    return Desk(shared, answerer, shelf=shelf)


@pytest.fixture
def served(desk: Desk) -> Desk:
    """A document is served, and the question was answered once."""
    desk.serve(SIX, source_id="hr/leave")
    assert not desk.ask().cached
    return desk


def test_the_same_question_is_given_the_same_answer_without_embedder_index_or_model(served: Desk) -> None:
    first = served.other(cache=None).events()
    retriever = replace(served.answerer.retriever, indexes=None)  # type: ignore[arg-type]

    again = served.other(retriever=retriever).events()

    sources, token, *citations, done = again
    assert sources == first[0]
    assert isinstance(token, Token)
    assert token.text == done.answer == first[-1].answer
    assert citations == [event for event in first if isinstance(event, Citation)]
    assert (done.cached, done.usage, done.abstained) == (True, first[-1].usage, False)
    assert done.trace_id != first[-1].trace_id


@pytest.mark.parametrize("text", [ASKED.lower(), "Please tell me how many day of leave has everyone"])
def test_another_wording_is_given_it_too(served: Desk, text: str) -> None:
    assert served.ask(text).cached


@pytest.mark.parametrize("text", ["How many days of leave has not everyone?", "How many days of leave had everyone?"])
def test_another_question_is_not(served: Desk, text: str) -> None:
    assert not served.ask(text).cached


def test_within_a_conversation_every_word_counts(served: Desk) -> None:
    history = [Turn(role="user", content="Tell me of leave.")]
    assert not served.ask(history=history).cached

    assert served.ask(history=history).cached
    assert not served.ask(f"Please tell me {ASKED}", history=history).cached
    assert not served.ask(history=[Turn(role="user", content="Tell me of pay.")]).cached


@pytest.mark.parametrize(
    "asked",
    [
        {"collections": None},
        {"filters": Filters(metadata={"owner": ("HR",)})},
        {"top_k": 2},
        {"principal": ADMIN},
        {"principal": replace(VISITOR, scopes=frozenset({Scope.ASK, Scope.SEARCH}))},
        {"principal": CLERK},
    ],
)
def test_what_else_is_asked_or_by_whom_makes_it_another_question(served: Desk, asked: dict[str, Any]) -> None:
    assert not served.ask(**asked).cached
    assert served.ask(**asked).cached


def test_callers_with_the_same_groups_share_an_answer(served: Desk) -> None:
    assert served.ask(principal=replace(VISITOR, name="another visitor")).cached


def test_a_new_version_is_what_the_next_answer_says(served: Desk) -> None:
    served.workshop.add(SEVEN, source_id="hr/leave", collection=served.collection)
    assert served.ask().cached
    served.workshop.work()

    done = served.ask()

    assert (done.cached, SEVEN in done.answer, SIX in done.answer) == (False, True, False)


def test_a_deleted_document_is_in_no_answer(served: Desk) -> None:
    registry = served.workshop.registry
    registry.delete(registry.documents(ADMIN, collection=served.collection)[0][0].id, ADMIN)

    done = served.ask()

    assert (done.cached, done.answer) == (False, ABSTENTION)


def test_a_document_that_is_closed_is_in_no_answer_but_of_those_who_may_see_it(served: Desk) -> None:
    served.serve(SIX, source_id="hr/leave", access=["finance"])

    assert (served.ask().answer, SIX in served.ask(principal=CLERK).answer) == (ABSTENTION, True)
    assert served.ask(principal=CLERK).cached
    assert SIX not in served.ask().answer


def test_who_loses_a_right_loses_the_answers_that_came_of_it(served: Desk) -> None:
    served.serve("The vault opens with seven keys.", access=["finance"])
    asked = "With how many keys opens the vault?"
    assert "seven keys" in served.ask(asked, CLERK).answer

    revoked = served.ask(asked, replace(CLERK, groups=frozenset()))

    assert (revoked.cached, "seven keys" in revoked.answer) == (False, False)


def test_a_new_document_that_answers_better_is_heard(served: Desk) -> None:
    assert ABSTENTION in served.ask("Where is the canteen?").answer
    assert served.ask("Where is the canteen?").cached

    served.serve("The canteen is where the tower is.")

    done = served.ask("Where is the canteen?")
    assert (done.cached, "tower" in done.answer) == (False, True)


def test_another_collection_changes_answers_from_all_and_leaves_those_from_one(served: Desk) -> None:
    served.ask(collections=None)
    served.serve("The wiki.", collection="wiki")

    assert not served.ask(collections=None).cached
    assert served.ask().cached


def test_another_embedding_model_finds_for_itself(served: Desk) -> None:
    built = served.workshop.build()
    served.workshop.work()
    served.workshop.generations.switch(built, "admin")

    assert not served.ask().cached
    served.workshop.generations.switch(1, "admin")
    served.workshop.generations.drop(built, "admin")


def test_other_settings_are_other_answers(served: Desk) -> None:
    assert not served.other(configured="top_k=9").ask().cached


def test_a_passage_that_is_gone_when_it_is_to_be_shown_makes_no_hit(served: Desk) -> None:
    """The document is deleted after the epochs were read."""
    registry, retriever = served.workshop.registry, served.answerer.retriever
    document = registry.documents(ADMIN, collection=served.collection)[0][0]
    late = Hooked(retriever.candidates, hits=once(lambda: registry.delete(document.id, ADMIN)))

    done = served.other(retriever=replace(retriever, candidates=cast("Candidates", late))).ask()

    assert (done.cached, done.answer) == (False, ABSTENTION)


def test_what_is_kept_can_be_read_by_nobody_who_does_not_know_the_epoch(served: Desk) -> None:
    [(_, sealed)] = served.shelf._held.values()

    assert b"six days" not in sealed
    assert unseal(bytes(32), sealed) is None


def test_redis_away_is_no_worse_than_no_cache(served: Desk) -> None:
    assert served.answerer.cache is not None
    away = replace(served.answerer.cache, shelf=RedisShelf(f"redis://127.0.0.1:{free_port()}/0"))
    desk = replace(served, answerer=replace(served.answerer, cache=away))

    assert [SIX in desk.ask().answer for _ in range(2)] == [True, True]
    assert not desk.ask().cached


def test_switched_off_there_is_no_cache(desk: Desk) -> None:
    broker = BrokerSettings(url=SecretStr(""))
    off = Settings(_env_file=None, broker=broker, cache=CacheSettings(keep_s=0))
    on = Settings(_env_file=None, broker=broker, retrieve=RetrieveSettings(top_k=9))
    plain = open_cache(Settings(_env_file=None, broker=broker), desk.answerer.retriever)
    other = open_cache(on, desk.answerer.retriever)

    assert open_cache(off, desk.answerer.retriever) is None
    assert plain is not None
    assert other is not None
    assert plain.configured != other.configured


@dataclass
class Engine:
    """A language model of a name, which may be away. It counts what it is asked to write."""

    model: str = "small"
    is_away: bool = False
    asked: int = 0

    def models(self, exchange: Exchange) -> None:
        exchange.send_json({"data": [{"id": self.model}]})

    def complete(self, exchange: Exchange) -> None:
        self.asked += 1
        if self.is_away:
            exchange.send_json({}, status=503)
            return
        exchange.start(200, "text/event-stream")
        written = {"choices": [{"delta": {"content": f"{SIX[:-1]} [1]."}}]}
        for event in (written, {"usage": {"prompt_tokens": 30, "completion_tokens": 7}}):
            exchange.handler.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        exchange.handler.wfile.write(b"data: [DONE]\n\n")


@pytest.fixture
def engine_server() -> Iterator[tuple[Engine, str]]:
    engine = Engine()
    with serving({"/v1/models": engine.models, "/v1/chat/completions": engine.complete}) as server:
        yield engine, server.url


def with_generator(desk: Desk, url: str, model: str = "", prompt: str = "") -> Desk:
    settings = GeneratorSettings(url=url, model=model, prompt=prompt)
    writer = replace(desk.answerer.writer, generator=Routing(engines={"generator": Engines(settings)}))
    return desk.other(writer=writer)


def test_an_answer_of_a_model_is_given_again_without_it(served: Desk, engine_server: tuple[Engine, str]) -> None:
    engine, url = engine_server
    first = with_generator(served, url).ask()

    again = with_generator(served, url).ask()

    assert (first.generator, again.generator) == ("small", "small")
    assert (again.cached, again.answer, again.usage.completion_tokens) == (True, first.answer, 0)
    assert (engine.asked, first.usage.completion_tokens) == (1, 7)


def test_another_model_or_prompt_writes_for_itself(served: Desk, engine_server: tuple[Engine, str]) -> None:
    engine, url = engine_server
    for model, prompt in (("small", ""), ("large", ""), ("small", "demo-gemma-3-270m"), ("small", "")):
        with_generator(served, url, model, prompt).ask()

    assert engine.asked == 3


def test_what_was_quoted_because_the_model_was_away_is_not_kept(
    served: Desk, engine_server: tuple[Engine, str]
) -> None:
    engine, url = engine_server
    engine.is_away = True
    assert with_generator(served, url).ask().generator == "extractive"
    engine.is_away = False

    done = with_generator(served, url).ask()

    assert (done.cached, done.generator) == (False, "small")


def test_what_was_found_without_the_reranker_is_not_kept(desk: Desk) -> None:
    desk.serve(SIX)
    away = replace(desk.answerer.retriever, reranker=Reranker("bge", f"http://127.0.0.1:{free_port()}/v1"))
    without = desk.other(retriever=away)
    without.answerer = replace(without.answerer, retriever=away)

    assert [without.ask().cached for _ in range(2)] == [False, False]


def test_an_answer_begins_with_its_sources_even_if_it_says_nothing(served: Desk) -> None:
    served.ask("Where is the canteen?")

    sources, done = served.events("Where is the canteen?")

    assert isinstance(sources, Sources)
    assert (done.cached, ABSTENTION in done.answer, done.abstained) == (True, True, True)
