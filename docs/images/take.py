"""Take the pictures of the chat page for README and docs: python docs/images/take.py"""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from bench.service import ROOT, start, stop, wait_until

FOLDER = Path(__file__).parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
QUESTION = "When am I allowed to fly business class, and who has to agree beforehand?"


def take(page: Page, url: str, name: str) -> None:
    """Ask the question on the page and save what a reader sees."""
    page.goto(url)
    page.get_by_test_id("question").fill(QUESTION)
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("citation").first).to_be_visible(timeout=60_000)
    expect(page.get_by_test_id("stop")).to_be_hidden()
    page.screenshot(path=FOLDER / name)


def main() -> None:
    """One picture a colour scheme, and one of the start page on a phone."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        service = start(Path(folder), "--samples", str(ROOT / "samples"))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        try:
            checks = "/readyz"
            wait_until(lambda: service.http.get(checks).json()["checks"]["generator"]["status"] == "ok")
            for scheme, name in (("light", "chat.png"), ("dark", "chat-dark.png")):
                size = {"width": 1280, "height": 800}
                page = browser.new_page(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
                take(page, service.url, name)
                page.close()
            page = browser.new_page(viewport={"width": 375, "height": 720})
            page.goto(service.url)
            page.screenshot(path=FOLDER / "phone.png")
        finally:
            browser.close()
            stop(service)


if __name__ == "__main__":
    main()
