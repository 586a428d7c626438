"""The API's routes for collections."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from rag.types import Scope
from tests.local_api import LocalApi, local_api


@pytest.fixture
def api(tmp_path: Path) -> Iterator[LocalApi]:
    with local_api(tmp_path) as running:
        yield running


@pytest.fixture
def http(api: LocalApi) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=api.url) as client:
        yield client


def key(api: LocalApi, *scopes: Scope) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.keys.create('tester', scopes)}"}


def test_a_collection_is_made_changed_and_listed(http: httpx.Client) -> None:
    answers = [http.put("/v1/collections/board", json={"internal": internal}) for internal in (False, True)]

    assert [answer.status_code for answer in answers] == [201, 204]
    assert http.get("/v1/collections").json() == {
        "collections": [{"name": "board", "internal": True, "documents": 0, "chunks": 0}]
    }


def test_only_administrators_change_collections_and_who_asks_may_list_those_with_documents_for_it(
    api: LocalApi, http: httpx.Client
) -> None:
    http.post("/v1/documents", files={"file": ("a.md", b"Six days.")}, data={"collection": "open"})
    http.post("/v1/documents", files={"file": ("b.md", b"Ten.")}, data={"collection": "hr", "access": '["hr"]'})
    asker, writer = key(api, Scope.ASK), key(api, Scope.DOCUMENTS_WRITE)

    assert http.put("/v1/collections/open", json={"internal": False}, headers=writer).status_code == 403
    assert http.get("/v1/collections", headers=writer).status_code == 403
    listed = http.get("/v1/collections", headers=asker).json()["collections"]
    assert [(one["name"], one["documents"]) for one in listed] == [("open", 1)]


@pytest.mark.parametrize(("name", "body"), [("a%20b", {"internal": True}), ("open", {}), ("open", {"epoch": 1})])
def test_what_is_no_collection_is_refused(http: httpx.Client, name: str, body: dict[str, object]) -> None:
    answer = http.put(f"/v1/collections/{name}", json=body)

    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-request")
