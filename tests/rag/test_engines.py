"""Several engines of one model: real local servers that fail, wait, break off and are killed."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, aclosing
from typing import Any

import anyio
import pytest

from bench.service import ROOT, answers, free_port, wait_until
from rag import engines as module
from rag.draft import Draft, Question
from rag.engines import AFFINITY, Engines
from rag.errors import GeneratorUnavailable
from rag.prompt import Prompt
from rag.settings import GeneratorSettings
from rag.types import Principal, Scope, Token, Usage
from tests.http_server import Server
from tests.stub_engine import WORDS, Behaviour, asked, stub_engine

PROMPT = Prompt(version="1", system="", user="", temperature=0.0, stop=[], sentences=0, extra={})
VISITOR = Principal(name="visitor", scopes=frozenset({Scope.ASK}))
ANSWER = "".join(WORDS)


def draft(conversation_id: str | None = None) -> Draft:
    question = Question(text="How many days?", principal=VISITOR, conversation_id=conversation_id, top_k=3)
    return Draft(question=question, messages=[{"role": "user", "content": "How many days?"}])


def opened(*urls: str, **settings: Any) -> Engines:
    return Engines(GeneratorSettings(url=",".join(urls), **settings))


async def written(engines: Engines, of: Draft | None = None) -> tuple[str, Usage | None]:
    """Return the whole text that the reader gets, and the usage."""
    text, usage = "", None
    async with aclosing(engines.stream(PROMPT, of or draft())) as pieces:
        async for piece in pieces:
            if isinstance(piece, Token):
                text += piece.text
            else:
                usage = piece
    return text, usage


@pytest.fixture
def two() -> Iterator[tuple[Behaviour, Behaviour, Server, Server]]:
    """Two engines, each with the behaviour that a test may change."""
    first, second = Behaviour(), Behaviour()
    with stub_engine(first) as one, stub_engine(second) as other:
        yield first, second, one, other


def order(one: Server, other: Server) -> tuple[Draft, Server, Server]:
    """Return a draft, the engine that it goes to, and the other."""
    of = draft("talk")
    chosen = opened(one.url, other.url)._choose(of, [])
    assert chosen is not None
    return (of, one, other) if chosen.url == one.url else (of, other, one)


def test_an_engine_that_cannot_be_reached_is_replaced_unnoticed_and_left_alone() -> None:
    dead = f"http://127.0.0.1:{free_port()}/v1"
    with stub_engine() as server:
        engines, drafts = opened(dead, server.url), [draft(str(n)) for n in range(8)]

        texts = [anyio.run(written, engines, one)[0] for one in drafts]

    assert texts == [ANSWER] * 8
    failed = [one.routed for one in drafts if "then" in one.routed]
    assert failed == [f" at {dead[7:-3]}, then {server.url[7:-3]}"]  # once: after that the breaker is open


@pytest.mark.parametrize("fault", ["500", "breaks off"])
def test_an_engine_that_fails_before_its_first_token_is_replaced_unnoticed(
    two: tuple[Behaviour, Behaviour, Server, Server], fault: str
) -> None:
    of, chosen, other = order(*two[2:])
    bad = two[0] if chosen is two[2] else two[1]
    bad.status, bad.breaks_after = (500, None) if fault == "500" else (200, 0)

    text, _ = anyio.run(written, opened(chosen.url, other.url), of)

    assert text == ANSWER
    assert (len(asked(chosen)), len(asked(other))) == (1, 1)


def test_what_every_engine_of_the_model_would_refuse_is_not_sent_to_another(
    two: tuple[Behaviour, Behaviour, Server, Server],
) -> None:
    two[0].status = two[1].status = 400
    engines = opened(two[2].url, two[3].url)

    for _ in range(4):
        with pytest.raises(GeneratorUnavailable, match="400"):
            anyio.run(written, engines)

    assert len(asked(two[2])) + len(asked(two[3])) == 4
    assert engines.queue == 0  # nobody's breaker is open


@pytest.mark.parametrize("after", [1, 3, 6])
def test_an_answer_that_breaks_off_is_gone_on_with_by_another_engine(
    two: tuple[Behaviour, Behaviour, Server, Server], after: int
) -> None:
    of, chosen, other = order(*two[2:])
    (two[0] if chosen is two[2] else two[1]).breaks_after = after

    text, usage = anyio.run(written, opened(chosen.url, other.url, answer_tokens=20), of)

    assert text == ANSWER
    body = asked(other)[0]
    assert body["messages"][1:] == [{"role": "assistant", "content": "".join(WORDS[:after])}]
    assert (body["continue_final_message"], body["add_generation_prompt"], body["max_tokens"]) == (
        True,
        False,
        20 - after,
    )
    assert usage == Usage(prompt_tokens=9, completion_tokens=after + 1)


def test_a_space_at_the_break_is_not_written_twice(two: tuple[Behaviour, Behaviour, Server, Server]) -> None:
    of, chosen, other = order(*two[2:])
    bad = two[0] if chosen is two[2] else two[1]
    bad.words, bad.breaks_after = ("Everyone ", "has ", "six "), 2

    assert anyio.run(written, opened(chosen.url, other.url), of)[0] == ANSWER
    assert asked(other)[0]["messages"][-1]["content"] == "Everyone has"


def test_an_engine_that_cannot_go_on_with_an_answer_is_not_asked_to(
    two: tuple[Behaviour, Behaviour, Server, Server],
) -> None:
    of, chosen, other = order(*two[2:])
    bad, good = two[:2] if chosen is two[2] else (two[1], two[0])
    bad.breaks_after, good.owned_by = 3, "another"

    with pytest.raises(GeneratorUnavailable, match="cannot go on"):
        anyio.run(written, opened(chosen.url, other.url), of)

    assert asked(other) == []


def test_an_engine_that_refuses_to_go_on_ends_the_answer(two: tuple[Behaviour, Behaviour, Server, Server]) -> None:
    of, chosen, other = order(*two[2:])
    bad, good = two[:2] if chosen is two[2] else (two[1], two[0])
    bad.breaks_after, good.status = 3, 400

    with pytest.raises(GeneratorUnavailable, match="400"):
        anyio.run(written, opened(chosen.url, other.url), of)


def test_an_answer_goes_to_the_engine_with_the_shortest_queue() -> None:
    with stub_engine(Behaviour(queue=3)) as busy, stub_engine(Behaviour(queue=1)) as idle:
        engines = opened(busy.url, idle.url)
        anyio.run(engines.look)  # what other processes have there, too

        for _ in range(6):
            anyio.run(written, engines)

    assert (len(asked(busy)), len(asked(idle))) == (0, 6)


def test_requests_of_this_process_count_before_the_engines_say_so(
    two: tuple[Behaviour, Behaviour, Server, Server],
) -> None:
    engines = opened(two[2].url, two[3].url)

    async def six_at_once() -> None:
        async with AsyncExitStack() as begun:
            for _ in range(6):
                stream = await begun.enter_async_context(aclosing(engines.stream(PROMPT, draft())))
                await anext(stream)

    anyio.run(six_at_once)

    assert (len(asked(two[2])), len(asked(two[3]))) == (3, 3)


def test_a_conversation_stays_with_its_engine_until_that_has_much_more_to_do() -> None:
    busy, idle = Behaviour(), Behaviour()
    with stub_engine(busy) as one, stub_engine(idle) as other:
        of, home, _ = order(one, other)
        engines = opened(one.url, other.url)
        for queue in (0, AFFINITY, AFFINITY + 1):
            (busy if home is one else idle).queue = queue
            anyio.run(engines.look)
            anyio.run(written, engines, draft("talk"))

        assert len(asked(home)) == 2
        assert len({order(one, other)[1].url for _ in range(5)}) == 1
        assert of.question.conversation_id == "talk"


def test_conversations_spread_over_the_engines(two: tuple[Behaviour, Behaviour, Server, Server]) -> None:
    engines = opened(two[2].url, two[3].url)

    homes = [engines._choose(draft(f"talk {n}"), []) for n in range(40)]

    counts = [sum(home is not None and home.url == server.url for home in homes) for server in two[2:]]
    assert min(counts) >= 10


def test_an_engine_that_says_nothing_is_left_for_one_that_is_idle(
    two: tuple[Behaviour, Behaviour, Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.2)
    of, chosen, other = order(*two[2:])
    silent = two[0] if chosen is two[2] else two[1]
    silent.before_word = lambda _n: chosen.ending.wait()

    text, _ = anyio.run(written, opened(chosen.url, other.url), of)

    assert text == ANSWER
    assert len(asked(other)) == 1


def test_leaving_the_stream_closes_the_connection_to_the_engine_that_goes_on(
    two: tuple[Behaviour, Behaviour, Server, Server],
) -> None:
    of, chosen, other = order(*two[2:])
    bad, good = two[:2] if chosen is two[2] else (two[1], two[0])
    bad.breaks_after, good.left = 3, threading.Event()

    async def read_on_and_leave() -> None:
        async with aclosing(opened(chosen.url, other.url).stream(PROMPT, of)) as pieces:
            for _ in range(4):
                await anext(pieces)

    anyio.run(read_on_and_leave)

    assert good.left.wait(timeout=30)


def test_an_engine_that_is_killed_while_it_writes_is_gone_on_with_by_another() -> None:
    port = free_port()
    killed = subprocess.Popen([sys.executable, "-m", "tests.stub_engine", str(port)], cwd=ROOT)
    url = f"http://127.0.0.1:{port}/v1"
    wait_until(lambda: answers(f"{url}/models"))
    with stub_engine() as other:
        engines, of = opened(url, other.url), draft()
        engines._replicas[1].others = 1  # so that the first is chosen

        async def read_and_kill() -> str:
            text = ""
            async with aclosing(engines.stream(PROMPT, of)) as pieces:
                async for piece in pieces:
                    text += piece.text if isinstance(piece, Token) else ""
                    if text == "".join(WORDS[:3]):
                        killed.kill()
            return text

        assert anyio.run(read_and_kill) == ANSWER
    killed.wait()
    assert [part.partition(" ")[0] for part in of.routed.split(", ")] == ["", "then"]


def test_while_every_engine_is_down_that_is_said_at_once_and_a_new_start_is_noticed() -> None:
    port = free_port()
    engines = opened(f"http://127.0.0.1:{port}/v1")
    with pytest.raises(GeneratorUnavailable, match="ConnectError"):
        anyio.run(written, engines)
    with pytest.raises(GeneratorUnavailable, match="failed lately"):
        anyio.run(written, engines)

    with stub_engine(port=port):
        anyio.run(engines.look)

        assert anyio.run(written, engines)[0] == ANSWER


def test_the_state_of_each_engine_is_told(two: tuple[Behaviour, Behaviour, Server, Server]) -> None:
    dead = f"http://127.0.0.1:{free_port()}/v1"

    states = anyio.run(opened(two[2].url, dead).states)

    assert [(one.n, one.url, one.is_ok, one.model) for one in states] == [
        (1, two[2].url, True, "small-model"),
        (2, dead, False, ""),
    ]
