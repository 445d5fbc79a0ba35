"""kill -9 under load on all channels; the verdict compares the ledgers of senders and peers.

Every acknowledged message is there once, in its person's order; an unacknowledged one at most once; every reply that
the API accepted was received by its peer once and in order, or is visibly failed or possibly sent. The harness is shown
to fail on builds with the fault.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from connectors._failpoint import names
from tests.chaos.channels.base import Channel
from tests.chaos.channels.mail import Imap, Lmtp
from tests.chaos.channels.pages import LiveChat, Pages, Webhook
from tests.chaos.channels.providers import Meta, Telegram, X, YouTube
from tests.chaos.channels.sms import Smpp, Sms
from tests.chaos.channels.telephone import Calls, SmsApi, Twilio
from tests.chaos.channels.xmpp import Xmpp
from tests.chaos.nursery import ROOT
from tests.chaos.run import Plan, run
from tests.chaos.world import a_world, faulty_copy

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
    Smpp,
    Twilio,
    SmsApi,
    Calls,
)

PLACES = names(ROOT / "hub", ROOT / "connectors")


async def test_kills_lose_nothing_and_double_nothing() -> None:
    with a_world(channels=ALL) as world:
        result = await run(world, Plan(kills=30, seed=1, places=PLACES, others=6))
    print(result.summary())
    idle = [ledger.name for ledger in result.ledgers if not ledger.acknowledged]
    assert idle == [], "no load on these"
    assert len(result.agent.made) > 10
    assert result.faults() == []


async def test_the_harness_notices_an_acknowledgement_before_the_commit(tmp_path: Path) -> None:
    source = faulty_copy(
        tmp_path,
        "hub/intake/sink.py",
        "            receipts = await self._commit(call)\n",
        "            import asyncio\n"
        "            from connectors.contract import Receipt\n"
        "            asyncio.get_running_loop().call_later(0.3, asyncio.ensure_future, self._commit(call))\n"
        '            receipts = [Receipt(reference="ABC-DEF-GHJ") for _ in call.items]\n',
    )
    told = await _noticed(source, "lost ", Plan(kills=4, seed=2, agents=False, quiet=3.0))
    assert told is None, told


async def test_the_harness_notices_an_attempt_recorded_after_the_send(tmp_path: Path) -> None:
    """After a crash such a build knows nothing of the attempt: the delivery is as if it had never been tried."""
    source = faulty_copy(
        tmp_path,
        "hub/outbox/claim.py",
        "    for row in over:\n",
        "    for row in over:\n"
        "        tx.execute(attempt.delete().where(attempt.c.id == row.id))\n"
        '        tx.change(delivery, row.delivery, state="queued", attempts=0)\n'
        "        continue\n",
    )
    plan = Plan(kills=6, seed=3, places=["outbox.outcome.before"], quiet=10.0)
    told = await _noticed(source, "times, shown as", plan)
    assert told is None, told


async def _noticed(source: Path, fault: str, plan: Plan) -> str | None:
    """None where a run on a faulty build complains of the fault, else what the last run says. What dies at a kill is a
    matter of chance (it may be a notice, which no agent counts), so there are several runs."""
    summary = ""
    for seed in range(plan.seed, plan.seed + 4):
        with a_world(source) as world:
            result = await run(world, msgspec.structs.replace(plan, seed=seed))
        if any(fault in found for found in result.faults()):
            return None
        summary = result.summary()
    return summary
