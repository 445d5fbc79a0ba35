"""The world around the demo's hub: the citizens' mail server, the office's site with its application, providers."""

from __future__ import annotations

import contextlib

from aiohttp import web

from connectors.contract import Clock
from hub.config import Config
from hub.demo import site
from hub.demo.letters import Letters
from hub.demo.mailserver import mail_server
from hub.demo.providers import Providers
from hub.demo.setting import Ports


class Outside:
    """Runs for the length of an ``async with``. Raises OSError where a port cannot be had."""

    def __init__(
        self, ports: Ports, letters: Letters, clock: Clock, config: Config, providers: Providers
    ) -> None:
        self._ports = ports
        self._letters = letters
        self._clock = clock
        self._config = config
        self._providers = providers
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Outside:
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(mail_server(self._ports.mail, self._letters, self._clock))
            await stack.enter_async_context(self._providers.listening(self._ports))
            app = site.build(self._config, self._letters, self._clock)
            self._providers.mount(app)
            stack.push_async_callback(self._providers.close)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
            stack.push_async_callback(runner.cleanup)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", self._ports.site).start()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()
