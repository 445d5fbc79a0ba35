"""Connections that send nothing, or their head byte by byte: closed, so that they cannot use up what others need.

aiohttp bounds a connection between two requests (keep-alive), not before its first one.
"""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

HEAD_SECONDS = 20.0
"""Longest that a connection may take to send the head of its first request."""

EVERY = 5.0
"""Seconds between two looks."""

KEEP_ALIVE = 60.0
"""Seconds that a connection may rest between two requests."""


class Watch:
    """Knows which connections have ever sent a request. :meth:`sweep` must be called every few seconds."""

    def __init__(self) -> None:
        self._served: set[object] = set()
        self._silent: dict[object, float] = {}

    def served(self, request: web.Request) -> None:
        """A request came in whole over this connection."""
        self._served.add(request.protocol)

    def sweep(self, connections: Iterable[RequestHandler], now: float) -> int:
        """Close what has been silent for too long; ``now`` in seconds of a monotonic clock. Returns how many."""
        here = set(connections)
        self._served &= here
        self._silent = {one: self._silent.get(one, now) for one in here - self._served}
        late = [one for one in here if now - self._silent.get(one, now) >= HEAD_SECONDS]
        for connection in late:
            if connection.transport is not None:
                connection.transport.abort()
        return len(late)


WATCH = web.AppKey("watch", Watch)
