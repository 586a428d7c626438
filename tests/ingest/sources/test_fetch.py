"""One GET: redirects, limits, conditions, TLS."""

import gzip
import ssl
import time
from collections.abc import Callable

import pytest
import trustme

from ingest.sources.fetch import Fetcher, Page
from ingest.sources.guard import Guard
from rag.errors import DocumentTooLarge, FetchFailed, FetchRefused, PageGone
from tests.http_server import Exchange
from tests.ingest.sources.conftest import Site, answer, https_site

Make = Callable[..., Fetcher]


def body(page: Page) -> bytes:
    assert page.file is not None
    with page.file as file:
        return file.read()


def test_a_page_comes_with_its_name_and_type(site: Site, fetcher: Make) -> None:
    site.put("/guide/leave", "<p>28 days</p>", "text/html; charset=utf-8")

    page = fetcher().get(site.url("/guide/leave"))

    assert (page.media_type, page.filename) == ("text/html", "leave.html")
    assert body(page) == b"<p>28 days</p>"


@pytest.mark.parametrize(
    ("path", "headers", "name"),
    [
        ("/", {}, "127.0.0.1.html"),
        ("/a/price%20list.pdf", {"Content_Type": "application/pdf"}, "price list.pdf"),
        ("/download?id=7", {"Content_Disposition": 'attachment; filename="../../etc/rota.csv"'}, "rota.csv"),
        ("/get", {"Content_Disposition": "attachment; filename*=UTF-8''%C3%9Cbersicht.md"}, "Übersicht.md"),
    ],
)
def test_a_name_comes_from_header_path_or_host(
    site: Site, fetcher: Make, path: str, headers: dict[str, str], name: str
) -> None:
    site.pages[path] = answer(200, b"text", **headers)

    page = fetcher().get(site.url(path))

    assert page.filename == name
    body(page)


def test_a_page_that_has_not_changed_is_not_sent_again(site: Site, fetcher: Make) -> None:
    site.put("/a", "one")
    first = fetcher().get(site.url("/a"))
    body(first)

    again = fetcher().get(site.url("/a"), first.validator)
    site.put("/a", "two")
    changed = fetcher().get(site.url("/a"), first.validator)

    assert (again.file, again.validator) == (None, first.validator)
    assert body(changed) == b"two"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, PageGone),
        (410, PageGone),
        (401, FetchRefused),
        (403, FetchRefused),
        (429, FetchFailed),
        (500, FetchFailed),
        (503, FetchFailed),
        (204, FetchFailed),
        (304, FetchFailed),
        (302, FetchFailed),
    ],
)
def test_a_status_is_told_apart_by_what_it_means_for_a_document(
    site: Site, fetcher: Make, status: int, error: type[Exception]
) -> None:
    site.pages["/a"] = answer(status)

    with pytest.raises(error):
        fetcher().get(site.url("/a"))


def test_redirects_are_followed_and_the_page_has_the_last_url(site: Site, fetcher: Make) -> None:
    site.pages["/old"] = answer(301, Location="/newer")
    site.pages["/newer"] = answer(308, Location="new#part")
    site.pages["/for-now"] = answer(302, Location="/new")
    site.put("/new", "here")

    page, for_now = fetcher().get(site.url("/old")), fetcher().get(site.url("/for-now"))

    assert (page.url, page.has_moved, body(page)) == (site.url("/new"), True, b"here")
    assert (for_now.url, for_now.has_moved, body(for_now)) == (site.url("/new"), False, b"here")


@pytest.mark.parametrize(
    "location", ["http://127.0.0.2/", "http://169.254.169.254/", "file:///etc/passwd", "//u:p@127.0.0.1/", "/again"]
)
def test_a_redirect_is_checked_like_the_first_url(site: Site, fetcher: Make, location: str) -> None:
    site.pages["/again"] = answer(302, Location=location)

    with pytest.raises(FetchRefused):
        fetcher().get(site.url("/again"))


def test_no_more_is_read_than_a_document_may_have(site: Site, fetcher: Make) -> None:
    site.put("/big", b"x" * 2001)
    site.pages["/bomb"] = answer(200, gzip.compress(b"x" * 3_000_000), Content_Encoding="gzip")

    for path in ("/big", "/bomb"):
        with pytest.raises(DocumentTooLarge):
            fetcher(max_bytes=2000).get(site.url(path))


def test_a_body_that_is_zipped_unasked_is_read_and_a_broken_one_is_not(site: Site, fetcher: Make) -> None:
    zipped = gzip.compress(b"plain" * 1000)
    site.pages["/zipped"] = answer(200, zipped, Content_Encoding="gzip")
    site.pages["/cut"] = answer(200, zipped[:-9], Content_Encoding="gzip")
    site.pages["/strange"] = answer(200, zipped, Content_Encoding="br")

    assert body(fetcher().get(site.url("/zipped"))) == b"plain" * 1000
    for path in ("/cut", "/strange"):
        with pytest.raises(FetchFailed):
            fetcher().get(site.url(path))


@pytest.mark.parametrize("does_drip", [True, False])
def test_a_host_that_drips_or_says_nothing_is_left_when_the_time_is_over(
    site: Site, fetcher: Make, does_drip: bool
) -> None:
    def stall(exchange: Exchange) -> None:
        exchange.handler.send_response(200)
        while not site.server.ending.wait(0.05):
            exchange.handler.wfile.write(b"X-Slow: 1\r\n" if does_drip else b"")

    site.pages["/"] = stall
    started = time.monotonic()

    with pytest.raises(FetchFailed, match="within its time"):
        fetcher(total_s=0.3).get(site.url("/"))

    assert time.monotonic() - started < 3


def test_a_host_that_is_not_there_is_a_failure_that_may_pass(fetcher: Make) -> None:
    with pytest.raises(FetchFailed):
        fetcher().get("http://127.0.0.1:9/")


def test_no_proxy_of_the_environment_and_no_key_is_used(
    site: Site, fetcher: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.delenv("no_proxy")
    site.pages["/a"] = answer(302, Location="/b", Set_Cookie="session=1")
    site.put("/b", "here")

    body(fetcher().get(site.url("/a")))

    assert {"Cookie", "Authorization"}.isdisjoint(site.server.seen[-1].headers)


def test_a_certificate_is_checked_for_the_name_although_the_address_is_pinned() -> None:
    authority = trustme.CA()
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    with https_site(authority.issue_cert("pinned.example")) as port:
        guard = Guard(allowed_hosts="127.0.0.1", resolver=lambda _host, _port: ["127.0.0.1"])
        fetcher = Fetcher(guard=guard, max_bytes=1000, total_s=5, tls=trusted)

        page = fetcher.get(f"https://pinned.example:{port}/")

        assert body(page) == b"safe"
        with pytest.raises(FetchFailed, match="certificate"):
            fetcher.get(f"https://other.example:{port}/")
        with pytest.raises(FetchRefused, match="from https to http"):
            fetcher.get(f"https://pinned.example:{port}/down")
