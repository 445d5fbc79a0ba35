"""Connectors behind the real public listener on loopback, for tests that speak HTTP to them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Sequence

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, web

from connectors.contract import Log, Route
from hub.i18n import translate
from hub.rates import Rates
from hub.web.public import Settings, build


@contextlib.asynccontextmanager
async def served(routes: Sequence[Route], log: Log, port: int = 0) -> AsyncIterator[ClientSession]:
    """A client of the listener that serves ``routes``; redirects are left to the test. ``port`` 0: any free one."""
    settings = Settings(public_url="http://127.0.0.1:8080", per_address="100000/minute")
    app = build(
        routes=routes,
        settings=settings,
        translate=translate,
        log=log,
        ready=lambda: True,
        rates=Rates(time.monotonic),
    )
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    host, port = runner.addresses[0][:2]
    client = ClientSession(
        base_url=f"http://{host}:{port}", cookie_jar=DummyCookieJar(), timeout=ClientTimeout(total=20)
    )
    try:
        yield client
    finally:
        await client.close()
        await runner.cleanup()
