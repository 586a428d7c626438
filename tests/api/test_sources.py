"""The routes of sources: a page by its URL, registered sources, folders of other machines, who may do what."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from rag.types import Scope
from tests.http_server import Exchange, Server, serving
from tests.ingest.sources.conftest import ADMIN
from tests.local_api import LocalApi, local_api

FOLDER_DAYS = 86_400


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApi]:
    folder = tmp_path_factory.mktemp("api")
    with local_api(folder, folders=str(folder)) as running:
        yield running


@pytest.fixture
def http(api: LocalApi) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=api.url, trust_env=False, timeout=20) as client:
        yield client


@pytest.fixture
def page() -> Iterator[Server]:
    """A server whose /v1 is a page that says how often it was asked for."""

    def send(exchange: Exchange) -> None:
        content = f"<p>Asked {len(server.seen)} times</p>".encode()
        exchange.start(200, "text/html", {"Content-Length": str(len(content))})
        exchange.handler.wfile.write(content)

    with serving({"/v1": send}) as server:
        yield server


def key(api: LocalApi, *scopes: Scope, groups: tuple[str, ...] = ()) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.keys.create('tester', scopes, groups)}"}


def register(http: httpx.Client, location: str, **fields: Any) -> httpx.Response:
    return http.post("/v1/sources", json={"kind": "web", "location": location} | fields)


def test_a_page_is_fetched_and_queued_and_its_url_is_its_source_id(http: httpx.Client, page: Server) -> None:
    first = http.post("/v1/documents/url", json={"url": page.url, "collection": "pages", "metadata": {"by": "me"}})
    second = http.post("/v1/documents/url", json={"url": page.url, "collection": "pages"})

    assert (first.status_code, first.json()["source_id"], first.json()["filename"]) == (202, page.url, "v1.html")
    assert (second.json()["id"], second.json()["version"]) == (first.json()["id"], 2)
    assert second.json()["metadata"] == {"by": "me"}


@pytest.mark.parametrize(
    ("url", "status", "kind"),
    [
        ("http://127.0.0.2/", 422, "fetch-refused"),
        ("http://169.254.169.254/latest/meta-data/", 422, "fetch-refused"),
        ("http://[::ffff:10.0.0.1]/", 422, "fetch-refused"),
        ("file:///etc/passwd", 422, "fetch-refused"),
        ("http://127.0.0.1:9/", 503, "fetch-failed"),
        ("", 422, "invalid-request"),
    ],
)
def test_a_url_that_is_not_fetched_is_a_problem(http: httpx.Client, url: str, status: int, kind: str) -> None:
    answer = http.post("/v1/documents/url", json={"url": url})

    assert (answer.status_code, answer.json()["type"]) == (status, kind)


def test_a_source_is_registered_shown_run_and_removed(http: httpx.Client) -> None:
    made = register(http, "HTTP://127.0.0.1:9/docs/../a", interval_s=3600, options={"depth": 2}, access=["hr"])
    source = made.json()
    path = f"/v1/sources/{source['id']}"

    assert made.status_code == 201
    assert (source["location"], source["status"], source["last_run"]) == ("http://127.0.0.1:9/a", "waiting", None)
    assert source["options"] == {"depth": 2, "rate": 1.0, "max_pages": 1000, "include": [], "exclude": []}
    assert source in http.get("/v1/sources").json()["sources"]
    assert register(http, "http://127.0.0.1:9/a").json()["detail"].endswith(f"as {source['id']}.")
    assert http.post(f"{path}/run").status_code == 202
    assert http.delete(path).status_code == 204
    assert http.get(path).json()["type"] == "source-not-found"


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "web", "location": "ftp://example.com/"},
        {"kind": "web", "location": "http://user:secret@example.com/"},
        {"kind": "bucket", "location": "https://example.com/bucket"},
        {"kind": "folder", "location": "/etc"},
        {"kind": "push", "location": "docs/"},
        {"kind": "web", "location": "http://example.com/", "interval_s": 1},
        {"kind": "web", "location": "http://example.com/", "options": {"rate": 0}},
        {"kind": "web", "location": "http://example.com/", "options": {"endpoint": "http://10.0.0.1/"}},
    ],
)
def test_a_wrong_source_is_refused(http: httpx.Client, wrong: dict[str, Any]) -> None:
    assert http.post("/v1/sources", json=wrong).status_code == 422


def test_folders_and_buckets_are_for_administrators_and_sources_are_not_for_readers(
    api: LocalApi, http: httpx.Client, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = str(Path(api.registry.engine.url.database or "").parent)
    writer, reader = key(api, Scope.DOCUMENTS_WRITE), key(api, Scope.DOCUMENTS_READ)
    places = [{"kind": "folder", "location": folder}, {"kind": "bucket", "location": "s3://papers"}]

    assert [http.post("/v1/sources", json=place, headers=writer).status_code for place in places] == [403, 403]
    assert [http.post("/v1/sources", json=place).status_code for place in places] == [201, 201]
    assert http.get("/v1/sources", headers=reader).status_code == 403
    assert http.post("/v1/documents/url", json={"url": "http://127.0.0.1/"}, headers=reader).status_code == 403


def test_a_source_for_a_group_is_hidden_from_others(api: LocalApi, http: httpx.Client) -> None:
    source = register(http, "http://127.0.0.1:9/pay", access=["hr"]).json()
    other, hr = key(api, Scope.DOCUMENTS_WRITE), key(api, Scope.DOCUMENTS_WRITE, groups=("hr",))
    path = f"/v1/sources/{source['id']}"

    assert http.get(path, headers=hr).status_code == 200
    assert [http.request(method, path, headers=other).status_code for method in ("GET", "DELETE")] == [404, 404]


def upload(http: httpx.Client, source_id: str, collection: str) -> str:
    files = {"file": ("a.md", source_id.encode())}
    document: str = http.post(
        "/v1/documents", files=files, data={"source_id": source_id, "collection": collection}
    ).json()["id"]
    return document


def listed(http: httpx.Client, collection: str, prefix: str = "") -> list[str]:
    params = {"collection": collection, "source_prefix": prefix}
    found = http.get("/v1/documents", params=params).json()["documents"]
    return sorted(document["source_id"] for document in found)


def missing(http: httpx.Client, collection: str, *source_ids: str, grace_s: float) -> list[str]:
    body = {"collection": collection, "prefix": "docs/", "source_ids": source_ids, "grace_s": grace_s}
    deleted: list[str] = http.post("/v1/documents/missing", json=body).json()["deleted"]
    return deleted


def test_documents_are_listed_by_how_their_source_id_begins(http: httpx.Client) -> None:
    for source_id in ("docs/a", "docs/b", "docs_c", "other/d"):
        upload(http, source_id, "begins")

    assert listed(http, "begins", "docs/") == ["docs/a", "docs/b"]
    assert listed(http, "begins", "docs_") == ["docs_c"]


def test_a_pushed_file_that_is_missing_is_deleted_after_the_grace_period(http: httpx.Client) -> None:
    kept, gone = upload(http, "docs/a", "pushed"), upload(http, "docs/b", "pushed")
    upload(http, "other/c", "pushed")

    first = missing(http, "pushed", "docs/b", "other/c", grace_s=3600)
    second = missing(http, "pushed", "docs/b", grace_s=0)

    assert (first, second) == ([], [gone])
    assert listed(http, "pushed") == ["docs/a", "other/c"]
    assert http.get(f"/v1/documents/{kept}").status_code == 200


def test_a_pushed_file_that_came_back_starts_anew(api: LocalApi, http: httpx.Client) -> None:
    upload(http, "docs/a", "back")
    missing(http, "back", "docs/a", grace_s=FOLDER_DAYS)
    source = next(s for s in api.sources.all(ADMIN) if (s.collection, s.location) == ("back", "docs/"))
    api.sources.mark(source.id, ["docs/a"], 1.0)

    missing(http, "back", grace_s=FOLDER_DAYS)
    missing(http, "back", "docs/a", grace_s=FOLDER_DAYS)

    assert listed(http, "back") == ["docs/a"]
    assert http.post(f"/v1/sources/{source.id}/run").json()["type"] == "invalid-request"


def test_removing_a_pushed_folder_can_delete_its_documents(api: LocalApi, http: httpx.Client) -> None:
    upload(http, "docs/a", "removed")
    upload(http, "docs/b", "removed")
    upload(http, "other/c", "removed")
    missing(http, "removed", grace_s=FOLDER_DAYS)
    source = next(s for s in api.sources.all(ADMIN) if s.collection == "removed")

    http.delete(f"/v1/sources/{source.id}", params={"documents": "delete"})

    assert listed(http, "removed") == ["other/c"]
