"""Which generator answers what, and that nothing internal reaches an external one: recorded by real local servers."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest

from bench.service import free_port
from rag.answer import Answerer
from rag.cache import AnswerCache
from rag.candidates import Candidates
from rag.collections import Collections
from rag.draft import EXTRACTIVE, Draft, Question
from rag.prompt import PROMPTS
from rag.retrieve import Retriever
from rag.routing import Routing, open_routing
from rag.settings import GeneratorSettings
from rag.shelf import MemoryShelf
from rag.types import Done, Principal, Scope, Turn
from rag.write import Writer
from tests.http_server import Server
from tests.stub_engine import WORDS, asked, stub_engine
from tests.workshop import ADMIN, Workshop, opened

CANARY = "Xylophone-7741"
LEAVE = "Everyone has six days of leave."
DAYS_OF_LEAVE = Turn(role="user", content="How many?"), Turn(role="assistant", content=f"It is {CANARY} [1].")


@dataclass(frozen=True, kw_only=True)
class Watched(Answerer):
    """Keeps the drafts of its answers."""

    drafts: list[Draft] = field(default_factory=list)

    def _conclude(self, draft: Draft) -> None:
        self.drafts.append(draft)
        super()._conclude(draft)


@dataclass(frozen=True, kw_only=True)
class House:
    """A service with a public and an internal document, an engine in the house, and one outside that records."""

    workshop: Workshop
    collections: Collections
    inside: Server
    outside: Server
    folder: Path

    def routing(self, rules: str = "", inside: str = "") -> Routing:
        path = self.folder / "generators.toml"
        text = ""
        for name, url, external in (("cloud", self.outside.url, "true"), ("house", inside or self.inside.url, "false")):
            cost = "cost_per_1k_completion = 1.0\n" if name == "cloud" else ""
            text += f'[[generator]]\nname = "{name}"\nurls = ["{url}"]\nexternal = {external}\n{cost}'
        path.write_text(text + rules, encoding="utf-8")
        routing = open_routing(GeneratorSettings(policy=str(path), answer_tokens=100), {}, self.collections)
        assert routing is not None
        return routing

    def ask(
        self, routing: Routing, text: str = "days of leave", prompts: Path | None = None, **named: Any
    ) -> tuple[Done, Draft]:
        """Return the answer's last event and its draft."""
        retriever = Retriever(
            registry=self.workshop.registry,
            candidates=Candidates(self.workshop.engine),
            indexes=self.workshop.indexes,
        )
        answerer = Watched(
            retriever=retriever,
            writer=Writer(retriever=retriever, generator=routing, prompts=prompts),
            min_evidence=0.0,
            cache=AnswerCache(retriever=retriever, shelf=MemoryShelf(), keep_s=60) if prompts else None,
        )
        named = {"principal": ADMIN, "collections": ["default"], "top_k": 3, **named}

        async def events() -> list[Any]:
            return [event async for event in answerer.answer(Question(text=text, **named))]

        return anyio.run(events)[-1], answerer.drafts[0]

    def said_outside(self) -> str:
        """Return everything that the outside engine was ever sent, beside the paths."""
        return json.dumps([exchange.body for exchange in self.outside.seen])


