"""Documents over HTTP, through the real queue, worker, parser, embedder and index."""

import json
from pathlib import Path

import pytest

from bench.service import ROOT, Service
from rag.cli.up import NOT_DOCUMENTS

SAMPLES = ROOT / "samples"
pytestmark = pytest.mark.on("defaults", "at scale")
DOCUMENTS = sorted(path for path in SAMPLES.iterdir() if path.name not in NOT_DOCUMENTS)


def test_an_uploaded_document_becomes_searchable_with_its_page_and_span(service: Service) -> None:
    document = service.ingest("manual.pdf", (SAMPLES / "plover-300-manual.pdf").read_bytes(), collection="pages")

    best = service.search("How often is the tape knife replaced?", collections=["pages"])[0]

    assert document["status"] == "ready"
    assert document["pages"] == 6
    assert best["document_id"] == document["id"]
    assert best["page"] in range(1, 7)
    assert best["end"] - best["start"] == len(best["text"])


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_sample_becomes_ready(service: Service, path: Path) -> None:
    document = service.ingest(path.name, path.read_bytes(), collection="kinds")

    assert document["error"] is None
    assert document["status"] == "ready"
    assert document["chunks"] > 0


def test_the_same_bytes_again_are_a_duplicate_and_add_no_chunk(service: Service) -> None:
    first = service.ingest("a.md", b"# Keys\n\nThe spare key hangs in the red box.", collection="twice")

    again = service.upload("b.md", b"# Keys\n\nThe spare key hangs in the red box.", collection="twice")

    assert again.status_code == 200
    assert again.json()["duplicate"] is True
    assert again.json()["id"] == first["id"]
    assert len(service.search("Where is the spare key?", collections=["twice"])) == 1


def test_a_new_version_replaces_the_old_one_in_every_answer(service: Service) -> None:
    service.ingest("rates.md", b"The mileage rate is 40 pence.", collection="rates", source_id="rates")

    second = service.ingest("rates.md", b"The mileage rate is 48 pence.", collection="rates", source_id="rates")

    texts = [hit["text"] for hit in service.search("mileage rate", collections=["rates"])]
    assert second["version"] == 2
    assert [version["status"] for version in second["versions"]] == ["ready", "ready"]
    assert texts == ["The mileage rate is 48 pence."]


def test_a_deleted_document_is_gone_from_search_answer_and_download_at_once(service: Service) -> None:
    document = service.ingest("secret.md", b"The canary word is xylograph.", collection="gone")

    deleted = service.http.delete(f"/v1/documents/{document['id']}")

    question = {"question": "What is the canary word?", "collections": ["gone"], "stream": False}
    answer = service.http.post("/v1/ask", json=question)
    assert deleted.status_code == 204
    assert service.search("canary word", collections=["gone"]) == []
    assert answer.json()["abstained"] is True
    assert "xylograph" not in answer.text
    for path in ("", "/content", "/chunks", "/events"):
        assert service.http.get(f"/v1/documents/{document['id']}{path}").status_code == 404


def test_an_upload_repeated_with_its_idempotency_key_is_the_same_document(service: Service) -> None:
    headers = {"Idempotency-Key": "order-17"}
    files = {"file": ("once.md", b"Sent once, received twice.")}

    first = service.http.post("/v1/documents", files=files, data={"collection": "once"}, headers=headers)
    second = service.http.post("/v1/documents", files=files, data={"collection": "once"}, headers=headers)

    assert second.json()["id"] == first.json()["id"]
    assert second.json()["version"] == 1


def test_progress_is_streamed_until_the_document_is_ready(service: Service) -> None:
    document = service.upload("followed.md", b"# Lunch\n\nLunch is at noon.", collection="followed").json()

    with service.http.stream("GET", f"/v1/documents/{document['id']}/events") as response:
        states = [json.loads(line[6:])["status"] for line in response.iter_lines() if line.startswith("data: ")]

    assert states[-1] == "ready"
    assert set(states) <= {"queued", "processing", "ready"}


def test_the_original_comes_back_byte_for_byte_and_runs_nothing(service: Service) -> None:
    page = b"<html><body><script>alert(1)</script><h1>Notice</h1><p>The lift is out of order.</p></body></html>"
    document = service.ingest("notice.html", page, collection="original")

    response = service.http.get(f"/v1/documents/{document['id']}/content")

    assert response.content == page
    assert response.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"


def test_a_part_of_the_original_is_sent_if_a_part_is_asked_for(service: Service) -> None:
    document = service.ingest("part.md", b"0123456789 is a row of digits.", collection="part")

    response = service.http.get(f"/v1/documents/{document['id']}/content", headers={"Range": "bytes=2-5"})

    assert (response.status_code, response.content) == (206, b"2345")


def test_the_list_pages_through_all_documents_newest_first(service: Service) -> None:
    for number in range(5):
        service.ingest(f"page-{number}.md", f"Sheet number {number}.".encode(), collection="listed")

    first = service.http.get("/v1/documents", params={"collection": "listed", "limit": 3}).json()
    rest = service.http.get(
        "/v1/documents", params={"collection": "listed", "limit": 3, "cursor": first["next_cursor"]}
    ).json()

    names = [document["filename"] for document in first["documents"] + rest["documents"]]
    assert names == ["page-4.md", "page-3.md", "page-2.md", "page-1.md", "page-0.md"]
    assert rest["next_cursor"] is None
