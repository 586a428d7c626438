"""Origins as browsers write them, and what is none."""

import pytest

from rag.errors import InvalidRequest
from rag.origins import normalised_origin


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://www.example.com", "https://www.example.com"),
        (" HTTPS://WWW.Example.com:443/ ", "https://www.example.com"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://example.com:80", "https://example.com:80"),
        ("http://[0:0::1]:8080", "http://[::1]:8080"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_is_written_as_browsers_send_it(given: str, expected: str) -> None:
    assert normalised_origin(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        "*",
        "null",
        "",
        "www.example.com",
        "//example.com",
        "https://*.example.com",
        "https://example.com/shop",
        "https://example.com?x",
        "https://example.com#x",
        "https://anna@example.com",
        "https://example.com@evil.example",
        "https://bücher.example",
        "https://example.com:99999",
        "https://example.com:0",
        "https://exa mple.com",
        "https://example.com.",
        "https://[::1%25eth0]",
        "https://[::1",
        "file:///etc",
        "javascript://example.com",
        "https://",
        "https://a.example,https://b.example",
    ],
)
def test_what_is_no_single_origin_is_refused(given: str) -> None:
    with pytest.raises(InvalidRequest, match="origins:"):
        normalised_origin(given)
