"""Lists of X read over hours: nothing skipped, nothing twice, nothing asked for beyond the limits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from connectors.contract import Health, Unknown
from connectors.x.connector import NOT_POSTED, X
from hub.demo.peers import x_payloads as payloads
from hub.demo.peers.x import XPeer
from tests.connectors.quick import QuickClock
from tests.connectors.requests import post
from tests.connectors.x.world import JAN, ME, ZOFIA, beside, signed
from tests.contract.world import Ledger, Log, make_env
from tests.waiting import until


@contextlib.asynccontextmanager
async def polling(
    sink: Ledger, clock: QuickClock, **changes: Any
) -> AsyncIterator[tuple[X, XPeer, Callable[[], contextlib.AbstractAsyncContextManager[None]]]]:
    """The connector, its peer, and a way to let it run for a while."""
    settings = {"webhook": False, "poll_seconds": 60.0, **changes}
    async with beside(make_env(clock=clock, log=Log()), **settings) as (connector, peer):

        @contextlib.asynccontextmanager
        async def running() -> AsyncIterator[None]:
            task = asyncio.create_task(connector.run(sink))
            try:
                yield
            finally:
                task.cancel()
                await asyncio.wait({task})

        yield connector, peer, running


def texts(sink: Ledger) -> list[str]:
    return [getattr(item, "text", "") for item in sink.events]


async def test_many_pages_come_in_whole_and_once_though_the_hub_stops_between() -> None:
    sink, clock = Ledger(), QuickClock()
    async with polling(sink, clock) as (_, peer, running):
        peer.page = 10
        for number in range(45):
            await peer.writes(ZOFIA, f"Wiadomość {number}")
            clock.pass_(1)
        async with running():
            await until(lambda: len(sink.events) >= 15)
        await peer.writes(JAN, "Nowa na górze")
        async with running():
            await until(lambda: len(sink.events) >= 46)
            asked = len(peer.ledger)
            await until(lambda: len(peer.ledger) > asked + 6)
    assert sorted(texts(sink)) == sorted([f"Wiadomość {n}" for n in range(45)] + ["Nowa na górze"])
    assert sink.told == 46, "nothing is told twice"
    ours = [item for item in sink.events if getattr(item, "ours", False)]
    assert not ours


async def test_only_messages_since_a_while_before_the_first_start_are_taken() -> None:
    sink, clock = Ledger(), QuickClock()
    async with polling(sink, clock, look_back_hours=1) as (_, peer, running):
        await peer.writes(ZOFIA, "zbyt dawno")
        await peer.mentions(ZOFIA, "@zielonalinia zbyt dawno")
        clock.pass_(2 * 3600)
        await peer.writes(ZOFIA, "niedawno")
        await peer.mentions(ZOFIA, "@zielonalinia niedawno")
        async with running():
            await until(lambda: len(sink.events) >= 2)
    assert sorted(texts(sink)) == ["@zielonalinia niedawno", "niedawno"]


async def test_answers_of_ours_in_the_list_are_ours_and_groups_are_only_shown() -> None:
    sink, clock = Ledger(), QuickClock()
    async with polling(sink, clock) as (_, peer, running):
        await peer.writes(ZOFIA, "Pytanie")
        peer.directs.append(
            {
                **peer.directs[-1],
                "id": str(int(peer.directs[-1]["id"]) + 1),
                "sender_id": ME.number,
                "text": "Nasza",
            }
        )
        peer.directs.append(
            {
                **peer.directs[0],
                "id": str(int(peer.directs[0]["id"]) + 2),
                "dm_conversation_id": "1578398451921985538",
                "text": "W grupie",
            }
        )
        async with running():
            await until(lambda: len(sink.events) >= 3)
    found = {getattr(item, "text", ""): item for item in sink.events}
    assert getattr(found["Nasza"], "ours", None) is True
    assert getattr(found["Nasza"], "sender").address == ZOFIA.number  # noqa: B009 - of any kind of event
    assert isinstance(found["W grupie"], Unknown)


async def test_what_the_hub_refuses_is_asked_for_again() -> None:
    sink, clock = Ledger(), QuickClock()
    sink.refuse(retry_after=30)
    async with polling(sink, clock) as (_, peer, running):
        await peer.writes(ZOFIA, "Pytanie")
        async with running():
            await until(lambda: sink.refusals >= 2)
            assert not sink.events
            sink.take()
            await until(lambda: len(sink.events) == 1)


async def test_the_limits_are_never_run_into() -> None:
    sink, clock = Ledger(), QuickClock()
    began = clock.at
    async with polling(sink, clock, poll_seconds=1.0) as (connector, peer, running):
        async with running():
            await until(lambda: clock.at - began > 90 * 60 * 1_000_000)
        directs = sum(path.startswith("/2/dm_events") for _, path, _ in peer.ledger)
        hours = (clock.at - began) / 3600e6
        assert directs <= 15 * 4 * (hours + 1), "15 in a quarter of an hour"
        assert directs >= 8 * 4 * (hours - 1), "slower, and not at all slow"
        assert (await connector.check()).state == "ok"


async def test_a_refused_request_waits_for_the_reset_and_shows() -> None:
    sink, clock = Ledger(), QuickClock()
    async with polling(sink, clock, mentions="off") as (connector, peer, running):
        peer.limits |= {"directs": 0, "me": 0}
        async with running():
            await until(lambda: len(peer.ledger) >= 2)
            assert max(clock.slept) > 800, "until the window ends"
            health: Health = await connector.check()
        assert health.state == "degraded"


async def test_a_page_token_that_x_forgot_begins_at_the_top_again() -> None:
    sink, clock = Ledger(), QuickClock()
    sink.cursors["directs"] = '{"done":0,"head":0,"page":"forgotten"}'
    async with polling(sink, clock, mentions="off") as (_, peer, running):
        await peer.writes(ZOFIA, "Pytanie")
        async with running():
            await until(lambda: len(sink.events) == 1)
    assert "forgotten" not in sink.cursors["directs"]


async def test_wrong_keys_and_a_silent_peer_are_told_apart() -> None:
    sink, clock = Ledger(), QuickClock()
    async with polling(sink, clock) as (connector, peer, running):
        peer.token = ("account-token", "another")
        async with running():
            await until(lambda: len(peer.ledger) >= 2)
            assert (await connector.check()).state == "wrong_credentials"
        peer.token = ("account-token", "account-secret-of-the-peer")
        peer.fail("cut")
        async with running():
            await until(lambda: len(peer.ledger) >= 4)
            assert (await connector.check()).state == "unreachable"
        peer.fail("")
        async with running():
            await until(lambda: len(peer.ledger) >= 8)
        assert (await connector.check()).state == "ok"


async def test_keys_of_another_account_are_a_wrong_configuration() -> None:
    async with polling(Ledger(), QuickClock(), account_id="999") as (connector, _, _):
        assert (await connector.check()).state == "misconfigured"


async def test_a_webhook_that_is_not_called_shows() -> None:
    sink, clock = Ledger(), QuickClock()
    async with polling(sink, clock, webhook=True, mentions="off") as (connector, peer, running):
        await peer.writes(ZOFIA, "sprzed startu")
        earlier = clock.at - 60_000_000
        peer.directs[0] |= {"id": payloads.identifier(earlier), "created_at": payloads.iso(earlier)}
        clock.pass_(90)
        async with running():
            await until(lambda: len(sink.events) == 1)
        assert (await connector.check()).state == "ok", "it came while nobody was there"
        await peer.writes(ZOFIA, "Nikt nie zadzwonił")
        clock.pass_(90)
        async with running():
            await until(lambda: len(sink.events) == 2)
        health = await connector.check()
        assert (health.state, health.detail) == ("degraded", NOT_POSTED)
        clock.pass_(3700)
        assert (await connector.check()).state == "ok"


async def test_a_webhook_that_is_called_makes_the_lists_a_repetition() -> None:
    sink, clock = Ledger(), QuickClock()
    async with polling(sink, clock, webhook=True, mentions="off") as (connector, peer, running):
        number = await peer.writes(ZOFIA, "Pytanie")
        body = payloads.account_direct(
            ME, ZOFIA, ME, payloads.direct(ZOFIA, ME, "Pytanie", number, clock.now())
        )
        async with running():
            await asyncio.sleep(0)
            await post(connector, "/in/test-inbox", body, signed(body))
            clock.pass_(300)
            await until(lambda: sink.told == 2)
        assert len(sink.events) == 1
        assert (await connector.check()).state == "ok"


async def test_a_place_that_cannot_be_read_is_asked_for_again() -> None:
    sink, clock = Ledger(), QuickClock()
    sink.lose_storage(retry_after=7.0)
    async with polling(sink, clock) as (_, peer, running):
        await peer.writes(ZOFIA, "W czasie awarii")
        async with running():
            await until(lambda: clock.slept.count(7.0) >= 4)
            assert not peer.ledger
            sink.take()
            await until(lambda: texts(sink) == ["W czasie awarii"])
