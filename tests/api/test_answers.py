"""Answers in progress: gone on with after a break, stopped when nobody reads, refused beyond their number."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import Request

from api import answers, live, sse
from api.answers import Answers, Event
from api.live import Reader
from api.routes.ask import ask
from api.schemas import AskRequest
from api.services import Services
from rag.database import connect
from rag.draft import Question
from rag.errors import AnswerGone, AnswerStopped, IndexUnavailable, RagError, TooManyQuestions
from rag.registry import Registry
from rag.types import AnswerEvent, Done, Principal, Sources, Token, Usage
from tests.rag.conftest import ADMIN, upload
from tests.rag.test_compose import hit

ASKER = Principal(name="key_1", scopes=frozenset())


def done(text: str) -> Done:
    return Done(
        answer=text,
        abstained=False,
        citations=(),
        generator="",
        usage=Usage(),
        trace_id="t",
        conversation_id="c",
        evidence=1.0,
    )


async def speaking(
    *texts: str, ended: list[str] | None = None, pause_s: float = 0.0
) -> AsyncGenerator[AnswerEvent, None]:
    try:
        for text in texts:
            await asyncio.sleep(pause_s)
            yield Token(text=text)
        yield done("".join(texts))
    finally:
        if ended is not None:
            ended.append("ended")


def question() -> Question:
    return Question(text="?", principal=ASKER, top_k=1, trace_id="t1")


async def rest(reader: Reader[Event]) -> list[tuple[int, str]]:
    """Return what is left to read, each event with its number."""
    read: list[tuple[int, Event]] = []
    while (batch := await reader.batch(1.0)) is not None:
        read += batch
    reader.close()
    return [(number, event.text if isinstance(event, Token) else type(event).__name__) for number, event in read]


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, timeout=10))


def test_a_broken_stream_goes_on_after_the_event_that_was_read_last() -> None:
    async def story() -> None:
        kept = Answers(2)
        first = kept.begin(question(), speaking("a", "b", "c")).follow()
        await asyncio.sleep(0.05)
        first.close()

        _, second = kept.resume("t1-2", "key_1")

        assert await rest(second) == [(3, "c"), (4, "Done")]
        assert await rest(kept.resume("t1-3", "key_1")[1]) == [(4, "Done")]

    run(story())


@pytest.mark.parametrize("event_id", ["t1-1", "t2-1", "t1-x", "t1-999", "t1", ""])
def test_a_stream_is_for_its_asker_alone_and_must_be_known(event_id: str) -> None:
    async def story() -> None:
        kept = Answers(2)
        kept.begin(question(), speaking("a"))
        caller = "another" if event_id == "t1-1" else "key_1"

        with pytest.raises(AnswerGone):
            kept.resume(event_id, caller)

    run(story())


def test_what_has_ended_is_not_read_again_once_a_document_of_its_sources_is_deleted(
    empty_sqlite: Path, tmp_path: Path
) -> None:
    registry = Registry(connect(f"sqlite:///{shutil.copy(empty_sqlite, tmp_path)}"))
    document, _ = registry.add(upload("handbook"), ADMIN)

    async def found() -> AsyncGenerator[AnswerEvent, None]:
        yield Sources(hits=(replace(hit("any"), document_id=document.id),), numbers=(1,))
        yield done("a")

    async def story() -> None:
        kept = Answers(1)
        await rest(kept.begin(question(), found()).follow())
        services = cast("Services", SimpleNamespace(answers=kept, registry=registry))
        again = partial(ask, AskRequest(question="?"), cast("Request", None), services, ASKER, "t1-0")
        assert await again()
        registry.delete(document.id, ADMIN)

        with pytest.raises(AnswerGone, match="deleted"):
            await again()

    run(story())


def test_an_answer_that_is_done_is_not_stopped_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "GRACE_S", 0.05)
    monkeypatch.setattr(live, "MOST_AHEAD", 2)

    async def story() -> None:
        kept = Answers(1)
        kept.begin(question(), speaking("a")).follow().close()
        await asyncio.sleep(0.2)

        assert await rest(kept.resume("t1-0", "key_1")[1]) == [(1, "a"), (2, "Done")]

    run(story())


def test_an_answer_that_nobody_reads_is_stopped_after_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "GRACE_S", 0.05)

    async def story() -> None:
        ended: list[str] = []
        kept = Answers(1)
        reader = kept.begin(question(), speaking("a", *"b" * 1000, ended=ended, pause_s=0.02)).follow()
        await reader.batch(1.0)
        reader.close()
        await asyncio.sleep(0.3)

        assert ended == ["ended"]
        assert (await rest(kept.resume("t1-1", "key_1")[1]))[-1][1] == AnswerStopped.__name__
        kept.begin(question(), speaking("its place is free"))

    run(story())


def test_a_reader_who_comes_back_in_time_keeps_the_answer_going(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "GRACE_S", 0.2)

    async def story() -> None:
        kept = Answers(1)
        reader = kept.begin(question(), speaking(*"abcdefgh", pause_s=0.1)).follow()
        reader.close()
        read = await rest(kept.resume("t1-0", "key_1")[1])

        assert "".join(text for _, text in read[:-1]) == "abcdefgh"
        assert read[-1] == (9, "Done")

    run(story())


def test_who_comes_back_and_leaves_again_has_the_whole_grace_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "GRACE_S", 0.3)

    async def story() -> None:
        kept = Answers(1)
        kept.begin(question(), speaking(*"abcdefgh", pause_s=0.1)).follow().close()
        await asyncio.sleep(0.2)
        kept.resume("t1-0", "key_1")[1].close()
        await asyncio.sleep(0.2)  # longer than the grace since the first time, not since the second

        assert (await rest(kept.resume("t1-0", "key_1")[1]))[-1] == (9, "Done")

    run(story())


@pytest.mark.parametrize("error", [IndexUnavailable("away"), ValueError("a bug")])
def test_an_error_is_the_last_event_and_the_only_one(error: Exception) -> None:
    async def failing() -> AsyncGenerator[AnswerEvent, None]:
        yield Token(text="a")
        raise error

    async def story() -> None:
        names = await rest(Answers(1).begin(question(), failing()).follow())

        assert names == [(1, "a"), (2, type(error).__name__ if isinstance(error, RagError) else "RagError")]

    run(story())


def test_beyond_their_number_questions_are_refused_until_one_has_ended() -> None:
    async def story() -> None:
        kept = Answers(1)
        reader = kept.begin(question(), speaking("a", pause_s=0.05)).follow()
        with pytest.raises(TooManyQuestions) as refused:
            kept.begin(question(), speaking("b"))
        await rest(reader)

        assert refused.value.retry_after_s >= 1
        kept.begin(question(), speaking("c"))

    run(story())


def test_what_makes_the_events_waits_for_a_reader_who_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_AHEAD", 5)

    async def story() -> None:
        running = Answers(1).begin(question(), speaking(*"abcdefghijkl"))
        reader = running.follow()
        await asyncio.sleep(0.1)

        assert len(running.events) == 5
        assert len(await rest(reader)) == 13

    run(story())


def test_a_reader_who_takes_nothing_for_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "STUCK_S", 0.1)

    async def story() -> None:
        ended: list[str] = []
        running = live.Live(speaking(*"ab" * 600, ended=ended))
        response = sse.EventStream(running.follow, lambda _, event: str(event).encode())

        async def stuck(message: Any) -> None:
            if message["type"] == "http.response.body":
                await asyncio.sleep(60)

        async def silent() -> Any:
            await asyncio.sleep(60)

        await response({"type": "http"}, silent, stuck)
        await asyncio.sleep(0.1)

        assert ended == ["ended"]

    run(story())
