"""Two services for all tests of this folder, with the defaults and at scale; tests use collections of their own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import httpx
import psutil
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from bench.service import ROOT, Service, answers, free_port, start, stop, wait_until
from tests.service.console import Visit
from tests.service.widget import Site, opened_site

DEFAULTS, AT_SCALE = "defaults", "at scale"
# Chromium asks its maker's hosts at every start unless told not to; root needs --no-sandbox.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on the services that its mark names. By the scope, pytest orders the tests: each starts once."""
    if "service" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("on")
        metafunc.parametrize("service", mark.args if mark else [DEFAULTS], indirect=True, scope="session")


@pytest.fixture(scope="session")
def at_scale(postgres_url: str, s3: dict[str, str], rabbitmq: tuple[str, psutil.Process]) -> dict[str, str]:
    """Settings of a service whose registry, originals and queue are on servers of their own."""
    elsewhere = {"RAG_DATABASE_URL": postgres_url, "RAG_BROKER_URL": rabbitmq[0]}
    return s3 | elsewhere | {"RAG_WORKER_LEASE_S": "5"}  # tests wait less for work that is taken over


@pytest.fixture(scope="session")
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service without a generator: answers are quoted passages. Tests share it and use collections of their own."""
    settings: dict[str, str] = request.getfixturevalue("at_scale") if request.param == AT_SCALE else {}
    settings = settings | {"RAG_SOURCES_ALLOWED_HOSTS": "127.0.0.1"}
    running = start(tmp_path_factory.mktemp("service"), "--generator", "none", port=None, **settings)
    yield running
    stop(running)


@pytest.fixture
def broker(request: pytest.FixtureRequest, service: Service) -> psutil.Process:
    """The process of the service's broker."""
    if "RAG_BROKER_URL" not in service.settings:
        return service.processes()["redis"]
    process: psutil.Process = request.getfixturevalue("rabbitmq")[1]
    return process


@pytest.fixture(scope="session")
def small_limit(service: Service) -> Iterator[Service]:
    """A second API on the same parts, whose documents may have one megabyte."""
    port = free_port()
    settings = service.shared() | {"RAG_API_PORT": str(port), "RAG_API_MAX_UPLOAD_BYTES": "1000000"}
    process = subprocess.Popen(
        [sys.executable, "-m", "api"],
        env=os.environ | settings,
        cwd=ROOT,
        text=True,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: answers(f"{url}/healthz"))
    with httpx.Client(base_url=url, timeout=60) as http:
        yield replace(service, url=url, process=process, http=http)
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")  # for longer, its event loop would be in the way of asyncio.run
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """The chat page; at the end it must have made no request elsewhere and no script error."""
    context = browser.new_context()
    opened = context.new_page()
    errors: list[str] = []
    requests: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("request", lambda request: requests.append(request.url))
    opened.goto(service.url)
    yield opened
    context.close()
    assert errors == []
    assert [url for url in requests if not url.startswith(service.url)] == []


@pytest.fixture
def site(browser: Browser) -> Iterator[Site]:
    """A site of someone else that has the widget."""
    with opened_site(browser) as opened:
        yield opened


@pytest.fixture
def visit(page: Page, service: Service) -> Visit:
    """Open a path of the console."""

    def go(path: str) -> None:
        page.goto(f"{service.url}/console/{path}")

    return go
