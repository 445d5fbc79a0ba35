"""Comments asked for over days: nothing skipped, little told twice, and always within the units."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from connectors.contract import Deletion, Edit, Message, Micros, Moderated, Refused, SendError
from connectors.youtube.api import seconds_to_midnight
from connectors.youtube.connector import YouTube
from hub.demo.peers.youtube import YouTubePeer
from tests.connectors.quick import QuickClock
from tests.connectors.youtube.world import CHANNEL, JAN, VIDEO, ZOFIA, beside, outbound
from tests.contract.world import Budget, Ledger, Log, make_env
from tests.waiting import until

HOUR = 3600.0
Running = Callable[[], contextlib.AbstractAsyncContextManager[None]]


class DailyBudget(Budget):
    """A budget whose days end in the zone that is named, as the hub's do."""

    def __init__(self, clock: QuickClock) -> None:
        super().__init__()
        self.clock = clock
        self._ends = 0.0

    def _turn(self, zone: str) -> None:
        if self.clock.monotonic() >= self._ends:
            self.taken.clear()
            self._ends = self.clock.monotonic() + seconds_to_midnight(self.clock.now(), zone)

    async def spend(self, what: str, amount: int, limit: int, *, zone: str) -> int | None:
        self._turn(zone)
        return await super().spend(what, amount, limit, zone=zone)

    async def spent(self, what: str, *, zone: str) -> int:
        self._turn(zone)
        return await super().spent(what, zone=zone)


@contextlib.asynccontextmanager
async def asking(
    sink: Ledger, clock: QuickClock, **changes: Any
) -> AsyncIterator[tuple[YouTube, YouTubePeer, Running]]:
    """The connector, its peer, and a way to let it run for a while."""
    env = make_env(clock=clock, log=Log(), budget=changes.pop("budget", None) or DailyBudget(clock))
    settings = {"poll_seconds": 60.0, "daily_units": 10_000, **changes}
    async with beside(env, **settings) as (connector, peer):
        peer.day_units = 10_000

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
    return [item.text for item in sink.events if isinstance(item, Message)]


async def test_comments_and_answers_come_with_where_they_stand() -> None:
    sink, clock = Ledger(), QuickClock()
    async with asking(sink, clock) as (_, peer, running):
        peer.videos[VIDEO] = "Jak złożyć wniosek"
        top = peer.comments_on(VIDEO, ZOFIA, "Kiedy nabór?")
        peer.comments_on(VIDEO, JAN, "Też pytam", parent=top)
        peer.comments_on(VIDEO, JAN, "Kup tanio", status="likelySpam")
        peer.comments_on(VIDEO, (CHANNEL, "@zielonalinia"), "Od stycznia.", parent=top)
        async with running():
            await until(lambda: len(sink.events) >= 4)
    found = {item.text: item for item in sink.events if isinstance(item, Message)}
    first, second = found["Kiedy nabór?"].comment, found["Też pytam"].comment
    assert first is not None
    assert second is not None
    assert (first.article, first.title, first.standing) == (VIDEO, "Jak złożyć wniosek", "published")
    assert second.parent_ref == top
    spam = found["Kup tanio"].comment
    assert spam is not None
    assert spam.standing == "held"
    assert [item.ours for item in found.values()] == [text == "Od stycznia." for text in found]


async def test_many_pages_come_in_whole_though_the_hub_stops_between() -> None:
    sink, clock = Ledger(), QuickClock()
    async with asking(sink, clock, held=False) as (_, peer, running):
        peer.page = 10
        for number in range(45):
            peer.comments_on(VIDEO, ZOFIA, f"Komentarz {number}")
            clock.pass_(30)
        async with running():
            await until(lambda: len(sink.events) >= 15)
        peer.comments_on(VIDEO, JAN, "Nowy na górze")
        async with running():
            await until(lambda: len(sink.events) >= 46)
    assert sorted(texts(sink)) == sorted([f"Komentarz {n}" for n in range(45)] + ["Nowy na górze"])


async def test_what_is_older_than_the_first_start_is_left_alone() -> None:
    sink, clock = Ledger(), QuickClock()
    async with asking(sink, clock, first_look_hours=1) as (_, peer, running):
        old = peer.comments_on(VIDEO, ZOFIA, "zbyt dawno")
        clock.pass_(3 * HOUR)
        peer.comments_on(VIDEO, JAN, "niedawno")
        async with running():
            await until(lambda: texts(sink) == ["niedawno"])
            peer.comments_on(VIDEO, JAN, "odpowiedź pod starym", parent=old)
            await until(lambda: len(sink.events) == 2)
    assert texts(sink) == ["niedawno", "odpowiedź pod starym"]


