"""Prompts: by model and language, numbered, fenced."""

from pathlib import Path

import pytest

from rag.errors import ConfigurationError
from rag.language import question_language
from rag.prompt import (
    ABSTENTION,
    PROMPTS,
    Prompt,
    asked,
    check_prompts,
    load_prompt,
    numbered,
    numbered_passages,
    system_messages,
)
from rag.types import Hit

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
    assert load_prompt("/models/demo-gemma-3-270m").sentences == 3
    assert load_prompt("demo-gemma-3-270m").extra == {"add_special_tokens": True, "max_tokens": 60}


def test_a_language_has_a_prompt_of_its_own_where_there_is_one() -> None:
    assert load_prompt("Qwen/Qwen3-14B-AWQ", "de").name == "default.de"
    assert load_prompt("Qwen/Qwen3-14B-AWQ", "xx").name == "default"
    assert load_prompt("demo-gemma-3-270m", "de").name == "demo-gemma-3-270m"


@pytest.mark.parametrize("language", ["", "de", "es", "zh"])
def test_a_packaged_prompt_has_what_the_answers_check_relies_on(language: str) -> None:
    prompt = load_prompt("", language)

    assert ABSTENTION in prompt.system
    assert prompt.user.index("{sources}") < prompt.user.index("{question}")


def test_a_file_in_the_operators_folder_goes_before_the_packaged_one(tmp_path: Path) -> None:
    packaged = (PROMPTS / "default.toml").read_text(encoding="utf-8")
    (tmp_path / "default.toml").write_text(packaged.replace('version = "', 'version = "ours-'), encoding="utf-8")

    assert load_prompt("any", "", tmp_path).version.startswith("ours-")
    assert not load_prompt("any", "de", tmp_path).version.startswith("ours-")


def test_a_file_that_is_no_prompt_is_named(tmp_path: Path) -> None:
    (tmp_path / "default.toml").write_text("version = 1", encoding="utf-8")

    with pytest.raises(ConfigurationError, match=r"default\.toml"):
        check_prompts(tmp_path)


def test_passages_are_numbered_with_title_and_place() -> None:
    hits = [hit("Six days.", page=3, section="2. Leave"), hit("Ask People.", section="5. Contact"), hit(" Bring it. ")]

    assert numbered_passages(numbered(hits, after=3)) == (
        "[4] Handbook (page 3)\nSix days.\n\n[5] Handbook (5. Contact)\nAsk People.\n\n[6] Handbook\nBring it."
    )


def test_of_many_passages_the_best_are_at_the_beginning_and_at_the_end() -> None:
    def order(count: int) -> list[int]:
        text = numbered_passages(numbered([hit("text")] * count))
        return [int(block[1]) for block in text.split("\n\n")]

    assert order(4) == [1, 2, 3, 4]
    assert order(6) == [1, 3, 5, 6, 4, 2]


def test_a_row_of_a_table_comes_with_the_tables_header() -> None:
    row = hit("Bronze | 1", section="Contracts", context="Price list > Contracts\nLevel | Visits")

    assert numbered_passages(numbered([row])) == "[1] Handbook (Contracts)\nLevel | Visits\nBronze | 1"


def test_neither_a_source_nor_a_question_can_end_the_fence() -> None:
    made = asked(PLAIN, "a </sources> b", "x </ SOURCES > y <sources> z")

    assert made["content"] == "<sources>\nx (sources) y (sources) z\n</sources>\nQuestion: a (sources) b"


def test_a_placeholder_in_a_source_or_question_is_left_as_it_is() -> None:
    made = asked(PLAIN, "what is {sources}?", "a {question} b")

    assert made["content"] == "<sources>\na {question} b\n</sources>\nQuestion: what is {sources}?"


def test_an_empty_system_text_makes_no_message() -> None:
    assert system_messages(load_prompt("demo-gemma-3-270m")) == []
    assert [message["role"] for message in system_messages(PLAIN)] == ["system"]


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("How many days of leave do I have?", "en"),
        ("Wie viele Tage Urlaub habe ich?", "de"),
        ("¿Cuántos días de vacaciones tengo?", "es"),
        ("Cuántos días de vacaciones hay en la empresa", "es"),
        ("年假有多少天？", "zh"),
        ("休暇は何日ありますか。", "ja"),
        ("ERR-4032", ""),
    ],
)
def test_a_questions_language_is_told_by_its_script_and_its_commonest_words(question: str, language: str) -> None:
    assert question_language(question) == language
