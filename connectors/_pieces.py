"""A delivery of several calls: text and files leave one after the other; a further attempt leaves out what is gone.

Where a provider (Meta, Telegram) takes one thing a call, and gives the caller no way to name it, whatever leaves first
is seen by the person at once. So an attempt that breaks in the middle must be gone on with there, not begun anew, by
whichever process has the next one. What left is noted before the next piece does, as a cursor of the inbox; of a crash
between a piece and its note nobody can know more than that this one piece may have left, which the outbox says by
itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from connectors._i18n import N_
from connectors._widget import Door
from connectors.contract import Clock, Cursor, Outbound, Overtaken, Raw, Refused, SendError, Sink

SLOTS = 128
IN_SLOT = 8
"""Deliveries whose notes one cursor holds, the latest ones: so there are few rows, and each is small."""

NO_NOTES = N_("What has left of it already could not be looked up.")

Step = Callable[[], Awaitable[str]]
"""Sends one piece; gives the provider's id of it. Raises SendError."""

_notes = msgspec.json.Decoder(dict[str, list[str]]).decode
_encode = msgspec.json.Encoder().encode


class Progress:
    """What has left of deliveries of an inbox. ``door`` leads to its sink."""

    def __init__(self, door: Door, clock: Clock) -> None:
        self._door = door
        self._clock = clock

    async def through(self, outbound: Outbound, steps: Sequence[Step]) -> list[str]:
        """Carry out the steps that are missing, in order; the ids of all. Raises the error of the one that failed."""
        if len(steps) == 1:
            return [await steps[0]()]
        done = await self._left(outbound, len(steps))
        for step in steps[len(done) :]:
            done.append(await step())
            await self._note(outbound, done)
        return done

    async def _left(self, outbound: Outbound, count: int) -> list[str]:
        """The ids of what earlier attempts brought out; none of a sending that came to its end and failed afterwards.

        Raises a temporary SendError where that cannot be known.
        """
        try:
            notes, _ = await _read(self._door.sink, outbound)
        except Refused as refused:  # nothing has left yet
            raise SendError("temporary", NO_NOTES, str(refused), refused.retry_after) from refused
        done = notes.get(_name(outbound), [])
        ended = len(done) >= count and outbound.taken_as in done
        return [] if ended else done[:count]

    async def _note(self, outbound: Outbound, done: Sequence[str]) -> None:
        """Returns when it is written: until then nothing more may leave. The limit of a sending ends a long wait."""
        while True:
            try:
                await _write(self._door.sink, outbound, done)
            except Overtaken:
                continue
            except Refused as refused:
                await self._clock.sleep(refused.retry_after)
            else:
                return


def _name(outbound: Outbound) -> str:
    return f"{outbound.delivery}:{outbound.part}"


def _key(outbound: Outbound) -> str:
    return f"pieces:{outbound.delivery % SLOTS}"


async def _read(sink: Sink, outbound: Outbound) -> tuple[dict[str, list[str]], str | None]:
    value = await sink.cursor(_key(outbound))
    return _notes(value) if value else {}, value


async def _write(sink: Sink, outbound: Outbound, done: Sequence[str]) -> None:
    """Raises Refused; Overtaken where somebody else has just written into the same slot."""
    notes, before = await _read(sink, outbound)
    others = [(name, ids) for name, ids in notes.items() if name != _name(outbound)]
    kept = dict([*others[1 - IN_SLOT :], (_name(outbound), list(done))])
    cursor = Cursor(key=_key(outbound), value=_encode(kept).decode(), replaces=before)
    await sink.accept(Raw(content=b"", content_type="application/json"), (), cursor)
