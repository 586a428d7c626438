"""Answers: streamed, cited and checked; quoted from the passages while no model can be reached."""

import json
from pathlib import Path

import httpx
import pytest

from bench.service import ROOT, Service


@pytest.fixture(scope="module")
def handbook(service: Service) -> Service:
    """A service whose collection `answers` holds the travel rules."""
    text = (ROOT / "samples" / "travel-and-expenses.md").read_bytes()
    service.ingest("travel-and-expenses.md", text, collection="answers")
    return service


def events(service: Service, question: str) -> list[tuple[str, dict[str, object]]]:
    body = {"question": question, "collections": ["answers"]}
    with service.http.stream("POST", "/v1/ask", json=body) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["x-accel-buffering"] == "no"
        lines = [line for line in response.iter_lines() if line.startswith(("event: ", "data: "))]
    names = [line.removeprefix("event: ") for line in lines[::2]]
    return list(zip(names, (json.loads(line.removeprefix("data: ")) for line in lines[1::2]), strict=True))


def test_without_a_model_the_answer_quotes_its_sources_and_says_so(handbook: Service) -> None:
    *before, (last, done) = events(handbook, "When am I allowed to fly in business class?")

    names = [name for name, _ in before]
    assert names[0] == "sources"
    assert set(names[1:]) == {"citation"}
    assert last == "done"
    assert done["generator"] == "extractive"
    assert done["abstained"] is False
    assert "7 hours" in str(done["answer"])


def test_every_quote_stands_at_its_span_in_the_document(handbook: Service) -> None:
    found = dict(events(handbook, "When am I allowed to fly business class?"))
    chunks: dict[str, list[dict[str, object]]] = {}

    done = found["done"]
    assert isinstance(done["citations"], list)
    for citation in done["citations"]:
        identity = citation["document_id"]
        chunks[identity] = chunks.get(identity) or handbook.http.get(f"/v1/documents/{identity}/chunks").json()
        holding = [c for c in chunks[identity] if c["start"] <= citation["start"] and citation["end"] <= c["end"]]
        offsets = [(str(c["text"]), citation["start"] - c["start"]) for c in holding]
        assert any(text[at : at + len(citation["quote"])] == citation["quote"] for text, at in offsets)


def test_a_question_far_from_every_passage_is_not_answered(handbook: Service) -> None:
    body = {"question": "qzx vbnmw plork?", "collections": ["answers"], "stream": False}

    answer = handbook.http.post("/v1/ask", json=body).json()

    assert answer["abstained"] is True
    assert answer["citations"] == []
    assert answer["answer"].startswith("The documents do not say. Nearest to the question: ")
    assert 0 < answer["evidence"] < 0.25


def test_the_whole_answer_is_the_done_event(handbook: Service) -> None:
    body = {"question": "When am I allowed to fly business class?", "collections": ["answers"], "stream": False}

    whole = handbook.http.post("/v1/ask", json=body).json()

    assert set(whole) == {
        "answer", "abstained", "citations", "usage", "timings", "trace_id", "conversation_id", "evidence",
        "generator", "cached", "trace",
    }  # fmt: skip


def test_asked_again_the_answer_is_given_again_and_counted(handbook: Service) -> None:
    def cached() -> float:
        name = 'attest_answers_total{outcome="cached"} '
        return float(handbook.http.get("/metrics").text.partition(f"\n{name}")[2].split()[0])

    first = dict(events(handbook, "When is business class allowed?"))
    before = cached()
    again = events(handbook, "when is business class allowed")

    assert [name for name, _ in again][:2] == ["sources", "token"]
    assert dict(again)["sources"] == first["sources"]
    assert (first["done"]["cached"], dict(again)["done"]["cached"]) == (False, True)
    assert dict(again)["done"]["answer"] == first["done"]["answer"]
    assert cached() == before + 1


def test_the_logs_hold_no_question_no_text_and_no_key(handbook: Service) -> None:
    events(handbook, "Is the word quixotic-zebra anywhere?")

    logs = [path.read_text(encoding="utf-8", errors="replace") for path in Path(handbook.data / "logs").iterdir()]

    secret = (handbook.data / "redis.password").read_text(encoding="utf-8")
    for text in logs:
        assert "quixotic-zebra" not in text
        assert "business class" not in text
        assert secret not in text


def test_the_service_is_ready_and_says_what_is_missing(handbook: Service) -> None:
    state = handbook.http.get("/readyz")

    assert state.status_code == 200
    assert state.json()["status"] == "ok"
    assert state.json()["checks"]["generator"] == {"status": "off"}
    assert handbook.http.get("/healthz").json() == {"status": "ok"}


def test_a_foreign_page_or_host_gets_nothing_without_a_key(handbook: Service) -> None:
    foreign = [
        {"Origin": "https://evil.example"},
        {"Host": "evil.example"},
        {"X-Forwarded-For": "10.0.0.7"},
    ]

    for headers in foreign:
        response = httpx.post(f"{handbook.url}/v1/search", json={"query": "x"}, headers=headers)
        assert response.status_code == 401
        assert response.json()["type"] == "unauthenticated"


def test_a_stream_can_be_gone_on_with_by_the_id_of_its_last_event(handbook: Service) -> None:
    body = {"question": "When am I allowed to fly business class?", "collections": ["answers"]}
    whole = handbook.http.post("/v1/ask", json=body).text
    first, _, rest = whole.partition("\n\n")
    last_event_id = first.splitlines()[0].removeprefix("id: ")

    resumed = handbook.http.post("/v1/ask", json=body, headers={"Last-Event-ID": last_event_id})
    unknown = handbook.http.post("/v1/ask", json=body, headers={"Last-Event-ID": "0-1"})

    assert resumed.text == rest
    assert (unknown.status_code, unknown.json()["type"]) == (410, "answer-gone")
