"""A page of someone else with the widget on it, in a real Chromium."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page

from tests.chat_service import Written, served, site_app, written_app

HTML = """<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>Garden shop</title>
<meta name="viewport" content="width=device-width">{head}</head>
<body><main><h1>Garden shop</h1><p id="text">We sell spades.</p></main>
<script src="{origin}/widget.js" data-site="{key}" {attributes} async></script></body></html>"""


@dataclass(kw_only=True)
class Site:
    """The site at `url` and the service at `origin`, which says what is `written`. `faults` must stay empty."""

    page: Page
    written: Written
    url: str
    origin: str
    key: str = "site_x"
    pages: dict[str, tuple[str, dict[str, str]]]
    faults: list[str] = field(default_factory=list)

    def embed(self, attributes: str = "", *, language: str = "en", head: str = "") -> Locator:
        """Open a page that allows the service's scripts and connections, and nothing else; return the button."""
        scripts, styles = (" 'unsafe-inline'", "; style-src 'unsafe-inline'") if head else ("", "")  # for its own
        own = f"default-src 'none'; script-src {self.origin}{scripts}; connect-src {self.origin}{styles}"
        html = HTML.format(language=language, head=head, origin=self.origin, key=self.key, attributes=attributes)
        self.pages["/"] = self.pages["/next"] = (html, {"Content-Security-Policy": own})
        self.page.goto(self.url)
        return self.page.locator("attest-chat button.launcher")

    def open(self, attributes: str = "", *, language: str = "en", head: str = "") -> None:
        self.embed(attributes, language=language, head=head).click()
        self.page.get_by_test_id("question").wait_for()

    def ask(self, question: str = "How much leave is there?") -> Locator:
        self.page.get_by_test_id("question").fill(question)
        self.page.get_by_test_id("send").click()
        return self.page.get_by_test_id("answer").last


@contextmanager
def opened_site(browser: Browser) -> Iterator[Site]:
    """Give a site; at the end nothing must have been fetched elsewhere, refused by its policy or thrown."""
    written, pages = Written(), dict[str, tuple[str, dict[str, str]]]()
    with served(written_app(written)) as origin, served(site_app(pages)) as url:
        context = browser.new_context(reduced_motion="reduce")
        page = context.new_page()
        site = Site(page=page, written=written, url=url, origin=origin, pages=pages)
        page.on("pageerror", lambda error: site.faults.append(str(error)))
        page.on("console", lambda said: _note_policy(site, said.text))
        context.on("request", lambda request: _note_elsewhere(site, request.url))
        yield site
        context.close()
    assert site.faults == []


def _note_policy(site: Site, said: str) -> None:
    if "Content Security Policy" in said:
        site.faults.append(said)


def _note_elsewhere(site: Site, url: str) -> None:
    if not url.startswith((site.url, site.origin, "blob:", "about:")):
        site.faults.append(url)


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong with a page as it is now."""
    return [f"{found['id']}: {found['nodes'][0]['html']}" for found in Axe().run(page).response["violations"]]
