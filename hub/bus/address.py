"""Where Redis is: the address in the configuration as data, checked without connecting.

``redis://USER@HOST:PORT/DB``, with ``rediss`` for TLS; behind Sentinels ``redis+sentinel://HOST:PORT,HOST:PORT/MASTER``
or ``rediss+sentinel://``, the database as ``?db=N``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

PORT = 6379
SENTINEL_PORT = 26379

_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::(?P<port>[0-9]{1,5}))?")


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """``hosts`` are the server itself or, with a ``master``, the Sentinels that know where it is."""

    hosts: tuple[tuple[str, int], ...]
    master: str | None = None
    database: int = 0
    user: str | None = None
    tls: bool = False


def parse_address(url: str) -> Address:
    """Raises ValueError with the end of a sentence about the address."""
    parts = urlsplit(url)
    secure, _, sentinel = parts.scheme.partition("+")
    if secure not in ("redis", "rediss") or sentinel not in ("", "sentinel"):
        raise ValueError("begins with none of redis://, rediss://, redis+sentinel://, rediss+sentinel://")
    before, _, places = parts.netloc.rpartition("@")
    if ":" in before:
        raise ValueError('holds a password; give it as "password" or "password_file"')
    hosts = tuple(_hosts(places, SENTINEL_PORT if sentinel else PORT))
    path, asked = parts.path.strip("/"), parse_qs(parts.query)
    if sentinel and not path:
        raise ValueError("names no master: redis+sentinel://HOST:PORT,HOST:PORT/MASTER")
    if not sentinel and len(hosts) > 1:
        raise ValueError("names several servers, which is for redis+sentinel:// only")
    database = asked.get("db", ["0"])[0] if sentinel else path or "0"
    if not database.isdecimal() or set(asked) - {"db"}:
        raise ValueError("must end with the number of a database, if with anything")
    return Address(
        hosts=hosts,
        master=unquote(path) if sentinel else None,
        database=int(database),
        user=unquote(before) or None,
        tls=secure == "rediss",
    )


def _hosts(places: str, port: int) -> Iterator[tuple[str, int]]:
    for place in places.split(","):
        found = _HOST.fullmatch(place)
        if found is None or int(found["port"] or port) > 65535:
            raise ValueError(f'names no host and port: "{place}"')
        yield found["host"].strip("[]"), int(found["port"] or port)
