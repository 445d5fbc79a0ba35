"""The HTTP listeners: bound before anything starts, served by applications that a reload may swap."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
from collections.abc import Mapping

from aiohttp import web
from aiohttp.http import HttpProcessingError

from connectors._listening import CannotListen, bind
from connectors.contract import Clock
from hub.config import Listener, Metrics
from hub.config_tls import server_context
from hub.web import public_watch

SHUTDOWN = 3.0
"""Seconds that open requests have to finish when a listener closes."""

BACKLOG = 4096
"""Connections that may wait to be accepted (the kernel's somaxconn bounds it, too). Of a crowd that comes back in one
moment the rest is left to repeat itself, after 1, 3 and 7 seconds."""


class _Strangers(logging.Filter):
    """Of aiohttp's own lines: what anybody can cause by a broken request, which it would quote, is no line of the log,
    and no line has an address of a network."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See :class:`logging.Filter`."""
        error = record.exc_info[1] if record.exc_info else None
        record.msg, record.args = "a request could not be answered", ()
        return not isinstance(error, HttpProcessingError | web.RequestPayloadError | ConnectionError)


logging.getLogger("aiohttp.server").addFilter(_Strangers())


async def _name_no_versions(_: web.Request, response: web.StreamResponse) -> None:
    """What the hub runs on, and in which version, is nothing that everybody needs to know."""
    response.headers["Server"] = "Centrala"


class Listeners:
    """By name: ``public``, ``private`` and ``metrics``."""

    def __init__(self) -> None:
        self._sockets: dict[str, list[socket.socket]] = {}
        self._runners: dict[str, web.AppRunner] = {}

    def bind(self, name: str, listener: Listener | Metrics) -> None:
        """Take all its addresses. Raises :class:`CannotListen`."""
        try:
            self._sockets[name] = bind(listener.host, listener.port, BACKLOG)
        except OSError as error:
            raise CannotListen(name, listener.host, listener.port, error) from error

    def ports(self) -> Mapping[str, int]:
        """The ports that are bound."""
        return {name: found[0].getsockname()[1] for name, found in self._sockets.items()}

    async def serve(self, name: str, app: web.Application, listener: Listener | Metrics) -> None:
        """Serve on the addresses that are bound. A new application takes over the same listening sockets, so that no
        connection is refused in between."""
        app.on_response_prepare.append(_name_no_versions)
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=SHUTDOWN, keepalive_timeout=public_watch.KEEP_ALIVE
        )
        await runner.setup()
        tls = server_context(listener) if isinstance(listener, Listener) else None
        for bound in self._sockets[name]:
            bound.setblocking(False)
            await web.SockSite(runner, bound.dup(), ssl_context=tls, backlog=BACKLOG).start()
        before, self._runners[name] = self._runners.get(name), runner
        if before is not None:
            await before.cleanup()

    async def watch_public(self, clock: Clock) -> None:
        """Until cancelled: close connections to the public listener that never get to a request."""
        while True:
            await clock.sleep(public_watch.EVERY)
            runner = self._runners.get("public")
            if runner is not None and runner.server is not None:
                runner.app[public_watch.WATCH].sweep(runner.server.connections, clock.monotonic())

    async def stop(self) -> None:
        """Take nothing more and let open requests finish; the addresses stay taken until :meth:`close`."""
        runners, self._runners = list(self._runners.values()), {}
        await asyncio.gather(*(runner.cleanup() for runner in runners))

    def close(self) -> None:
        """Let go of the addresses."""
        for bound in itertools.chain.from_iterable(self._sockets.values()):
            bound.close()
        self._sockets.clear()
