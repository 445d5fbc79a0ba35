"""The way in: stanzas become items, items are committed in order, and only then anybody is told that they arrived.

Live stanzas wait in a queue; a look through the archive hands its pages in beside it. What both bring is the same event
under the same name, so it does not matter which comes first.
"""

from __future__ import annotations

import asyncio
import hashlib
import xml.etree.ElementTree as ET  # nosec: only the type
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from connectors._failpoint import failpoint
from connectors._in_turn import in_turn, sender_of
from connectors.contract import (
    Cursor,
    Deletion,
    Edit,
    Env,
    Inbound,
    Message,
    Raw,
    Reaction,
    Receipt,
    Refused,
    Sink,
    Unknown,
    conversation_key,
)
from connectors.xmpp.acks import Ticket
from connectors.xmpp.envelope import Place
from connectors.xmpp.identity import counted, sent_id_of
from connectors.xmpp.names import BadStanza, check
from connectors.xmpp.reading import presence, read, stand_in

INLINE = 64_000
"""Largest stanza that travels inside the commit."""

BATCH = 50
"""Most stanzas that are committed together."""

REMEMBERED = 20_000
"""Events whose content is remembered, and people whose conversation is."""

FULL, ROOM = 1_000, 200
"""Stanzas in the queue at which reading stops, and at which it goes on."""

_K = TypeVar("_K")
_V = TypeVar("_V")


class Remembered(OrderedDict[_K, _V]):
    """The last :data:`REMEMBERED` entries that were put in."""

    def put(self, key: _K, value: _V) -> None:
        """Remember, and forget the oldest."""
        self[key] = value
        self.move_to_end(key)
        if len(self) > REMEMBERED:
            self.popitem(last=False)


class Taken(msgspec.Struct, frozen=True):
    """A stanza that is committed, what it meant and what became of it. ``live``: it did not come from the archive."""

    stanza: ET.Element
    items: list[Inbound]
    receipts: list[Receipt]
    live: bool


_Commit = tuple[Raw, list[Inbound], Cursor | None]


class _Live(msgspec.Struct, frozen=True):
    stanza: ET.Element
    ticket: Ticket


