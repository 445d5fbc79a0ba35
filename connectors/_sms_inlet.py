"""The way in of an SMS channel: parts of a long message are put together, repetitions marked, before the hub sees them.

A part is committed (as a cursor of the inbox) before its wire is answered, so that it survives a crash. What never
becomes complete is shown with what there is. State is kept in :data:`SLOTS` slots by sender, so that one commit
carries little and messages of one sender stay in order.
"""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import Callable, Sequence

import msgspec

from connectors._gsm import Place
from connectors._i18n import N_
from connectors._sms import SmsSettings
from connectors._sms_in import Repeats, Words, received, words_of
from connectors._widget import Door
from connectors.contract import (
    Consent,
    Cursor,
    Env,
    FormField,
    Inbound,
    InboxId,
    Message,
    Micros,
    Overtaken,
    Raw,
    Refused,
    Sink,
    Translate,
    fault,
)

SLOTS = 32
TRIES = 10
"""Times that a message is looked at when other processes change its slot meanwhile."""

MOST_PARTS = 600
"""Parts that wait in one slot; above it the oldest message is shown as it is."""

_REMEMBERED = 60
_LOOK = 15.0
_SECOND = 1_000_000

INCOMPLETE = N_("Incomplete message")
PARTS_CAME = N_("Parts that came: {came} of {total}; the rest is missing.")
GAP = " […] "