async def test_all_answers_of_a_long_thread_come_and_new_ones_in_an_old_thread() -> None:
    sink, clock = Ledger(), QuickClock()
    async with asking(sink, clock, held=False, look_back_days=5) as (_, peer, running):
        peer.page = 8
        top = peer.comments_on(VIDEO, ZOFIA, "Wątek")
        for number in range(21):
            peer.comments_on(VIDEO, JAN, f"Odpowiedź {number}", parent=top)
        clock.pass_(60)
        for number in range(20):
            clock.pass_(60)
            peer.comments_on(VIDEO, JAN, f"Nowszy wątek {number}")
        async with running():
            await until(lambda: len(sink.events) == 42)
            clock.pass_(HOUR)
            peer.comments_on(VIDEO, ZOFIA, "Późna odpowiedź", parent=top)
            await until(lambda: "Późna odpowiedź" in texts(sink))
    assert Counter(texts(sink)).most_common(1)[0][1] == 1
    assert sink.told == 43, "nothing is told twice"


async def test_edits_decisions_elsewhere_and_deletions_are_noticed() -> None:
    sink, clock = Ledger(), QuickClock()
    async with asking(sink, clock) as (_, peer, running):
        edited, rejected, removed, stays = (peer.comments_on(VIDEO, ZOFIA, f"Wpis {n}") for n in range(4))
        held = peer.comments_on(VIDEO, JAN, "Wstrzymany", status="heldForReview")
        answer = peer.comments_on(VIDEO, JAN, "Odpowiedź", parent=stays)
        clock.pass_(2 * HOUR)
        async with running():
            await until(lambda: len(sink.events) == 6)
            clock.pass_(HOUR)
            peer.changes(edited, "Wpis zmieniony")
            peer.moderates(rejected, "rejected")
            peer.moderates(held, "published")
            peer.removes(removed)
            peer.removes(answer)
            await until(lambda: len(sink.events) >= 11)
    news = sink.events[6:]
    edit = next(item for item in news if isinstance(item, Edit))
    assert (edit.target, edit.text) == (edited, "Wpis zmieniony")
    standings = {item.target: item.standing for item in news if isinstance(item, Moderated)}
    assert standings == {rejected: "hidden", held: "published"}
    assert {item.target for item in news if isinstance(item, Deletion)} == {removed, answer}
    assert len(news) == 5


async def test_a_page_that_did_not_change_is_not_told_again() -> None:
    sink, clock = Ledger(), QuickClock()
    async with asking(sink, clock) as (_, peer, running):
        name = peer.comments_on(VIDEO, ZOFIA, "Jeden")
        async with running():
            await until(lambda: name in peer.confirmed)
            told = sink.told
            asked = len(peer.ledger)
            await until(lambda: len(peer.ledger) > asked + 20)
    assert sink.told == told == 1


async def test_what_the_hub_refuses_is_asked_for_again() -> None:
    sink, clock = Ledger(), QuickClock()
    sink.refuse(retry_after=30)
    async with asking(sink, clock) as (_, peer, running):
        peer.comments_on(VIDEO, ZOFIA, "Pytanie")
        async with running():
            await until(lambda: sink.refusals >= 2)
            sink.take()
            await until(lambda: texts(sink) == ["Pytanie"])


async def test_looking_lasts_all_day_and_leaves_the_reserve() -> None:
    sink, clock = Ledger(), QuickClock()
    began = clock.at
    async with asking(sink, clock, daily_units=400, reserve_units=100, poll_seconds=10) as (
        connector,
        peer,
        running,
    ):
        peer.day_units = 400
        top = peer.comments_on(VIDEO, ZOFIA, "Pytanie")
        async with running():
            await until(
                lambda: clock.at - began > 15 * HOUR * 1e6, seconds=15
            )  # 08:40 in Los Angeles until midnight
            assert 200 <= peer.used <= 300, "all of its part, and not more"
            gaps = [gap for gap in clock.slept if gap > 1]
            assert max(gaps) <= HOUR, "slower, never not at all"
            for _ in range(2):
                await connector.send(outbound(target=top))
            began_again = clock.at
            await until(lambda: clock.at - began_again > 3 * HOUR * 1e6, seconds=15)
            late = peer.comments_on(VIDEO, JAN, "Nazajutrz")
            await until(lambda: late in {item.external_id for item in sink.events})
    refused = [path for _, path, _ in peer.ledger if "quota" in path]
    assert not refused


