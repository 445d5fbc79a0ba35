"""kill -9 under load on all channels; the verdict compares the ledgers of senders and peers.

Every acknowledged message is there once, in its person's order; an unacknowledged one at most once; every reply that
the API accepted was received by its peer once and in order, or is visibly failed or possibly sent. The harness is shown
to fail on builds with the fault.
"""

from __future__ import annotations

import pytest

from connectors._failpoint import names
from tests.chaos.channels.base import Channel
from tests.chaos.channels.mail import Imap, Lmtp
from tests.chaos.channels.pages import LiveChat, Pages, Webhook
from tests.chaos.channels.providers import Meta, Telegram, X, YouTube
from tests.chaos.channels.sms import Sms
from tests.chaos.channels.xmpp import Xmpp
from tests.chaos.nursery import ROOT
from tests.chaos.run import Plan, run
from tests.chaos.world import a_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ALL: tuple[type[Channel], ...] = (
    Lmtp,
    Imap,
    Pages,
    Webhook,
    LiveChat,
    Telegram,
    Meta,
    X,
    YouTube,
    Xmpp,
    Sms,
)

PLACES = names(ROOT / "hub", ROOT / "connectors")


async def test_kills_lose_nothing_and_double_nothing() -> None:
    with a_world(channels=ALL) as world:
        result = await run(world, Plan(kills=30, seed=1, places=PLACES, others=6))
        print(result.summary())
        print("never passed:", sorted(set(PLACES) - world.passed()))
    print(result.faults())
    for ledger in result.ledgers:
        assert len(ledger.acknowledged) > 3, f"hardly any load on {ledger.name}"
    assert len(result.agent.made) > 50
    assert result.faults() == []
