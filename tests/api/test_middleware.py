"""Body limits and security headers, before any service is open."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.middleware import MAX_JSON_BYTES, MULTIPART_BYTES
from rag.settings import ApiSettings, Settings

LIMIT = 1_000_000


@pytest.fixture(scope="module")
def client() -> TestClient:
    """A client of the app whose start, and so its services, is left out."""
    return TestClient(create_app(Settings(_env_file=None, api=ApiSettings(max_upload_bytes=LIMIT))))


def chunks(size_bytes: int) -> Iterator[bytes]:
    """Yield a body of unknown length."""
    for _ in range(size_bytes // 1000):
        yield b"a" * 1000


def test_an_upload_that_declares_too_much_is_refused_with_the_limit(client: TestClient) -> None:
    response = client.post("/v1/documents", files={"file": ("a.txt", b"a" * (LIMIT + MULTIPART_BYTES))})

    assert (response.status_code, response.json()["type"]) == (413, "document-too-large")
    assert "1,000,000 bytes" in response.json()["detail"]


def test_an_upload_that_grows_too_large_on_the_way_is_refused_alike(client: TestClient) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'

    response = client.post("/v1/documents", headers=headers, content=iter([body, *chunks(LIMIT * 2)]))

    assert (response.status_code, response.json()["type"]) == (413, "document-too-large")


def test_a_question_over_the_limit_is_refused_declared_or_not(client: TestClient) -> None:
    declared = client.post("/v1/ask", content=b"a" * (MAX_JSON_BYTES + 1))
    grown = client.post("/v1/ask", content=chunks(MAX_JSON_BYTES + 1000))

    assert (declared.status_code, declared.json()["type"]) == (413, "request-too-large")
    assert (grown.status_code, grown.json()["type"]) == (413, "request-too-large")


@pytest.mark.parametrize("length", ["-1", "many", "1e3"])
def test_a_length_that_is_no_number_is_refused(client: TestClient, length: str) -> None:
    response = client.post("/v1/ask", headers={"content-length": length}, content=b"{}")

    assert response.status_code == 413


@pytest.mark.parametrize("path", ["/", "/healthz", "/static/chat/chat.js", "/nowhere", "/v1/ask"])
def test_every_answer_has_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers

    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