async def test_answers_that_used_up_everything_else_leave_a_glance_an_hour() -> None:
    sink, clock = Ledger(), QuickClock()
    async with asking(sink, clock, daily_units=400, reserve_units=100) as (connector, peer, running):
        peer.day_units = 400
        top = peer.comments_on(VIDEO, ZOFIA, "Pytanie")
        for number in range(6):
            await connector.send(outbound(target=top, text=f"{number}"))
        began, before = clock.at, peer.used
        async with running():
            await until(lambda: clock.at - began > 10 * HOUR * 1e6)
        assert "Pytanie" in texts(sink), "slower, and not never"
        assert peer.used - before <= 11 * 6, "and not much"


async def test_units_that_others_used_slow_down_and_show() -> None:
    sink, clock = Ledger(), QuickClock()
    async with asking(sink, clock) as (connector, peer, running):
        peer.used = 10_000
        async with running():
            await until(lambda: len(peer.ledger) >= 4)
            assert max(clock.slept) >= HOUR * 0.99
            assert (await connector.check()).state == "degraded"
            peer.comments_on(VIDEO, ZOFIA, "Po północy")
            await until(lambda: texts(sink) == ["Po północy"])
        assert (await connector.check()).state == "ok"


async def test_a_revoked_permission_is_a_matter_of_credentials() -> None:
    async with asking(Ledger(), QuickClock()) as (connector, peer, running):
        peer.refresh_token = "another"
        async with running():
            await until(lambda: len(peer.ledger) >= 2)
            assert (await connector.check()).state == "wrong_credentials"
            assert peer.used == 0
        peer.refresh_token = "refresh-token-of-the-peer"
        assert (await connector.check()).state == "ok"


async def test_a_token_of_another_channel_is_a_wrong_configuration() -> None:
    async with asking(Ledger(), QuickClock(), channel_id="UC" + "x" * 22) as (connector, _, _):
        assert (await connector.check()).state == "misconfigured"


async def test_a_page_token_that_youtube_forgot_begins_at_the_top_again() -> None:
    sink, clock = Ledger(), QuickClock()
    sink.cursors = {
        "published": '{"done":0,"head":0,"page":"forgotten"}',
        "sweep": "forgotten",
        "begin": "0",
    }
    async with asking(sink, clock) as (_, peer, running):
        peer.comments_on(VIDEO, ZOFIA, "Pytanie")
        async with running():
            await until(lambda: texts(sink) == ["Pytanie"])
            await until(lambda: sink.cursors["sweep"] == "" and "forgotten" not in sink.cursors["published"])


def test_the_day_ends_at_midnight_in_los_angeles_also_when_clocks_change() -> None:
    def at(seconds: int) -> Micros:
        return Micros(seconds * 1_000_000)

    assert seconds_to_midnight(at(1_794_328_800)) == 15 * HOUR + 20 * 60  # 10 November 2026, 08:40 there
    assert seconds_to_midnight(at(1_793_516_400)) == 25 * HOUR, "1 November 2026 has 25 hours"


class LostBudget(DailyBudget):
    """A budget whose storage may be away."""

    away = True

    async def spend(self, what: str, amount: int, limit: int, *, zone: str) -> int | None:
        self._look()
        return await super().spend(what, amount, limit, zone=zone)

    async def spent(self, what: str, *, zone: str) -> int:
        self._look()
        return await super().spent(what, zone=zone)

    def _look(self) -> None:
        if self.away:
            raise Refused("the storage failed", retry_after=7.0)


async def test_without_units_that_can_be_counted_nothing_is_asked_or_sent_and_it_goes_on_by_itself() -> None:
    sink, clock = Ledger(), QuickClock()
    budget = LostBudget(clock)
    async with asking(sink, clock, budget=budget) as (connector, peer, running):
        name = peer.comments_on(VIDEO, JAN, "W czasie awarii")
        async with running():
            await until(lambda: clock.slept.count(7.0) >= 2)
            with pytest.raises(SendError) as raised:
                await connector.send(outbound(target=name))
            assert raised.value.kind == "temporary", "it certainly has not left"
            assert not peer.ledger
            budget.away = False
            await until(lambda: len(sink.events) == 1)
