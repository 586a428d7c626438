"""`rag eval` against a real service: what it uploads, what it tells, and what it leaves."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.service import ROOT, Service, environment
from rag.evaluate.measures import MEASURES
from rag.evaluate.runs import Run, load, save
from rag.evaluate.sets import read_set

ISLANDS = ROOT / "tests" / "sets" / "islands"
MODES = ("hybrid", "dense", "lexical")


def evaluate(service: Service, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    modes = [argument for mode in MODES for argument in ("--mode", mode)]
    return subprocess.run(
        [Path(sys.executable).parent / "rag", "eval", *modes, *arguments],
        env=environment(service.data, int(service.url.rpartition(":")[2])),
        capture_output=True,
        text=True,
        check=False,
    )


def collection_of(folder: Path, **corpus: set[str]) -> str:
    return read_set(folder, corpus=corpus, queries={}).collection


def documents(service: Service, collection: str) -> list[dict[str, object]]:
    answer = service.http.get("/v1/documents", params={"collection": collection, "limit": 500})
    found: list[dict[str, object]] = answer.json()["documents"]
    return found


@pytest.fixture
def asked(service: Service, tmp_path: Path) -> Run:
    """What a run over the set found."""
    ended = evaluate(service, ISLANDS, "--save", tmp_path / "run.json")
    assert (ended.returncode, ended.stderr) == (0, "")
    return load(tmp_path / "run.json")


def test_every_passage_is_a_document_with_its_title(service: Service, asked: Run) -> None:
    found = documents(service, asked.collection)

    assert asked.collection == collection_of(ISLANDS)
    assert len(found) == 11  # of 12 passages, two are the same
    assert {document["status"] for document in found} == {"ready"}
    assert {'"Old Mossel"', "The bank: opening hours", "Die Fähre nach Brindle"} < {doc["title"] for doc in found}


@pytest.mark.parametrize("mode", MODES)
def test_the_passages_that_answer_are_found_first(asked: Run, mode: str) -> None:
    first = {query: result.found[0][0] for query, result in asked.modes[mode].items()}

    assert first["q2"] == "lamp"
    assert first["q5"] == "kelp"
    assert asked.modes[mode]["q2"].measures == dict.fromkeys(MEASURES, 1.0)


def test_figures_are_written_for_the_whole_and_each_slice(service: Service, tmp_path: Path) -> None:
    ended = evaluate(service, ISLANDS, "--json", tmp_path / "figures.json", "--by", "topic")

    figures = {figure["name"]: figure for figure in json.loads((tmp_path / "figures.json").read_text())}
    assert ended.returncode == 0
    assert len(figures) == len(MODES) * (len(MEASURES) * 4 + 1)
    assert figures[f"search_ms.{MODES[0]}"]["value"] > 0
    assert figures[f"recall@5.{MODES[0]}"]["n"] == 7
    assert figures[f"mrr.{MODES[0]}[topic=travel]"]["n"] == 2
    assert "95% interval" in figures[f"ndcg@10.{MODES[0]}"]["note"]
    assert "topic=travel" in ended.stdout


def test_a_second_run_uploads_nothing(service: Service, asked: Run) -> None:
    before = documents(service, asked.collection)

    ended = evaluate(service, ISLANDS)

    assert "files ready" not in ended.stdout
    assert documents(service, asked.collection) == before


def test_a_run_is_compared_with_an_earlier_one_query_by_query(service: Service, asked: Run, tmp_path: Path) -> None:
    mode = MODES[0]
    asked.modes[mode]["q2"].measures.update(dict.fromkeys(MEASURES, 0.25))
    save(asked, tmp_path / "before.json")

    ended = evaluate(service, ISLANDS, "--compare", tmp_path / "before.json", "--json", tmp_path / "figures.json")

    figure = next(one for one in json.loads((tmp_path / "figures.json").read_text()) if one["name"] == f"mrr.{mode}")
    assert figure["value"] - figure["reference"] == pytest.approx(0.75 / 7, abs=1e-3)
    assert f"Better than before, {mode}: 1 queries, by ndcg@10" in ended.stdout
    assert "0.25 -> 1.00  q2  What oil does the Tarn Head lighthouse burn?" in ended.stdout
    assert "answer, rank 1: The lamp of Tarn Head (lamp)" in ended.stdout


def test_the_answers_to_all_questions_are_measured(service: Service, asked: Run, tmp_path: Path) -> None:
    ended = evaluate(
        service, ISLANDS, "--answers", "--by", "topic", "--json", tmp_path / "a.json", "--save", tmp_path / "run.json"
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    answers = load(tmp_path / "run.json").answers
    assert (answers["q2"].answerable, answers["q2"].abstained, answers["q2"].contains) == (True, False, 1)
    assert answers["q2"].citations == answers["q2"].sound > 0
    assert answers["q8"].answerable is False
    figures = {figure["name"]: figure for figure in json.loads((tmp_path / "a.json").read_text())}
    assert figures["citation.precision"]["value"] == 1
    assert figures["abstention.auc"]["n"] == 8
    assert figures["answered.answerable[topic=farming]"]["n"] == 2
    assert {"abstention.recall", "answer.f1", "citation.gold", "abstention.recall@0.35"} <= figures.keys()
    assert ("Answered, but not answerable: 1" in ended.stdout) is not answers["q8"].abstained


def test_the_set_is_removed_on_request(service: Service, asked: Run) -> None:
    ended = evaluate(service, ISLANDS, "--corpus", "lang=en", "--remove")

    english = collection_of(ISLANDS, lang={"en"})
    assert f"10 documents deleted from {english}" in ended.stdout
    assert documents(service, english) == []
    assert documents(service, asked.collection) != []


def test_what_the_service_refuses_is_told_before_anything_is_uploaded(service: Service, tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"id": "p", "title": "", "text": "Nothing."}\n')
    (tmp_path / "queries.jsonl").write_text(json.dumps({"id": "long", "text": "why " * 2000}) + "\n")
    (tmp_path / "qrels.tsv").write_text("long\tp\t1\n")

    ended = evaluate(service, tmp_path)

    assert ended.returncode == 1
    assert f"{MODES[0]} search for long: The request is not valid: query:" in ended.stderr
    assert documents(service, collection_of(tmp_path)) == []


def test_without_a_service_one_line_says_so(tmp_path: Path) -> None:
    ended = subprocess.run(
        [Path(sys.executable).parent / "rag", "eval", ISLANDS],
        env=environment(tmp_path, 9),
        capture_output=True,
        text=True,
        check=False,
    )

    said = "The service could not do it: http://127.0.0.1:9 does not answer. Is it running? `rag up` starts it.\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", said)
