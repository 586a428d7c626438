"""What web pages and sitemaps lead to. Both come from others: they are read in part, and with limits."""

from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import chain
from typing import BinaryIO
from urllib.parse import urljoin

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse

from ingest.sources.fetch import decoded
from ingest.sources.urls import checked
from rag.errors import DocumentTooLarge, FetchFailed, FetchRefused

HTML_BYTES = 2 << 20  # of a page; its links are read from no more
SITEMAP_BYTES = 50 << 20  # the limit of sitemaps.org, unzipped
BLOCK_BYTES = 1 << 16
GZIP_MAGIC = b"\x1f\x8b"


def links_of(file: BinaryIO, url: str) -> tuple[str, ...]:
    """Return the http and https URLs that a page's anchors lead to, in order, each once; leave it at its start."""
    reader = _Anchors()
    reader.feed(file.read(HTML_BYTES).decode("utf-8", errors="replace"))
    file.seek(0)
    base = urljoin(url, reader.base) if reader.base else url
    return tuple(dict.fromkeys(target for href in reader.hrefs if (target := _target(base, href))))


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.hrefs: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        href = given.get("href")
        if tag == "base" and href and not self.base:
            self.base = href
        elif tag in {"a", "area"} and href and "nofollow" not in (given.get("rel") or "").lower().split():
            self.hrefs.append(href)


def _target(base: str, href: str) -> str | None:
    """Return where an anchor leads; None if that is nothing to fetch, such as a mail address."""
    try:
        return checked(urljoin(base, href.strip()))
    except (ValueError, FetchRefused):
        return None


def sitemap_of(file: BinaryIO, url: str) -> tuple[bool, list[str]]:
    """Return whether a sitemap lists other sitemaps, and the URLs that it lists; it may be zipped.

    Raise FetchFailed if it is not a whole sitemap: then what it does not list is not gone.
    """
    found: list[str] = []
    try:
        for _, element in iterparse(_Plain(file, url), events=("end",)):
            name = element.tag.rpartition("}")[2]
            if name in {"sitemapindex", "urlset"}:
                return name == "sitemapindex", [target for loc in found if (target := _target(url, loc))]
            if name == "loc" and element.text:
                found.append(element.text)
            if name in {"url", "sitemap"}:
                element.clear()
    except (ParseError, DefusedXmlException) as exc:
        raise FetchFailed(f"{url}: it is not a whole sitemap.") from exc
    raise FetchFailed(f"{url}: it is not a sitemap.")


class _Plain:
    """A sitemap's bytes, unzipped if need be, as the XML reader asks for them."""

    def __init__(self, file: BinaryIO, url: str) -> None:
        self._url = url
        self._left = SITEMAP_BYTES
        head = file.read(len(GZIP_MAGIC))
        blocks = chain([head], iter(lambda: file.read(BLOCK_BYTES), b""))
        self._blocks: Iterator[bytes] = decoded(blocks, "gzip" if head == GZIP_MAGIC else "", url)

    def read(self, _size: int = -1) -> bytes:
        block = next((block for block in self._blocks if block), b"")
        self._left -= len(block)
        if self._left < 0:
            raise DocumentTooLarge(f"{self._url}: a sitemap may have {SITEMAP_BYTES:,} bytes.")
        return block
