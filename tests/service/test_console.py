"""The console in a real Chromium: folders dropped in, followed, read beside their passages, changed many at once."""

import gzip
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bench.service import ROOT, Service
from rag.database import connect
from rag.keys import Keys
from rag.types import Scope
from tests.service.console import HOSTILE, Visit, assert_accessible

SCRIPT = b"# <script src=//evil.example></script>\n\n<img src=//evil.example onerror=\"document.title='taken'\"> Words."
RULES = "# Bicycle rules\n\nCompany bicycles are kept in shed 4.\n\n## Loans\n\nA bicycle may be lent for 14 days.\n"


def drop(page: Page, path: Path) -> None:
    """Let go of a file or folder over the page, as the file manager does."""
    devtools = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for moment in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": moment, "x": 600, "y": 300, "data": data})


def test_a_dropped_folder_is_followed_and_its_passages_are_marked_in_the_text(
    page: Page, visit: Visit, service: Service, tmp_path: Path
) -> None:
    folder = tmp_path / "handbook"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "bicycles.md").write_text(RULES, encoding="utf-8")
    (folder / ".hidden").write_text("left out", encoding="utf-8")
    visit("documents?collection=console-drop")
    expect(page.get_by_test_id("limits")).to_contain_text("Up to 105 MB")

    drop(page, folder)
    expect(page.get_by_test_id("upload-row")).to_contain_text("Ready", timeout=30_000)
    expect(page.get_by_test_id("uploads")).to_contain_text("1 document ready")
    assert_accessible(page)
    row = page.get_by_test_id("row").filter(has_text="handbook/inner/bicycles.md")
    expect(row).to_contain_text("Ready")
    row.get_by_role("link", name="Bicycle rules").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Bicycle rules")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.get_by_test_id("chunk").filter(has_text="14 days").click()
    expect(page.get_by_test_id("text").locator("mark")).to_contain_text("A bicycle may be lent for 14 days.")
    expect(page).to_have_url(re.compile(r"\?chunk=\d"))
    assert_accessible(page)
    page.get_by_test_id("text").get_by_text("shed 4", exact=False).first.click(position={"x": 8, "y": 8})
    expect(page.get_by_test_id("text").locator("mark")).to_contain_text("Bicycle rules")


def test_a_passage_of_a_pdf_is_marked_on_its_page_and_chosen_from_it(
    page: Page, visit: Visit, service: Service
) -> None:
    content = (ROOT / "samples" / "plover-300-manual.pdf").read_bytes()
    document = service.ingest("plover.pdf", content, collection="console-pdf")
    visit(f"documents/{document['id']}")

    page.get_by_test_id("chunk").filter(has_text="forklift").click()
    expect(page.get_by_role("img", name=re.compile("Page 3 of"))).to_be_visible()
    expect(page.get_by_test_id("box").first).to_be_visible()
    assert_accessible(page)

    page.locator(".region").last.click()
    chosen = page.locator('[data-testid="chunk"][aria-current="true"]')
    expect(chosen).not_to_contain_text("forklift")
    page.get_by_role("button", name="Text").click()
    expect(page.get_by_test_id("text").locator("mark")).to_be_visible()


def test_selected_documents_are_deleted_after_a_confirmation_that_names_them(
    page: Page, visit: Visit, service: Service
) -> None:
    for name in ("alder.md", "birch.md", "cedar.md"):
        service.ingest(name, name.encode(), collection="console-delete")
    visit("documents?collection=console-delete")
    page.get_by_label("Select alder").check()
    page.get_by_label("Select birch").check()
    assert_accessible(page)

    page.get_by_test_id("bulk").get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete 2 documents?")
    expect(dialog).to_contain_text("alder")
    expect(dialog).to_contain_text("cannot be undone")
    assert_accessible(page)
    dialog.get_by_role("button", name="Delete").click()

    expect(page.get_by_test_id("row")).to_have_count(1)
    left = service.http.get("/v1/documents?collection=console-delete").json()["documents"]
    assert [document["filename"] for document in left] == ["cedar.md"]


def test_a_move_of_many_is_taken_back(page: Page, visit: Visit, service: Service) -> None:
    service.ingest("elm.md", b"Elms.", collection="console-elms")
    service.ingest("fir.md", b"Firs.", collection="console-firs")
    visit("documents?q=.md")
    page.get_by_label("Select elm").check()
    page.get_by_label("Select fir").check()

    page.get_by_test_id("bulk").get_by_role("button", name="Move").click()
    dialog = page.get_by_role("dialog", name="Move 2 documents")
    dialog.get_by_label("Collection").fill("console-trees")
    dialog.get_by_role("button", name="Move").click()
    expect(page.get_by_test_id("toasts")).to_contain_text("2 documents moved")
    assert collections_of(service, "console-trees") == {"elm.md", "fir.md"}
    page.get_by_test_id("toasts").get_by_role("button", name="Undo").click()

    expect(page.get_by_test_id("toasts")).to_contain_text("Undone")
    assert collections_of(service, "console-elms") == {"elm.md"}
    assert collections_of(service, "console-firs") == {"fir.md"}