class Piece(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One SMS as the wire gave it, perhaps a part of a longer one. ``raw`` is what ``parse`` reads, on one line.

    ``halves`` as :func:`_gsm.halves` tells them; in ``text`` U+FFFD stands for each.
    """

    sender: str
    recipient: str
    text: str
    at: int
    raw: str
    place: Place | None = None
    external_id: str | None = None
    sent_at: int | None = None
    halves: tuple[int, int] = (0, 0)


class _Slot(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is known of some senders: parts that wait, digests of messages and of parts that were taken lately."""

    parts: list[Piece] = []
    recent: list[tuple[str, int]] = []
    done: list[tuple[str, int]] = []


_slot = msgspec.json.Decoder(_Slot).decode
_encode = msgspec.json.Encoder().encode


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What of an inbox decides how its messages are read."""

    env: Env
    country: str
    words: Words
    repeat_minutes: float
    wait_minutes: float


def reading_of(settings: SmsSettings, env: Env, wait_minutes: float) -> Reading:
    """How an inbox with these settings reads its messages."""
    return Reading(
        env=env,
        country=settings.country,
        words=words_of(settings.stop_words, settings.start_words),
        repeat_minutes=settings.repeat_minutes,
        wait_minutes=wait_minutes,
    )


def event_of(pieces: Sequence[Piece], reading: Reading) -> Message | Consent:
    """The event of the parts of one message, in order of their numbers; gaps are shown as such."""
    return joined(pieces, reading.env.inbox, reading.country, reading.words, _told(reading))


def _told(reading: Reading) -> Callable[[str, dict[str, int]], str]:
    env = reading.env
    translate: Translate = env.translate
    return lambda text, details: translate(env.office.language, text, **details)


def joined(
    pieces: Sequence[Piece],
    inbox: InboxId,
    country: str,
    words: Words,
    told: Callable[[str, dict[str, int]], str] = lambda text, details: text.format(**details),
) -> Message | Consent:
    """As :func:`event_of`, for whoever has no environment; ``told`` puts a text into the office's language."""
    ordered = sorted(pieces, key=lambda piece: piece.place.number if piece.place else 1)
    first = ordered[0]
    total = first.place.total if first.place else 1
    event = received(
        inbox,
        sender=first.sender,
        recipient=first.recipient,
        text=_text(ordered, total),
        now=Micros(max(piece.at for piece in pieces)),
        external_id=first.external_id,
        sent_at=Micros(first.sent_at) if first.sent_at is not None else None,
        country=country,
        words=words,
    )
    if len(ordered) == total or isinstance(event, Consent):
        return event
    value = told(PARTS_CAME, {"came": len(ordered), "total": total})
    field = FormField(name="incomplete", label=told(INCOMPLETE, {}), value=value)
    return msgspec.structs.replace(event, fields=(field,))


def _text(ordered: Sequence[Piece], total: int) -> str:
    """The parts one after another, a gap where one or more are missing."""
    texts: list[str] = []
    expected, high = 1, 0
    for piece in ordered:
        number = _number(piece)
        text = piece.text if len(ordered) == total else piece.text.strip()
        if number != expected:
            texts.append(GAP)
        elif high and piece.halves[0]:
            texts[-1], text = texts[-1][:-1] + _whole(high, piece.halves[0]), text[1:]
        texts.append(text)
        expected, high = number + 1, piece.halves[1]
    if expected <= total:
        texts.append(GAP)
    return "".join(texts).strip() if len(ordered) < total else "".join(texts)


def _whole(high: int, low: int) -> str:
    """The character of two halves (UTF-16)."""
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def same_message(one: Piece, other: Piece) -> bool:
    """Whether two parts say that they belong together."""
    a, b = one.place, other.place
    return (
        a is not None
        and b is not None
        and (one.sender, one.recipient) == (other.sender, other.recipient)
        and (a.reference, a.total, a.wide) == (b.reference, b.total, b.wide)
    )


def grouped(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Pieces by the message that they belong to, in the order in which they came; each number once."""
    groups: list[list[Piece]] = []
    for piece in pieces:
        mine = next((group for group in groups if same_message(group[0], piece)), None)
        twin = next((other for other in mine or () if _number(other) == _number(piece)), None)
        if mine is None or (twin is not None and twin.text != piece.text):
            groups.append([piece])
        elif twin is None:
            mine.append(piece)
    return groups


class Inlet:
    """Takes what a channel read. One for each inbox; :meth:`open` before the first :meth:`take`."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._slots = [_Slot() for _ in range(SLOTS)]
        self._kept: list[str | None] = [None] * SLOTS
        self._locks = [asyncio.Lock() for _ in range(SLOTS)]
        self._wait = int(reading.wait_minutes * 60 * _SECOND)
        self._door = Door()
        self._taking: set[asyncio.Task[None]] = set()

    async def open(self, sink: Sink) -> None:
        """Read what waits. It may be opened several times, as a :class:`Door` may."""
        await self._read_all(sink)
        self._door.open_for(sink)

    def close(self, sink: Sink) -> None:
        """Take nothing more for this one."""
        self._door.close_for(sink)

    async def _read_all(self, sink: Sink) -> None:
        for number in range(SLOTS):
            async with self._locks[number]:
                await self._read(number, sink)

    async def _read(self, number: int, sink: Sink) -> None:
        self._kept[number] = kept = await sink.cursor(_key(number))
        self._slots[number] = _slot(kept.encode()) if kept else _Slot()

    async def take(self, piece: Piece) -> None:
        """Returns after the commit: of the message that is now complete, or of the part. Raises Refused.

        Cancelling the caller (its line broke) does not cancel the commit; what was committed is remembered then, too,
        or the same SMS told again would not be known. Other processes may take parts of the same message: who finds
        that a slot was changed reads it and decides anew.
        """
        taking = asyncio.create_task(self._take(piece), name="sms-take")
        self._taking.add(taking)
        taking.add_done_callback(self._taken)
        await asyncio.shield(taking)

    def _taken(self, taking: asyncio.Task[None]) -> None:
        self._taking.discard(taking)
        if not taking.cancelled():
            taking.exception()  # whoever waits gets it, too; nobody may wait any more

    async def _take(self, piece: Piece) -> None:
        number = zlib.crc32(piece.sender.encode()) % SLOTS
        async with self._locks[number]:
            for _ in range(TRIES):
                try:
                    await self._decide(number, piece)
                    return
                except Overtaken:
                    await self._read(number, self._door.sink)
        raise Refused("other processes take messages of the same senders all the time", retry_after=1.0)

    async def _decide(self, number: int, piece: Piece) -> None:
        slot = self._slots[number]
        if piece.place is None or piece.place.total == 1:
            await self._tell(number, [piece], slot.parts)
        elif not _known(slot, piece):
            await self._gather(number, piece)

    async def expire(self) -> float:
        """Show what waited too long, here or in another process; returns the seconds until the next look. Raises
        Refused."""
        await self._read_all(self._door.sink)
        now, soonest = self._reading.env.clock.now(), self._wait
        for number, slot in enumerate(self._slots):
            while slot.parts and (left := slot.parts[0].at + self._wait - now) <= 0:
                async with self._locks[number]:
                    slot = self._slots[number]
                    if slot.parts and slot.parts[0].at + self._wait <= now:
                        await self._give_up(number, slot.parts[0])
                slot = self._slots[number]
            if slot.parts:
                soonest = min(soonest, left)
        return max(soonest / _SECOND, 0.05)

    async def watch(self) -> None:
        """Look for what waited too long until cancelled."""
        clock = self._reading.env.clock
        while True:
            try:
                pause = min(await self.expire(), _LOOK)
            except Refused as refused:
                pause = refused.retry_after
            except Exception as error:  # one look that fails must not be the last
                self._reading.env.log.error("waiting parts were not looked at", **fault(error))
                pause = _LOOK
            await clock.sleep(pause)

    async def _gather(self, number: int, piece: Piece) -> None:
        """Keep a part, or tell the message that it completes."""
        slot = self._slots[number]
        clash = [p for p in slot.parts if same_message(p, piece) and _number(p) == _number(piece)]
        if clash or len(slot.parts) >= MOST_PARTS:
            # The sender's references start again after 255: what has this one already is another message.
            await self._give_up(number, clash[0] if clash else slot.parts[0])
            slot = self._slots[number]
        mine = [*(part for part in slot.parts if same_message(part, piece)), piece]
        if piece.place is None or len(mine) == piece.place.total:
            await self._tell(number, mine, [part for part in slot.parts if part not in mine])
        else:
            changed = msgspec.structs.replace(slot, parts=[*slot.parts, piece])
            await self._commit(number, changed, Raw(content=b""), ())

    async def _give_up(self, number: int, piece: Piece) -> None:
        parts = self._slots[number].parts
        mine = [part for part in parts if same_message(part, piece)]
        await self._tell(number, mine, [part for part in parts if part not in mine])

    async def _tell(self, number: int, pieces: Sequence[Piece], left: list[Piece]) -> None:
        """Hand over one message, and forget the parts that it was made of."""
        reading, slot = self._reading, self._slots[number]
        event: Inbound = event_of(pieces, reading)
        repeats = Repeats(reading.repeat_minutes, reading.env, slot.recent, most=_REMEMBERED)
        if isinstance(event, Message):
            noted, event = event, repeats.marked(event)
            repeats.note(noted)
        done = [(_digest(piece), piece.at) for piece in pieces if piece.place is not None]
        kept = [entry for entry in slot.done if entry[1] > pieces[0].at - self._wait]
        changed = _Slot(parts=left, recent=repeats.dump(), done=[*kept, *done][-4 * _REMEMBERED :])
        raw = Raw(content="\n".join(piece.raw for piece in pieces).encode(), content_type="text/plain")
        await self._commit(number, changed, raw, (event,))

    async def _commit(self, number: int, changed: _Slot, raw: Raw, events: Sequence[Inbound]) -> None:
        value = _encode(changed).decode()
        state = Cursor(key=_key(number), value=value, replaces=self._kept[number])
        await self._door.sink.accept(raw, events, state)
        self._slots[number], self._kept[number] = changed, value


def _key(number: int) -> str:
    return f"sms:{number}"


def _number(piece: Piece) -> int:
    return piece.place.number if piece.place else 1


def _known(slot: _Slot, piece: Piece) -> bool:
    """Whether this very part is here already: its wire did not hear our answer and says it again."""
    waiting = any(
        same_message(part, piece) and _number(part) == _number(piece) and part.text == piece.text
        for part in slot.parts
    )
    return waiting or _digest(piece) in [digest for digest, _ in slot.done]


def _digest(piece: Piece) -> str:
    parts = (piece.sender, piece.recipient, str(piece.place), piece.text)
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:24]
