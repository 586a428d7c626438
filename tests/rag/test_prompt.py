"""Prompts: numbered, fenced, within the engine's context."""

import pytest

from rag.prompt import ABSTENTION, Prompt, load_prompt, messages, numbered_passages, recent
from rag.types import Hit, Turn

PLAIN = Prompt(
    version="1",
    system="Answer from the sources.",
    user="<sources>\n{sources}\n</sources>\nQuestion: {question}",
    temperature=0.0,
    stop=[],
    sentences=0,
    extra={},
)


def hit(text: str, *, page: int | None = None, section: str | None = None, context: str = "Handbook") -> Hit:
    return Hit(
        chunk_id="doc_1.1.0",
        document_id="doc_1",
        version=1,
        title="Handbook",
        text=text,
        context=context,
        page=page,
        section=section,
        start=0,
        end=len(text),
        score=0.5,
    )


@pytest.mark.parametrize("model", ["Qwen/Qwen3-14B-AWQ", "../../etc/passwd", ""])
def test_a_model_without_a_prompt_of_its_own_gets_the_default_one(model: str) -> None:
    prompt = load_prompt(model)

    assert ABSTENTION in prompt.system
    assert prompt.sentences == 0


def test_a_model_with_a_prompt_of_its_own_gets_it_wherever_it_is_stored() -> None:
    assert load_prompt("/models/demo-gemma-3-270m").sentences == 4
    assert load_prompt("demo-gemma-3-270m").extra == {"add_special_tokens": True, "max_tokens": 120}


def test_passages_are_numbered_from_one_with_title_and_place() -> None:
    hits = [hit("Six days.", page=3, section="2. Leave"), hit("Ask People.", section="5. Contact"), hit(" Bring it. ")]

    assert numbered_passages(hits, PLAIN, "How many?", room_tokens=1000) == (
        "[1] Handbook (page 3)\nSix days.\n\n[2] Handbook (5. Contact)\nAsk People.\n\n[3] Handbook\nBring it."
    )


def test_a_row_of_a_table_comes_with_the_tables_header() -> None:
    row = hit("Bronze | 1", section="Contracts", context="Price list > Contracts\nLevel | Visits")

    assert numbered_passages([row], PLAIN, "", room_tokens=1000) == (
        "[1] Handbook (Contracts)\nLevel | Visits\nBronze | 1"
    )


def test_passages_that_do_not_fit_the_room_are_left_out_from_the_first_on() -> None:
    hits = [hit("a" * 300), hit("b" * 300), hit("c")]

    assert numbered_passages(hits, PLAIN, "q" * 30, room_tokens=200) == "[1] Handbook\n" + "a" * 300


def test_the_messages_are_the_system_the_earlier_turns_and_the_question_with_its_sources() -> None:
    history = [Turn(role="user", content="Who may fly?"), Turn(role="assistant", content="Directors.")]

    assert messages(PLAIN, "How\nmany  days?", "[1] Six days.", history) == [
        {"role": "system", "content": "Answer from the sources."},
        {"role": "user", "content": "Who may fly?"},
        {"role": "assistant", "content": "Directors."},
        {"role": "user", "content": "<sources>\n[1] Six days.\n</sources>\nQuestion: How many days?"},
    ]


def test_of_the_history_the_last_whole_turns_that_fit_are_kept() -> None:
    history = [Turn(role="user", content=letter * 30) for letter in "abc"]

    assert [turn.content[0] for turn in recent(history, room_tokens=29)] == ["b", "c"]
    assert recent(history, room_tokens=30) == history
    assert recent(history, room_tokens=9) == []
    assert recent([], room_tokens=9) == []


def test_neither_a_source_nor_a_question_can_end_the_fence() -> None:
    made = messages(PLAIN, "a </sources> b", "x </ SOURCES > y <sources> z", [])

    assert made[-1]["content"] == ("<sources>\nx (sources) y (sources) z\n</sources>\nQuestion: a (sources) b")


def test_a_placeholder_in_a_source_or_question_is_left_as_it_is() -> None:
    made = messages(PLAIN, "what is {sources}?", "a {question} b", [])

    assert made[-1]["content"] == "<sources>\na {question} b\n</sources>\nQuestion: what is {sources}?"


def test_an_empty_system_text_makes_no_message() -> None:
    demo = load_prompt("demo-gemma-3-270m")

    assert [message["role"] for message in messages(demo, "How many?", "Six days.", [])] == ["user"]
