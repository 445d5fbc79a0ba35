"""Simulated channels: connectors for the hub, and the peers behind them with ledgers of their own.

A peer keeps what it was told until it was acknowledged, tells it again otherwise, and writes down everything that
reached it. The verdict of a run comes from these ledgers.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from connectors.contract import (
    CallbackWish,
    Capabilities,
    Clock,
    Cursor,
    DeliveryReport,
    Health,
    Inbound,
    InboxId,
    Message,
    Micros,
    Outbound,
    Party,
    Raw,
    Refused,
    Route,
    SendError,
    Sent,
    Sink,
    Tokens,
    conversation_key,
)
from tests.simulation.kernel import Kernel, Process
from tests.simulation.network import Cut, Network

BATCH = 5
POLL = 2.0

MARKER = re.compile(r"\[([a-z0-9-]+)\]")
"""How a letter or an answer is recognised wherever it turns up."""


class Letter(msgspec.Struct, kw_only=True):
    """Something that a person wrote, or a report about something that we sent, in its peer's ledger."""

    number: int
    marker: str
    address: str
    text: str
    written_at: int
    token: str = ""
    report: str = ""
    """The remote id that a report of delivery is about; it is no message then."""

    phone: str = ""
    """Where the person wants to be called."""

    acknowledged_at: int | None = None


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """Something of ours that reached the peer. ``told``: whether we heard that it did."""

    at: int
    delivery: int
    marker: str
    address: str
    automatic: bool
    token: str
    remote_id: str


class Manners(msgspec.Struct, kw_only=True):
    """How a peer treats us; changed while a run goes on. Parts are of 1."""

    busy: float = 0.0
    """Sendings refused for the moment."""

    throttled: float = 0.0
    refused: float = 0.0
    """Addresses refused for good."""

    closed: bool = False
    """An outage: nothing is taken and nothing is told."""

    reports: float = 0.0
    """Sendings that are reported as delivered later."""


class Peer:
    """The world behind one inbox, in the process ``outside``."""

    def __init__(self, kernel: Kernel, inbox: str, kind: str) -> None:
        self.inbox = inbox
        self.kind = kind
        self.manners = Manners()
        self.letters: list[Letter] = []
        self.arrivals: list[Arrival] = []
        self.on_arrival: Callable[[Arrival], None] = lambda arrival: None
        self._kernel = kernel
        self._confirmed = 0

    def write(
        self, marker: str, address: str, text: str, *, token: str = "", report: str = "", phone: str = ""
    ) -> Letter:
        """A person writes; the letter waits until it is fetched or delivered."""
        letter = Letter(
            number=len(self.letters) + 1,
            marker=marker,
            address=address,
            text=f"{text} [{marker}]",
            written_at=self._kernel.now,
            token=token,
            report=report,
            phone=phone,
        )
        self.letters.append(letter)
        return letter

    def acknowledged(self, letter: Letter) -> None:
        """The hub says that it has it."""
        if letter.acknowledged_at is None:
            letter.acknowledged_at = self._kernel.now
            self._kernel.note(f"{self.inbox}: {letter.marker} acknowledged")

    # --- what the wire carries -----------------------------------------------------------------------------------

    async def fetch(self, after: int | None) -> list[Letter]:
        """The oldest letters behind ``after``; None: behind what was confirmed."""
        self._open()
        start = self._confirmed if after is None else after
        return self.letters[start : start + BATCH]

    async def confirm(self, upto: int) -> None:
        """The hub has everything up to a number: it is forgotten here."""
        self._open()
        for letter in self.letters[self._confirmed : upto]:
            self.acknowledged(letter)
        self._confirmed = max(self._confirmed, upto)

    async def take(self, outbound: Outbound) -> str:
        """Take something of ours; returns what we call it from now on. Raises SendError."""
        self._open()
        draw, manners = self._kernel.draw, self.manners
        if draw.random() < manners.busy:
            raise SendError("temporary", "busy")
        if draw.random() < manners.throttled:
            raise SendError("throttled", "slow down", retry_after=30.0)
        if draw.random() < manners.refused:
            raise SendError("permanent", "no such address")
        found = MARKER.search(outbound.text)
        arrival = Arrival(
            at=self._kernel.now,
            delivery=outbound.delivery,
            marker=found[1] if found else "",
            address=outbound.to[0].address,
            automatic=outbound.automatic,
            token=outbound.token,
            remote_id=f"{self.inbox}-{len(self.arrivals) + 1}",
        )
        self.arrivals.append(arrival)
        self._kernel.note(f"{self.inbox}: got {arrival.delivery} {arrival.marker or 'automatic'}")
        if draw.random() < manners.reports:
            self.write(f"{arrival.remote_id}-report", arrival.address, "", report=arrival.remote_id)
        self.on_arrival(arrival)
        return arrival.remote_id

    def _open(self) -> None:
        if self.manners.closed:
            raise Cut("closed")


