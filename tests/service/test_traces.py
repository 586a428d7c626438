"""A bad answer's way over the whole service: its trace, an opinion, the list, a case, `rag eval`; and a deletion."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.service import ROOT, Service, environment

CANARY = "quopharuzith"


@pytest.fixture(scope="module")
def handbook(service: Service) -> dict[str, Any]:
    text = (ROOT / "samples" / "travel-and-expenses.md").read_bytes()
    return service.ingest("travel-and-expenses.md", text, collection="traced")


def asked(service: Service, question: str, **more: Any) -> dict[str, Any]:
    body = {"question": question, "collections": ["traced"], "stream": False, **more}
    answer: dict[str, Any] = service.http.post("/v1/ask", json=body).raise_for_status().json()
    return answer


def trace(service: Service, answer: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = service.http.get(f"/v1/traces/{answer['trace_id']}").raise_for_status().json()
    return read


def rag(service: Service, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "rag", *arguments],
        env=environment(service.data, int(service.url.rpartition(":")[2])),
        capture_output=True,
        text=True,
        check=False,
    )


def told(service: Service, *arguments: str | Path) -> str:
    ended = rag(service, *arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def test_an_explained_answer_brings_the_trace_that_is_read_later(service: Service, handbook: dict[str, Any]) -> None:
    answer = asked(service, "When am I allowed to fly business class?", explain=True)

    later = trace(service, answer)
    brought = answer["trace"]
    assert later["answer"] == brought["answer"] == answer["answer"]
    assert [one["quote"] for one in later["citations"]] == [one["quote"] for one in answer["citations"]]
    assert [one["chunk_id"] for one in later["candidates"]] == [one["chunk_id"] for one in brought["candidates"]]
    assert {one["document_id"] for one in later["candidates"]} == {handbook["id"]}
    assert (brought["messages"], later["messages"], later["ended"]) == ([], None, "done")


def test_search_and_ask_explain_a_candidate_alike(service: Service, handbook: dict[str, Any]) -> None:
    question = {"query": "When am I allowed to fly business class?", "collections": ["traced"], "top_k": 6}
    searched = service.http.post("/v1/search", json=question | {"explain": True}).json()["candidates"]

    explained = asked(service, question["query"], explain=True)["trace"]["candidates"]  # type: ignore[arg-type]

    assert explained == searched


def test_a_bad_answer_becomes_a_case_that_rag_eval_asks(
    service: Service, handbook: dict[str, Any], tmp_path: Path
) -> None:
    for other in service.http.get("/v1/cases").json()["cases"]:  # of other tests
        service.http.delete(f"/v1/cases/{other['id']}").raise_for_status()
    question = "When may I fly in business class?"
    answer = asked(service, question)
    opinion = {"trace_id": answer["trace_id"], "rating": "down", "reasons": ["incomplete"], "comment": "And by train?"}
    assert service.http.post("/v1/feedback", json=opinion).status_code == 204

    listed = told(service, "questions")
    made = told(service, "cases", "add", answer["trace_id"], "--document", handbook["id"])
    exported = told(service, "cases", "export", tmp_path / "cases")
    told(service, "eval", tmp_path / "cases", "--mode", "hybrid", "--json", tmp_path / "figures.json")

    figures = {one["name"]: one for one in json.loads((tmp_path / "figures.json").read_text())}
    assert "And by train?" in told(service, "trace", answer["trace_id"])
    assert f"{answer['trace_id']}  {question}  (thumbs down: 1, incomplete)" in listed
    assert made.endswith(f"{question}  ({handbook['id']})\n")
    assert exported == "cases: 1, with documents: 1, not answerable: 0, without documents yet: 0\n"
    assert (figures["recall@5.hybrid"]["n"], figures["recall@5.hybrid"]["value"]) == (1, 1.0)


def test_a_set_of_the_services_own_documents_is_never_removed(
    service: Service, handbook: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "queries.jsonl").write_text('{"id": "q", "text": "business class"}\n')
    (tmp_path / "qrels.tsv").write_text(f"q\t{handbook['id']}\t1\n")

    ended = rag(service, "eval", tmp_path, "--remove")

    assert (ended.returncode, "--remove: the documents of" in ended.stderr) == (1, True)
    assert service.http.get(f"/v1/documents/{handbook['id']}").is_success


def test_the_command_line_explains_an_answer(service: Service, handbook: dict[str, Any]) -> None:
    said = told(service, "ask", "--explain", "When am I allowed to fly business class?")

    assert "candidates: " in said
    assert "Travel and Expenses Policy (doc_" in said
    assert "evidence: the passages answer it with a probability of 0." in said
    assert "supported, Travel and Expenses Policy" in said


def test_no_trace_shows_a_deleted_document_from_the_204_on(service: Service, handbook: dict[str, Any]) -> None:
    text = f"# Gate\n\nThe code word of the northern gate is {CANARY}. It changes every month."
    document = service.ingest(f"{CANARY}.md", text.encode(), collection="traced")
    answer = asked(service, "What is the code word of the northern gate?")
    assert CANARY in json.dumps(trace(service, answer))

    service.http.delete(f"/v1/documents/{document['id']}").raise_for_status()

    left = trace(service, answer)
    assert CANARY not in json.dumps(left)
    assert (left["removed"], left["answer"]) == (True, None)
    assert document["id"] in {one["document_id"] for one in left["candidates"]}


def test_an_unknown_trace_is_a_problem(service: Service) -> None:
    read = service.http.get("/v1/traces/none")
    given = service.http.post("/v1/feedback", json={"trace_id": "none", "rating": "up"})

    assert [(one.status_code, one.json()["type"]) for one in (read, given)] == [(404, "trace-not-found")] * 2
