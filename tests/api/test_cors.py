"""CORS: which pages a browser lets read our answers, and that a stream is not held back."""

from collections.abc import Mapping

import anyio
import pytest
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from api.app import create_app
from api.cors import Cors
from rag.errors import RegistryUnavailable
from rag.settings import Settings

PAGE = "https://www.example.com"
OPEN = [
    ("POST", "/v1/sessions"),
    ("POST", "/v1/ask"),
    ("POST", "/v1/feedback"),
    ("GET", "/v1/me"),
    ("GET", "/v1/documents/doc_1/text"),
    ("GET", "/v1/documents/doc_1/content"),
    ("GET", "/v1/documents/doc_1/highlights"),
    ("GET", "/v1/documents/doc_1/pages/1"),
]
CLOSED = [
    "/",
    "/mcp",
    "/readyz",
    "/static/examples.json",
    "/v1/ask/",
    "/v1/search",
    "/v1/documents",
    "/v1/documents/doc_1",
    "/v1/documents/doc_1/chunks",
    "/v1/documents/doc_1/content/more",
    "/v1/documents/batch",
    "/v1/sites",
    "/v1/keys",
    "/v1/conversations",
    "/v1/traces/t1",
    "/v1/chat/completions",
    "/x/v1/ask",
]


async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
    headers = [(b"vary", b"Accept-Encoding"), (b"access-control-allow-credentials", b"")]
    await send({"type": "http.response.start", "status": 200, "headers": headers[:1]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def client() -> TestClient:
    return TestClient(Cors(answer, origins=lambda: frozenset({PAGE, "http://localhost:3000"})))


def cors(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.startswith("access-control-")}


def preflight(client: TestClient, path: str, method: str, origin: str = PAGE) -> tuple[int, dict[str, str]]:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    response = client.options(path, headers=asked | {"Access-Control-Request-Headers": "authorization"})
    return response.status_code, cors(response.headers)


@pytest.mark.parametrize(("method", "path"), OPEN)
def test_a_page_of_a_site_may_read_what_is_for_visitors(client: TestClient, method: str, path: str) -> None:
    response = client.request(method, path, headers={"Origin": PAGE})

    assert response.text == "ok"
    assert cors(response.headers) == {
        "access-control-allow-origin": PAGE,
        "access-control-expose-headers": "Retry-After",
    }
    assert response.headers["vary"] == "Accept-Encoding, Origin"


@pytest.mark.parametrize(("method", "path"), OPEN)
def test_a_preflight_of_a_page_of_a_site_is_answered_without_the_app(
    client: TestClient, method: str, path: str
) -> None:
    assert preflight(client, path, method) == (
        204,
        {
            "access-control-allow-origin": PAGE,
            "access-control-expose-headers": "Retry-After",
            "access-control-allow-methods": method,
            "access-control-allow-headers": "Authorization, Content-Type, Last-Event-ID",
            "access-control-max-age": "600",
        },
    )


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "*",
        "",
        "https://evil.example",
        "http://www.example.com",
        "https://example.com",
        "https://www.example.com:8443",
        "https://www.example.com.evil.example",
        "https://www.example.com/",
        "HTTPS://WWW.EXAMPLE.COM",
        "http://localhost",
    ],
)
def test_any_other_page_reads_nothing(client: TestClient, origin: str) -> None:
    response = client.post("/v1/ask", headers={"Origin": origin})

    assert cors(response.headers) == {}
    assert "Origin" in response.headers["vary"]
    assert preflight(client, "/v1/ask", "POST", origin) == (403, {})


@pytest.mark.parametrize("path", CLOSED)
def test_what_is_not_for_visitors_is_for_no_other_page(client: TestClient, path: str) -> None:
    for method in ("GET", "POST"):
        assert cors(client.request(method, path, headers={"Origin": PAGE}).headers) == {}
        assert preflight(client, path, method)[1] == {}


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "post"])
def test_a_preflight_for_another_method_is_refused(client: TestClient, method: str) -> None:
    status, headers = preflight(client, "/v1/ask", method)

    assert status == 403
    assert "access-control-allow-methods" not in headers


def test_two_origins_are_none(client: TestClient) -> None:
    response = client.post("/v1/ask", headers=[("Origin", PAGE), ("Origin", PAGE)])

    assert cors(response.headers) == {}


@pytest.mark.parametrize("path", ["/widget.js", "/static/ui/tokens.css"])
def test_scripts_and_styles_are_for_every_page(client: TestClient, path: str) -> None:
    response = client.get(path, headers={"Origin": "https://any.example"})

    assert cors(response.headers) == {"access-control-allow-origin": "*"}


def test_while_the_registry_is_away_no_page_reads_anything() -> None:
    def away() -> frozenset[str]:
        raise RegistryUnavailable("away")

    response = TestClient(Cors(answer, origins=away)).post("/v1/ask", headers={"Origin": PAGE})

    assert (response.status_code, cors(response.headers)) == (200, {})


def test_the_sites_are_not_read_for_every_request_nor_without_an_origin() -> None:
    reads: list[int] = []

    def read() -> frozenset[str]:
        reads.append(1)
        return frozenset({PAGE})

    client = TestClient(Cors(answer, origins=read))
    client.post("/v1/ask")
    none = len(reads)
    for _ in range(5):
        client.post("/v1/ask", headers={"Origin": PAGE})

    assert (none, len(reads)) == (0, 1)


def test_a_stream_passes_piece_by_piece() -> None:
    """The second piece is written only once the first has reached the client."""
    arrived = anyio.Event()
    received: list[bytes] = []

    async def streaming(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await arrived.wait()
        await send({"type": "http.response.body", "body": b"two"})

    async def send(message: Message) -> None:
        received.append(message.get("body", b""))
        if received[-1] == b"one":
            arrived.set()

    async def receive() -> Message:
        return {"type": "http.request"}

    async def run() -> None:
        scope = {"type": "http", "method": "POST", "path": "/v1/ask", "headers": [(b"origin", PAGE.encode())]}
        with anyio.fail_after(5):
            await Cors(streaming, origins=lambda: frozenset({PAGE}))(scope, receive, send)

    anyio.run(run)

    assert received == [b"", b"one", b"two"]


def test_without_a_site_the_app_lets_no_page_read_anything() -> None:
    app = TestClient(create_app(Settings(_env_file=None)))

    assert preflight(app, "/v1/ask", "POST") == (403, {})
    assert cors(app.get("/static/chat/chat.js", headers={"Origin": PAGE}).headers) == {
        "access-control-allow-origin": "*"
    }
    assert app.options("/v1/ask", headers={"Origin": PAGE, "Access-Control-Request-Method": "POST"}).headers[
        "x-content-type-options"
    ]
