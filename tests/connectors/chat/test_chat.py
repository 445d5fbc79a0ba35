"""A chat that goes on: what an open page is told, who is there, the end, the transcript."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import msgspec
import pytest

from connectors.chat.reading import parse
from connectors.chat.settings import Settings
from connectors.chat.visitors import HEADER, KIND
from connectors.contract import (
    ChatFile,
    DeliveryReport,
    InboxId,
    Party,
    Presence,
    SendError,
    Visit,
)
from tests.connectors.chat.site import ANNA, BEN, JSON, PATH, Site, body, said
from tests.connectors.requests import form_post, get, open_stream
from tests.contract import fixtures
from tests.contract.cases.chat import ANSWER
from tests.contract.world import whole
from tests.waiting import until

# --- what happens meanwhile ------------------------------------------------------------------------------------------


async def test_an_open_page_is_told_each_message_once(site: Site) -> None:
    site.answered(said(1, "Halo", mine=True), state="waiting", place=2, wait=90.0)
    async with site.page() as told:
        await site.chat.send(msgspec.structs.replace(ANSWER, to=(Party(kind=KIND, address=ANNA),)))
        site.answered(said(1, "Halo", mine=True), said(17))
        sent = await site.chat.send(msgspec.structs.replace(ANSWER, to=(Party(kind=KIND, address=ANNA),)))
        await asyncio.sleep(0.02)
    assert sent.state == "delivered"
    news = [data for name, data in told if name == "news"]
    assert [[one["id"] for one in data["messages"]] for data in news] == [[1], [17]]  # type: ignore[attr-defined]
    assert "Miejsce w kolejce: 2." in str(news[0]["state"])


async def test_an_answer_to_nobody_is_accepted_and_stays_to_be_read(site: Site) -> None:
    assert (await site.chat.send(ANSWER)).state == "accepted"
    with pytest.raises(SendError, match="permanent"):
        await site.chat.send(msgspec.structs.replace(ANSWER, operation="edit"))


async def test_typing_goes_both_ways_and_only_of_those_who_are_there(site: Site) -> None:
    site.answered(said())
    await site.signal("typing", BEN)
    async with site.page() as told:
        await site.signal("typing")
        await site.signal("paused")
        presence = Presence(inbox=InboxId("test-inbox"), to=Party(kind=KIND, address=ANNA), what="typing")
        await site.chat.show(presence)
        await asyncio.sleep(0.01)
    assert site.signals == [("conversation:7", "typing"), ("conversation:7", "paused")]
    assert ("presence", {"what": "typing"}) in told


async def test_only_what_was_shown_to_them_can_be_read_by_them(site: Site) -> None:
    site.answered(said(17))
    site.answered(said(18), visitor=BEN)
    async with site.page(), site.page(BEN):
        for upto in ("18", "99", "x", ""):
            await site.signal("read", upto=upto)
        assert site.ledger.events == []
        await site.signal("read", upto="17")
    [report] = site.ledger.events
    assert isinstance(report, DeliveryReport) and (report.target, report.state) == ("17", "read")


async def test_who_closes_the_page_has_left_and_who_opens_it_again_is_back(site: Site) -> None:
    site.answered(said())
    async with site.page():
        for _ in range(5):
            site.clock.at += 100
            await site.signal("here")
        await asyncio.sleep(0.02)
        assert site.ledger.events == [], "an open page is somebody there"
    site.clock.at += 29
    await asyncio.sleep(0.02)
    assert site.ledger.events == [], "a reload takes a moment"
    site.clock.at += 2
    await site.ledger.wait_for(1)
    site.answered(said(), left=True)
    async with site.page():
        await site.ledger.wait_for(2)
    assert [event.what for event in site.ledger.events if isinstance(event, Visit)] == ["left", "came"]


async def test_without_a_script_a_look_at_the_page_keeps_one_there(site: Site) -> None:
    fields = {"me": site.token(), "client": str(uuid.uuid4()), "text": "Raz", "consent": "yes"}
    await form_post(site.chat, PATH, fields)
    site.answered(said())
    for _ in range(3):
        site.clock.at += 170
        await asyncio.sleep(0.01)
        await get(site.chat, f"{PATH}?me={site.token()}")
    assert len(site.ledger.events) == 1
    site.clock.at += 181
    await site.ledger.wait_for(2)


async def test_a_page_that_fell_silent_is_gone_though_its_connection_looks_open(site: Site) -> None:
    site.answered(said())
    stream = await open_stream(site.chat, f"{PATH}/stream", {HEADER: site.token()})
    reading = asyncio.ensure_future(_all(stream))
    await asyncio.sleep(0.02)
    site.clock.at += 149
    await asyncio.sleep(0.02)
    assert not reading.done()
    site.clock.at += 2
    async with asyncio.timeout(30):
        await reading
    site.clock.at += 31
    [left] = await site.ledger.wait_for(1)
    assert isinstance(left, Visit) and left.what == "left"


async def _all(stream: AsyncIterator[bytes]) -> list[bytes]:
    return [chunk async for chunk in stream]


async def test_who_was_there_before_a_restart_is_waited_for() -> None:
    site = Site(Settings())
    site.house.there = (ANNA,)
    task = asyncio.create_task(whole(site.chat, site.ledger))
    await asyncio.sleep(0.02)
    assert site.ledger.events == []
    site.clock.at += 61
    await site.ledger.wait_for(1)
    assert [
        (event.what, event.sender.address) for event in site.ledger.events if isinstance(event, Visit)
    ] == [("left", ANNA)]
    task.cancel()
    await asyncio.wait({task})


async def test_that_somebody_left_is_told_until_it_is_taken(site: Site) -> None:
    site.answered(said())
    async with site.page():
        pass
    site.ledger.refuse()
    site.clock.at += 31
    await asyncio.wait_for(site.ledger.refused.wait(), 30)
    assert site.ledger.refusals and not site.ledger.events
    site.ledger.take()
    await site.ledger.wait_for(1)


async def test_who_comes_back_while_the_hub_is_told_that_they_left_is_still_heard_and_told(
    site: Site,
) -> None:
    site.answered(said())
    async with site.page():
        pass
    site.ledger.open.clear()
    site.clock.at += 31
    async with asyncio.timeout(30):
        await site.ledger.begun.wait()
    async with site.page() as told:
        site.answered(said(), left=True)
        site.ledger.open.set()
        await site.ledger.wait_for(2)
        site.answered(said(), said(18, "Jeszcze jedno"))
        site.house.changed(ANNA)
        await until(lambda: "Jeszcze jedno" in str(told))
    assert [event.what for event in site.ledger.events if isinstance(event, Visit)] == ["left", "came"]


async def test_a_slow_page_is_cut_off(site: Site) -> None:
    site.answered(said())
    stream = await open_stream(site.chat, f"{PATH}/stream", {HEADER: site.token()})
    await anext(aiter(stream))
    presence = Presence(inbox=InboxId("test-inbox"), to=Party(kind=KIND, address=ANNA), what="typing")
    for _ in range(500):
        await site.chat.show(presence)
    async with asyncio.timeout(30):
        chunks = [chunk async for chunk in stream]
    assert len(b"".join(chunks)) < 20_000


# --- the end, the transcript ---------------------------------------------------------------------------------------


async def test_the_end_and_the_transcript_are_asked_for(site: Site) -> None:
    site.answered(
        said(1, "Halo", mine=True), said(17, "Proszę", files=(ChatFile(id=1, filename="a.pdf", size=1),))
    )
    ended = await form_post(site.chat, PATH, {"me": site.token(), "client": str(uuid.uuid4()), "do": "end"})
    assert ended.status == 303 and "news=ended" in ended.headers["Location"]
    wish = {"me": site.token(), "client": str(uuid.uuid4()), "do": "transcript", "email": "zofia@example.org"}
    for _ in range(2):
        assert (await form_post(site.chat, PATH, wish, headers=JSON)).status == 200
    end, transcript = site.ledger.events
    assert isinstance(end, Visit) and end.what == "ended"
    assert isinstance(transcript, Visit) and transcript.email == "zofia@example.org"
    assert transcript.text == "16.11.2026\n09:00 Ty: Halo\n09:00 Konsultant: Proszę [a.pdf]"
    wrong = {**wish, "email": "nie adres"}
    assert (await form_post(site.chat, PATH, wrong, headers=JSON)).status == 422
    page = body(await form_post(site.chat, PATH, wrong))
    assert '<a href="#transcript">' in page and '<details class="more" open>' in page
    assert 'id="transcript"' in page and 'value="nie adres"' in page


async def test_a_deed_without_a_chat_is_refused(site: Site) -> None:
    answer = await form_post(site.chat, PATH, {"me": site.token(), "do": "end"}, headers=JSON)
    assert answer.status == 404
    assert site.ledger.events == []


# --- centrala parse --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"text=Halo&client=x", "me: "),
        (b"me=zlyxtoken&text=Halo", "me: "),
        (b"me={me}&text=", "text: "),
        (b"me={me}&do=transcript&email=x", "email: "),
    ],
)
def test_what_would_be_refused_is_told(raw: bytes, why: str) -> None:
    context = fixtures.context()
    assert context.tokens is not None
    token = context.tokens.sign(KIND, ANNA).encode()
    with pytest.raises(ValueError, match=why):
        parse(raw.replace(b"{me}", token), context)


async def test_open_pages_outlive_a_storage_that_was_away(site: Site) -> None:
    site.answered(said(text="przed"))
    async with site.page() as told:
        await until(lambda: len(told) == 1)
        site.house.away = True
        site.answered(said(text="przed"), said(18, "w czasie awarii"))
        site.house.changed(ANNA)
        await asyncio.sleep(0.05)
        assert len(told) == 1
        site.house.away = False
        await until(lambda: len(told) == 2)
        site.answered(said(text="przed"), said(18, "w czasie awarii"), said(19, "po niej"))
        site.house.changed(ANNA)
        await until(lambda: len(told) == 3)
    assert "w czasie awarii" in str(told[1]) and "po niej" in str(told[2])
