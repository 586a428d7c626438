"""Sets: what is read from the three files, what is chosen of it, and what is said of a wrong line."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ingest.parse.text import parse_markdown
from rag.evaluate.errors import EvaluationFailed
from rag.evaluate.sets import EvaluationSet, Passage, read_set
from rag.types import Turn

ISLANDS = Path(__file__).parents[2] / "sets" / "islands"


def read(folder: Path = ISLANDS, **chosen: Any) -> EvaluationSet:
    return read_set(folder, **({"corpus": {}, "queries": {}} | chosen))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The set, to be spoiled."""
    return Path(shutil.copytree(ISLANDS, tmp_path / "islands"))


def test_queries_with_an_answer_are_asked_in_the_order_of_the_file() -> None:
    found = read()

    assert [query.id for query in found.queries] == ["q1", "q2", "q3", "q4", "q5", "q6", "q7"]
    assert len(found.passages) == 11
    assert found.gold["q4"] == {"cheese": 2, "goats": 1}
    assert found.gold["q5"] == {"kelp": 1}  # a grade of 0 is no answer


def test_queries_that_nothing_answers_are_asked_too_where_answers_are_measured() -> None:
    found = read(with_unanswerable=True)

    assert [query.id for query in found.queries if not query.is_answerable] == ["q8"]
    assert len(found.queries) == 8
    assert "q8" not in found.gold


def test_a_conversation_is_read_with_its_roles() -> None:
    asked = next(query for query in read().queries if query.id == "q6")

    assert asked.history == (
        Turn(role="user", content="Is there a school on the islands?"),
        Turn(role="assistant", content="Yes, at Quoyle."),
    )


def test_filters_choose_queries_and_passages_and_answers_outside_do_not_count() -> None:
    found = read(queries={"lang": {"de"}}, corpus={"lang": {"en"}})

    assert [query.id for query in found.queries] == ["q7"]
    assert found.gold == {"q7": {"ferry": 1}}
    assert len(found.passages) == 10


def test_passages_that_are_the_same_are_one_and_either_is_the_answer(copy: Path) -> None:
    (copy / "qrels.tsv").write_text("q5\tkelp-copy\t2\nq5\tkelp\t1\nq1\tferry\t1\n")

    found = read(copy)

    assert "kelp-copy" not in found.passages
    assert found.gold == {"q1": {"ferry": 1}, "q5": {"kelp": 2}}


def test_the_first_queries_are_counted_among_those_with_an_answer(copy: Path) -> None:
    lines = (copy / "queries.jsonl").read_text().splitlines()
    (copy / "queries.jsonl").write_text("\n".join(reversed(lines)))

    assert [query.id for query in read(copy, first=2).queries] == ["q7", "q6"]


def test_the_collection_has_another_name_when_a_passage_is_another(copy: Path) -> None:
    before = read(copy).collection
    (copy / "corpus.jsonl").write_text((copy / "corpus.jsonl").read_text().replace("7:40", "7:50"))

    assert before == read().collection
    assert before.startswith("eval-islands-")
    assert read(copy).collection != before


def test_slices_are_the_values_of_a_field() -> None:
    assert read().slices("topic") == {
        "topic=farming": ["q4", "q5"],
        "topic=places": ["q2", "q3", "q6"],
        "topic=travel": ["q1", "q7"],
    }
    assert list(read().slices("answerable")) == ["answerable=true"]


@pytest.mark.parametrize("title", ['"Old Mossel"', "It's 3 o'clock", "The bank: opening hours", "# 1", "--- ---"])
def test_a_title_reaches_the_document_and_does_not_stand_in_its_text(tmp_path: Path, title: str) -> None:
    (tmp_path / "passage.md").write_text(Passage(id="1", title=title, text="Some text.").markdown())

    parsed = parse_markdown(tmp_path / "passage.md", "passage.md")

    assert parsed.title == title
    assert [block.text for block in parsed.blocks] == ["Some text."]


