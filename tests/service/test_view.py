"""What a citation opens, in a real Chromium: the passage marked in its page and text, or why it is not there."""

import re
from typing import Any
from urllib.parse import urlencode

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from bench.service import ROOT, Service

TEXT = "Before 😀 it.\n\nThe marked words stand here.\n"


def open_view(tab: Page, service: Service, document: dict[str, Any], **more: object) -> None:
    tab.goto("about:blank")
    tab.goto(f"{service.url}/view#{urlencode({'document': document['id'], 'version': document['version'], **more})}")


def test_the_cited_words_are_marked_in_the_text(page: Page, service: Service) -> None:
    document = service.ingest("emoji.txt", TEXT.encode(), collection="view")
    start = TEXT.index("The marked")  # in code points, as the service counts

    open_view(page, service, document, start=start, end=start + len("The marked words"))

    expect(page.get_by_test_id("text").locator("mark")).to_have_text("The marked words")
    expect(page.get_by_role("link", name="Open the original")).to_be_visible()
    assert Axe().run(page).violations_count == 0


def test_the_cited_words_of_a_pdf_are_marked_on_their_page(page: Page, service: Service) -> None:
    content = (ROOT / "samples" / "plover-300-manual.pdf").read_bytes()
    document = service.ingest("plover.pdf", content, collection="view")
    chunks = service.http.get(f"/v1/documents/{document['id']}/chunks").json()
    cited = next(chunk for chunk in chunks if "forklift" in chunk["text"])

    open_view(page, service, document, start=cited["start"], end=cited["end"], page=3)

    expect(page.get_by_role("img", name=re.compile("Page 3 of"))).to_be_visible()
    expect(page.get_by_test_id("box").first).to_be_visible()
    assert Axe().run(page).violations_count == 0
    page.get_by_role("button", name="Text").click()
    expect(page.get_by_test_id("text").locator("mark")).to_contain_text("forklift")


def session(service: Service, collection: str) -> str:
    """The token of a visitor of a site that may ask this collection."""
    site = {"name": "view", "origins": ["https://site.example"], "collections": [collection]}
    key = service.http.post("/v1/sites", json=site).json()["key"]
    begun = service.http.post("/v1/sessions", json={"site_key": key}, headers={"Origin": "https://site.example"})
    token: str = begun.json()["token"]
    return token


def test_a_visitors_token_opens_the_passage_and_is_kept_nowhere(page: Page, service: Service) -> None:
    document = service.ingest("token.txt", b"Seen with a token.", collection="view-visitors")
    token = session(service, "view-visitors")

    with page.expect_request("**/text?*") as asked:
        open_view(page, service, document, start=0, end=4, token=token)

    assert asked.value.headers["authorization"] == f"Bearer {token}"
    expect(page.get_by_test_id("text").locator("mark")).to_have_text("Seen")
    assert "token" not in page.url
    assert page.evaluate("sessionStorage.length + localStorage.length") == 0


def test_a_token_that_has_ended_says_so_and_asks_for_no_key(page: Page, service: Service) -> None:
    document = service.ingest("ended.txt", b"Seen before.", collection="view-visitors")

    open_view(page, service, document, token="vs_ended")

    expect(page.get_by_test_id("notice")).to_contain_text("The session has ended")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_version_that_was_replaced_says_so_and_leads_to_the_one_that_serves(page: Page, service: Service) -> None:
    named = {"collection": "view", "source_id": "view/changed"}
    first = service.ingest("changed.txt", b"The old words.", **named)
    service.ingest("changed.txt", b"The new words.", **named)

    open_view(page, service, first, start=4, end=7)
    expect(page.get_by_test_id("notice")).to_contain_text("This is version 1, which answers do not use any more")
    expect(page.get_by_test_id("text").locator("mark")).to_have_text("old")
    assert Axe().run(page).violations_count == 0
    page.get_by_role("link", name="as it is now").click()

    expect(page.get_by_test_id("text")).to_contain_text("The new words.")


def test_a_visitor_is_led_from_a_replaced_version_to_the_one_that_serves(page: Page, service: Service) -> None:
    named = {"collection": "view-visitors", "source_id": "view/visited"}
    first = service.ingest("visited.txt", b"Not for visitors any more.", **named)
    service.ingest("visited.txt", b"What visitors see.", **named)

    open_view(page, service, first, start=0, end=3, token=session(service, "view-visitors"))
    expect(page.get_by_test_id("notice")).to_contain_text("Answers use version 2 now")
    page.get_by_role("link", name="as it is now").click()

    expect(page.get_by_test_id("text")).to_contain_text("What visitors see.")


def test_a_version_that_is_not_there_says_so(page: Page, service: Service) -> None:
    document = service.ingest("single.txt", b"One version.", collection="view")

    open_view(page, service, document | {"version": 7}, start=0, end=3)

    expect(page.get_by_test_id("notice")).to_contain_text("The passage is from version 7 of “single”")


def test_a_deleted_document_says_so(page: Page, service: Service) -> None:
    document = service.ingest("deleted.txt", b"Soon gone.", collection="view")
    service.http.delete(f"/v1/documents/{document['id']}")

    open_view(page, service, document, start=0, end=4)

    expect(page.get_by_test_id("notice")).to_contain_text("was deleted, or is not open to you")
