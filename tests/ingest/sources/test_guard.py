"""Which hosts are reached: hostile addresses, names that resolve to them, names that change what they resolve to."""

import ipaddress
import time

import pytest

from ingest.sources.fetch import Fetcher
from ingest.sources.guard import Guard, GuardedNetwork, is_public
from ingest.sources.urls import checked
from rag.errors import ConfigurationError, FetchFailed, FetchRefused
from tests.ingest.sources.conftest import Site

NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "intranet.example": ["10.1.2.3"],
    "half.example": ["93.184.216.34", "192.168.1.1"],
    "six.example": ["fd00::1"],
    "public.example": ["93.184.216.34"],
    "metadata.google.internal": ["169.254.169.254"],
}
HOSTILE = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://017700000001/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://0x7f000001/",
    "http://0/",
    "http://0.0.0.0/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127.0.0.1./",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.0.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://240.0.0.1/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::a00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a00:1::1]/",
    "http://[2001:0:53aa:64c::80ff:fffe]/",
    "http://[fe80::1]/",
    "http://[fc00::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[fd00:ec2::254]/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://intranet.example/",
    "http://half.example/",
    "http://six.example/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://public.example:22/",
    "http://public.example:6379/",
    "http://user@public.example/",
    "http://public.example:80@127.0.0.1/",
    "http://public.example\\@127.0.0.1/",
    "file:///etc/passwd",
    "ftp://public.example/",
    "gopher://public.example:70/",
    "//public.example/",
    "http:///etc/passwd",
    "http://public.example:99999/",
    "http://pub lic.example/",
    "http://public.example\x00.evil/",
    "jar:http://public.example!/",
]


def look_up(host: str, _port: int) -> list[str]:
    if host not in NAMES:
        raise FetchFailed(f"{host}: the name cannot be resolved.")
    return NAMES[host]


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_is_refused_without_a_connection(url: str) -> None:
    fetcher = Fetcher(guard=Guard(resolver=look_up), max_bytes=1000, total_s=2)

    with pytest.raises(FetchRefused):
        fetcher.get(url)


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_an_address_that_everybody_reaches_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
    assert Guard().addresses(address, 443) == [address]


@pytest.mark.parametrize("allowed", ["intranet.example", "10.0.0.0/8", "wiki.example, 10.1.2.3", "Intranet.Example"])
def test_an_internal_host_that_is_named_is_reached_on_any_port(allowed: str) -> None:
    guard = Guard(allowed_hosts=allowed, resolver=look_up)

    assert guard.addresses("intranet.example", 8080) == ["10.1.2.3"]


def test_naming_one_host_or_network_opens_no_other() -> None:
    guard = Guard(allowed_hosts="intranet.example,10.2.0.0/16", resolver=look_up)

    for host in ("localhost", "10.1.2.3", "half.example", "metadata.google.internal"):
        with pytest.raises(FetchRefused, match="RAG_SOURCES_ALLOWED_HOSTS"):
            guard.addresses(host, 80)


def test_a_name_of_several_addresses_is_refused_if_one_is_internal() -> None:
    with pytest.raises(FetchRefused, match=r"192\.168\.1\.1"):
        Guard(resolver=look_up).addresses("half.example", 443)


def test_a_network_that_is_none_is_a_configuration_error_at_the_start() -> None:
    with pytest.raises(ConfigurationError, match="RAG_SOURCES_ALLOWED_HOSTS"):
        Guard(allowed_hosts="10.0.0.0/99")


def test_a_name_is_looked_up_once_and_the_connection_goes_to_what_was_checked(site: Site) -> None:
    """A name that turns to another address after the check, as in DNS rebinding, gains nothing."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    site.put("/", "here")
    guard = Guard(allowed_hosts="127.0.0.1", resolver=lambda _host, _port: next(answers))
    fetcher = Fetcher(guard=guard, max_bytes=1000)
    port = site.root.rpartition(":")[2]

    page = fetcher.get(f"http://rebinding.example:{port}/")

    assert page.file is not None
    with page.file as file:
        assert file.read() == b"here"
    assert site.server.seen[0].headers["Host"] == f"rebinding.example:{port}"
    with pytest.raises(FetchRefused, match=r"127\.0\.0\.2"):
        fetcher.get(f"http://rebinding.example:{port}/")


def test_the_guard_stands_at_the_connection_itself() -> None:
    """Whatever an URL parser makes of a URL, the address that is connected to has been checked."""
    network = GuardedNetwork(Guard(resolver=look_up), deadline=time.monotonic() + 2)

    with pytest.raises(FetchRefused):
        network.connect_tcp("intranet.example", 80)


@pytest.mark.parametrize(
    ("written", "one"),
    [
        ("HTTP://Example.COM:80/a/../b/./c?x=1#top", "http://example.com/b/c?x=1"),
        ("https://example.com:443", "https://example.com/"),
        ("https://example.com./%7Euser/%2fx", "https://example.com/~user/%2Fx"),
        ("http://bücher.example/straße", "http://xn--bcher-kva.example/stra%C3%9Fe"),
        ("http://example.com/a b?q=ä", "http://example.com/a%20b?q=%C3%A4"),
        ("http://example.com/../../x/", "http://example.com/x/"),
    ],
)
def test_a_url_has_one_spelling(written: str, one: str) -> None:
    assert checked(written) == one
    assert checked(one) == one