def test_a_passage_without_a_title_is_its_text(tmp_path: Path) -> None:
    assert read().passages["kelp"].markdown().startswith("Kelp is cut")


SPOILED = {
    "no JSON": ("corpus.jsonl", "{", "corpus.jsonl:13: it is no JSON"),
    "no object": ("queries.jsonl", "[1]", "queries.jsonl:9: it is no JSON object"),
    "no text": ("corpus.jsonl", '{"id": "x", "title": "X", "text": " "}', "corpus.jsonl:13: text must be a text"),
    "no id": ("queries.jsonl", '{"text": "Why?"}', "queries.jsonl:9: id must be a text"),
    "twice": ("corpus.jsonl", '{"id": "lamp", "text": "x"}', "corpus.jsonl:13: the id lamp was in .*corpus.jsonl:3"),
    "two columns": ("qrels.tsv", "q1\tferry", "qrels.tsv:12: it must have three columns"),
    "no number": ("qrels.tsv", "q1\tferry\tyes", "qrels.tsv:12: the grade 'yes' is no whole number"),
    "no query": ("qrels.tsv", "q99\tferry\t1", "qrels.tsv:12: there is no query q99"),
    "no passage": ("qrels.tsv", "q1\tboat\t1", "qrels.tsv:12: there is no passage boat"),
}


@pytest.mark.parametrize("case", SPOILED)
def test_a_wrong_line_is_named_with_its_file_and_number(copy: Path, case: str) -> None:
    name, line, said = SPOILED[case]
    with (copy / name).open("a") as file:
        file.write(line + "\n")

    with pytest.raises(EvaluationFailed, match=said):
        read(copy)


@pytest.mark.parametrize("history", ["Hello.", [{"role": "user"}], [{"role": "system", "text": "Be brief."}]])
def test_a_conversation_of_another_form_is_named(copy: Path, history: Any) -> None:
    first, *rest = (copy / "queries.jsonl").read_text().splitlines()
    line = json.dumps(json.loads(first) | {"history": history})
    (copy / "queries.jsonl").write_text("\n".join([line, *rest]))

    with pytest.raises(EvaluationFailed, match=r"queries\.jsonl:1: history"):
        read(copy)


def test_a_set_without_a_corpus_is_about_documents_that_the_service_has(copy: Path) -> None:
    (copy / "corpus.jsonl").unlink()
    (copy / "qrels.tsv").write_text("q1\tdoc_ferry\t1\nq1\tdoc_tide\t0\nq2\tdoc_lamp\t1\n")

    found = read(copy)

    assert (found.is_live, found.collection) == (True, "")
    assert found.gold == {"q1": {"doc_ferry": 1}, "q2": {"doc_lamp": 1}}
    assert set(found.passages) == {"doc_ferry", "doc_tide", "doc_lamp"}
    assert not read().is_live


@pytest.mark.parametrize("name", ["queries.jsonl", "qrels.tsv"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()

    with pytest.raises(EvaluationFailed, match=f"{name}: No such file"):
        read(copy)


def test_a_choice_that_leaves_nothing_to_ask_is_said() -> None:
    with pytest.raises(EvaluationFailed, match="none of the chosen queries has an answer"):
        read(queries={"lang": {"fr"}})


@pytest.mark.parametrize(("field", "said"), [("mood", "has such a field"), ("text", "it has 51 values")])
def test_a_field_that_tells_nothing_apart_is_refused(copy: Path, field: str, said: str) -> None:
    with (copy / "queries.jsonl").open("a") as queries, (copy / "qrels.tsv").open("a") as qrels:
        for number in range(44):
            queries.write(json.dumps({"id": f"n{number}", "text": f"Number {number}?"}) + "\n")
            qrels.write(f"n{number}\tferry\t1\n")

    with pytest.raises(EvaluationFailed, match=said):
        read(copy).slices(field)
