"""Who is at the other end, when there may be proxies in between: forwarded headers count only from configured peers."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED = 96
"""Bits before the IPv4 address in its IPv6 form, ::ffff:0:0/96 (RFC 4291, 2.5.5.2)."""


def networks(trusted: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and CIDR ranges of a configuration. Raises ValueError for anything else."""
    return tuple(_unmapped(ipaddress.ip_network(text, strict=False)) for text in trusted)


def _unmapped(network: Network) -> Network:
    """A range of IPv4 addresses that is written in their IPv6 form, as the addresses of peers never are here."""
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is None or network.prefixlen < _MAPPED:
        return network
    return ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED))


def client_address(peer: str, forwarded: Iterable[str], trusted: tuple[Network, ...]) -> str:
    """The address of the client: the last one in ``X-Forwarded-For`` that is no trusted proxy of ours.

    ``forwarded`` are the values of all such headers in order. Each proxy appends the peer that it saw, so whatever
    stands left of the first address that we do not trust may be invented. An unreadable entry ends the search.
    """
    address = _plain(peer)
    chain = [part.strip() for value in forwarded for part in value.split(",")]
    while chain and _is_trusted(address, trusted):
        before = _plain(chain.pop())
        if _parsed(before) is None:
            break
        address = before
    return address


def from_trusted(peer: str, trusted: tuple[Network, ...]) -> bool:
    """Whether the peer itself is a configured proxy."""
    return _is_trusted(_plain(peer), trusted)


@lru_cache(maxsize=4096)
def bucket(address: str) -> str:
    """What a limit counts: an IPv4 address, or the /64 of an IPv6 one, which one customer has all of (RFC 6177)."""
    parsed = _parsed(address)
    if parsed is None:
        return address
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


@lru_cache(maxsize=4096)
def _plain(address: str) -> str:
    """Without zone, port and the IPv6 form of an IPv4 address."""
    text = address.strip().partition("%")[0]
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    parsed = _parsed(text)
    if parsed is None:
        return text
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


@lru_cache(maxsize=4096)
def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """None for what is no address. Kept, because the same few peers and clients come again and again."""
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None


def _is_trusted(address: str, trusted: tuple[Network, ...]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in trusted)
