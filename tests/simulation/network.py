"""Calls between simulated processes: they take time, get lost on the way there or back, and break with the process."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import msgspec

from tests.simulation.kernel import Kernel, Process

T = TypeVar("T")


class Cut(ConnectionError):
    """The connection broke. Whether the other side has acted is unknown."""


class Weather(msgspec.Struct, kw_only=True):
    """How bad the network is; changed while a run goes on. Parts are of 1, times in seconds."""

    lost: float = 0.0
    unanswered: float = 0.0
    slow: float = 0.0
    delay: tuple[float, float] = (0.0005, 0.02)
    slow_delay: tuple[float, float] = (1.0, 20.0)


class Network:
    """Every call between processes of a run."""

    def __init__(self, kernel: Kernel) -> None:
        self.weather = Weather()
        self._kernel = kernel

    async def call(self, server: Process, serve: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Have ``serve`` run in another process and return what it returned; raises what it raised, or Cut.

        A server that hangs answers late or never: whoever calls sets a limit.
        """
        client = asyncio.get_running_loop()
        assert isinstance(client, Process)
        answer: asyncio.Future[T] = client.create_future()
        draw, weather = self._kernel.draw, self.weather
        settle = functools.partial(self._settle, client, answer)
        if draw.random() < weather.lost:
            self._kernel.after(self._delay(), lambda: settle(Cut("lost on the way there")))
        else:
            silent = draw.random() < weather.unanswered
            self._kernel.after(self._delay(), lambda: self._arrive(server, serve, settle, silent))
        return await answer

    def _delay(self) -> float:
        draw, weather = self._kernel.draw, self.weather
        return draw.uniform(*(weather.slow_delay if draw.random() < weather.slow else weather.delay))

    def _arrive(
        self,
        server: Process,
        serve: Callable[[], Coroutine[Any, Any, T]],
        settle: Callable[[T | Exception], None],
        silent: bool,
    ) -> None:
        back = self._delay()
        if not server.alive:
            self._kernel.after(back, lambda: settle(Cut("nobody listens")))
            return

        def broke() -> None:
            self._kernel.after(back, lambda: settle(Cut("the other side died")))

        async def run() -> None:
            outcome: T | Exception
            try:
                outcome = await serve()
            except Exception as error:
                outcome = error
            server.on_kill.remove(broke)
            if silent:
                outcome = Cut("lost on the way back")
            self._kernel.after(back, lambda: settle(outcome))

        server.on_kill.append(broke)
        server.create_task(run(), name="served")

    @staticmethod
    def _settle(client: Process, answer: asyncio.Future[T], outcome: T | Exception) -> None:
        """Tell the client, in its own turn, unless it went away."""

        def tell() -> None:
            if answer.done():
                return
            if isinstance(outcome, Exception):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)

        client.call_soon(tell)
