"""The console's search test, collections and sources, in a real Chromium."""

import re

from playwright.sync_api import Page, expect

from bench.service import Service
from tests.http_server import Exchange, serving
from tests.service.console import HOSTILE, Visit, assert_accessible

PAGE = b"<html><body><h1>Yard</h1><p>Bicycles stay in the yard.</p></body></html>"
RULES = b"# Boats\n\nA rowing boat may be taken out for 90 minutes.\n\n# Sheds\n\nThe boats stand in shed 7."


def html(exchange: Exchange) -> None:
    exchange.start(200, "text/html", {"Content-Length": str(len(PAGE))})
    exchange.handler.wfile.write(PAGE)


def missing(exchange: Exchange) -> None:
    exchange.start(404, "text/plain", {"Content-Length": "0"})


def test_a_search_shows_scores_and_why_others_are_no_hits(page: Page, visit: Visit, service: Service) -> None:
    document = service.ingest("boats.md", RULES, collection="console-search")["id"]
    visit("search?collection=console-search")

    page.get_by_test_id("query").fill("How long may I take a boat?")
    page.get_by_test_id("go").click()

    hit = page.get_by_test_id("hit").first
    expect(hit).to_contain_text("90 minutes")
    expect(hit).to_contain_text("meaning 0.")
    expect(page).to_have_url(re.compile(r"q=How\+long.*collection=console-search"))
    page.get_by_test_id("candidates").locator("summary").click()
    expect(page.get_by_test_id("candidates")).to_contain_text("no. 1")
    assert_accessible(page)
    hit.get_by_role("link").click()
    expect(page).to_have_url(re.compile(rf"/console/documents/{document}\?chunk="))
    page.go_back()
    expect(page.get_by_test_id("query")).to_have_value("How long may I take a boat?")
    expect(page.get_by_test_id("hit").first).to_contain_text("90 minutes")


def test_a_title_that_means_harm_is_a_title(page: Page, visit: Visit, service: Service) -> None:
    service.ingest("harm.md", f"# {HOSTILE}\n\nOars are oiled in March. {HOSTILE}".encode(), collection="console-harm")

    visit("search?collection=console-harm&q=When+are+oars+oiled")

    expect(page.get_by_test_id("hit").first).to_contain_text("<img src=")
    expect(page.locator("main img")).to_have_count(0)


def test_a_collection_is_made_and_marked_as_internal_with_undo(page: Page, visit: Visit, service: Service) -> None:
    visit("collections")
    page.get_by_test_id("new").click()
    page.get_by_test_id("name").fill("console-board")
    page.get_by_role("button", name="Make it").click()

    card = page.get_by_test_id("collection-card").filter(has_text="console-board")
    card.get_by_role("checkbox").check()
    expect(card).to_contain_text("sent to no language model outside the house")
    assert_accessible(page)
    page.get_by_role("button", name="Undo").last.click()

    expect(card.get_by_role("checkbox")).not_to_be_checked()
    listed = service.http.get("/v1/collections").json()["collections"]
    assert [one["internal"] for one in listed if one["name"] == "console-board"] == [False]


def test_a_source_is_added_read_and_removed_with_what_it_brought(page: Page, visit: Visit, service: Service) -> None:
    with serving({"/": html, "/robots.txt": missing}) as site:
        visit("sources")
        page.get_by_test_id("new").click()
        page.get_by_test_id("location").fill(site.url.removesuffix("v1"))
        page.get_by_test_id("into").fill("console-crawl")
        assert_accessible(page)
        page.get_by_role("button", name="Add and read it").click()
        source = page.get_by_test_id("source").filter(has_text=site.url.removesuffix("v1"))
        expect(source).to_contain_text("1 new", timeout=30_000)
        assert_accessible(page)

        source.get_by_role("button", name="Remove").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Delete its document as well").check()
        expect(dialog).to_contain_text("These go at once")
        dialog.get_by_role("button", name="Remove").click()
        expect(source).to_have_count(0)

    assert service.http.get("/v1/documents/counts?collection=console-crawl").json()["total"] == 0
