"""Prompts of a conversation: each begins with the one before, sends a passage once, and fits the context."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import anyio

from rag.compose import Composed, bare_exchanges, compose, dropped, exchanges
from rag.conversations import PastTurn
from rag.prompt import Prompt
from rag.types import Hit, Turn
from tests.rag.test_prompt import PLAIN

NOTHING: Mapping[str, Hit] = {}


def hit(name: str, words: int = 5) -> Hit:
    return Hit(
        chunk_id=f"{name}.1.0",
        document_id=name,
        version=1,
        title=name,
        text=" ".join([name] * words),
        context=name,
        page=None,
        section=None,
        start=0,
        end=words * (len(name) + 1) - 1,
        score=0.5,
    )


def composed(
    question: str, hits: Sequence[Hit], turns: Sequence[PastTurn] = (), *, room: int = 4000, prompt: Prompt = PLAIN
) -> Composed:
    """Return the prompt with an engine for which a word is a token."""

    async def count(texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    async def read(_: Sequence[str]) -> Mapping[str, Hit]:
        return NOTHING

    async def made() -> Composed:
        after = max((source.n for turn in turns for source in turn.sources), default=0)
        earlier = exchanges(turns, prompt)
        return await compose(prompt, question, hits, earlier, after=after, room_tokens=room, count=count, read=read)

    return anyio.run(made)


def turn(question: str, made: Composed, answer: str = "Six days [1].") -> PastTurn:
    return PastTurn(
        question=question,
        answer=answer,
        abstained=False,
        trace_id="t",
        sources=tuple(made.added),
        documents=made.documents,
    )


def test_the_messages_are_the_system_and_the_question_with_its_sources() -> None:
    assert composed("How\nmany?", [hit("leave", 2)]).messages == [
        {"role": "system", "content": "Answer from the sources."},
        {"role": "user", "content": "<sources>\n[1] leave\nleave leave\n</sources>\nQuestion: How many?"},
    ]


def test_the_next_prompt_begins_with_the_one_before_and_its_answer() -> None:
    first = composed("How many?", [hit("leave"), hit("travel")])
    past = [turn("How many?", first)]
    second = composed("And then?", [hit("travel"), hit("pay")], past)
    third = composed("Why?", [hit("travel")], [*past, turn("And then?", second)])

    assert second.messages[:3] == [*first.messages, {"role": "assistant", "content": "Six days [1]."}]
    assert third.messages[:4] == second.messages
    assert [source.n for source in third.added] == []
    assert third.messages[-1]["content"] == "<sources>\n\n</sources>\nQuestion: Why?"


def test_a_passage_is_sent_once_and_keeps_its_number() -> None:
    past = [turn("How many?", composed("How many?", [hit("leave"), hit("travel")]))]

    second = composed("And then?", [hit("travel"), hit("pay")], past)

    assert [(source.n, source.hit.title) for source in second.sources] == [(2, "travel"), (3, "pay"), (1, "leave")]
    assert [source.n for source in second.added] == [3]
    assert second.documents == ("leave", "travel", "pay")


def test_a_prompt_without_whole_passages_has_what_was_said_alone() -> None:
    past = [turn("How many?", composed("How many?", [hit("leave")]))]
    [exchange] = exchanges(past, Prompt(**{**vars(PLAIN), "sentences": 4}))

    assert exchange.messages == exchange.bare
    assert exchange.bare[0] == {"role": "user", "content": "How many?"}


def test_when_it_grows_too_long_much_is_dropped_at_once_and_the_beginning_stays_the_same_after() -> None:
    turns: list[PastTurn] = []
    beginnings: list[str] = []
    for n in range(12):
        made = composed(f"Question {n}?", [hit(f"doc{n}", 60)], turns, room=700)
        beginnings.append(made.messages[1]["content"])
        turns.append(turn(f"Question {n}?", made))
        assert sum(len(message["content"].split()) + 8 for message in made.messages) <= 700

    changes = sum(one != other for one, other in pairwise(beginnings))
    assert 1 <= changes <= 4


def test_of_what_is_dropped_the_last_questions_stay_without_their_sources() -> None:
    turns: list[PastTurn] = []
    for n in range(3):
        turns.append(turn(f"Question {n}?", composed(f"Question {n}?", [hit(f"doc{n}", 200)], turns, room=500)))

    made = composed("And?", [hit("doc0", 50)], turns, room=500)

    assert made.messages[1]["content"] in {"Question 0?", "Question 1?"}
    assert made.added[0].n == max(source.n for one in turns for source in one.sources) + 1


def test_exchanges_are_dropped_to_half_as_often_as_they_are_too_many() -> None:
    assert dropped([10, 10, 10], 30) == 0
    assert [dropped([10] * count, 30) for count in range(3, 9)] == [0, 3, 3, 3, 6, 6]
    assert dropped([50], 30) == 1


def test_passages_that_do_not_fit_are_left_out_from_the_worst_on() -> None:
    made = composed("How many?", [hit("leave", 50), hit("travel", 50), hit("pay", 2)], room=100)

    assert [source.hit.title for source in made.sources] == ["leave"]


def test_without_room_for_one_passage_there_is_no_prompt() -> None:
    assert composed("How many?", [hit("leave", 500)], room=100).messages == []


def test_messages_that_the_caller_keeps_stay_as_they_are_each_question_with_its_answer() -> None:
    said = [("assistant", "Hello."), ("user", "Who?"), ("assistant", "Directors."), ("user", "Why?")]

    found = bare_exchanges([Turn(role=role, content=content) for role, content in said])

    assert [[message["content"] for message in one.messages] for one in found] == [
        ["Hello."],
        ["Who?", "Directors."],
        ["Why?"],
    ]
