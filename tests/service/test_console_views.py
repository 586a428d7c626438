"""What the console's views share: each is accessible, fits a phone, and shows the words of others as words."""

import pytest
from playwright.sync_api import Page, expect

from bench.service import Service
from tests.http_server import Exchange, serving
from tests.service.console import HOSTILE, Visit, assert_accessible

VIEWS = ["search", "collections", "sources", "questions", "usage", "members", "sites"]
PAGE = b"<html><body><h1>Pier</h1><p>The pier is closed in January.</p></body></html>"


def html(exchange: Exchange) -> None:
    exchange.start(200, "text/html", {"Content-Length": str(len(PAGE))})
    exchange.handler.wfile.write(PAGE)


def missing(exchange: Exchange) -> None:
    exchange.start(404, "text/plain", {"Content-Length": "0"})


@pytest.mark.parametrize("width", [375, 1920])
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_accessible_and_no_wider_than_its_window(page: Page, visit: Visit, view: str, width: int) -> None:
    page.emulate_media(color_scheme="dark" if width == 375 else "light")
    page.set_viewport_size({"width": width, "height": 900})

    visit(view)
    page.wait_for_load_state("networkidle")

    expect(page.locator('[aria-current="page"]')).to_have_text(view.capitalize())
    expect(page.get_by_text("Loading…").locator("visible=true")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert_accessible(page)


def test_a_collection_tells_the_groups_that_see_its_documents(page: Page, visit: Visit, service: Service) -> None:
    service.ingest("open.md", b"For everyone.", collection="console-readers")
    closed = service.ingest("closed.md", b"For a few.", collection="console-readers")
    change = {"access": [HOSTILE, "board"]}
    service.http.patch(f"/v1/documents/{closed['id']}", json=change).raise_for_status()
    visit("collections")

    card = page.get_by_test_id("collection-card").filter(has_text="console-readers")
    card.locator("summary").click()

    readers = card.get_by_test_id("readers")
    expect(readers).to_contain_text("Everyone: 1 document")
    expect(readers).to_contain_text("board: 1 document")
    expect(readers).to_contain_text(f"{HOSTILE}: 1 document")
    expect(page.locator("main img")).to_have_count(0)


def test_a_source_has_the_limits_that_were_given(page: Page, visit: Visit, service: Service) -> None:
    with serving({"/": html, "/robots.txt": missing}) as site:
        location = site.url.removesuffix("v1")
        visit("sources")
        page.get_by_test_id("new").click()
        page.get_by_test_id("location").fill(location)
        page.get_by_test_id("into").fill("console-limits")
        page.get_by_text("More", exact=True).click()
        page.get_by_label("Requests a second").fill("5")
        page.get_by_label("Pages or files").fill("7")
        page.get_by_role("button", name="Add and read it").click()
        card = page.get_by_test_id("source").filter(has_text=location)
        expect(card).to_contain_text("1 new", timeout=30_000)

    listed = service.http.get("/v1/sources").json()["sources"]
    [made] = [one for one in listed if one["collection"] == "console-limits"]
    assert (made["options"]["rate"], made["options"]["max_pages"]) == (5, 7)
    service.http.delete(f"/v1/sources/{made['id']}?documents=delete").raise_for_status()


def test_a_sources_location_that_means_harm_is_text(page: Page, visit: Visit, service: Service) -> None:
    location = "s3://console/<img/src=//evil.example/onerror=alert(1)>"  # no space: a bucket's folder has none
    body = {"kind": "bucket", "location": location, "collection": "console-harm-source"}
    made = service.http.post("/v1/sources", json=body).raise_for_status().json()
    visit("sources")

    card = page.get_by_test_id("source").filter(has_text="onerror")
    expect(card).to_contain_text(location)
    card.get_by_role("button", name="Remove").click()

    expect(page.get_by_role("dialog")).to_contain_text(location)
    assert page.locator("main img, dialog img, main script").count() == 0
    service.http.delete(f"/v1/sources/{made['id']}").raise_for_status()
