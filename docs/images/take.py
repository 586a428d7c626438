"""Take the pictures of README and docs: python docs/images/take.py"""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from bench.pages import shop
from bench.service import ROOT, Service, start, stop, wait_until

FOLDER = Path(__file__).parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
QUESTION = "When am I allowed to fly business class, and who has to agree beforehand?"
LARGE, PHONE = {"width": 1280, "height": 800}, {"width": 375, "height": 720}


def ask(page: Page) -> None:
    """Ask the question and wait until its answer is whole."""
    page.get_by_test_id("question").fill(QUESTION)
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("citation").first).to_be_visible(timeout=60_000)
    expect(page.get_by_test_id("stop")).to_be_hidden()


def chat(browser: Browser, service: Service) -> None:
    """The chat page in both colour schemes, and as a phone shows it."""
    for scheme, name in (("light", "chat.png"), ("dark", "chat-dark.png")):
        page = browser.new_page(viewport=LARGE, color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(service.url)
        ask(page)
        page.screenshot(path=FOLDER / name)
        page.close()
    page = browser.new_page(viewport=PHONE)  # type: ignore[arg-type]
    page.goto(service.url)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=FOLDER / "phone.png")
    page.close()


def widget(browser: Browser, service: Service) -> None:
    """The widget on somebody's page."""
    with shop(service, "<h1>Nelthwaite Packaging</h1><p>Case sealers from Leeds, since 1987.</p>") as url:
        page = browser.new_page(viewport=LARGE)  # type: ignore[arg-type]
        page.goto(url)
        page.locator("attest-chat button.launcher").click()
        ask(page)
        page.screenshot(path=FOLDER / "widget.png")
        page.close()


def console(browser: Browser, service: Service) -> None:
    """The console's list, one document beside its passages, and the search test."""
    manual = service.http.get("/v1/documents", params={"q": "plover-300"}).json()["documents"][0]["id"]
    places = {
        "console.png": "documents",
        "console-document.png": f"documents/{manual}?chunk=3",
        "console-search.png": "search?q=How+often+is+the+tape+knife+replaced%3F",
    }
    for name, place in places.items():
        page = browser.new_page(viewport=LARGE)  # type: ignore[arg-type]
        page.goto(f"{service.url}/console/{place}")
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(500)
        page.screenshot(path=FOLDER / name)
        page.close()


def main() -> None:
    """Start a service with the samples and the model that `make run` takes here, and look at it."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        service = start(Path(folder), "--samples", str(ROOT / "samples"), port=None)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        try:
            wait_until(lambda: service.http.get("/readyz").json()["checks"]["generator"]["status"] == "ok")
            for take in (chat, widget, console):
                take(browser, service)
        finally:
            browser.close()
            stop(service)


if __name__ == "__main__":
    main()
