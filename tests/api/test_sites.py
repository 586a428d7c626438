"""Sites and visitors over HTTP: what is open to a visitor, and that nothing else is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import uvicorn
from starlette.testclient import TestClient
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api.__main__ import server_options
from api.answers import Answers
from api.app import create_app
from api.services import Services
from rag.answer import Answerer
from rag.cache import AnswerCache
from rag.candidates import Candidates
from rag.collections import Collections
from rag.conversations import Conversations
from rag.feedback import Feedback
from rag.keys import Keys
from rag.retrieve import Retriever
from rag.settings import ApiSettings, Settings, TraceSettings
from rag.shelf import MemoryShelf
from rag.sites import Sites
from rag.traces import Traces
from rag.types import Document, Scope
from rag.visits import Visits
from rag.write import Writer
from tests.workshop import Workshop, opened

PAGE = "https://www.example.com"
ASKED = "How many days of leave has everyone?"
OPEN = {
    ("post", "/v1/ask"),
    ("post", "/v1/feedback"),
    ("post", "/v1/sessions"),
    ("get", "/v1/me"),
    ("get", "/v1/documents/{document_id}/content"),
    ("get", "/v1/documents/{document_id}/highlights"),
    ("get", "/v1/documents/{document_id}/text"),
    ("get", "/v1/documents/{document_id}/pages/{n}"),
    ("get", "/v1/limits"),
    ("get", "/healthz"),
    ("get", "/readyz"),
}


@dataclass(kw_only=True)
class Desk:
    """An API that answers from two collections: `public` says six days, `board` ninety."""

    http: TestClient
    services: SimpleNamespace
    public: Document
    board: Document

    @property
    def admin(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.services.keys.create('Ada', [Scope.ADMIN])}"}

    def site(self, **more: Any) -> dict[str, Any]:
        """Make a site for the public collection."""
        body = {"name": "Shop", "origins": [PAGE], "collections": ["public"], **more}
        made: dict[str, Any] = self.http.post("/v1/sites", json=body, headers=self.admin).json()
        return made

    def visitor(self, site: dict[str, Any], address: str = "198.51.100.7") -> dict[str, str]:
        """Return the headers of a page in which a session has begun."""
        token = self.services.visits.begin(site["key"], PAGE, address).token
        return {"Authorization": f"Bearer {token}", "Origin": PAGE}

    def ask(self, visitor: dict[str, str], **more: Any) -> Any:
        return self.http.post("/v1/ask", json={"question": ASKED, "stream": False, **more}, headers=visitor)

    def asked_today(self, site: dict[str, Any]) -> int:
        return int(next(one.questions_today for one in self.services.sites.all() if one.id == site["id"]))


@pytest.fixture(scope="module")
def workshop(chroma_url: str, empty_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with opened(chroma_url, empty_sqlite, tmp_path_factory.mktemp("desk")) as running:
        yield running


@pytest.fixture(scope="module")
def desk(workshop: Workshop) -> Iterator[Desk]:
    public = workshop.add("Everyone has six days of leave.", collection="public")
    board = workshop.add("Everyone of the board has ninety days of leave.", collection="board")
    workshop.work()
    engine = workshop.engine
    retriever = Retriever(registry=workshop.registry, candidates=Candidates(engine), indexes=workshop.indexes)
    conversations, traces = Conversations(engine, 30), Traces(engine, TraceSettings())
    services = SimpleNamespace(
        settings=Settings(_env_file=None),
        engine=engine,
        registry=workshop.registry,
        collections=Collections(engine),
        keys=Keys(engine),
        sites=Sites(engine),
        visits=Visits(engine),
        intake=workshop.intake,
        conversations=conversations,
        retriever=retriever,
        generator=None,
        traces=traces,
        feedback=Feedback(engine, TraceSettings()),
        answerer=Answerer(
            retriever=retriever,
            writer=Writer(retriever=retriever, generator=None),
            min_evidence=0.1,
            cache=AnswerCache(retriever=retriever, shelf=MemoryShelf(), keep_s=3600.0),
            conversations=conversations,
            traces=traces,
        ),
        answers=Answers(9),
    )
    app = create_app(services.settings, cast("Services", services))
    with TestClient(app, base_url="https://attest.example") as http:
        yield Desk(http=http, services=services, public=public, board=board)


def test_an_administrator_makes_lists_changes_and_deletes_sites(desk: Desk) -> None:
    made = desk.site(groups=["customers"])
    path = f"/v1/sites/{made['id']}"

    listed = desk.http.get("/v1/sites", headers=desk.admin).json()["sites"]
    changed = desk.http.patch(path, json={"enabled": False, "questions_per_day": 7}, headers=desk.admin).json()
    statuses = [desk.http.delete(path, headers=desk.admin).status_code for _ in range(2)]

    assert made in listed
    assert changed == made | {"enabled": False, "questions_per_day": 7}
    assert (made["visitor_questions_per_day"], made["questions_today"], made["groups"]) == (50, 0, ["customers"])
    assert statuses == [204, 404]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"origins": []}, 422),
        ({"origins": ["*"]}, 422),
        ({"origins": ["null"]}, 422),
        ({"collections": []}, 422),
        ({"collections": ["nowhere"]}, 404),
        ({"questions_per_day": 0}, 422),
        ({"key": "site_mine"}, 422),
    ],
)
def test_what_is_no_site_is_refused(desk: Desk, change: dict[str, Any], status: int) -> None:
    body = {"name": "Shop", "origins": [PAGE], "collections": ["public"], **change}

    assert desk.http.post("/v1/sites", json=body, headers=desk.admin).status_code == status


def test_a_page_of_a_site_begins_a_session_and_asks(desk: Desk) -> None:
    site = desk.site(visitor_questions_per_day=5)

    begun = desk.http.post("/v1/sessions", json={"site_key": site["key"]}, headers={"Origin": PAGE})
    visitor = {"Authorization": f"Bearer {begun.json()['token']}", "Origin": PAGE}
    answer = desk.ask(visitor)

    assert (begun.status_code, begun.json()["questions_left"]) == (201, 5)
    assert begun.headers["access-control-allow-origin"] == answer.headers["access-control-allow-origin"] == PAGE
    assert "six days" in answer.json()["answer"]
    assert "ninety" not in answer.text
    assert desk.asked_today(site) == 1


@pytest.mark.parametrize("headers", [{}, {"Origin": "null"}, {"Origin": "https://evil.example"}])
def test_another_page_gets_no_session(desk: Desk, headers: dict[str, str]) -> None:
    answer = desk.http.post("/v1/sessions", json={"site_key": desk.site()["key"]}, headers=headers)

    assert (answer.status_code, answer.json()["type"]) == (403, "origin-not-allowed")


def test_callers_are_told_who_they_are(desk: Desk) -> None:
    site = desk.site(name="Our shop")

    visitor = desk.http.get("/v1/me", headers=desk.visitor(site)).json()
    administrator = desk.http.get("/v1/me", headers=desk.admin).json()

    assert visitor.pop("name").startswith(site["id"])
    assert visitor == {
        "label": "Our shop",
        "scopes": ["visit"],
        "groups": [],
        "collections": ["public"],
        "is_admin": False,
    }
    assert (administrator["label"], administrator["scopes"], administrator["collections"]) == ("Ada", ["admin"], None)
    assert desk.http.get("/v1/me").status_code == 401


def test_a_visitor_asks_over_a_stream_and_goes_on_in_the_next_session(desk: Desk) -> None:
    site = desk.site()
    streamed = desk.http.post("/v1/ask", json={"question": ASKED}, headers=desk.visitor(site))
    conversation = re.findall(r'"conversation_id": ?"(\w+)"', streamed.text)[-1]

    again = desk.ask(desk.visitor(site), conversation_id=conversation, collections=["public"])
    other = desk.ask(desk.visitor(site, "198.51.100.8"), conversation_id=conversation)

    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert streamed.headers["access-control-allow-origin"] == PAGE
    assert (again.status_code, again.json()["conversation_id"]) == (200, conversation)
    assert (other.status_code, other.json()["type"]) == (404, "conversation-not-found")


def test_another_visitors_stream_cannot_be_gone_on_with(desk: Desk) -> None:
    site = desk.site()
    streamed = desk.http.post("/v1/ask", json={"question": ASKED}, headers=desk.visitor(site))
    first = re.findall(r"^id: (\S+)", streamed.text, re.MULTILINE)[0]

    own, other = (
        desk.http.post("/v1/ask", json={"question": ASKED}, headers=desk.visitor(site, address) | more)
        for address, more in (
            ("198.51.100.7", {"Last-Event-ID": first}),
            ("198.51.100.8", {"Last-Event-ID": first}),
        )
    )

    assert (own.status_code, other.status_code) == (200, 410)
    assert desk.asked_today(site) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"filters": {"documents": ["doc_1"]}},
        {"top_k": 50},
        {"explain": False},
        {"history": []},
        {"history": [{"role": "user", "content": "Hi"}]},
    ],
)
def test_a_visitor_chooses_nothing_else(desk: Desk, more: dict[str, Any]) -> None:
    site = desk.site()

    answer = desk.ask(desk.visitor(site), **more)

    assert (answer.status_code, answer.json()["type"]) == (403, "forbidden")
    assert desk.asked_today(site) == 0


@pytest.mark.parametrize("collections", [["board"], ["public", "board"], ["nowhere"]])
def test_another_collection_does_not_exist_for_a_visitor(desk: Desk, collections: list[str]) -> None:
    site = desk.site()

    answer = desk.ask(desk.visitor(site), collections=collections)

    assert (answer.status_code, answer.json()["type"]) == (404, "collection-not-found")
    assert desk.asked_today(site) == 0


def test_cached_answers_count_and_over_budget_nothing_is_answered(desk: Desk) -> None:
    site = desk.site(visitor_questions_per_day=2)
    visitor = desk.visitor(site)

    first, again, over = desk.ask(visitor), desk.ask(visitor), desk.ask(visitor)

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json()["cached"]
    assert (over.status_code, over.json()["type"]) == (429, "over-quota")
    assert 0 < int(over.headers["retry-after"]) <= 86_400
    assert over.headers["access-control-expose-headers"] == "Retry-After"
    assert desk.ask(desk.visitor(site, "198.51.100.8")).status_code == 200


def test_a_question_that_the_service_has_no_room_for_is_not_counted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = desk.site()
    busy = Answers(1)
    busy._running = 1
    monkeypatch.setattr(desk.services, "answers", busy)

    answer = desk.ask(desk.visitor(site))

    assert (answer.status_code, answer.json()["type"]) == (429, "too-many-questions")
    assert desk.asked_today(site) == 0


def test_a_visitor_opens_documents_of_its_collections_alone(desk: Desk) -> None:
    visitor = desk.visitor(desk.site())
    paths = ["/v1/documents/{}/content", "/v1/documents/{}/highlights?start=0&end=9"]

    statuses = {
        name: [desk.http.get(path.format(document.id), headers=visitor).status_code for path in paths]
        for name, document in (("public", desk.public), ("board", desk.board))
    }

    assert statuses == {"public": [200, 200], "board": [404, 404]}


def test_a_visitor_says_what_it_thinks_of_its_own_answers(desk: Desk) -> None:
    site = desk.site()
    visitor = desk.visitor(site)
    own = desk.ask(visitor).json()["trace_id"]
    others = desk.ask(desk.visitor(site, "198.51.100.8")).json()["trace_id"]

    statuses = [
        desk.http.post("/v1/feedback", json={"trace_id": one, "rating": "down"}, headers=visitor).status_code
        for one in (own, others)
    ]

    assert statuses == [204, 404]


def test_nothing_else_is_open_to_a_visitor(desk: Desk) -> None:
    visitor = desk.visitor(desk.site())
    paths = create_app(Settings(_env_file=None)).openapi()["paths"]
    operations = {(method, path) for path, methods in paths.items() for method in methods} - OPEN

    refused = {}
    for method, path in operations:
        url = path.replace("{document_id}", desk.public.id)
        url = re.sub(r"\{\w+\}", "1", url)
        refused[method, path] = desk.http.request(method, url, headers=visitor).status_code

    assert len(refused) > 30
    assert {operation for operation, status in refused.items() if status != 403} == set()
    assert desk.http.post("/mcp", json={}, headers=visitor).status_code == 403


def test_a_session_is_of_no_use_to_another_page_or_once_it_has_ended(desk: Desk) -> None:
    site = desk.site()
    visitor = desk.visitor(site)

    elsewhere = desk.ask(visitor | {"Origin": "https://evil.example"})
    desk.http.delete(f"/v1/sites/{site['id']}", headers=desk.admin)
    ended = desk.ask(visitor)

    assert (elsewhere.status_code, elsewhere.json()["type"]) == (403, "origin-not-allowed")
    assert (ended.status_code, ended.json()["type"]) == (401, "session-ended")


@pytest.mark.parametrize(
    ("trusted", "forwarded", "expected"),
    [
        ("", "203.0.113.9", "127.0.0.1"),
        ("10.0.0.0/8", "203.0.113.9", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.0/8, 10.0.0.1", "203.0.113.8, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
    ],
)
def test_a_callers_address_is_what_a_trusted_proxy_says(trusted: str, forwarded: str, expected: str) -> None:
    seen: list[str] = []

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        seen.append(scope["client"][0])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    options = server_options(ApiSettings(trusted_proxies=trusted))
    config = uvicorn.Config(app, **options)
    config.load()
    served = config.loaded_app
    client = TestClient(cast("Any", served), client=("127.0.0.1", 50000))
    client.get("/", headers={"X-Forwarded-For": forwarded})

    assert seen == [expected]
    assert isinstance(served, ProxyHeadersMiddleware) is bool(trusted)


@pytest.mark.parametrize("value", ["*", "proxy.example", "10.0.0.0/99", "10.0.0.1;10.0.0.2"])
def test_what_is_no_address_of_a_proxy_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="addresses or networks"):
        ApiSettings(trusted_proxies=value)
