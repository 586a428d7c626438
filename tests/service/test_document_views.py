"""Documents as people look at them and change them, through the API."""

from io import BytesIO

from PIL import Image

from bench.service import ROOT, Service, wait_until

PDF = ROOT / "samples" / "plover-300-manual.pdf"


def hits(service: Service, query: str, collection: str) -> list[str]:
    body = {"query": query, "collections": [collection], "top_k": 1}
    found = service.http.post("/v1/search", json=body)
    return [hit["document_id"] for hit in found.json().get("hits", [])]


def test_a_pages_picture_is_drawn_once_and_asked_for_again(service: Service) -> None:
    document = service.ingest("manual.pdf", PDF.read_bytes(), collection="pictures")["id"]
    url = f"/v1/documents/{document}/pages/1"

    drawn = service.http.get(url)

    assert (drawn.status_code, drawn.headers["content-type"]) == (200, "image/png")
    assert drawn.headers["cache-control"] == "private, no-cache"
    assert Image.open(BytesIO(drawn.content)).width in {1400, 1401}
    assert service.http.get(url, headers={"If-None-Match": drawn.headers["etag"]}).status_code == 304
    service.http.delete(f"/v1/documents/{document}")
    assert service.http.get(url, headers={"If-None-Match": drawn.headers["etag"]}).status_code == 404


def test_what_has_no_such_page_says_which_it_has(service: Service) -> None:
    manual = service.ingest("other.pdf", PDF.read_bytes(), collection="no-pictures")["id"]
    note = service.ingest("note.md", b"A note.", collection="pictures")["id"]

    beyond = service.http.get(f"/v1/documents/{manual}/pages/999").json()
    none = service.http.get(f"/v1/documents/{note}/pages/1").json()

    assert (beyond["type"], none["type"]) == ("no-page-image", "no-page-image")
    assert beyond["detail"].startswith("other.pdf has pages 1 to ")
    assert none["detail"] == "note.md is no PDF: only those have pages that can be shown."


def test_a_citations_span_is_in_the_text_at_its_place(service: Service) -> None:
    service.ingest("sheds.md", b"# Sheds\n\nThe bicycles stand in shed 4, the boats in shed 7.", collection="sheds")
    hit = service.http.post("/v1/search", json={"query": "boats", "collections": ["sheds"]}).json()["hits"][0]

    whole = service.http.get(f"/v1/documents/{hit['document_id']}/text").json()
    start = whole["text"].index("the boats")
    part = service.http.get(f"/v1/documents/{hit['document_id']}/text", params={"start": start, "length": 9}).json()

    assert whole["text"][hit["start"] : hit["end"]] == hit["text"]
    assert (part["text"], part["end"], part["total_chars"]) == ("the boats", start + 9, len(whole["text"]))
    assert whole["serving"]


def test_a_moved_document_is_found_where_it_is_and_nowhere_else(service: Service) -> None:
    document = service.ingest("herons.md", b"Herons nest at the old quarry.", collection="moved-from")["id"]
    assert hits(service, "Where do herons nest?", "moved-from") == [document]

    moved = service.http.patch(f"/v1/documents/{document}", json={"collection": "moved-to"})

    assert moved.json()["collection"] == "moved-to"
    assert hits(service, "Where do herons nest?", "moved-from") == []
    assert hits(service, "Where do herons nest?", "moved-to") == [document]
    body = {"query": "birds at the pit", "collections": ["moved-to"], "mode": "dense"}
    wait_until(lambda: len(service.http.post("/v1/search", json=body).json()["hits"]) == 1)


def test_many_are_changed_at_once_and_what_cannot_be_is_told(service: Service) -> None:
    ids = [service.ingest(f"{n}.md", f"Document {n}.".encode(), collection="many")["id"] for n in range(3)]
    body = {"action": "access", "ids": [*ids, "doc_none"], "access": ["board"]}

    result = service.http.post("/v1/documents/batch", json=body).json()

    assert result["done"] == ids
    assert [(one["id"], one["error"]["type"]) for one in result["failed"]] == [("doc_none", "document-not-found")]
    assert service.http.get(f"/v1/documents/{ids[2]}").json()["access"] == ["board"]
    service.http.post("/v1/documents/batch", json={"action": "delete", "ids": ids})
    assert service.http.get("/v1/documents/counts", params={"collection": "many"}).json()["total"] == 0


def test_a_batch_without_what_it_needs_is_refused(service: Service) -> None:
    refused = service.http.post("/v1/documents/batch", json={"action": "move", "ids": ["doc_none"]})

    assert (refused.status_code, refused.json()["type"]) == (422, "invalid-request")
    assert "move needs `collection`" in refused.json()["detail"]


def test_what_may_be_uploaded_is_told(service: Service) -> None:
    limits = service.http.get("/v1/limits").json()

    assert limits["max_upload_bytes"] == 104_857_600
    assert {".pdf", ".docx", ".md"} <= {*limits["extensions"]}
    assert limits["missing"] == []
