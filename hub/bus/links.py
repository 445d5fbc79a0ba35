"""Connections to Redis: one client for commands, one each for reads that wait.

Both forms of trouble must be noticed, a connection that breaks and one that is silently dead. Commands time out after
:data:`PATIENCE`. Reads that block by design must not (redis-py's default of 5 s cuts them off and tries again behind
the caller's back), so they have no timeout of the socket, and whoever waits bounds the wait itself. Nothing is tried
again inside the client: the loops of the bus know better when.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from redis.asyncio import Redis, Sentinel
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from connectors.contract import Secret
from hub.bus.address import Address, parse_address
from hub.config import Redis as Settings

PATIENCE = 3.0
"""Seconds that connecting and a command may take."""

GONE = (RedisError, OSError, TimeoutError)
"""What a Redis that is away, full or silent raises."""


class Links:
    """Clients of one Redis. Nothing is connected before it is needed. Raises ValueError for a wrong address."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._address = parse_address(settings.url or "")
        self._sentinel = _sentinel(self._address, settings) if self._address.master else None
        self.commands = self._client(PATIENCE)
        """For everything that does not wait."""

    def key(self, name: str) -> str:
        """The name of a key or channel of this installation."""
        return f"{self._settings.name}:{name}"

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[Redis]:
        """A client with a connection of its own, for reads that block."""
        client = self._client(None)
        try:
            yield client
        finally:
            await client.aclose()

    async def close(self) -> None:
        """Let go of all connections."""
        await self.commands.aclose()
        for client in self._sentinel.sentinels if self._sentinel else ():
            await client.aclose()

    def _client(self, timeout: float | None) -> Redis:
        address = self._address
        options = _options(address, self._settings) | {
            "socket_timeout": timeout,
            "db": address.database,
            "username": address.user,
            "password": _reveal(self._settings.password),
        }
        if self._sentinel is not None:
            return cast(Redis, self._sentinel.master_for(address.master or "", **options))
        host, port = address.hosts[0]
        return Redis(host=host, port=port, **options)


def _sentinel(address: Address, settings: Settings) -> Sentinel:
    asked = _options(address, settings) | {
        "socket_timeout": PATIENCE,
        "password": _reveal(settings.sentinel_password),
    }
    found: Sentinel = cast(Any, Sentinel)(list(address.hosts), sentinel_kwargs=asked)
    return found


def _options(address: Address, settings: Settings) -> dict[str, Any]:
    """What all connections have in common."""
    tls = {"ssl": True, "ssl_ca_certs": settings.ca_file} if address.tls else {}
    return tls | {
        "socket_connect_timeout": PATIENCE,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "client_name": settings.name,
    }


def _reveal(secret: Secret | None) -> str | None:
    return secret.reveal() if secret is not None else None


async def execute(client: Redis, *words: str | int) -> Any:
    """A command by its words and what Redis answers, undecoded; redis-py types its own forms for every client at
    once."""
    return await cast(Any, client).execute_command(*words)
