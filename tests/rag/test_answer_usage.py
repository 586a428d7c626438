"""Every answer is counted, however it ends, with what it cost, and one that cannot be counted is given all the same."""

from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

from rag.answer import Answerer
from rag.cache import AnswerCache
from rag.candidates import Candidates
from rag.dense import DenseIndexes
from rag.draft import Question
from rag.errors import EmbedderUnavailable, RegistryUnavailable
from rag.retrieve import Retriever
from rag.routing import Routing, open_routing
from rag.settings import GeneratorSettings
from rag.shelf import MemoryShelf
from rag.types import Done, Principal, Scope
from rag.usage import DailyUsage, Sums
from rag.write import Writer
from tests.stub_engine import WORDS, Behaviour, stub_engine
from tests.workshop import Hooked, Workshop, raising

SIX = "Everyone has six days of leave."
ASKER = Principal(name="key_1", scopes=frozenset({Scope.ASK}))
PRICED = "cost_per_1k_prompt = 2.0\ncost_per_1k_completion = 4.0\n"


@pytest.fixture
def usage(workshop: Workshop) -> DailyUsage:
    workshop.add(SIX)
    workshop.work()
    return DailyUsage(workshop.engine)


def answerer(workshop: Workshop, usage: DailyUsage, generator: Routing | None = None, **hooks: Any) -> Answerer:
    indexes = cast("DenseIndexes", Hooked(workshop.indexes, **hooks))
    retriever = Retriever(registry=workshop.registry, candidates=Candidates(workshop.engine), indexes=indexes)
    return Answerer(
        retriever=retriever,
        writer=Writer(retriever=retriever, generator=generator),
        min_evidence=0.1,
        cache=AnswerCache(retriever=retriever, shelf=MemoryShelf(), keep_s=60),
        usage=usage,
    )


def ask(asked: Answerer, text: str = "days of leave", most_events: int = 99) -> Done | None:
    """Read up to so many events of an answer; return the last one if the answer came to its end."""

    async def read() -> Any:
        event, left = None, most_events
        async with aclosing(asked.answer(Question(text=text, principal=ASKER, top_k=3))) as events:
            while left and not isinstance(event, Done):
                event, left = await anext(events), left - 1
        return event

    last = anyio.run(read)
    return last if isinstance(last, Done) else None


def policy(folder: Path, url: str, prices: str) -> Routing:
    path = folder / "generators.toml"
    text = f'[[generator]]\nname = "house"\nurls = ["{url}"]\nexternal = false\n{prices}'
    path.write_text(text, encoding="utf-8")
    routing = open_routing(GeneratorSettings(policy=str(path), answer_tokens=100), {}, None)
    assert routing is not None
    return routing


def test_answers_abstentions_and_those_given_again_are_counted(workshop: Workshop, usage: DailyUsage) -> None:
    asked = answerer(workshop, usage)
    for text in ("days of leave", "days of leave", "submarines"):
        ask(asked, text)

    assert usage.report(1).callers == {"key_1": Sums(questions=3, answered=2, abstained=1, cached=1)}


def test_those_that_fail_or_are_left_are_counted(workshop: Workshop, usage: DailyUsage) -> None:
    ask(answerer(workshop, usage), most_events=1)
    with pytest.raises(EmbedderUnavailable):
        ask(answerer(workshop, usage, serving=raising(EmbedderUnavailable("It is away."))))

    assert usage.report(1).callers == {"key_1": Sums(questions=2, failed=1)}


@pytest.mark.parametrize("words", [WORDS, ("Submarines", " dive.")], ids=["its own", "replaced by a quote"])
def test_what_a_model_took_is_under_its_name_whoever_answers(
    workshop: Workshop, usage: DailyUsage, tmp_path: Path, words: tuple[str, ...]
) -> None:
    with stub_engine(Behaviour(words=words)) as engine:
        done = ask(answerer(workshop, usage, policy(tmp_path, engine.url, PRICED)))

    assert done
    assert done.generator == ("small-model" if words is WORDS else "extractive")
    cost = (9 * 2.0 + len(words) * 4.0) / 1000
    expected = Sums(questions=1, answered=1, prompt_tokens=9, completion_tokens=len(words), cost=cost)
    assert usage.report(1).generators == {"small-model": expected}


@pytest.mark.parametrize(("prices", "cost"), [("", None), ("cost_per_1k_prompt = 0.0\n", 0.0)])
def test_nothing_is_a_price_and_none_is_not(
    workshop: Workshop, usage: DailyUsage, tmp_path: Path, prices: str, cost: float | None
) -> None:
    with stub_engine() as engine:
        ask(answerer(workshop, usage, policy(tmp_path, engine.url, prices)))

    assert usage.report(1).callers["key_1"].cost == cost


@pytest.mark.parametrize("error", [RegistryUnavailable("away"), ValueError("a mistake")])
def test_an_answer_that_cannot_be_counted_is_given(workshop: Workshop, usage: DailyUsage, error: Exception) -> None:
    class Broken(DailyUsage):
        def add(self, caller: str, generator: str, sums: Sums) -> None:
            raise error

    done = ask(answerer(workshop, Broken(workshop.engine)))

    assert done
    assert SIX in done.answer
