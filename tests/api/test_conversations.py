"""The routes of conversations: one's own are listed, exported, renamed and deleted."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest

from rag.types import NumberedHit, Scope
from rag.uploads import Upload
from tests.local_api import LocalApi, local_api
from tests.rag.conftest import ADMIN, finish, upload
from tests.rag.test_compose import hit
from tests.rag.test_conversations import turn


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApi]:
    with local_api(tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture
def http(api: LocalApi) -> Iterator[httpx.Client]:
    """A caller who has nothing yet."""
    key = api.keys.create("tester", [Scope.ASK])
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"{api.url}/v1", headers=headers, trust_env=False, timeout=20) as client:
        yield client


def keep(api: LocalApi, http: httpx.Client, *questions: str) -> str:
    """Keep a conversation of this caller with a source for each question; return its id."""
    caller = api.keys.principal(http.headers["Authorization"].removeprefix("Bearer "))
    conversation_id = uuid4().hex
    for n, question in enumerate(questions):
        document, _ = api.registry.add(_file(question), ADMIN)
        finish(api.leases, api.serving, document, "six days")
        source = NumberedHit(n=n + 1, hit=hit("any"), chunk_ids=(f"{document.id}.1.0",))
        kept = replace(turn(question), sources=(source,), documents=(document.id,))
        api.conversations.append(conversation_id, caller, kept, after=n)
    return conversation_id


def _file(content: str) -> Upload:
    return upload(content, collection=uuid4().hex)


def test_a_conversation_is_listed_and_read_with_its_turns_and_sources(api: LocalApi, http: httpx.Client) -> None:
    key = keep(api, http, "How many?", "And then?")

    [listed] = http.get("/conversations").json()["conversations"]
    whole = http.get(f"/conversations/{key}").json()

    assert (listed["id"], listed["title"]) == (key, "How many?")
    assert {name: whole[name] for name in listed} == listed
    assert [(one["question"], one["answer"], one["gone"]) for one in whole["turns"]] == [
        ("How many?", "Six days [1].", False),
        ("And then?", "Six days [1].", False),
    ]
    assert [one["sources"][0]["n"] for one in whole["turns"]] == [1, 2]
    assert whole["turns"][0]["sources"][0]["text"] == "six days"


def test_a_conversation_is_exported_as_a_text_for_people(api: LocalApi, http: httpx.Client) -> None:
    key = keep(api, http, "How many?")

    response = http.get(f"/conversations/{key}", params={"format": "markdown"})

    assert response.headers["content-type"].startswith("text/markdown")
    title, question, _, answer, sources = response.text.strip().split("\n\n")
    assert (title, question, answer, sources) == ("# How many?", "## How many?", "Six days [1].", "- [1] Handbook")


def test_a_conversation_is_renamed_and_deleted(api: LocalApi, http: httpx.Client) -> None:
    key = keep(api, http, "How many?")

    renamed = http.patch(f"/conversations/{key}", json={"title": " Leave "})
    deleted = http.delete(f"/conversations/{key}")

    assert renamed.json()["title"] == "Leave"
    assert deleted.status_code == 204
    assert http.get(f"/conversations/{key}").json()["type"] == "conversation-not-found"
    assert http.get("/conversations").json() == {"conversations": [], "next_cursor": None}


def test_an_administrator_has_no_part_in_anothers_conversation(api: LocalApi, http: httpx.Client) -> None:
    key = keep(api, http, "How many?")

    for method in ("GET", "DELETE"):
        assert httpx.request(method, f"{api.url}/v1/conversations/{key}", trust_env=False).status_code == 404
    assert http.get(f"/conversations/{key}").status_code == 200


def test_a_key_that_may_not_ask_has_no_conversations(api: LocalApi, http: httpx.Client) -> None:
    headers = {"Authorization": f"Bearer {api.keys.create('reader', [Scope.SEARCH])}"}

    assert http.get("/conversations", headers=headers).status_code == 403
