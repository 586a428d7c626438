"""What web pages and sitemaps lead to. Both come from others: they are read in part, and with limits."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, BinaryIO
from urllib.parse import urljoin

from ingest.sources.fetch import decoded
from ingest.sources.urls import checked
from rag.errors import DocumentTooLarge, FetchFailed, FetchRefused

HTML_BYTES = 2 << 20  # of a page; its links are read from no more
SITEMAP_BYTES = 50 << 20  # the limit of sitemaps.org, unzipped
BLOCK_BYTES = 1 << 16
GZIP_MAGIC = b"\x1f\x8b"


def links_of(file: BinaryIO, url: str) -> tuple[str, ...]:
    """Return the http and https URLs that a page's anchors lead to, in order, each once; leave it at its start."""
    from lxml import etree  # 6 MB, for those who crawl

    root = etree.fromstring(file.read(HTML_BYTES), etree.HTMLParser(encoding="utf-8", no_network=True))
    file.seek(0)
    if root is None:
        return ()
    base = urljoin(url, next((element.get("href") for element in root.iter("base") if element.get("href")), ""))
    hrefs = [element.get("href") for element in root.iter("a", "area") if _is_followed(element)]
    return tuple(dict.fromkeys(target for href in hrefs if (target := _target(base, href))))


def _is_followed(element: Any) -> bool:
    return bool(element.get("href")) and "nofollow" not in element.get("rel", "").lower().split()


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
    from lxml import etree  # as above

    found: list[str] = []
    name = ""
    reader = etree.iterparse(_Plain(file, url), events=("end",), resolve_entities=False, no_network=True)
    try:
        for _, element in reader:
            name = etree.QName(element).localname
            if name == "loc":
                found.append(element.text or "")
            if name in {"url", "sitemap"}:
                element.clear()
    except etree.XMLSyntaxError as exc:
        raise FetchFailed(f"{url}: it is not a whole sitemap.") from exc
    if name not in {"sitemapindex", "urlset"} or reader.root.getroottree().docinfo.internalDTD is not None:
        raise FetchFailed(f"{url}: it is not a sitemap.")
    return name == "sitemapindex", [target for loc in found if (target := _target(url, loc))]


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
