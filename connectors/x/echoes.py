"""X tells us, too, what we sent ourselves. What left through this process is known here before the hub has written down
that it left; so its echo becomes the news that it stands in the conversation, and nothing is shown twice.

What somebody wrote in X itself, or what another node sent, is a message that is ``ours`` for the hub to recognise.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence

from connectors.contract import DeliveryReport, Inbound, Message

REMEMBERED = 10_000

PATIENCE = 4.0
"""Seconds to wait for a sending that is under way, as its echo may come before its answer; X waits ten for ours."""


class Echoes:
    """What this process sent, by the names that X gave it."""

    def __init__(self) -> None:
        self._mine: OrderedDict[str, None] = OrderedDict()
        self._under_way = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    @contextlib.contextmanager
    def sending(self) -> Iterator[None]:
        """While something leaves nobody knows yet what X will call it."""
        self._under_way += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._quiet.set()

    def sent(self, name: str | None) -> None:
        """X took it under this name."""
        if name:
            self._mine[name] = None
        while len(self._mine) > REMEMBERED:
            self._mine.popitem(last=False)

    async def told(self, items: Sequence[Inbound]) -> list[Inbound]:
        """The same events, with echoes of what left through here as reports about it."""
        if not any(isinstance(item, Message) and item.ours for item in items):
            return list(items)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), PATIENCE)
        return [self._report(item) for item in items]

    def _report(self, item: Inbound) -> Inbound:
        if not (isinstance(item, Message) and item.ours and item.external_id in self._mine):
            return item
        return DeliveryReport(
            inbox=item.inbox,
            external_id=f"echo:{item.external_id}",
            target=item.external_id,
            received_at=item.received_at,
            state="delivered",
            at=item.sent_at,
        )
