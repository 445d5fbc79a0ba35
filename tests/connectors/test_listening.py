"""What a setting of addresses to listen on means, and what becomes of it on this machine."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from connectors import _listening
from connectors._listening import bind, overlap, wrong

NO_IPV6 = not socket.has_ipv6
needs_ipv6 = pytest.mark.skipif(NO_IPV6, reason="this machine has no IPv6")


@contextmanager
def bound(hosts: str, port: int = 0) -> Iterator[list[tuple[str, int]]]:
    """The addresses that are listened on within the block."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(one) for one in bind(hosts, port)]
        yield [one.getsockname()[:2] for one in sockets]


def reached(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 2).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    "hosts",
    [
        "127.0.0.1",
        "::1",
        "::",
        "*",
        "localhost",
        "127.0.0.1, ::1",
        "0.0.0.0,::",
        "fe80::1%eth0",
        "a.example.pl",
    ],
)
def test_what_can_be_listened_on(hosts: str) -> None:
    assert wrong(hosts) == ""


@pytest.mark.parametrize(
    ("hosts", "part"),
    [
        ("", '""'),
        ("127.0.0.1,", '""'),
        ("[::1]", '"[::1]"'),
        ("127.0.0.1:8080", '"127.0.0.1:8080"'),
        ("10.0.0.0/8", '"10.0.0.0/8"'),
        ("127.0.0.1 ::1", '"127.0.0.1 ::1"'),
        ("http://kontakt", '"http://kontakt"'),
        ("::, ::1", '"::" and "::1"'),
        ("*, 127.0.0.1", '"*" and "127.0.0.1"'),
    ],
)
def test_what_cannot_is_told_with_its_part(hosts: str, part: str) -> None:
    assert wrong(hosts).startswith(part)


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "10.0.0.5", False),
        ("0.0.0.0", "127.0.0.1", True),
        ("0.0.0.0", "::1", False),
        ("10.0.0.5, ::1", "::", True),
        ("*", "::1", True),
        ("127.0.0.1", "*", True),
        ("localhost", "localhost", True),
        ("::1", "0:0:0:0:0:0:0:1", True),
    ],
)
def test_settings_with_an_address_in_common(one: str, other: str, meet: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is meet


@needs_ipv6
def test_several_addresses_share_one_port() -> None:
    with bound("127.0.0.1, ::1") as found:
        (first, port), (second, same) = found
        assert (first, second, port) == ("127.0.0.1", "::1", same)
        assert reached("127.0.0.1", port) and reached("::1", port)


@needs_ipv6
def test_an_address_takes_its_own_family_alone() -> None:
    with bound("::") as [(_, port)]:
        assert reached("::1", port) and not reached("127.0.0.1", port)
    with bound("*") as [(_, port), (_, _)]:
        assert reached("::1", port) and reached("127.0.0.1", port)


def test_a_name_stands_for_those_of_its_addresses_that_the_machine_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::77", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    with bound("kontakt.example.pl, localhost") as found:
        assert [address for address, _ in found] == ["127.0.0.1"]
    del answers[1]
    with pytest.raises(OSError) as raised:
        bind("kontakt.example.pl", 0)
    assert raised.value.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def test_without_ipv6_every_address_is_every_address_of_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    create = socket.create_server

    def without(address: Any, *, family: int, backlog: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return create(address, family=family, backlog=backlog)

    monkeypatch.setattr(socket, "create_server", without)
    with bound("*") as [(address, _)]:
        assert address == "0.0.0.0"
    with pytest.raises(OSError, match="not supported"):
        bind("127.0.0.1, ::1", 0)


@needs_ipv6
def test_a_port_that_is_taken_on_one_address_is_given_up_on_all() -> None:
    with bound("::1") as [(_, port)]:
        with pytest.raises(OSError) as raised:
            bind("127.0.0.1, ::1", port)
        assert raised.value.errno == errno.EADDRINUSE
        with bound("127.0.0.1", port) as found:
            assert found == [("127.0.0.1", port)]


def test_a_free_port_is_free_on_all_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []
    once = _listening._bind_all

    def clashing(hosts: str, port: int, backlog: int) -> list[socket.socket]:
        tries.append(hosts)
        if len(tries) == 1:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        return once(hosts, port, backlog)

    monkeypatch.setattr(_listening, "_bind_all", clashing)
    with bound("127.0.0.1"):
        assert len(tries) == 2
