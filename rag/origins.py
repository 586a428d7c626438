"""Origins of web pages: scheme, host and port, written as browsers send them, so that they are compared exactly."""

import re
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import urlsplit

from rag.errors import InvalidRequest

DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9])?")


def normalised_origin(text: str) -> str:
    """Return an origin in lower case, without its scheme's own port and a final slash.

    Raise InvalidRequest for what is no single origin: `null`, `*`, a pattern, a path, a host that is not in ASCII.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as exc:
        raise _wrong(text) from exc
    is_bare = parts.path in {"", "/"} and not (parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in DEFAULT_PORTS or not is_bare or not _is_host(host) or port == 0:
        raise _wrong(text)
    shown = f"[{IPv6Address(host)}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port in {None, DEFAULT_PORTS[parts.scheme]} else f":{port}")


def _is_host(host: str) -> bool:
    if ":" not in host:
        return _HOST.fullmatch(host) is not None
    try:
        IPv6Address(host)
    except AddressValueError:
        return False
    return "%" not in host


def _wrong(text: str) -> InvalidRequest:
    return InvalidRequest(
        f"origins: {text[:100]!r} is no origin such as https://www.example.com or http://localhost:3000, "
        "with an international name in its form with xn--."
    )
