"""A visitor's page of another origin, in a real browser: it asks what its site lets it ask, and reads nothing else."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from bench.service import ROOT, Service
from tests.http_server import Exchange, serving

SCRIPT = """async ([service, key]) => {
    const call = async (path, options = {}) => {
        try {
            const answer = await fetch(service + path, options);
            return [answer.status, await answer.text()];
        } catch (error) {
            return [0, error.name];
        }
    };
    const post = (path, body, headers = {}) => call(path, {
        method: 'POST', headers: {'Content-Type': 'application/json', ...headers}, body: JSON.stringify(body),
    });
    const begun = await post('/v1/sessions', {site_key: key});
    const token = begun[0] === 201 ? JSON.parse(begun[1]).token : '';
    const held = {Authorization: `Bearer ${token}`};
    const plain = {question: 'When am I allowed to fly in business class?'};
    return {
        begun: begun[0],
        asked: await post('/v1/ask', plain, held),
        me: (await call('/v1/me', {headers: held}))[0],
        withoutToken: (await call('/v1/me'))[0],
        document: (await call('/v1/documents', {headers: held}))[0],
        listed: (await call('/v1/documents'))[0],
    };
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that is not the service's."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """The address of an empty page."""

    def empty(exchange: Exchange) -> None:
        exchange.start(200, "text/html")
        exchange.handler.wfile.write(b"<!doctype html><link rel=icon href=data:,><title>Shop</title>")

    with serving({"/": empty}) as server:
        yield server.url.removesuffix("/v1")


def test_a_listed_page_asks_and_reads_nothing_else_and_another_page_nothing_at_all(
    service: Service, page: Page, elsewhere: str
) -> None:
    text = (ROOT / "samples" / "travel-and-expenses.md").read_bytes()
    service.ingest("travel-and-expenses.md", text, collection="visited")
    site = {"name": "Shop", "origins": [elsewhere], "collections": ["visited"]}
    key = service.http.post("/v1/sites", json=site).raise_for_status().json()["key"]

    page.goto(elsewhere)
    listed: dict[str, Any] = page.evaluate(SCRIPT, [service.url, key])
    page.goto(elsewhere.replace("127.0.0.1", "localhost"))
    other: dict[str, Any] = page.evaluate(SCRIPT, [service.url, key])

    status, answer = listed.pop("asked")
    assert (status, "event: done" in answer, "7 hours" in answer) == (200, True, True)
    assert listed == {"begun": 201, "me": 200, "withoutToken": 401, "document": 0, "listed": 0}
    assert {name: value for name, value in other.items() if name != "asked"} == dict.fromkeys(listed, 0)
    assert other["asked"] == [0, "TypeError"]
