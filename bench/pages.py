"""What a browser does with the pages: the widget until it is seen, a long answer while it streams, the first load."""

import gzip
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from playwright.sync_api import Browser, Page, sync_playwright

from bench.measure import Measure
from bench.service import ROOT, Service, start, stop
from bench.streams import stub_engine

T = TypeVar("T")
RUNS = 15
TOKENS = 2000
TOKENS_PER_S = 200.0
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
QUESTION = "How often is the tape knife of a Plover 300 replaced?"
HOST = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title>{text}
<script src="{url}/widget.js" data-site="{key}"></script>"""
PAINTED = """() => new Promise((resolve) => {
  const from = performance.getEntriesByType("resource").find((one) => one.name.endsWith("/widget.js")).responseEnd;
  const seen = () => {
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    if (paint) resolve(paint.startTime - from);
    else requestAnimationFrame(seen);
  };
  seen();
})"""
WATCH = """() => {
  window.tasks = [];
  new PerformanceObserver((list) => list.getEntries().forEach((one) => tasks.push(one.duration)))
    .observe({ type: "longtask" });
}"""


def run() -> list[Measure]:
    """Open the pages in Chromium, each time as somebody who was never here."""
    with tempfile.TemporaryDirectory() as folder, stub_engine(TOKENS_PER_S) as engine, sync_playwright() as playwright:
        settings = {
            "RAG_GENERATOR_URL": engine,
            "RAG_GENERATOR_ANSWER_TOKENS": str(TOKENS),
            "RAG_GENERATOR_CONTEXT_TOKENS": "8192",
            "RAG_CACHE_KEEP_S": "0",
        }
        service = start(Path(folder), "--samples", str(ROOT / "samples"), port=None, **settings)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        try:
            return [_widget(browser, service), *_long_answer(browser, service), _first_load(browser, service)]
        finally:
            browser.close()
            stop(service)


def _widget(browser: Browser, service: Service) -> Measure:
    with shop(service) as url:
        seen_ms = [_in_new_context(browser, lambda page: _until_painted(page, url)) for _ in range(RUNS)]
    return Measure(
        name="pages.widget.first_paint",
        value=median(seen_ms),
        unit="ms",
        n=RUNS,
        reference=50,
        note="p50, from the script's last byte until its button is painted",
    )


def _until_painted(page: Page, url: str) -> float:
    page.goto(url)
    return float(page.evaluate(PAINTED))


@contextmanager
def shop(service: Service, text: str = "") -> Iterator[str]:
    """A site of another origin whose visitors may ask; its page has this HTML, by default nothing to paint."""
    with tempfile.TemporaryDirectory() as folder:
        handler = partial(_Quiet, directory=folder)
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        site = service.http.post("/v1/sites", json={"name": "Shop", "origins": [url], "collections": ["default"]})
        html = HOST.format(text=text, url=service.url, key=site.raise_for_status().json()["key"])
        (Path(folder) / "index.html").write_text(html, encoding="utf-8")
        yield url
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def _long_answer(browser: Browser, service: Service) -> list[Measure]:
    def ask(page: Page) -> list[float]:
        page.goto(service.url)
        page.evaluate(WATCH)
        page.get_by_test_id("question").fill(QUESTION)
        page.get_by_test_id("send").click()
        page.get_by_test_id("stop").wait_for(state="visible")
        page.get_by_test_id("stop").wait_for(state="hidden", timeout=60_000)
        return [float(task) for task in page.evaluate("tasks")]

    tasks = _in_new_context(browser, ask)
    rest: dict[str, Any] = {"n": TOKENS, "note": f"while {TOKENS} tokens are streamed at {TOKENS_PER_S:.0f} a second"}
    return [
        Measure(name="pages.long_answer.long_tasks", value=len(tasks), unit="tasks over 50 ms", **rest),
        Measure(name="pages.long_answer.longest_task", value=max(tasks, default=0.0), unit="ms", reference=50, **rest),
    ]


def _first_load(browser: Browser, service: Service) -> Measure:
    def load(page: Page) -> float:
        sizes: list[int] = []
        page.on("response", lambda response: sizes.append(len(gzip.compress(response.body(), 9))))
        page.goto(f"{service.url}/console", wait_until="networkidle")
        return sum(sizes) / 1000

    size_kb = _in_new_context(browser, load)
    return Measure(name="pages.console.first_load", value=size_kb, unit="kB, gzip", n=1, reference=150)


def _in_new_context(browser: Browser, use: Callable[[Page], T]) -> T:
    context = browser.new_context()
    try:
        return use(context.new_page())
    finally:
        context.close()
