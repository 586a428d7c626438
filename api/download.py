"""An original as an HTTP response, whole or the range that was asked for (RFC 9110, one range of bytes)."""

import re
from itertools import chain
from urllib.parse import quote

from fastapi.responses import Response, StreamingResponse

from ingest.parse.kinds import Kind
from ingest.store import Store

INLINE = {Kind.PDF, Kind.TEXT, Kind.MARKDOWN, Kind.CSV}  # what a browser shows without running anything in it
PLAIN = {Kind.TEXT, Kind.MARKDOWN, Kind.CSV}
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def send_original(
    store: Store, *, sha256: str, size_bytes: int, filename: str, kind: Kind, range_header: str | None = None
) -> Response:
    """Return a response that streams the original from the store. Raise OriginalMissing, StoreUnavailable."""
    start, end = _span(range_header, size_bytes)
    if start >= end:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size_bytes}"})
    headers = _headers(sha256, filename, kind) | {"Content-Length": str(end - start)}
    if (start, end) != (0, size_bytes):
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size_bytes}"
    blocks = store.read(sha256, start, end)
    first = next(blocks)  # before the status goes out, so that an error is a problem
    return StreamingResponse(chain([first], blocks), 206 if "Content-Range" in headers else 200, headers)


def _headers(sha256: str, filename: str, kind: Kind) -> dict[str, str]:
    disposition = "inline" if kind in INLINE else "attachment"
    headers = {
        "Content-Type": _media_type(kind),
        "Content-Disposition": f"{disposition}; filename*=UTF-8''{quote(filename, safe='')}",
        "Accept-Ranges": "bytes",
        "ETag": f'"{sha256}"',
    }
    if kind != Kind.PDF:
        headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return headers


def _media_type(kind: Kind) -> str:
    if kind in PLAIN:
        return "text/plain; charset=utf-8"
    return "application/octet-stream" if kind == Kind.IMAGE else str(kind)


def _span(range_header: str | None, size: int) -> tuple[int, int]:
    """Return start and end of the one range asked for; of the whole for none, several, or what is no range."""
    match = RANGE.fullmatch(range_header or "")
    if match is None or match[1] == match[2] == "":
        return 0, size
    if not match[1]:
        return max(0, size - int(match[2])), size
    return int(match[1]), min(size, int(match[2]) + 1) if match[2] else size
