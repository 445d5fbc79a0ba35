"""A provider that behaves like SMSAPI towards its HTTP users: ``sms.do``, reports, messages of citizens.

By the documentation at https://www.smsapi.pl/docs/ (sections 2, 9, 10, 18 and 19), as it was in May 2026: names and
order of fields, shapes of answers, error codes, ``idx`` with ``check_idx``, reports that are repeated until ``OK``.
It imports nothing of the hub and keeps a ledger of what it took.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import re
from collections.abc import AsyncIterator, Coroutine
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
TWICE = frozenset("^{}\\[~]|€")
NAMES = {402: "EXPIRED", 403: "SENT", 404: "DELIVERED", 405: "UNDELIVERED", 407: "REJECTED", 408: "UNKNOWN"}
POINTS = 0.16
"""Price of one part."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Taken:
    """One message as ``sms.do`` was given it; ``form`` in the order of its fields."""

    id: str
    to: str
    sender: str
    text: str
    idx: str
    parts: int
    notify_url: str
    form: tuple[tuple[str, str], ...]


def parts_of(text: str) -> int:
    """How many SMS a text needs."""
    if all(char in GSM or char in TWICE for char in text):
        length = sum(2 if char in TWICE else 1 for char in text)
        return 1 if length <= 160 else -(-length // 153)
    length = len(text.encode("utf-16-be")) // 2
    return 1 if length <= 70 else -(-length // 67)


def message_form(*, identity: str, sender: str, to: str, text: str, at: int, username: str = "urzad") -> str:
    """The body of the POST that tells of an SMS to one of the account's numbers. ``at`` in seconds since 1970."""
    fields = {"sms_to": to, "sms_from": sender, "sms_text": text, "sms_date": str(at)}
    return urlencode(fields | {"username": username, "MsgId": identity})


def report_query(*reports: tuple[str, int, str], at: int, username: str = "urzad") -> str:
    """The query of the GET that tells of messages: id, status and idx of each; several are joined by commas."""
    ids, codes, ours = zip(*reports, strict=True)
    fields = {
        "MsgId": ",".join(ids),
        "status": ",".join(map(str, codes)),
        "status_name": ",".join(NAMES.get(code, "UNKNOWN") for code in codes),
        "idx": ",".join(ours),
        "donedate": ",".join(str(at) for _ in ids),
        "username": username,
    }
    return urlencode(fields)


class SmsApiPeer:
    """The provider. ``hub`` is the address of the inbox's route with its secret, for :meth:`writes`.

    ``reports`` are the codes told after each message, ``seconds`` apart; ``first`` is its first number.
    ``fault`` is how it fails: an error code, an HTTP status as ``"http 503"``, or ``cut`` (takes the message, then
    hangs up), ``silence``, ``garbage``.
    """

    def __init__(
        self,
        *,
        token: str,
        hub: str = "",
        points: float = 100.0,
        reports: tuple[int, ...] = (403, 404),
        seconds: float = 0.0,
        first: int = 1,
    ) -> None:
        self.taken: list[Taken] = []
        self.fault = ""
        self.hub = hub
        self.points = points
        self.reports = reports
        self._token = token
        self._seconds = seconds
        self._numbers = itertools.count(first)
        self._arrived = asyncio.Condition()
        self._telling: set[asyncio.Task[None]] = set()

    def app(self) -> web.Application:
        """To be served alone, or mounted under a prefix."""
        app = web.Application()
        app.router.add_route("*", "/sms.do", self._sms)
        app.router.add_get("/profile", self._profile)
        app.on_cleanup.append(self._stop)
        return app

    async def _stop(self, app: web.Application) -> None:
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    def _knows(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self._token}"

    async def _profile(self, request: web.Request) -> web.Response:
        if not self._knows(request):
            return web.json_response(
                {"message": "Authorization failed", "error": "authorization_failed"}, status=401
            )
        return web.json_response({"username": "urzad", "payment_type": "prepaid", "points": self.points})

    # --- sms.do ---------------------------------------------------------------------------------------------------

    async def _sms(self, request: web.Request) -> web.StreamResponse:
        form = {**request.query, **{k: str(v) for k, v in (await request.post()).items()}}
        if not self._knows(request):
            return _error(101, "Authorization failed")
        if self.fault == "silence":
            await asyncio.sleep(5)
        if self.fault.startswith("http "):
            return web.Response(status=int(self.fault[5:]), text="<html>", headers={"Retry-After": "7"})
        if self.fault.isdigit():
            return _error(int(self.fault), "refused")
        if refused := self._refused(form):
            return refused
        taken = await self._take(form)
        if self.fault == "cut" and request.transport is not None:
            request.transport.close()
        if self.fault == "garbage":
            return web.Response(text="OK:123:0.16:48600700800")
        return web.json_response({"count": 1, "list": [_told(taken)]})

    def _refused(self, form: dict[str, str]) -> web.Response | None:
        if not form.get("message"):
            return _error(11, "Message too long or there is no message")
        if not re.fullmatch(r"(48)?[1-9][0-9]{8}|[1-9][0-9]{9,14}", form.get("to", "")):
            return _error(13, "No correct phone numbers", form.get("to", ""))
        if parts_of(form["message"]) > int(form.get("max_parts", "10")):
            return _error(12, "Message has more parts than max_parts")
        if self.points < POINTS:
            return _error(103, "Insufficient credits")
        idx = form.get("idx", "")
        if form.get("check_idx") == "1" and any(before.idx == idx for before in self.taken):
            return _error(53, "Not unique idx")
        return None

    async def _take(self, form: dict[str, str]) -> Taken:
        taken = Taken(
            id=f"5F{next(self._numbers):022X}",
            to=form["to"],
            sender=form.get("from", ""),
            text=form["message"],
            idx=form.get("idx", ""),
            parts=parts_of(form["message"]),
            notify_url=form.get("notify_url", ""),
            form=tuple(form.items()),
        )
        self.points -= POINTS * taken.parts
        self.taken.append(taken)
        async with self._arrived:
            self._arrived.notify_all()
        if taken.notify_url:
            self._later(self._tell(taken))
        return taken

    # --- reports and messages -------------------------------------------------------------------------------------

    def _later(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, taken: Taken) -> None:
        for code in self.reports:
            await asyncio.sleep(self._seconds)
            await self.report(taken, code)

    async def report(self, taken: Taken, code: int, *, at: int = 0) -> None:
        """Tell what became of a message, again and again until the answer is ``OK``."""
        join = "&" if "?" in taken.notify_url else "?"
        url = taken.notify_url + join + report_query((taken.id, code, taken.idx), at=at)
        for _ in range(100):
            if await _call("GET", url) == "OK":
                return
            await asyncio.sleep(0.2)

    async def writes(
        self, sender: str, text: str, *, to: str = "48123123123", identity: str = "", at: int = 0
    ) -> str:
        """A citizen's SMS, told to the hub; what it answered. ``identity`` is given for a repetition."""
        known = identity or f"4E{next(self._numbers):022X}"
        return await _call(
            "POST", self.hub, message_form(identity=known, sender=sender, to=to, text=text, at=at)
        )

    async def wait_for(self, count: int, seconds: float = 10.0) -> list[Taken]:
        """What was taken, once there are at least ``count``. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self._arrived:
            await self._arrived.wait_for(lambda: len(self.taken) >= count)
        return self.taken


def _error(code: int, message: str, number: str = "") -> web.Response:
    body: dict[str, Any] = {"error": code, "message": message}
    if number:
        body["invalid_numbers"] = [
            {"number": number, "submitted_number": number, "message": "Invalid phone number"}
        ]
    return web.json_response(body)


def _told(taken: Taken) -> dict[str, Any]:
    return {
        "id": taken.id,
        "points": round(POINTS * taken.parts, 2),
        "number": taken.to,
        "date_sent": 1_794_328_800,
        "submitted_number": taken.to,
        "status": "QUEUE",
        "error": None,
        "idx": taken.idx or None,
        "parts": taken.parts,
    }


async def _call(method: str, url: str, form: str = "") -> str:
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    async with aiohttp.ClientSession() as session:
        try:
            async with session.request(method, url, data=form or None, headers=headers) as answer:
                return await answer.text()
        except aiohttp.ClientError:
            return ""


@contextlib.asynccontextmanager
async def served(peer: SmsApiPeer) -> AsyncIterator[str]:
    """The provider on a free port of loopback; its base address."""
    runner = web.AppRunner(peer.app(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
