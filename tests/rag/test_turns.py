"""A conversation through the whole story of a question, with an engine that says what a test has it say."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio

from rag.answer import Answerer
from rag.candidates import Candidates
from rag.conversations import GONE, Conversations
from rag.draft import Question
from rag.engines import Engines
from rag.retrieve import Retriever
from rag.routing import Routing
from rag.settings import GeneratorSettings
from rag.types import Citation, Done, Principal, Scope, Sources, Turn
from rag.write import Writer
from tests.http_server import Exchange, Server, serving
from tests.rag.test_generate import USAGE, begin, delta
from tests.workshop import ADMIN, Workshop

SIX, RAIL = "Everyone has six days of leave.", "Everyone travels by rail."
ANNA = Principal(name="key_anna", scopes=frozenset({Scope.ASK}))
ID = "a" * 32
LEAVE, RIDE = "days of leave for everyone", "who travels by rail"


@contextmanager
def engine(*answers: str) -> Iterator[Server]:
    """Serve a model that gives these answers one after the other."""
    left = list(answers)

    def answer(exchange: Exchange) -> None:
        begin(exchange, delta(left.pop(0)), USAGE, "[DONE]")
        exchange.send_chunk(b"")

    def listed(exchange: Exchange) -> None:
        exchange.send_json({"data": [{"id": "small-model", "max_model_len": 4096}]})

    with serving({"/v1/models": listed, "/v1/chat/completions": answer}) as server:
        yield server


def ask(workshop: Workshop, url: str, *texts: str, **more: Any) -> list[tuple[Sources, list[Citation], Done]]:
    """Ask these questions in the conversation ID, or with what `more` says."""

    async def asked() -> list[Any]:
        engines = Engines(GeneratorSettings(url=url))
        generator = Routing(engines={"generator": engines})
        retriever = Retriever(
            registry=workshop.registry, candidates=Candidates(workshop.engine), indexes=workshop.indexes
        )
        answerer = Answerer(
            retriever=retriever,
            writer=Writer(retriever=retriever, generator=generator),
            min_evidence=0.0,
            conversations=Conversations(workshop.engine, keep_days=30),
        )
        fields: dict[str, Any] = {"conversation_id": ID, "principal": ANNA, "top_k": 1} | more
        found = [[event async for event in answerer.answer(Question(text=text, **fields))] for text in texts]
        await engines.close()
        return found

    return [
        (events[0], [event for event in events if isinstance(event, Citation)], events[-1])
        for events in anyio.run(asked)
    ]


def prompts(server: Server) -> list[list[dict[str, str]]]:
    return [request.body["messages"] for request in server.seen if request.path.endswith("/completions")]


def test_each_prompt_begins_with_the_one_before_and_the_numbers_of_the_sources_go_on(workshop: Workshop) -> None:
    workshop.add(SIX)
    workshop.add(RAIL, filename="travel.md")
    workshop.work()
    said = [f"{SIX[:-1]} [1].", f"{RAIL[:-1]} [2].", f"{SIX[:-1]} [1]. {RAIL[:-1]} [7]."]

    with engine(*said) as server:
        (first, _, _), (second, cited, done), (_, both, last) = ask(workshop, server.url, LEAVE, RIDE, RIDE)

    one, two, three = prompts(server)
    assert two[: len(one) + 1] == [*one, {"role": "assistant", "content": "Everyone has six days of leave [1]."}]
    assert three[: len(two)] == two
    assert (first.numbers, second.numbers) == ((1,), (2, 1))
    assert [(citation.n, citation.quote.endswith(RAIL), citation.supported) for citation in cited] == [(2, True, True)]
    assert (done.answer, done.usage.cached_tokens) == ("Everyone travels by rail [2].", 8)
    assert last.answer == "Everyone has six days of leave [1]. Everyone travels by rail [2]."
    assert [citation.n for citation in both] == [1, 2]


def test_what_a_deleted_document_said_is_not_sent_again(workshop: Workshop) -> None:
    document = workshop.add(SIX)
    workshop.add(RAIL, filename="travel.md")
    workshop.work()

    with engine(f"{SIX[:-1]} [1].", f"{RAIL[:-1]} [2].") as server:
        ask(workshop, server.url, LEAVE)
        workshop.registry.delete(document.id, ADMIN)
        [(sources, _, _)] = ask(workshop, server.url, RIDE)

    assert "six days" not in json.dumps(prompts(server)[1])
    assert {"role": "assistant", "content": GONE} in prompts(server)[1]
    assert len(sources.hits) == 1


def test_a_conversation_that_the_caller_keeps_is_not_kept_here(workshop: Workshop) -> None:
    workshop.add(SIX)
    workshop.work()

    with engine(f"{SIX[:-1]} [1].") as server:
        said = [Turn(role="user", content="Hello?"), Turn(role="assistant", content="Hello.")]
        [(_, _, done)] = ask(workshop, server.url, LEAVE, history=said)

    assert [message["content"] for message in prompts(server)[0][1:3]] == ["Hello?", "Hello."]
    assert done.conversation_id == ID
    assert Conversations(workshop.engine, keep_days=30).page(ANNA) == ([], None)


def test_without_an_engine_the_quotes_of_a_conversation_are_kept_too(workshop: Workshop) -> None:
    document = workshop.add(SIX)
    workshop.work()

    ask(workshop, "http://127.0.0.1:9/v1", LEAVE, LEAVE)

    one, other = Conversations(workshop.engine, keep_days=30).read(ID, ANNA).turns
    assert (one.documents, [source.n for source in [*one.sources, *other.sources]]) == ((document.id,), [1, 2])
    assert other.answer.endswith("[2]")
