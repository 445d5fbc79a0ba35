"""A telephone exchange that tells the hub of its calls, as docs/channels/phone.md describes.

There is no one exchange that everybody has: this one posts forms with a bearer token, as the dialplan of an Asterisk
does by ``curl``, with its ids of calls and names of channels. It imports nothing of the hub and keeps a ledger of what
it told and what the hub answered; an event is told again until it is taken.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from typing import Literal
from urllib.parse import urlencode

import aiohttp

Event = Literal["ringing", "answered", "missed", "hung_up"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Told:
    """One event and the status with which the hub took it."""

    event: str
    call: str
    status: int


def event_form(
    *,
    event: Event,
    call: str,
    caller: str,
    extension: str = "",
    name: str = "",
    at: int = 0,
    duration: int | None = None,
) -> str:
    """The body of an event. ``at`` in seconds since 1970, ``duration`` of the talk in seconds."""
    fields = {
        "event": event,
        "call": call,
        "caller": caller,
        "name": name,
        "extension": f"PJSIP/{extension}-{int(call.replace('.', '')) % 2**32:08x}" if extension else "",
        "line": "221234567",
        "at": str(at) if at else "",
        "duration": "" if duration is None else str(duration),
    }
    return urlencode({field: value for field, value in fields.items() if value})


class ExchangePeer:
    """The exchange. ``hub`` is the address of the line's route (``…/in/INBOX``), ``secret`` that of the line."""

    def __init__(self, *, hub: str, secret: str, began: int = 1_794_328_800) -> None:
        self.told: list[Told] = []
        self._hub = hub
        self._secret = secret
        self._began = began
        self._numbers = itertools.count(1)

    def new_call(self) -> str:
        """An id as Asterisk makes them: the second and a number."""
        return f"{self._began}.{next(self._numbers)}"

    async def tells(
        self,
        event: Event,
        call: str,
        caller: str,
        *,
        extension: str = "",
        name: str = "",
        at: int = 0,
        duration: int | None = None,
    ) -> int:
        """Post one event until it is taken; the status."""
        form = event_form(
            event=event, call=call, caller=caller, extension=extension, name=name, at=at, duration=duration
        )
        headers = {
            "Authorization": f"Bearer {self._secret}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        status = 0
        async with aiohttp.ClientSession() as session:
            for _ in range(50):
                try:
                    async with session.post(self._hub, data=form, headers=headers) as answer:
                        status = answer.status
                except aiohttp.ClientError:
                    status = 0
                if status and status not in (429, 503):
                    break
                await asyncio.sleep(0.2)
        self.told.append(Told(event=event, call=call, status=status))
        return status

    async def misses(self, caller: str, extension: str, name: str = "") -> str:
        """Somebody calls and nobody lifts the telephone; the id of the call."""
        call = self.new_call()
        await self.tells("ringing", call, caller, extension=extension, name=name)
        await self.tells("missed", call, caller, extension=extension)
        return call

    async def talks(self, caller: str, extension: str, seconds: int, name: str = "") -> str:
        """Somebody calls, it is answered and hung up after so many seconds; the id of the call."""
        call = self.new_call()
        await self.tells("ringing", call, caller, extension=extension, name=name)
        await self.tells("answered", call, caller, extension=extension)
        await self.tells("hung_up", call, caller, extension=extension, duration=seconds)
        return call