def collections_of(service: Service, collection: str) -> set[str]:
    body = service.http.get("/v1/documents", params={"collection": collection}).json()
    return {document["filename"] for document in body["documents"]}


def test_filters_live_in_the_address_and_back_takes_one_back(page: Page, visit: Visit, service: Service) -> None:
    service.ingest("good-report.md", b"Good.", collection="console-filter")
    service.ingest("bad-report.pdf", b"%PDF-1.4 broken", collection="console-filter")
    visit("documents?collection=console-filter")
    row = page.get_by_test_id("row")
    expect(row).to_have_count(2)

    page.get_by_role("button", name="Failed 1").click()
    expect(row).to_have_count(1)
    expect(row).to_contain_text("cannot be read")
    assert_accessible(page)
    expect(page).to_have_url(re.compile("collection=console-filter&status=failed"))
    page.get_by_test_id("search").fill("nothing")
    expect(page.get_by_text("No document matches.")).to_be_visible()
    expect(page).to_have_url(re.compile("q=nothing"))

    page.go_back()
    expect(row).to_have_count(2)
    expect(page.get_by_role("button", name="All 2")).to_have_attribute("aria-pressed", "true")


def test_changed_details_are_saved_and_taken_back(page: Page, visit: Visit, service: Service) -> None:
    form = {"collection": "console-details", "metadata": '{"team": "sales"}'}
    document = service.ingest("offer.md", b"An offer.", **form)
    visit(f"documents/{document['id']}")

    page.get_by_role("button", name="Edit details").click()
    page.get_by_label("Value").fill("support")
    page.get_by_label("Groups that may see it").fill("hr, board")
    assert_accessible(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("hr, board")).to_be_visible()
    assert service.settled(document["id"])["metadata"] == {"team": "support"}
    page.get_by_role("button", name="Undo").click()

    expect(page.get_by_text("everyone")).to_be_visible()
    after = service.settled(document["id"])
    assert (after["metadata"], after["access"]) == ({"team": "sales"}, [])


def test_an_earlier_version_is_restored(page: Page, visit: Visit, service: Service) -> None:
    named = {"collection": "console-versions", "source_id": "wiki/parking"}
    service.ingest("parking.md", b"Park at the front.", **named)
    document = service.ingest("parking.md", b"Park at the back.", **named)
    visit(f"documents/{document['id']}")
    page.get_by_text("2 versions").click()

    page.get_by_role("button", name="Restore version 1").click()

    expect(page.get_by_text("3 versions")).to_be_visible()
    expect(page.get_by_test_id("chunk")).to_contain_text("front", timeout=30_000)


def test_names_and_titles_run_no_script(page: Page, visit: Visit, service: Service) -> None:
    document = service.ingest(f"{HOSTILE}.md", SCRIPT, collection="console-hostile", source_id=HOSTILE)
    visit("documents?collection=console-hostile")
    row = page.get_by_test_id("row")
    expect(row).to_contain_text(HOSTILE)
    row.get_by_role("checkbox").check()
    page.get_by_test_id("bulk").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()

    visit(f"documents/{document['id']}")
    page.get_by_test_id("chunk").first.click()

    expect(page.get_by_test_id("text").locator("mark")).to_contain_text("<img src=//evil.example")
    assert page.locator("main img, main script").count() == 0
    expect(page).to_have_title(re.compile("Attest console"))


def test_a_key_without_the_right_to_write_sees_no_way_to(page: Page, visit: Visit, service: Service) -> None:
    service.ingest("open.md", b"For everyone.", collection="console-rights")
    engine = connect(service.database_url)
    key = Keys(engine).create("reader", [Scope.DOCUMENTS_READ])
    engine.dispose()
    page.evaluate("key => sessionStorage.setItem('attest.key', key)", key)
    visit("documents")

    expect(page.get_by_role("navigation").get_by_role("link")).to_have_text(["Documents", "Collections"])
    expect(page.get_by_test_id("row").first).to_be_visible()
    expect(page.get_by_role("button", name="Add files")).to_have_count(0)
    expect(page.get_by_test_id("row").get_by_role("checkbox")).to_have_count(0)
    visit("usage")
    expect(page.get_by_role("heading", level=1)).to_have_text("This key may not see this page")


def test_the_first_load_is_small(page: Page, visit: Visit) -> None:
    sizes: list[int] = []
    files = re.compile("/console|/static/")
    page.on(
        "response", lambda answer: sizes.append(len(gzip.compress(answer.body()))) if files.search(answer.url) else None
    )
    visit("documents")
    expect(page.get_by_test_id("limits")).to_contain_text("Up to")

    assert 10_000 < sum(sizes) < 150_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_console_fits_a_phone_and_is_worked_by_keyboard(page: Page, visit: Visit, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": 375, "height": 812})
    visit("documents")
    expect(page.get_by_role("button", name="Add files")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 375

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.get_by_role("button", name="Menu").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Collections")).to_be_visible()
    assert_accessible(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Collections")).to_be_hidden()
