"""Nothing leaves loopback: every connection and every look-up of a name is checked, whoever makes it."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest


class LeftLoopback(AssertionError):
    """A test tried to reach another machine."""


def _check(address: object) -> None:
    """Unix sockets are paths; other addresses begin with the host."""
    if isinstance(address, (str, bytes)):
        return
    host = address[0] if isinstance(address, tuple) and address else address
    if not _is_loopback(host):
        raise LeftLoopback(f"a connection to {host!r}")


def _is_loopback(host: object) -> bool:
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


def keep_on_loopback(patch: pytest.MonkeyPatch) -> None:
    """Make leaving loopback an error, for the length of ``patch``. asyncio's own loop goes through the same calls."""

    def checked(name: str, index: int) -> None:
        original = getattr(socket.socket, name)

        def call(self: socket.socket, *arguments: Any) -> Any:
            _check(arguments[index])
            return original(self, *arguments)

        patch.setattr(socket.socket, name, call)

    checked("connect", 0)
    checked("connect_ex", 0)
    checked("sendto", -1)
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if not _is_loopback(host.decode() if isinstance(host, bytes) else host):
            raise LeftLoopback(f"a look-up of {host!r}")
        return look_up(host, *arguments, **options)

    patch.setattr(socket, "getaddrinfo", getaddrinfo)
