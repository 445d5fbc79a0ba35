"""What senders began and what was acknowledged to them: the side of the comparison that the hub has no part in.

A marker is unique to an item and stands in its text; a sender goes on with the same identity (Message-ID, client id,
event id) until the hub has acknowledged, just as mail servers, providers and people's browsers do.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import aiohttp

PAUSE = 0.02
"""Seconds between two attempts; the hub is often dead."""

PATIENCE = 5.0
"""Seconds that one attempt may take."""

MARKER = re.compile(r"\b([a-z]+\d{5}x)\b")
ANSWER = re.compile(r"odp-([a-z]+\d{5}x)\b")


class Ledger:
    """What one sender began and what was acknowledged to it, in order. ``series``: so many items of each person."""

    def __init__(self, name: str, series: int = 1) -> None:
        self.name = name
        self.series = series
        self.begun: list[str] = []
        self.acknowledged: set[str] = set()

    def new(self) -> str:
        """Begin another item."""
        marker = f"{self.name}{len(self.begun) + 1:05d}x"
        self.begun.append(marker)
        return marker


class NotYet(Exception):
    """The hub did not acknowledge."""


class Abandoned(Exception):
    """Nobody can say whether it got anywhere, and the sender lets it be."""


Attempt = Callable[[str], Awaitable[None]]
"""Tell one item; raises when it was not acknowledged."""


def number_of(marker: str) -> int:
    """The item's number, from 1."""
    return int(marker[-6:-1])


def person_of(marker: str, series: int) -> str:
    """Who writes an item: a name for each run of ``series`` items of a ledger."""
    return f"{marker[:-6]}p{(number_of(marker) - 1) // series:05d}"


def first_of(marker: str, series: int) -> str:
    """The first item of the same person."""
    number = number_of(marker)
    return f"{marker[:-6]}{number - (number - 1) % series:05d}x"


def marker_of(text: str) -> str | None:
    """The marker of a sender in a text."""
    found = MARKER.search(text)
    return found[1] if found else None


def answers_in(text: str) -> list[str]:
    """The markers of all answers that a text holds."""
    return ANSWER.findall(text)


async def keep_sending(ledger: Ledger, attempt: Attempt, stop: asyncio.Event, pace: float = PAUSE) -> None:
    """One item after the other, each until it is acknowledged or the run ends; ``pace`` seconds in between."""
    while not stop.is_set():
        marker = ledger.new()
        while marker not in ledger.acknowledged:
            try:
                async with asyncio.timeout(PATIENCE):
                    await attempt(marker)
            except Abandoned:
                break
            except (NotYet, OSError, EOFError, aiohttp.ClientError, TimeoutError):
                if stop.is_set():
                    return
                await asyncio.sleep(PAUSE)
            else:
                ledger.acknowledged.add(marker)
        await asyncio.sleep(pace)
