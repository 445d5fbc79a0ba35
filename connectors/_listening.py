"""Addresses to listen on, as a configuration names them: one or several, of both families, all on one port.

Each is an IPv4 address, an IPv6 address, a name, which stands for all addresses that it has, or ``*`` for every address
of this machine. An IPv6 address takes IPv6 alone, ``::`` too: so a peer that comes by IPv4 always has an IPv4 address,
however the system is set.
"""

from __future__ import annotations

import errno
import ipaddress
import itertools
import re
import socket
from typing import Any

EVERY = "*"

FORM = 'an address is like 10.0.0.5 or 2001:db8::5 (no brackets, no port), a name, or "*" for all'

ATTEMPTS = 20
"""How often a port is looked for that is free on each of several addresses."""

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")

_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""This machine has no such address, or nothing of its family."""

_Place = tuple[socket.AddressFamily, tuple[Any, ...]]
"""A family and an address of it as the system calls it, with port 0."""


class CannotListen(Exception):
    """An address cannot be had. ``section`` is where the configuration names it, ``why`` what the system said."""

    def __init__(self, section: str, hosts: str, port: int, why: OSError) -> None:
        super().__init__(f"{hosts} port {port} ([{section}]): {why.strerror or why}")
        self.why = why


def named(hosts: str) -> tuple[str, ...]:
    """The parts of a setting, which commas separate."""
    return tuple(part.strip() for part in hosts.split(","))


def wrong(hosts: str) -> str:
    """What is wrong with a setting, as a sentence; empty: nothing. Names are not looked up."""
    parts = named(hosts)
    for part in parts:
        if part != EVERY and _ip(part) is None and not _NAME.fullmatch(part):
            return f'"{part}" is no address to listen on: {FORM}'
    for one, other in itertools.combinations(parts, 2):
        if overlap(one, other):
            return f'"{one}" and "{other}" have an address in common; leave one of them out'
    return ""


def overlap(one: str, other: str) -> bool:
    """Whether two settings have an address in common, as far as that shows without looking names up."""
    return any(_covers(*pair) or _covers(*pair[::-1]) for pair in itertools.product(named(one), named(other)))


def bind(hosts: str, port: int, backlog: int = 100) -> list[socket.socket]:
    """A listening socket for each address; port 0 takes one that is free on all of them.

    Raises OSError when an address cannot be had. Of the addresses of a name, and of the two families of ``*``, only
    those count that this machine has.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return _bind_all(hosts, port, backlog)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE:
                raise
    return _bind_all(hosts, port, backlog)


def _bind_all(hosts: str, port: int, backlog: int) -> list[socket.socket]:
    bound: dict[_Place, socket.socket] = {}
    try:
        for name in named(hosts):
            _bind_name(name, port, backlog, bound)
    except OSError:
        for one in bound.values():
            one.close()
        raise
    return list(bound.values())


def _bind_name(name: str, port: int, backlog: int, bound: dict[_Place, socket.socket]) -> None:
    """Add what one name stands for to what is ``bound``, whose port it shares."""
    places, missing = _places(name), None
    for place in places:
        if place in bound:
            continue
        family, address = place
        same = next((one.getsockname()[1] for one in bound.values()), port)
        try:
            bound[place] = socket.create_server(
                (address[0], same, *address[2:]), family=family, backlog=backlog
            )
        except OSError as error:
            if error.errno not in _NOT_HERE:
                raise
            missing = error
    if missing is not None and not any(place in bound for place in places):
        raise missing


def _places(name: str) -> list[_Place]:
    if name == EVERY:
        return [(socket.AF_INET, ("", 0)), (socket.AF_INET6, ("", 0, 0, 0))]
    found = socket.getaddrinfo(name, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return [(family, address) for family, _, _, _, address in found]


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _covers(wide: str, narrow: str) -> bool:
    """Whether ``wide`` takes all that ``narrow`` takes."""
    first, second = _ip(wide), _ip(narrow)
    if wide in (EVERY, narrow):
        return True
    if first is None or second is None:
        return False
    return first.version == second.version and (first.is_unspecified or first == second)
