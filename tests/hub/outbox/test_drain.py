"""An orderly end: what is being sent is finished, what is being claimed is sent, nothing else is begun."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.store.store import Store
from tests.hub.intake.conftest import Feed, mail
from tests.hub.outbox.conftest import Outgoing


async def test_what_is_being_sent_is_finished(out: Outgoing, feed: Feed) -> None:
    out.peer.hold = asyncio.Event()
    key = await out.reply((await feed(mail(1))).conversation)
    out.wake.ring()
    await asyncio.wait_for(out.peer.called.wait(), 20)
    await out.clock.is_slept_by()  # it has looked for more, so that nothing is being claimed
    drained = asyncio.create_task(out.sender.drain(20))
    later = await out.reply((await feed(mail(2))).conversation)
    await asyncio.sleep(0.05)
    assert not drained.done()
    out.peer.hold.set()
    await drained
    assert await out.state(key) == "accepted"
    assert await out.state(later) == "queued" and len(out.peer.sent) == 1


async def test_what_is_being_claimed_is_sent(
    out: Outgoing, feed: Feed, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go = asyncio.Event(), asyncio.Event()
    claim = out.sender._claim

    async def slowly(mine: Any) -> Any:
        claimed = await claim(mine)
        if claimed:
            reached.set()
            await go.wait()
        return claimed

    monkeypatch.setattr(out.sender, "_claim", slowly)
    key = await out.reply((await feed(mail(1))).conversation)
    out.wake.ring()
    await asyncio.wait_for(reached.wait(), 20)
    drained = asyncio.create_task(out.sender.drain(20))
    await asyncio.sleep(0.05)
    go.set()
    await drained
    assert await out.state(key) == "accepted" and len(out.peer.sent) == 1


async def test_what_takes_too_long_is_not_waited_for(out: Outgoing, feed: Feed) -> None:
    out.peer.hold = asyncio.Event()
    key = await out.reply((await feed(mail(1))).conversation)
    out.wake.ring()
    await asyncio.wait_for(out.peer.called.wait(), 20)
    await asyncio.wait_for(out.sender.drain(0.05), 30)
    assert await out.state(key) == "sending"
