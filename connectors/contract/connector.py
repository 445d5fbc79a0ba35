"""A connector, what it is created with, and its line in the registry."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

from connectors.contract.http import Route
from connectors.contract.inbound import Inbound, Sink
from connectors.contract.outbound import Capabilities, Health, Outbound, Presence, Sent
from connectors.contract.ports import (
    Appointments,
    Blobs,
    Budget,
    Clock,
    Egress,
    Log,
    NoSiblings,
    Office,
    PublicThread,
    Siblings,
    Tokens,
    Translate,
    VisitorConversation,
)
from connectors.contract.words import InboxId, Micros


class Env(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub hands to a connector when it creates it. Nothing in it knows the store."""

    inbox: InboxId
    office: Office
    clock: Clock
    random: random.Random
    egress: Egress
    blobs: Blobs
    tokens: Tokens
    translate: Translate
    log: Log
    public_url: str
    threads: PublicThread
    appointments: Appointments
    budget: Budget
    chats: VisitorConversation
    siblings: Siblings = NoSiblings()


class Connector(Protocol):
    """One inbox at work.

    The hub calls :meth:`routes` once before :meth:`run`; ``run`` from start to stop, again after it raised (with
    growing gaps); ``send`` concurrently for different lanes; ``check`` at any time. Cancelling ``run`` closes every
    socket at once. No method blocks the event loop for more than 10 ms.
    """

    capabilities: Capabilities

    def routes(self) -> Sequence[Route]:
        """Returned, not registered; may be empty. ``self.sink`` is not needed: handlers get it through ``serve``."""

    async def run(self, sink: Sink) -> None:
        """Read the wire until cancelled: in one process at a time, the one that holds the inbox's lease. A connector
        that only has routes waits; one that has them too, also takes what comes to them meanwhile."""

    async def send(self, outbound: Outbound) -> Sent:
        """Carry out one delivery. Raises :class:`SendError`; any other exception counts as ambiguous."""

    async def fetch(self, ref: str) -> bytes:
        """The bytes of a remote attachment. Raises :class:`SendError`."""

    async def check(self) -> Health:
        """Ask the peer; tells wrong credentials from not reachable."""


@runtime_checkable
class Serves(Protocol):
    """What a connector adds that takes something also beside its :meth:`Connector.run`: by its routes, or because a
    sending told it something."""

    async def serve(self, sink: Sink) -> None:
        """Keep ``sink`` until cancelled: in every process, also where another one runs the inbox. It may overlap with
        ``run`` in any order; what is kept in memory must bear that other processes take messages as well."""


@runtime_checkable
class ShowsPresence(Protocol):
    """What a connector adds whose capabilities say ``typing`` or ``read_receipts``."""

    async def show(self, presence: Presence) -> None:
        """Pass it on, at most once in a few seconds for one person; what fails is dropped and only logged."""


@runtime_checkable
class Invites(Protocol):
    """What a connector adds whose capabilities say ``invites``."""

    async def invitation(self, token: str) -> str:
        """The address at which whoever opens it goes on with the conversation that ``token`` names (``conversation`` of
        :class:`Tokens`). Raises :class:`SendError`."""


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the registry: how to configure, create and parse one kind of inbox.

    ``kind`` is what the configuration and ``centrala parse`` name; ``channel`` the medium it belongs to. ``parse``
    turns one raw input into what intake would see, without any I/O; ``config`` is a frozen msgspec struct that forbids
    unknown fields.
    """

    kind: str
    channel: str
    config: type[msgspec.Struct]
    create: Callable[[Any, Env], Connector]
    parse: Callable[[bytes, ParseContext], list[Inbound]]


class ParseContext(msgspec.Struct, frozen=True, kw_only=True):
    """What ``parse`` needs of its surroundings: no I/O, no clock of its own.

    ``receiver``: the name under which our own mail server stamps what it found out about senders (RFC 8601).
    """

    inbox: InboxId
    now: Micros
    tokens: Tokens | None = None
    zone: str = "Europe/Warsaw"
    receiver: str = ""
