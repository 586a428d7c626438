"""Web pages as a source: one page, a site from link to link, or a sitemap. robots.txt is obeyed, one host at a time."""

import mimetypes
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import BinaryIO
from urllib.parse import urlsplit

from protego import Protego

from ingest.parse.kinds import EXTENSIONS
from ingest.sources.fetch import Fetcher
from ingest.sources.listing import Found, Gone, Options, Record, Trouble
from ingest.sources.markup import SITEMAP_BYTES, links_of, sitemap_of
from ingest.sources.patterns import fits
from ingest.sources.urls import checked
from rag.errors import FetchFailed, FetchRefused, PageGone, RagError, TransientError
from rag.sources import Item

ROBOT = "Attest"
ROBOTS_BYTES = 512_000
MAX_DELAY_S = 60.0
MAX_SITEMAPS = 500
MAX_FAILURES = 10  # in a row; then the host is left alone until the next run
NO_PAGES = ("image/", "audio/", "video/", "font/")
NO_PAGE_ENDINGS = {".css", ".js", ".json", ".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".exe", ".dmg", ".iso"}
HTML = {"text/html", "application/xhtml+xml"}


def read_page(url: str, known: Mapping[str, Item], visitor: "Visitor") -> Iterator[Record]:
    """Yield what one page is now."""
    url = checked(url)
    visitor.require_robots_leave(url)
    records, target = visitor.visit(url, known)
    yield from records
    if target is not None:
        visitor.require_robots_leave(target)
        yield from visitor.visit(target, known)[0]


def crawl(start: str, options: Options, known: Mapping[str, Item], visitor: "Visitor") -> Iterator[Record]:
    """Yield the pages that are at most `depth` links away from `start` and on the host that it leads to.

    A page that cannot be read now hides the pages that only it leads to.
    """
    start = checked(start)
    visitor.require_robots_leave(start)
    host = None
    waiting, queued = deque([(start, 0)]), {start}
    while waiting:
        url, depth = waiting.popleft()
        links: tuple[str, ...] = ()
        records, target = visitor.visit(url, known)
        for record in records:
            if isinstance(record, Gone) and host is None:
                raise FetchFailed(f"{url}: the first page is not there, so that nothing is known of the others.")
            if isinstance(record, Trouble) and _had_links(record, known):
                record = replace(record, hides_others=True)  # noqa: PLW2901  # the same one, with more in it
            yield record
            links = record.links if isinstance(record, Found) else links
        if target is None:
            host = host or urlsplit(url).netloc
        elif host is None:
            host = urlsplit(target).netloc
        nearer = [(target, depth)] if target else [(link, depth + 1) for link in links if depth < options.depth]
        for link, away in nearer:
            is_wanted = (target is not None and url == start) or _is_wanted(link, host, options)
            if link not in queued and is_wanted and visitor.has_robots_leave(link):
                queued.add(link)
                waiting.append((link, away))
        if len(queued) > options.max_pages:
            raise FetchRefused(f"{start}: more than {options.max_pages:,} pages; the rest is not read. See max_pages.")


def read_sitemap(url: str, options: Options, known: Mapping[str, Item], visitor: "Visitor") -> Iterator[Record]:
    """Yield the pages that a sitemap lists, itself or in the sitemaps that it lists, and that are on its host."""
    url = checked(url)
    try:
        host, is_index, listed = visitor.sitemap(url)
    except RagError as exc:
        raise FetchFailed(f"The sitemap cannot be read. {exc.detail}") from exc
    pages = dict.fromkeys(() if is_index else listed)
    sitemaps = [link for link in dict.fromkeys(listed) if is_index and urlsplit(link).netloc == host]
    for sitemap in sitemaps[:MAX_SITEMAPS]:
        try:
            _, _, inner = visitor.sitemap(sitemap)
            pages |= dict.fromkeys(inner)
        except RagError as exc:
            yield Trouble(key=sitemap, error=exc, hides_others=True)
    wanted = [page for page in pages if _is_wanted(page, host, options)]
    if pages and not wanted:
        raise FetchRefused(f"{url}: none of its {len(pages):,} pages is on {host} and fits the patterns.")
    if len(wanted) > options.max_pages or len(sitemaps) > MAX_SITEMAPS:
        raise FetchRefused(f"{url}: more than {options.max_pages:,} pages or {MAX_SITEMAPS} sitemaps. See max_pages.")
    for page in wanted:
        if visitor.has_robots_leave(page):
            records, target = visitor.visit(page, known)
            yield from records
            if target is not None and target not in pages and _is_wanted(target, host, options):
                yield from visitor.visit(target, known)[0]


class Visitor:
    """Fetches the pages of one source, not faster than allowed, and remembers the robots.txt of each host."""

    def __init__(self, fetcher: Fetcher, options: Options) -> None:
        self._fetcher = fetcher
        self._options = options
        self._rules: dict[str, Protego | None] = {}
        self._next_at = 0.0
        self._failures = 0

    def visit(self, url: str, known: Mapping[str, Item]) -> tuple[list[Record], str | None]:
        """Return what a page is now, and where it leads if that is another URL, which has not been read then."""
        item = known.get(url)
        try:
            self._wait(url)
            page = self._fetcher.get(url, item.validator if item else None)
        except PageGone:
            return [Gone(key=url)], None
        except RagError as exc:
            self._count(exc)
            return [Trouble(key=url, error=exc)], None
        self._failures = 0
        if page.url != url:
            if page.file:
                page.file.close()
            return self._redirected(url, page.url, is_known=item is not None, has_moved=page.has_moved)
        links = item.links if item else ()
        if page.file is not None:
            links = links_of(page.file, url) if self._options.depth and page.media_type in HTML else ()
        found = Found(key=url, filename=page.filename, validator=page.validator, links=links, file=page.file)
        return [found], None

    def _redirected(self, url: str, target: str, *, is_known: bool, has_moved: bool) -> tuple[list[Record], str | None]:
        """A known page has moved if its host says so for good; for the time being, it stays as it is."""
        if is_known and not has_moved:
            error = FetchFailed(f"{url} leads to {target} for the time being; its document stays as it is.")
            return [Trouble(key=url, error=error)], None
        return ([Gone(key=url)] if is_known else []), target

    def sitemap(self, url: str) -> tuple[str, bool, list[str]]:
        """Return a sitemap's host, after redirects, and what it lists: see `ingest.sources.markup.sitemap_of`."""
        self.require_robots_leave(url)
        self._wait(url)
        at, file = self._open(url, SITEMAP_BYTES)
        with file:
            return urlsplit(at).netloc, *sitemap_of(file, at)

    def require_robots_leave(self, url: str) -> None:
        """Raise FetchRefused if the host's robots.txt forbids the URL."""
        if not self.has_robots_leave(url):
            raise FetchRefused(f"{url}: the robots.txt of its host forbids it.")

    def has_robots_leave(self, url: str) -> bool:
        """Whether robots.txt lets us read a URL; without one, everything may be read. Raise FetchFailed."""
        rules = self._rules_of(url)
        return rules is None or rules.can_fetch(url, ROBOT)

    def _rules_of(self, url: str) -> Protego | None:
        host = urlsplit(url).netloc
        if host not in self._rules:
            robots_url = f"{urlsplit(url).scheme}://{host}/robots.txt"
            try:
                _, file = self._open(robots_url, ROBOTS_BYTES)
                with file:
                    self._rules[host] = Protego.parse(file.read().decode("utf-8", errors="replace"))
            except (PageGone, FetchRefused):  # RFC 9309: none, or not for us: everything may be read
                self._rules[host] = None
        return self._rules[host]

    def _open(self, url: str, max_bytes: int) -> tuple[str, BinaryIO]:
        page = replace(self._fetcher, max_bytes=max_bytes).get(url)
        assert page.file is not None  # nothing was said of an earlier state  # noqa: S101
        return page.url, page.file

    def _wait(self, url: str) -> None:
        rules = self._rules_of(url)
        asked_s = min(rules.crawl_delay(ROBOT) or 0.0, MAX_DELAY_S) if rules else 0.0
        time.sleep(max(0.0, self._next_at - time.monotonic()))
        self._next_at = time.monotonic() + max(1 / self._options.rate, asked_s)

    def _count(self, error: RagError) -> None:
        self._failures = self._failures + 1 if isinstance(error, FetchFailed) else 0
        if self._failures >= MAX_FAILURES:
            raise FetchFailed(f"Given up after {MAX_FAILURES} failures in a row. {error.detail}")


def _had_links(trouble: Trouble, known: Mapping[str, Item]) -> bool:
    item = known.get(trouble.key)
    return isinstance(trouble.error, TransientError) or bool(item and item.links)


def _is_wanted(url: str, host: str | None, options: Options) -> bool:
    """Whether a link is on the host, may be a page that somebody can read, and fits the patterns."""
    ending = PurePosixPath(urlsplit(url).path).suffix.lower()
    media_type = mimetypes.guess_type(f"name{ending}")[0] or ""
    is_page = ending in EXTENSIONS or not (ending in NO_PAGE_ENDINGS or media_type.startswith(NO_PAGES))
    return urlsplit(url).netloc == host and is_page and fits(url, options)
