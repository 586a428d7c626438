"""The chat page in a real Chromium: drop a document in, ask, read the cited answer, delete."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from bench.service import Service

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
