"""What a channel of the harness is: its inboxes, its senders, and the ledger of whoever gets the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import aiohttp
import msgspec

from tests.chaos.ledgers import Attempt
from tests.servers.mailsink import MailSink


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the hub is and where channels keep their files."""

    path: Path
    public: int
    lmtp: int
    sink: MailSink

    @property
    def url(self) -> str:
        """The public listener."""
        return f"http://127.0.0.1:{self.public}"


PACE = 0.15
"""Seconds between two items of a sender that waits for the hub."""

SLOWLY = 0.6
"""The same of one that does not: its server takes them also while the hub is dead."""


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One sender: how it tells an item, and how many items one person writes before the next person comes."""

    attempt: Attempt
    series: int = 1
    pace: float = PACE


class Server(Protocol):
    """A server beside the hub that can be killed and started again; both return when it is done."""

    def kill(self) -> None: ...

    def start(self) -> None: ...


class Channel:
    """A channel with nothing; each real one says what it has. ``open`` comes before the hub starts.

    ``kind`` is how the hub calls the channel; ``unanswered`` are inboxes whose messages no agent answers.
    """

    kind = ""
    unanswered: Sequence[str] = ()

    def __init__(self, place: Place) -> None:
        self.place = place

    def config(self) -> str:
        """The inboxes, as a part of ``centrala.toml``. Known before ``open``."""
        return ""

    async def open(self, session: aiohttp.ClientSession) -> None:
        """Start what stands on the other side."""

    async def ready(self) -> None:
        """Called once when the hub has come up for the first time: subscriptions and the like."""

    async def close(self) -> None:
        """End it."""

    def ways(self) -> Mapping[str, Way]:
        """The senders, by the name of their ledger (small letters)."""
        return {}

    async def received(self) -> Sequence[str]:
        """Markers of the answers that came to the other side, in order, each as often as it came."""
        return ()

    async def numbered(self) -> Sequence[str]:
        """Markers in the order that a server in between gave them, each as often as it has it; nothing where items go
        straight to the hub."""
        return ()

    def servers(self) -> Mapping[str, Server]:
        """What may be killed, by name."""
        return {}


def inbox(name: str, kind: str, settings: str) -> str:
    """An inbox of the one office."""
    return f"""
[[inboxes]]
id = "{name}"
kind = "{kind}"
name = "{name}"
office = "krajowa"
queue = "bezrobotni"
[inboxes.settings]
{settings}
"""
