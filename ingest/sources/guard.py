"""Connections that cannot be turned against us: to public addresses, or to hosts that the settings name.

The name is resolved once, every address is checked, and the connection goes to a checked address: what a name
resolves to a moment later does not matter. TLS still checks the certificate for the name.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpcore

from rag.errors import ConfigurationError, FetchFailed, FetchRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], list[str]]
NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
UNICAST = ipaddress.ip_network("2000::/3")
HOW_TO_ALLOW = "RAG_SOURCES_ALLOWED_HOSTS names internal hosts that may be fetched."
WAIT_S = 10.0  # for a connection, and for the next bytes


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host name. Raise FetchFailed if it has none."""
    try:
        return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as exc:
        raise FetchFailed(f"{host}: the name cannot be resolved.") from exc


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Which hosts may be reached. `allowed_hosts` names internal ones: host names and networks, with commas."""

    allowed_hosts: str = ""
    resolver: Resolver = resolve

    def __post_init__(self) -> None:
        """Raise ConfigurationError at the start, not with the first page."""
        _ = self._entries

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(entry for entry in self._entries if _network(entry) is None)

    @cached_property
    def _networks(self) -> tuple[Network, ...]:
        return tuple(network for entry in self._entries if (network := _network(entry)) is not None)

    @cached_property
    def _entries(self) -> tuple[str, ...]:
        entries = tuple(entry.strip().lower() for entry in self.allowed_hosts.split(",") if entry.strip())
        for entry in entries:
            if "/" in entry and _network(entry) is None:
                raise ConfigurationError(f"RAG_SOURCES_ALLOWED_HOSTS: {entry} is no network such as 10.1.0.0/16.")
        return entries

    def addresses(self, host: str, port: int) -> list[str]:
        """Return what a host resolves to. Raise FetchRefused if it is not allowed and any of it is not public."""
        literal = _literal(host)
        found = [str(literal)] if literal is not None else self.resolver(host, port)
        if not found:
            raise FetchFailed(f"{host}: the name cannot be resolved.")
        if host.lower().rstrip(".") in self._names:
            return found
        addresses = [ipaddress.ip_address(address) for address in found]
        for address in addresses:
            if not is_public(address) and not self._is_named(address):
                raise FetchRefused(f"{host} is {address}, which is not a public address. {HOW_TO_ALLOW}")
        if port not in {80, 443} and not all(self._is_named(address) for address in addresses):
            raise FetchRefused(f"{host}:{port}: only the ports 80 and 443 are fetched. {HOW_TO_ALLOW}")
        return found

    def _is_named(self, address: Address) -> bool:
        inner = embedded(address) or address
        return any(inner in network for network in self._networks)


def is_public(address: Address) -> bool:
    """Whether everybody on the internet reaches the same host by this address, and by an IPv4 address inside it."""
    inner = embedded(address)
    if inner is not None:
        return is_public(inner)
    is_given_out = address.version == 4 or address in UNICAST  # Python calls the old fec0::/10 global
    return is_given_out and address.is_global and not (address.is_multicast or address.is_reserved)


def embedded(address: Address) -> Address | None:
    """Return the IPv4 address that an IPv6 address leads to: mapped, NAT64, 6to4 or Teredo."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if any(address in network for network in NAT64):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def _literal(host: str) -> Address | None:
    """Read a host as the system would: 2130706433, 0x7f.1 and 0177.0.0.1 are addresses, too."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def _network(entry: str) -> Network | None:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None


class GuardedNetwork(httpcore.NetworkBackend):
    """Opens connections for one request: to checked addresses alone, and until `deadline` (monotonic) at most."""

    def __init__(self, guard: Guard, deadline: float) -> None:
        self._guard = guard
        self._deadline = deadline
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in self._guard.addresses(host, port):
            try:
                left_s = seconds_left(self._deadline)
                opened = self._network.connect_tcp(address, port, left_s, local_address, socket_options)
                return _Stream(opened, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
        raise failure or httpcore.ConnectError(host)


class _Stream(httpcore.NetworkStream):
    """A connection that a slow host cannot hold open: every wait ends at the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, seconds_left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, seconds_left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, seconds_left(self._deadline))
        return _Stream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def seconds_left(deadline: float) -> float:
    """Return how long the next wait may be. Raise httpcore's ReadTimeout once the time is over."""
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise httpcore.ReadTimeout("the time for this request is over")
    return min(WAIT_S, left_s)
