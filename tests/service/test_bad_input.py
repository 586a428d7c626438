"""Wrong input: a clear problem, nothing half-stored, and the service goes on."""

from typing import Any

import httpx
import pytest

from bench.service import Service
from tests.ole_file import ole

pytestmark = pytest.mark.on("defaults", "at scale")


def stored(service: Service) -> tuple[int, list[str]]:
    """Return the number of documents and of stored originals' parts."""
    documents = service.http.get("/v1/documents", params={"limit": 500}).json()["documents"]
    return len(documents), sorted(path.name for path in (service.data / "originals").rglob(".part-*"))


def assert_problem(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["status"], body["type"]) == (status, status, kind)
    assert body["title"]
    assert body["detail"]
    return body


@pytest.mark.parametrize(
    ("name", "content", "status", "kind"),
    [
        ("empty.md", b"", 422, "empty-document"),
        ("program.exe", b"MZ\x90\x00\x03", 415, "unsupported-format"),
        ("binary.txt", bytes(range(256)) * 8, 415, "unsupported-format"),
        ("old.doc", bytes.fromhex("d0cf11e0a1b11ae1") + b"\x00" * 512, 422, "broken-document"),
        ("locked.docx", ole("EncryptedPackage", "EncryptionInfo"), 422, "encrypted-document"),
        ("big.txt", b"x" * 1_200_000, 413, "document-too-large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_cannot_be_taken_is_refused_whole(
    small_limit: Service, name: str, content: bytes, status: int, kind: str
) -> None:
    before = stored(small_limit)

    response = small_limit.upload(name, content)

    assert_problem(response, status, kind)
    assert stored(small_limit) == before


@pytest.mark.parametrize("name", ["UPPER", "with space", "../etc", "x" * 64, "-dash"])
def test_a_wrong_collection_name_is_refused(service: Service, name: str) -> None:
    assert_problem(service.upload("a.md", b"text", collection=name), 422, "invalid-request")


def test_an_unknown_collection_is_not_searched(service: Service) -> None:
    for path, body in (("/v1/search", {"query": "x"}), ("/v1/ask", {"question": "x"})):
        assert_problem(service.http.post(path, json=body | {"collections": ["nowhere"]}), 404, "collection-not-found")


@pytest.mark.parametrize("question", ["", "   ", "x" * 1_000_000])
def test_an_empty_or_huge_question_is_refused(service: Service, question: str) -> None:
    assert_problem(service.http.post("/v1/ask", json={"question": question}), 422, "invalid-request")


def test_a_body_over_its_limit_is_refused_with_and_without_a_declared_length(service: Service) -> None:
    body = b'{"question": "' + b"x" * 3_000_000 + b'"}'

    declared = service.http.post("/v1/ask", content=body)
    in_pieces = service.http.post("/v1/ask", content=iter([body[:1_500_000], body[1_500_000:]]))

    assert_problem(declared, 413, "request-too-large")
    assert_problem(in_pieces, 413, "request-too-large")


def test_a_cursor_of_ones_own_making_is_refused(service: Service) -> None:
    assert_problem(service.http.get("/v1/documents", params={"cursor": "abc"}), 422, "invalid-request")


@pytest.mark.parametrize("content", [b"%PDF-1.7\nbroken", b"%PDF-1.4\n%%EOF\n"])
def test_a_broken_pdf_ends_failed_with_a_reason_and_the_service_goes_on(service: Service, content: bytes) -> None:
    broken = service.ingest("broken.pdf", content, collection="broken")
    good = service.ingest("good.md", b"A good document after " + content[:8], collection="broken")

    assert broken["status"] == "failed"
    assert broken["error"]["type"] == "broken-document"
    assert "PDF" in broken["error"]["detail"]
    assert good["status"] == "ready"


def test_an_unknown_field_an_unknown_path_and_a_wrong_method_are_problems(service: Service) -> None:
    assert_problem(service.http.post("/v1/search", json={"query": "x", "colour": "red"}), 422, "invalid-request")
    for response in (service.http.get("/v1/nothing"), service.http.get("/v1/ask")):
        assert response.headers["content-type"] == "application/problem+json"


def test_metadata_that_is_not_json_is_refused(service: Service) -> None:
    assert_problem(service.upload("a.md", b"text", metadata="{"), 422, "invalid-request")
    assert_problem(service.upload("a.md", b"text", access='"all"'), 422, "invalid-request")


@pytest.mark.parametrize("metadata", ['{"n": NaN}', '{"s": "\\ud800"}', '{"n": ' + "[" * 100_000])
def test_metadata_that_cannot_be_sent_back_are_refused(service: Service, metadata: str) -> None:
    assert_problem(service.upload("a.md", b"text", metadata=metadata), 422, "invalid-request")


def test_characters_that_no_database_stores_do_no_harm(service: Service) -> None:
    document = service.ingest("nul.md", b"A row.", collection="nul", source_id="a\x00b", metadata='{"k": "\\u0000"}')
    again = service.upload("nul.md", b"A row.", collection="nul", source_id="a\x00b")
    listed = service.http.get("/v1/documents", params={"q": "\x00", "collection": "nul"})

    assert document["status"] == "ready"
    assert again.json()["id"] == document["id"]
    assert listed.json()["documents"] == []
    assert_problem(service.http.get("/v1/documents/a%00b"), 404, "document-not-found")