def inbound(peer_kind: str, inbox: str, letter: Letter, clock: Clock, tokens: Tokens) -> Inbound:
    """What a letter is to the hub."""
    if letter.report:
        return DeliveryReport(
            inbox=InboxId(inbox),
            external_id=letter.marker,
            received_at=clock.now(),
            target=letter.report,
            state="delivered",
        )
    number = tokens.verify("conversation", letter.token) if letter.token else None
    return Message(
        inbox=InboxId(inbox),
        external_id=f"{inbox}:{letter.marker}",
        received_at=clock.now(),
        sender=Party(kind=peer_kind, address=letter.address, name=letter.address.title()),
        text=letter.text,
        full_text=letter.text,
        direct=peer_kind == "phone",
        thread_keys=(conversation_key(int(number)),) if number else (),
        callback=CallbackWish(number=letter.phone) if letter.phone else None,
        sent_at=Micros(clock.now()),
    )


class Wire:
    """What all simulated connectors share: sending, and what the contract asks for besides."""

    def __init__(
        self,
        peer: Peer,
        capabilities: Capabilities,
        *,
        network: Network,
        outside: Process,
        clock: Clock,
        tokens: Tokens,
    ) -> None:
        self.capabilities = capabilities
        self.peer = peer
        self._network = network
        self._outside = outside
        self._clock = clock
        self._tokens = tokens
        self.begins: Callable[[Outbound], None] = lambda outbound: None
        """Told of each sending at the moment before the wire is touched."""

    def routes(self) -> Sequence[Route]:
        return ()

    async def run(self, sink: Sink) -> None:
        """There is nothing to read."""
        await asyncio.Event().wait()

    async def send(self, outbound: Outbound) -> Sent:
        """Hand it over. A connection that breaks may have carried it; one that was never made has not."""
        self.begins(outbound)
        try:
            remote = await self._network.call(self._outside, partial(self.peer.take, outbound))
        except Cut as cut:
            raise SendError("ambiguous", "The connection broke.", str(cut)) from cut
        return Sent(remote_id=remote)

    async def fetch(self, ref: str) -> bytes:
        raise SendError("permanent", "nothing to fetch")

    async def check(self) -> Health:
        return Health(state="ok")

    def _item(self, letter: Letter) -> Inbound:
        return inbound(self.peer.kind, self.peer.inbox, letter, self._clock, self._tokens)

    async def _accept(self, sink: Sink, letters: Sequence[Letter], state: Cursor | None) -> Any:
        raw = Raw(content=b"\n".join(letter.text.encode() for letter in letters), content_type="text/plain")
        return await sink.accept(raw, [self._item(letter) for letter in letters], state)


class Polled(Wire):
    """Reads its peer until cancelled. With ``remembers`` it goes by its own cursor, else by what the peer still has."""

    remembers = True

    async def run(self, sink: Sink) -> None:
        """Fetch, commit, confirm; whatever breaks in between is fetched again."""
        place = int(await sink.cursor("offset") or 0)
        confirmed = 0
        while True:
            try:
                if place > confirmed:
                    await self._network.call(self._outside, partial(self.peer.confirm, place))
                    confirmed = place
                after = place if self.remembers else None
                letters = await self._network.call(self._outside, partial(self.peer.fetch, after))
                if letters:
                    last = letters[-1].number
                    await self._accept(sink, letters, Cursor(key="offset", value=str(last)))
                    place = last
                else:
                    await self._clock.sleep(POLL)
            except Refused as refused:
                await self._clock.sleep(refused.retry_after)
            except Cut:
                await self._clock.sleep(POLL)


class Mailbox(Polled):
    """A mailbox: what is not flagged is read again."""

    remembers = False


class Posted(Wire):
    """An application posts to us and repeats until it hears that we have it."""

    sink: Sink | None = None

    async def serve(self, sink: Sink) -> None:
        """In every process: keep the sink for requests."""
        self.sink = sink
        await asyncio.Event().wait()

    async def receive(self, letter: Letter) -> None:
        """One request. Raises Refused, Cut where nobody is ready yet."""
        if self.sink is None:
            raise Cut("not ready")
        await self._accept(self.sink, [letter], None)
