"""Who is this machine's own person: no proxy, no rebound name, no foreign page."""

import pytest
from starlette.requests import Request

from api.auth import _is_local

HERE = {"host": "127.0.0.1:8080"}


def request(headers: dict[str, str], method: str = "GET") -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": method, "path": "/v1/ask", "headers": raw})


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "localhost", "[::1]:8080", "LOCALHOST:8080"])
def test_a_program_on_this_machine_is_local(host: str) -> None:
    assert _is_local(request({"host": host}, "POST"))


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_the_services_own_page_is_local(method: str) -> None:
    assert _is_local(request(HERE | {"origin": "http://127.0.0.1:8080"}, method))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "PUT", "PATCH"])
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://127.0.0.1:9999",
        "http://localhost:8080",
        "http://127.0.0.1:8080.evil.example",
        "null",
        "",
    ],
)
def test_another_page_in_the_same_browser_may_read_and_change_nothing(method: str, origin: str) -> None:
    assert not _is_local(request(HERE | {"origin": origin}, method))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8080",
        "attest.company.example",
        "192.168.0.7:8080",
        "127.0.0.1.evil.example",
        "a@b",
        "",
        "[::1",
        "[",
    ],
)
def test_a_name_that_is_not_this_machines_is_refused(host: str) -> None:
    assert not _is_local(request({"host": host}))


def test_a_request_without_a_host_is_refused() -> None:
    assert not _is_local(request({}))


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "x-forwarded-host", "x-real-ip", "via"])
def test_what_comes_through_a_proxy_is_refused(name: str) -> None:
    assert not _is_local(request(HERE | {name: "127.0.0.1"}))
