"""The chat page in a real Chromium: drop a document in, ask, read the cited answer, delete."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bench.service import Service
from tests.service.widget import Site, violations

RULES = """# Bicycle rules

Company bicycles are kept in shed 4. A bicycle may be taken home for 14 days.

<script>document.title = 'taken over'</script> <img src=x onerror="document.title = 'taken over'">
"""


def test_a_dropped_document_is_answered_from_with_its_source(page: Page, tmp_path: Path) -> None:
    document = tmp_path / "bicycle-rules.md"
    document.write_text(RULES, encoding="utf-8")
    page.get_by_test_id("upload-input").set_input_files(document)
    expect(page.get_by_test_id("upload-row")).to_contain_text("Ready", timeout=30_000)

    page.get_by_test_id("question").fill("For how long may I take a company bicycle home?")
    page.get_by_test_id("send").click()

    answer = page.get_by_test_id("answer").last
    expect(answer).to_contain_text("14 days", timeout=30_000)
    answer.get_by_test_id("citation").first.click()
    source = page.get_by_test_id("source").filter(has_text="Bicycle rules").first
    expect(source.locator("mark").filter(has_text="14 days")).to_be_visible()
    expect(page.get_by_test_id("notice").first).to_contain_text("Quoted from the documents")
    expect(page).to_have_title(re.compile("Attest"))


def test_a_document_is_deleted_after_a_confirmation_that_names_it(page: Page, service: Service) -> None:
    service.ingest("to-be-removed.md", b"This document will be removed.")
    page.reload()
    row = page.get_by_test_id("document-row").filter(has_text="to-be-removed.md")

    row.get_by_role("button").click()
    dialog = page.get_by_role("dialog").filter(has_text="to-be-removed.md")
    dialog.get_by_role("button", name="Delete").click()

    expect(row).to_have_count(0)
    names = [document["filename"] for document in service.http.get("/v1/documents?limit=500").json()["documents"]]
    assert "to-be-removed.md" not in names


def test_a_refused_file_says_why(page: Page, tmp_path: Path) -> None:
    program = tmp_path / "program.exe"
    program.write_bytes(b"MZ\x90\x00\x03")

    page.get_by_test_id("upload-input").set_input_files(program)

    expect(page.get_by_test_id("upload-row")).to_contain_text("This kind of file is not supported")


def test_the_conversation_outlives_a_reload_until_a_new_one_begins(site: Site) -> None:
    site.page.goto(site.origin)
    expect(site.page.get_by_test_id("question")).to_be_focused()
    expect(site.ask()).to_contain_text("six days")
    expect(site.page.get_by_test_id("source")).to_be_visible()

    site.page.reload()
    expect(site.page.get_by_test_id("answer")).to_contain_text("six days")
    site.page.get_by_role("button", name="New conversation").click()

    expect(site.page.get_by_test_id("answer")).to_have_count(0)
    expect(site.page.get_by_role("heading", name="Ask your documents")).to_be_visible()
    assert site.written.paths == ["/v1/ask"]


def test_the_original_opens_where_the_quote_stands(site: Site) -> None:
    site.page.goto(site.origin)
    site.ask()

    link = site.page.get_by_role("link", name="Open original")
    expect(link).to_have_attribute("href", "/view#document=d1&version=1&start=12&end=20&page=3")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_page_is_accessible_and_fits(site: Site, scheme: str, width: int) -> None:
    site.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    site.page.set_viewport_size({"width": width, "height": 640})
    site.page.goto(site.origin)
    expect(site.page.get_by_test_id("question")).to_be_visible()
    assert violations(site.page) == []

    site.written.words += ("x" * 200,)
    site.ask()
    expect(site.page.get_by_test_id("source")).to_be_visible()

    assert violations(site.page) == []
    assert site.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
