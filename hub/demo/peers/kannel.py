"""A gateway that behaves like Kannel 1.4.5 towards its HTTP users: ``sendsms``, delivery reports, messages of citizens.

For the demo and for tests of the wire; the real Kannel has tests of its own (tests/servers/kannel.py). Behaves as the
User's Guide (chapters 6 and 8) and the program itself did in November 2026: the order of its checks, its texts and
statuses, placeholders of ``dlr-url``. It imports nothing of the hub and keeps a ledger of what it took.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
from collections.abc import AsyncIterator, Coroutine
from typing import Literal
from urllib.parse import quote_plus, urlencode

import aiohttp
from aiohttp import web
from yarl import URL

Fault = Literal["", "auth", "cut", "silence", "queued", "refused", "down", "busy", "unroutable"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Taken:
    """One message as ``sendsms`` was given it; ``number`` counts from 1."""

    number: int
    sender: str
    to: str
    text: str
    coding: str
    dlr_url: str
    dlr_mask: int
    query: str


def mo_query(
    *, identity: str, sender: str, to: str, text: str, at: int, secret: str = "", udh: bytes = b""
) -> str:
    """The query string of the documented ``get-url`` for an SMS. ``at`` in seconds since 1970.

    The short alphabet comes as UTF-8 with ``coding=0``, everything else as UTF-16BE with ``coding=2``, as from Kannel.
    """
    wide = not text.isascii()
    data = text.encode("utf-16-be") if wide else text.encode()
    fields = [
        ("secret", secret),
        ("id", identity),
        ("from", sender),
        ("to", to),
        ("text", data),
        ("coding", "2" if wide else "0"),
        ("charset", "UTF-16BE" if wide else "UTF-8"),
        ("udh", udh),
        ("at", str(at)),
    ]
    return urlencode([pair for pair in fields if pair[0] != "secret" or secret])


class KannelPeer:
    """The gateway. ``hub`` is the address of the inbox's route (``…/in/INBOX``), for :meth:`writes`.

    ``reports`` are the types told after each message, in order, ``seconds`` apart; ``first`` is its first number;
    ``fault`` is how it fails.
    """

    def __init__(
        self,
        *,
        username: str = "centrala",
        password: str,
        secret: str = "",
        hub: str = "",
        reports: tuple[int, ...] = (8, 1),
        seconds: float = 0.0,
        first: int = 1,
    ) -> None:
        self.taken: list[Taken] = []
        self.fault: Fault = ""
        self.hub = hub
        self.reports = reports
        self._login = (username, password)
        self._secret = secret
        self._seconds = seconds
        self._numbers = itertools.count(first)
        self._arrived = asyncio.Condition()
        self._telling: set[asyncio.Task[None]] = set()

    def app(self) -> web.Application:
        """To be served alone, or mounted under a prefix; ``sendsms`` is at ``/cgi-bin/sendsms``."""
        app = web.Application()
        app.router.add_get("/cgi-bin/sendsms", self._sendsms)
        app.on_cleanup.append(self._stop)
        return app

    async def _stop(self, app: web.Application) -> None:
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    # --- sendsms --------------------------------------------------------------------------------------------------

    async def _sendsms(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        if (query.get("username"), query.get("password")) != self._login or self.fault == "auth":
            return web.Response(status=403, text="Authorization failed for sendsms")
        if failed := await self._failed(request):
            return failed
        for name, text in (
            ("to", "Missing receiver number, rejected"),
            ("from", "Sender missing and no global set"),
        ):
            if not query.get(name):
                return web.Response(status=400, text=text)
        await self._take(request)
        text = "3: Queued for later delivery" if self.fault == "queued" else "0: Accepted for delivery"
        return web.Response(status=202, text=text)

    async def _failed(self, request: web.Request) -> web.Response | None:
        if self.fault == "silence":
            await asyncio.sleep(5)
        if self.fault == "cut" and request.transport is not None:
            await self._take(request)
            request.transport.close()
        answers = {
            "refused": (400, "Charset or body misformed, rejected"),
            "unroutable": (403, "Not routable. Do not try again."),
            "down": (503, "Temporal failure, try again later."),
            "busy": (429, "Too many requests"),
        }
        if self.fault not in answers:
            return None
        status, text = answers[self.fault]
        return web.Response(status=status, text=text)

    async def _take(self, request: web.Request) -> None:
        query = request.query
        message = Taken(
            number=next(self._numbers),
            sender=query.get("from", ""),
            to=query.get("to", ""),
            text=query.get("text", ""),
            coding=query.get("coding", ""),
            dlr_url=query.get("dlr-url", ""),
            dlr_mask=int(query.get("dlr-mask", "0")),
            query=request.rel_url.raw_query_string,
        )
        self.taken.append(message)
        async with self._arrived:
            self._arrived.notify_all()
        if message.dlr_url and self.fault != "queued":
            self._later(self._tell(message, self.reports))

    def _later(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    # --- reports and messages -------------------------------------------------------------------------------------

    async def tell(self, message: Taken, kind: int, *, reply: str = "", at: int = 0) -> int:
        """Fetch the report's address once, if this type was asked for; the status of the answer (0: not asked)."""
        if not message.dlr_mask & kind:
            return 0
        values = {"%d": str(kind), "%A": quote_plus(reply), "%T": str(at), "%F": f"smsc-{message.number}"}
        url = message.dlr_url
        for name, value in values.items():
            url = url.replace(name, value)
        return await _fetch(url)

    async def _tell(self, message: Taken, types: tuple[int, ...]) -> None:
        """All reports of a message; each again while the hub says that it cannot take it now, as smsbox does."""
        for kind in types:
            await asyncio.sleep(self._seconds)
            reply = "" if kind in (1, 8) else "id:1 stat:UNDELIV err:001"
            for _ in range(100):
                if await self.tell(message, kind, reply=reply) != 503:
                    break
                await asyncio.sleep(0.2)

    async def writes(
        self, sender: str, text: str, *, to: str = "+48123123123", identity: str = "", at: int = 0
    ) -> int:
        """A citizen's SMS, told to the hub as the documented ``get-url`` does; its status.

        ``identity`` is given for a repetition.
        """
        known = identity or f"00000000-0000-4000-8000-{next(self._numbers):012d}"
        return await _fetch(
            f"{self.hub}?{mo_query(identity=known, sender=sender, to=to, text=text, at=at, secret=self._secret)}"
        )

    async def wait_for(self, count: int, seconds: float = 10.0) -> list[Taken]:
        """What was taken, once there are at least ``count``. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self._arrived:
            await self._arrived.wait_for(lambda: len(self.taken) >= count)
        return self.taken


async def _fetch(url: str) -> int:
    async with aiohttp.ClientSession() as session:
        async with session.get(URL(url, encoded=True)) as answer:
            return answer.status


@contextlib.asynccontextmanager
async def served(peer: KannelPeer) -> AsyncIterator[str]:
    """The gateway on a free port of the loopback; the address of its ``sendsms``."""
    runner = web.AppRunner(peer.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/cgi-bin/sendsms"
    finally:
        await runner.cleanup()
