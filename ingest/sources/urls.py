"""URLs: whether they may be asked for at all, one spelling for each, and the name of a file that they bring."""

import mimetypes
import re
from email.message import Message
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from ingest.parse.kinds import EXTENSIONS
from rag.errors import FetchRefused

MAX_CHARS = 2000
MAX_NAME_CHARS = 200
PORTS = {"http": 80, "https": 443}
IN_SEGMENT = ":@!$&'()*+,;=-._~"
IN_QUERY = IN_SEGMENT + "/?%"
ENDINGS = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/csv": ".csv",
}


def checked(url: str) -> str:
    """Return the one spelling of an http or https URL, without its fragment. Raise FetchRefused for any other."""
    if len(url) > MAX_CHARS:
        raise FetchRefused(f"{url[:100]}...: longer than {MAX_CHARS:,} characters.")
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        host = (parts.hostname or "").rstrip(".")
        name = host if ":" in host else host.encode("idna").decode("ascii").lower()
    except (ValueError, UnicodeError) as exc:
        raise FetchRefused(f"{url}: it is not a URL.") from exc
    if parts.scheme not in PORTS or not name:
        raise FetchRefused(f"{url}: only http and https are fetched.")
    if "@" in parts.netloc:
        raise FetchRefused(f"{host}: a URL with a user name or a password is not fetched.")
    if not re.fullmatch(r"[a-z0-9._:%-]+", name):
        raise FetchRefused(f"{url}: its host is not a name.")
    netloc = f"[{name}]" if ":" in name else name
    if port is not None and port != PORTS[parts.scheme]:
        netloc += f":{port}"
    return urlunsplit((parts.scheme, netloc, _path(parts.path), quote(parts.query, safe=IN_QUERY), ""))


def _path(path: str) -> str:
    """Resolve `.` and `..`, and write escapes one way."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(_escaped(segment))
    ends_open = bool(segments) and segments[-1] in {".", ".."} and bool(kept)
    return "/" + "/".join(kept) + ("/" if ends_open else "")


def _escaped(segment: str) -> str:
    return quote(unquote(segment, errors="surrogateescape"), safe=IN_SEGMENT, errors="surrogateescape")


def filename_of(url: str, media_type: str, disposition: str) -> str:
    """Return a name with an extension that fits: from the header, the path, or the host."""
    parts = urlsplit(url)
    message = Message()
    message["content-disposition"] = disposition or "inline"
    name = PurePosixPath((message.get_filename() or unquote(parts.path)).replace("\\", "/")).name
    name = "".join(sign for sign in name if sign.isprintable()).strip()[-MAX_NAME_CHARS:]
    name = name or parts.hostname or "page"
    ending = ENDINGS.get(media_type) or mimetypes.guess_extension(media_type) or ""
    has_own = PurePosixPath(name).suffix.lower() in EXTENSIONS
    return name if has_own or ending not in EXTENSIONS else name + ending