@pytest.fixture(scope="module")
def filled(chroma_url: str, empty_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """The parts with both documents, for all tests here: ingesting takes longer than asking."""
    with opened(chroma_url, empty_sqlite, tmp_path_factory.mktemp("filled")) as workshop:
        workshop.add(LEAVE)
        workshop.add(f"The secret days of leave of the board are {CANARY}.", filename="board.md", collection="board")
        workshop.work()
        yield workshop


@pytest.fixture
def house(filled: Workshop, tmp_path: Path) -> Iterator[House]:
    collections = Collections(filled.engine)
    collections.put("board", ADMIN, internal=True)
    collections.put("default", ADMIN, internal=False)
    with stub_engine(model="house-model") as inside, stub_engine(model="cloud") as outside:
        yield House(workshop=filled, collections=collections, inside=inside, outside=outside, folder=tmp_path)


def test_without_rules_the_first_generator_answers(house: House) -> None:
    done, draft = house.ask(house.routing())

    assert done.answer == "".join(WORDS)
    assert (done.generator, draft.routed) == ("cloud", f"cloud at {house.outside.url[7:-3]}")
    assert LEAVE in house.said_outside()


def test_a_passage_of_an_internal_collection_never_reaches_an_external_engine(house: House) -> None:
    done, draft = house.ask(house.routing(), collections=None)

    assert CANARY in " ".join(hit.text for hit in draft.hits)
    assert done.generator == "house-model"
    assert draft.routed == f"cloud is external, the passages are internal; house at {house.inside.url[7:-3]}"
    assert CANARY in json.dumps(asked(house.inside))
    assert asked(house.outside) == []


def test_rules_cannot_send_it_there_either_nor_can_a_generator_in_the_house_that_is_down(house: House) -> None:
    rules = '[[rule]]\nuse = ["cloud"]\nwhen = { internal = true, scopes = ["admin"] }\n[[rule]]\nuse = ["house"]\n'
    dead = f"http://127.0.0.1:{free_port()}/v1"

    done, draft = house.ask(house.routing(rules, inside=dead), collections=["board"])

    assert done.generator == EXTRACTIVE
    assert CANARY in done.answer  # quoted, to who may read it
    assert draft.routed.startswith("rule 1: cloud is external, the passages are internal; rule 2: house")
    assert asked(house.outside) == []


def test_a_collection_that_becomes_internal_is_kept_from_the_next_answer_on(house: House) -> None:
    routing = house.routing()
    house.ask(routing)
    house.collections.put("default", ADMIN, internal=True)

    assert house.ask(routing)[0].generator == "house-model"

    assert len(asked(house.outside)) == 1


def test_an_earlier_answer_may_quote_what_is_internal_so_that_it_stays_in_the_house(house: House) -> None:
    done, _ = house.ask(house.routing(), history=DAYS_OF_LEAVE)

    assert done.generator == "house-model"
    assert CANARY in json.dumps(asked(house.inside))
    assert CANARY not in house.said_outside()


def test_where_nothing_is_internal_a_history_may_leave(house: House) -> None:
    house.collections.put("board", ADMIN, internal=False)

    assert house.ask(house.routing(), history=DAYS_OF_LEAVE)[0].generator == "cloud"


@pytest.mark.parametrize(
    ("rules", "chosen"),
    [
        ('[[rule]]\nuse = ["house"]\nwhen = { groups = ["board", "hr"] }\n[[rule]]\nuse = ["cloud"]\n', "house-model"),
        ('[[rule]]\nuse = ["house"]\nwhen = { groups = ["board"] }\n[[rule]]\nuse = ["cloud"]\n', "cloud"),
        ('[[rule]]\nuse = ["house"]\nwhen = { scopes = ["search"] }\n[[rule]]\nuse = ["cloud"]\n', "cloud"),
        ('[[rule]]\nuse = ["house"]\nwhen = { collections = ["default"] }\n[[rule]]\nuse = ["cloud"]\n', "house-model"),
        ('[[rule]]\nuse = ["house"]\nwhen = { internal = true }\n[[rule]]\nuse = ["cloud"]\n', "cloud"),
        ('[[rule]]\nuse = ["house"]\nwhen = { min_prompt_tokens = 1000 }\n[[rule]]\nuse = ["cloud"]\n', "cloud"),
        ('[[rule]]\nuse = ["house"]\nwhen = { max_prompt_tokens = 1000 }\n[[rule]]\nuse = ["cloud"]\n', "house-model"),
        ('[[rule]]\nuse = ["cloud", "house"]\nmax_cost = 0.09\n', "house-model"),
        ('[[rule]]\nuse = ["cloud", "house"]\nmax_cost = 0.1\n', "cloud"),
        ('[[rule]]\nuse = ["house"]\nwhen = { groups = ["board"] }\n', EXTRACTIVE),
    ],
)
def test_the_first_rule_that_fits_chooses(house: House, rules: str, chosen: str) -> None:
    asker = Principal(name="key_1", scopes=frozenset({Scope.ASK}), groups=frozenset({"hr"}))

    done, _ = house.ask(house.routing(rules), principal=asker)

    assert done.generator == chosen


def test_a_generator_with_too_long_a_queue_is_passed_over(house: House) -> None:
    routing = house.routing('[[rule]]\nuse = ["house"]\nmax_queue = 2\n[[rule]]\nuse = ["cloud"]\n')
    routing.engines["house"]._replicas[0].others = 3

    done, draft = house.ask(routing)

    assert (done.generator, draft.routed[:13]) == ("cloud", "rule 2: cloud")


def test_a_generator_that_is_down_is_replaced_by_the_next_one_unnoticed(house: House) -> None:
    rules = '[[rule]]\nuse = ["house", "cloud"]\n'
    dead = f"http://127.0.0.1:{free_port()}/v1"

    done, _ = house.ask(house.routing(rules, inside=dead))

    assert (done.generator, done.answer) == ("cloud", "".join(WORDS))


def test_other_words_in_a_prompt_of_ones_own_are_another_writer(house: House) -> None:
    routing, prompt = house.routing(), house.folder / "default.toml"
    retriever = Retriever(
        registry=house.workshop.registry, candidates=Candidates(house.workshop.engine), indexes=house.workshop.indexes
    )

    async def identities() -> list[str]:
        writer, found = Writer(retriever=retriever, generator=routing, prompts=house.folder), []
        for words in ("one", "one", "two"):
            prompt.write_text(words, encoding="utf-8")
            found.append(await writer.identity())
        return found

    one, same, other = anyio.run(identities)

    assert one == same != other


def test_no_file_is_read_where_all_other_streams_would_wait(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    own = house.folder / "prompts"
    own.mkdir()
    (own / "default.toml").write_bytes((PROMPTS / "default.toml").read_bytes())
    routing, read, loop = house.routing(), Path.read_text, threading.get_ident()
    threads: list[int] = []

    def noted(path: Path, *args: Any, **named: Any) -> str:
        threads.extend([threading.get_ident()] if path.parent == own else [])
        return read(path, *args, **named)

    monkeypatch.setattr(Path, "read_text", noted)
    done, draft = house.ask(routing, prompts=own)

    assert (done.generator, draft.prompt[:8], len(threads)) == ("cloud", "default/", 2)
    assert loop not in threads


def test_other_rules_are_other_writers_so_that_no_answer_is_kept_beyond_them(house: House) -> None:
    async def writers(rules: str) -> str:
        return await house.routing(rules).writers()

    one, same, other = (anyio.run(writers, f'[[rule]]\nuse = ["{name}"]\n') for name in ("cloud", "cloud", "house"))

    assert one == same != other