class Intake:
    """The way in of one inbox while it runs. It begins on hold.

    ``on_taken`` is called after each commit, ``on_done`` with the tickets of live stanzas, ``on_refused`` with the
    hub's reason while it takes nothing, ``on_flow`` with whether more may be read.
    """

    def __init__(
        self,
        env: Env,
        sink: Sink,
        place: Callable[[], Place],
        *,
        on_taken: Callable[[Taken], None],
        on_done: Callable[[Sequence[Ticket]], None],
        on_refused: Callable[[str], None],
        on_flow: Callable[[bool], None],
    ) -> None:
        self._env = env
        self._sink = sink
        self._place = place
        self._on_taken, self._on_done = on_taken, on_done
        self._on_refused, self._on_flow = on_refused, on_flow
        self._queue: asyncio.Queue[_Live] = asyncio.Queue()
        self._stopped = False
        self._go = asyncio.Event()
        self._contents: Remembered[str, bytes] = Remembered()
        self._committed: Remembered[str, None] = Remembered()
        self._names: Remembered[str, str] = Remembered()
        self._conversations: Remembered[str, int] = Remembered()

    @property
    def waiting(self) -> int:
        """Live stanzas that are not committed yet."""
        return self._queue.qsize()

    @property
    def full(self) -> bool:
        """Whether reading has stopped until the hub has caught up."""
        return self._stopped

    def put(self, stanza: ET.Element, ticket: Ticket) -> None:
        """A live stanza, in the order in which they come."""
        person, sign = presence(stanza, self._place())
        if sign and (conversation := self._conversations.get(person)) is not None:
            self._sink.signal(conversation_key(conversation), sign)
        self._queue.put_nowait(_Live(stanza, ticket))
        if self._queue.qsize() < FULL:
            return
        if not self._go.is_set():
            self.release()  # the archive's answers come on the same line, which must not stop
        elif not self._stopped:
            self._stopped = True
            self._on_flow(False)

    async def room(self) -> None:
        """Return when more may be read: there is no use in a connection before."""
        while self.waiting >= FULL:
            self.release()
            await self._env.clock.sleep(1.0)

    def hold(self) -> None:
        """A new connection: live stanzas wait, for what the archive holds from before came earlier."""
        self._go.clear()
        self._stopped = False

    def release(self) -> None:
        """Commit them."""
        self._go.set()

    async def run(self) -> None:
        """Commit what comes live, until cancelled."""
        while True:
            batch = [await self._queue.get()]
            await self._go.wait()
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            failpoint("xmpp.live.received")
            await self._take([live.stanza for live in batch], live=True)
            failpoint("xmpp.live.committed")
            self._on_done([live.ticket for live in batch])
            failpoint("xmpp.live.acknowledged")
            if self._stopped and self._queue.qsize() <= ROOM:
                self._stopped = False
                self._on_flow(True)

    async def take_archived(self, stanzas: Sequence[ET.Element], cursor: Cursor) -> int:
        """Commit a page of the archive, then the place behind it; returns how many stanzas brought something new."""
        failpoint("xmpp.archive.fetched")
        taken = await self._take(stanzas, live=False)
        failpoint("xmpp.archive.committed")
        await self.move(cursor)
        failpoint("xmpp.archive.moved")
        return sum(not receipt.duplicate for one in taken for receipt in one.receipts)

    async def place(self, key: str) -> str | None:
        """The last committed place under a name, once the hub can tell it."""
        while True:
            try:
                return await self._sink.cursor(key)
            except Refused as refusal:
                await self._wait(refusal)

    async def move(self, cursor: Cursor) -> None:
        """Commit a place in the archive."""
        await self._insist([(Raw(), [], cursor)])

    async def _take(self, stanzas: Sequence[ET.Element], *, live: bool) -> list[Taken]:
        """Commit stanzas, all at once so that one transaction can hold them, each person's in turn."""
        meant = [(stanza, self._understood(stanza, live=live)) for stanza in stanzas]
        told = [(stanza, items) for stanza, items in meant if items]
        raws = [await self._raw(stanza) for stanza, _ in told]
        receipts = await self._insist(
            [(raw, items, None) for raw, (_, items) in zip(raws, told, strict=True)]
        )
        taken = [
            Taken(stanza, items, found, live) for (stanza, items), found in zip(told, receipts, strict=True)
        ]
        for one in taken:
            self._remember(one)
            self._on_taken(one)
        return taken

    async def _raw(self, stanza: ET.Element) -> Raw:
        try:
            source = ET.tostring(stanza)
        except RecursionError:  # deeper than anything that means something
            source = b""
        if len(source) <= INLINE:
            return Raw(content_type="application/xml", content=source)
        while True:
            try:
                return Raw(content_type="application/xml", blob=await self._env.blobs.put(source))
            except Refused as refusal:
                await self._wait(refusal)

    async def _insist(self, commits: Sequence[_Commit]) -> list[list[Receipt]]:
        """Commit all of them; what the hub refuses is told again, in the same order, until it takes it."""
        done: dict[int, list[Receipt]] = {}
        while left := [number for number in range(len(commits)) if number not in done]:
            outcomes = await in_turn(
                [(sender_of(commits[n][1], n), partial(self._accept, *commits[n])) for n in left]
            )
            refusal: Refused | None = None
            for number, outcome in zip(left, outcomes, strict=True):
                if isinstance(outcome, Refused):
                    refusal = outcome
                elif isinstance(outcome, BaseException):
                    raise outcome
                else:
                    done[number] = outcome
            if refusal is not None:
                await self._wait(refusal)
        return [done[number] for number in range(len(commits))]

    async def _wait(self, refusal: Refused) -> None:
        self._on_refused(str(refusal))
        await self._env.clock.sleep(refusal.retry_after * (1 + self._env.random.random() / 4))

    async def _accept(self, raw: Raw, items: list[Inbound], cursor: Cursor | None) -> list[Receipt]:
        return await self._sink.accept(raw, [self._in_our_words(item) for item in items], cursor)

    def _in_our_words(self, item: Inbound) -> Inbound:
        if not isinstance(item, Unknown):
            return item
        return msgspec.structs.replace(item, what=self._env.translate(self._env.office.language, item.what))

    # --- what a stanza means here -----------------------------------------------------------------------------------

    def _understood(self, stanza: ET.Element, *, live: bool) -> list[Inbound]:
        """Its items under their final names; of the archive only what was not committed since the start."""
        place = self._place()
        try:
            check(stanza)
            items = read(stanza, place)
        except Exception as error:  # whatever a stanza does to the reader, it stops none behind it
            reason = str(error) if isinstance(error, BadStanza) else type(error).__name__
            self._env.log.error("stanza could not be read", inbox=self._env.inbox, reason=reason)
            items = stand_in(stanza, place)
        named = (self._named(item) for item in items)
        return [item for item, again in named if live or not again]

    def _named(self, item: Inbound) -> tuple[Inbound, bool]:
        """The item, and whether the same one was committed before.

        A program that gives two different messages the same id means two messages.
        """
        if isinstance(item, Edit | Deletion | Reaction):
            item = self._aimed(item)
        name = item.external_id
        if name is None:
            return item, False
        content = _content(item)
        if self._contents.setdefault(name, content) != content:
            name = f"{name}~{content.hex()[:16]}"
            item = msgspec.structs.replace(item, external_id=name)
        self._contents.put(name, content)
        if isinstance(item, Message | Unknown):
            self._names.put(f"{item.sender.address}/{_sent_id(name)}", name)
        return item, name in self._committed

    def _aimed(self, item: Edit | Deletion | Reaction) -> Inbound:
        """A correction or retraction of the message that its sender means; ids that only count name the latest.

        A correction of what cannot be found any more is shown as a message, as programs that know no corrections do.
        """
        target = item.target or ""
        if (known := self._names.get(target)) is not None:
            return msgspec.structs.replace(item, target=known)
        if not isinstance(item, Edit) or not (self._place().archived and counted(sent_id_of(target))):
            return item
        return Message(
            inbox=item.inbox,
            external_id=item.external_id,
            received_at=item.received_at,
            sender=item.sender,
            text=item.text,
            full_text=item.text,
            direct=True,
        )

    def _remember(self, taken: Taken) -> None:
        for item, receipt in zip(taken.items, taken.receipts, strict=True):
            if item.external_id is not None:
                self._committed.put(item.external_id, None)
            if receipt.conversation is not None and isinstance(item, Message | Unknown):
                self._conversations.put(item.sender.address, receipt.conversation)


def _sent_id(name: str) -> str:
    """The program's own id, out of a name that may have got a digest."""
    return sent_id_of(name.rpartition("~")[0] or name)


def _content(item: Inbound) -> bytes:
    """A digest of what is said, without when and under which name."""
    said = [getattr(item, name, None) for name in ("target", "text", "subject", "emoji", "what", "state")]
    files = [file.remote for file in getattr(item, "attachments", ())]
    return hashlib.sha256(repr((type(item).__name__, said, files)).encode("utf-8", "replace")).digest()
