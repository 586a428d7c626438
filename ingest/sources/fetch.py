"""One HTTP GET of a page that somebody else controls: address, redirects, size and time are limited.

No proxy, no cookie and no key is ever sent. `ingest.sources.guard` decides which hosts are reached.
"""

import json
import ssl
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import certifi
import httpcore

from ingest.sources.guard import Guard, GuardedNetwork
from ingest.sources.urls import checked, filename_of
from rag.errors import DocumentTooLarge, FetchFailed, FetchRefused, PageGone

USER_AGENT = "Attest/1.0 (document ingestion; obeys robots.txt)"
MAX_REDIRECTS = 5
TOTAL_S = 120.0
IN_MEMORY_BYTES = 1 << 20
PERMANENT = {301, 308}
REDIRECTS = PERMANENT | {302, 303, 307}
GONE = {404, 410}
BUSY = {408, 425, 429}


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a GET brought. `file` is None if nothing changed since `validator`; close it when done.

    `url` is where the redirects ended; `has_moved` says that each of them was permanent.
    """

    url: str
    media_type: str
    filename: str
    validator: str | None
    file: BinaryIO | None
    has_moved: bool


@cache
def _trust() -> ssl.SSLContext:
    """Trust the system's authorities (SSL_CERT_FILE adds a company's own) and, where it has none, the usual ones."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


@dataclass(frozen=True, kw_only=True)
class Fetcher:
    """What every GET of a process has in common."""

    guard: Guard
    max_bytes: int
    total_s: float = TOTAL_S
    tls: ssl.SSLContext | None = None

    def get(self, url: str, validator: str | None = None) -> Page:
        """Fetch a page, unless it is as `validator`, that of an earlier Page, says.

        Raise PageGone for 404 and 410, FetchRefused for what may not be fetched or is forbidden, DocumentTooLarge,
        FetchFailed for everything that may be otherwise next time.
        """
        deadline = time.monotonic() + self.total_s
        started, url, has_moved = checked(url), checked(url), True
        for _ in range(MAX_REDIRECTS + 1):
            page_or_status = self._get_once(url, validator, deadline)
            if isinstance(page_or_status, _Redirect):
                has_moved = has_moved and page_or_status.status in PERMANENT
                url = _next(url, page_or_status.location)
                continue
            is_elsewhere = page_or_status.url != started
            return replace(page_or_status, has_moved=is_elsewhere and has_moved)
        raise FetchRefused(f"{started}: more than {MAX_REDIRECTS} redirects.")

    def _get_once(self, url: str, validator: str | None, deadline: float) -> "Page | _Redirect":
        parts = urlsplit(url)
        target = httpcore.URL(
            scheme=parts.scheme,
            host=parts.hostname or "",
            port=parts.port,
            target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        )
        headers: dict[bytes | str, bytes | str] = {
            "Host": parts.netloc,
            "User-Agent": USER_AGENT,
            "Accept": "*/*",
            "Accept-Encoding": "identity",
        }
        network = GuardedNetwork(self.guard, deadline)
        try:
            with (
                httpcore.ConnectionPool(ssl_context=self.tls or _trust(), network_backend=network) as pool,
                pool.stream("GET", target, headers={**headers, **_conditions(validator)}) as response,
            ):
                return self._read(url, response, validator)
        except httpcore.TimeoutException as exc:
            raise FetchFailed(f"{url}: no answer, or not all of it, within its time.") from exc
        except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError) as exc:
            raise FetchFailed(f"{url}: {exc or type(exc).__name__}") from exc

    def _read(self, url: str, response: httpcore.Response, validator: str | None) -> "Page | _Redirect":
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        _raise_for(url, response.status, headers)
        if response.status == 304 and validator is None:
            raise FetchFailed(f"{url} answers 304, although nothing is known of it.")
        if response.status in REDIRECTS:
            return _Redirect(status=response.status, location=headers.get("location", ""))
        file = None if response.status == 304 else self._body(url, response, headers.get("content-encoding", ""))
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        return Page(
            url=url,
            media_type=media_type,
            filename=filename_of(url, media_type, headers.get("content-disposition", "")),
            validator=validator if file is None else _validator(headers),
            file=file,
            has_moved=False,
        )

    def _body(self, url: str, response: httpcore.Response, encoding: str) -> BinaryIO:
        file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115  # closed by who reads it
        try:
            for block in decoded(response.iter_stream(), encoding, url):
                file.write(block)
                if file.tell() > self.max_bytes:
                    raise DocumentTooLarge(f"{url}: the limit is {self.max_bytes:,} bytes.")  # noqa: TRY301
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file  # type: ignore[return-value]  # it has all that a BinaryIO has


@dataclass(frozen=True, kw_only=True)
class _Redirect:
    status: int
    location: str


def decoded(blocks: Iterator[bytes], encoding: str, url: str) -> Iterator[bytes]:
    """Yield a body in its plain form, in small blocks; some hosts compress it although nobody asked for it."""
    if encoding.lower() in {"", "identity"}:
        yield from blocks
        return
    if encoding.lower() not in {"gzip", "x-gzip", "deflate"}:
        raise FetchFailed(f"{url}: sent with the encoding {encoding}, which was not asked for.")
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        for block in blocks:
            rest = block
            while not unzip.eof:
                plain = unzip.decompress(rest, IN_MEMORY_BYTES)
                yield plain
                rest = unzip.unconsumed_tail
                if not rest and len(plain) < IN_MEMORY_BYTES:
                    break
    except zlib.error as exc:
        raise FetchFailed(f"{url}: its compressed form is broken.") from exc
    if not unzip.eof:
        raise FetchFailed(f"{url}: its compressed form ends too early.")


def _raise_for(url: str, status: int, headers: Mapping[str, str]) -> None:
    if status in GONE:
        raise PageGone(f"{url} answers {status}.")
    if status >= 500 or status in BUSY:
        raise FetchFailed(f"{url} answers {status}.")
    if status >= 400:
        raise FetchRefused(f"{url} answers {status}: the page needs rights that Attest does not have.")
    if status in REDIRECTS and not headers.get("location"):
        raise FetchFailed(f"{url} answers {status} without saying where to go.")
    if status not in REDIRECTS | {200, 203, 304}:
        raise FetchFailed(f"{url} answers {status}.")


def _next(url: str, location: str) -> str:
    target = checked(urljoin(url, location))
    if url.startswith("https:") and target.startswith("http:"):
        raise FetchRefused(f"{url} leads to {target}, from https to http.")
    return target


def _validator(headers: Mapping[str, str]) -> str | None:
    kept = {name: headers[name] for name in ("etag", "last-modified") if headers.get(name)}
    return json.dumps(kept) if kept else None


def _conditions(validator: str | None) -> dict[bytes | str, bytes | str]:
    kept = json.loads(validator) if validator else {}
    names = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
    return {names[name]: value for name, value in kept.items() if name in names}
