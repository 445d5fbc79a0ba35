"""The event stream of a browser, read over a real connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from hub.desk.notify import tell
from hub.people.leaving import HANDLERS
from hub.people.presence import browser_gone, browser_is_missed
from hub.store.schema import notification, thread_key, user
from hub.store.store import Store
from hub.store.tx import Tx
from hub.stream import Stream
from hub.timers import run_due
from hub.web.desk import Desk
from hub.web.live import close_streams
from tests.hub.conftest import FakeClock
from tests.hub.specimen import add_conversation


class Listener:
    """Reads events until the one that is wanted."""

    def __init__(self, response: Any) -> None:
        self._response = response

    async def next(self) -> tuple[str, Any, str]:
        """Name, data and id of the next event that has data."""
        async with asyncio.timeout(30):
            while True:
                lines = await self._block()
                fields = dict(
                    line.split(": ", 1) for line in lines if ": " in line and not line.startswith(":")
                )
                if "data" in fields:
                    return fields["event"], msgspec.json.decode(fields["data"]), fields.get("id", "")

    async def _block(self) -> list[str]:
        lines = []
        while line := (await self._response.content.readline()).decode().rstrip("\n"):
            lines.append(line)
        return lines

    def close(self) -> None:
        self._response.close()


async def listen(browser: Any, clock: FakeClock, after: str = "") -> Listener:
    """An open stream, at its place."""
    headers, before = {"Last-Event-ID": after} if after else {}, clock.sleeps
    response = await browser.client.get("/live", headers=headers)
    assert response.status == 200
    assert response.content_type == "text/event-stream"
    async with asyncio.timeout(30):
        while clock.sleeps == before:  # noqa: ASYNC110 - until its first tick it has begun all else
            await asyncio.sleep(0.001)
    return Listener(response)


async def test_a_new_message_is_heard_by_those_who_may_see_it(
    enter: Callable[[str], Any], sqlite_store: Store, clock: FakeClock
) -> None:
    agent, lomza, suwalki = [await enter(login) for login in ("agent", "lomza", "suwalki")]
    heard = [await listen(browser, clock) for browser in (agent, lomza, suwalki)]
    theirs = await sqlite_store.write(lambda tx: add_conversation(tx, office="pup-lomza", queue="lomza"))
    ours = await sqlite_store.write(lambda tx: add_conversation(tx))
    for listener, expected in zip(heard, ([theirs, ours], [theirs], []), strict=True):
        for conversation in expected:
            name, changes, _ = await listener.next()
            assert (name, [change["conversation"] for change in changes]) == ("changes", [conversation])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await heard[2].next()


async def test_reading_goes_on_from_the_last_place(
    enter: Callable[[str], Any], sqlite_store: Store, clock: FakeClock
) -> None:
    agent = await enter("agent")
    await sqlite_store.write(add_conversation)
    listener = await listen(agent, clock)
    seen = await sqlite_store.write(add_conversation)
    _, _, place = await listener.next()
    listener.close()
    missed = await sqlite_store.write(add_conversation)
    again = await listen(agent, clock, after=place)
    _, changes, _ = await again.next()
    assert [change["conversation"] for change in changes] == [missed] != [seen]


async def test_a_notification_is_told_to_its_person_alone(
    enter: Callable[[str], Any], sqlite_store: Store, people: dict[str, int], clock: FakeClock
) -> None:
    browsers = [await enter(login) for login in ("agent", "supervisor")]
    agent, supervisor = [await listen(browser, clock) for browser in browsers]
    await sqlite_store.write(lambda tx: tell(tx, people["agent"], "mention"))
    conversation = await sqlite_store.write(add_conversation)
    _, changes, _ = await agent.next()
    assert changes[0]["kind"] == "notification"
    _, changes, _ = await supervisor.next()
    assert changes[0]["conversation"] == conversation


async def test_a_colleague_who_writes_is_noticed(
    enter: Callable[[str], Any], sqlite_store: Store, clock: FakeClock
) -> None:
    conversation = await sqlite_store.write(add_conversation)
    agent, supervisor, suwalki = [await enter(login) for login in ("agent", "supervisor", "suwalki")]
    heard, foreign = await listen(agent, clock), await listen(suwalki, clock)
    body = {"conversation": conversation, "what": "writing"}
    headers = {"X-CSRF": supervisor.csrf, "Sec-Fetch-Site": "same-origin"}
    async with supervisor.client.post("/live/here", json=body, headers=headers) as response:
        assert await response.json() == {"text": ""}
    name, data, _ = await heard.next()
    assert (name, data) == ("marks", {"conversation": conversation, "text": "Pisze: Supervisor"})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await foreign.next()


async def test_nobody_can_mark_a_conversation_of_another_office(
    enter: Callable[[str], Any], sqlite_store: Store, desk: Desk, clock: FakeClock
) -> None:
    conversation = await sqlite_store.write(add_conversation)
    suwalki = await enter("suwalki")
    body = {"conversation": conversation, "what": "writing"}
    headers = {"X-CSRF": suwalki.csrf, "Sec-Fetch-Site": "same-origin"}
    async with suwalki.client.post("/live/here", json=body, headers=headers) as response:
        assert response.status == 200
    assert desk.presence.at(conversation, clock.now()) == []


async def test_who_looks_at_a_conversation_has_read_what_was_told_about_it(
    enter: Callable[[str], Any], sqlite_store: Store, people: dict[str, int]
) -> None:
    agent = await enter("agent")
    looked_at, other = [await sqlite_store.write(add_conversation) for _ in range(2)]
    for conversation in (looked_at, other):
        await sqlite_store.write(
            lambda tx, about=conversation: tell(tx, people["agent"], "mention", conversation=about)  # type: ignore[misc]
        )
    headers = {"X-CSRF": agent.csrf, "Sec-Fetch-Site": "same-origin"}
    body = {"conversation": looked_at, "what": "looking"}
    async with agent.client.post("/live/here", json=body, headers=headers) as response:
        assert response.status == 200
    rows = await sqlite_store.read(
        lambda tx: tx.rows(select(notification.c.conversation, notification.c.read_at))
    )
    assert {row.conversation: row.read_at is not None for row in rows} == {looked_at: True, other: False}


async def test_what_is_counted_as_unread_is_in_the_list_even_of_a_matter_that_left_ones_sight(
    enter: Callable[[str], Any], sqlite_store: Store, people: dict[str, int]
) -> None:
    lomza = await enter("lomza")

    def told(tx: Tx) -> int:
        gone = add_conversation(tx, subject="Tajne", text="Słowa", tags='["tajne"]')
        return tell(tx, people["lomza"], "mention", conversation=gone, rules=["default"])

    number = await sqlite_store.write(told)
    _, counts = await lomza.get("/live/counts")
    assert msgspec.json.decode(counts)["counts"]["unread"] == 1
    _, page = await lomza.get("/notifications")
    assert page.count(f"/notifications/{number}/open") == 1
    assert "Nie możesz już czytać tej rozmowy." in page
    assert not [words for words in ("Tajne", "Słowa", "tajne", "000-", "Reguła:") if words in page]
    _, newest = await lomza.get("/notifications/newest")
    assert msgspec.json.decode(newest)["newest"] is None
    assert await lomza.post(f"/notifications/{number}/open") == (303, "/notifications")
    _, counts = await lomza.get("/live/counts")
    assert msgspec.json.decode(counts)["counts"]["unread"] == 0


async def test_a_closed_browser_makes_its_person_offline_after_a_while(
    enter: Callable[[str], Any], sqlite_store: Store, people: dict[str, int], clock: FakeClock, desk: Desk
) -> None:
    agent = await enter("agent")
    listener = await listen(agent, clock)
    listener.close()
    async with asyncio.timeout(30):
        while not await sqlite_store.read(lambda tx: browser_is_missed(tx, people["agent"])):  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    async def presence() -> Any:
        found = select(user.c.presence).where(user.c.id == people["agent"])
        await sqlite_store.write(lambda tx: run_due(tx, desk.house(), HANDLERS, desk.log))
        return await sqlite_store.read(lambda tx: tx.scalar(found))

    assert await presence() == "available"
    clock.move(61)
    assert await presence() == "offline"
    back = await listen(agent, clock)
    assert await presence() == "available"
    back.close()


async def test_who_has_a_page_open_here_is_not_gone_because_another_process_saw_one_close(
    enter: Callable[[str], Any], sqlite_store: Store, people: dict[str, int], clock: FakeClock, desk: Desk
) -> None:
    agent = await enter("agent")
    listener = await listen(agent, clock)
    await sqlite_store.write(lambda tx: browser_gone(tx, people["agent"]))
    for _ in range(14):
        clock.move(5)
        await clock.is_slept_by()
    await sqlite_store.write(lambda tx: run_due(tx, desk.house(), HANDLERS, desk.log))
    found = select(user.c.presence).where(user.c.id == people["agent"])
    assert await sqlite_store.read(lambda tx: tx.scalar(found)) == "available"
    listener.close()


async def test_an_ended_session_ends_the_stream(enter: Callable[[str], Any], clock: FakeClock) -> None:
    agent = await enter("agent")
    response = await agent.client.get("/live")
    assert await agent.post("/logout") == (303, "/login")
    reading = asyncio.create_task(response.content.read())
    async with asyncio.timeout(30):
        while not reading.done():
            clock.move(5)
            await asyncio.sleep(0.005)


async def test_a_stream_that_was_asked_for_just_before_the_hub_stops_does_not_hold_it_up(
    enter: Callable[[str], Any],
) -> None:
    agent = await enter("agent")
    await close_streams(agent.client.app)
    async with asyncio.timeout(30):
        response = await agent.client.get("/live")
        assert await response.read() == b""


async def test_a_citizen_who_types_is_told_to_whoever_it_concerns(
    enter: Callable[[str], Any],
    sqlite_store: Store,
    stream: Stream,
    people: dict[str, int],
    clock: FakeClock,
) -> None:
    mine = await sqlite_store.write(lambda tx: add_conversation(tx, assignee=people["agent"]))
    watched = await sqlite_store.write(add_conversation)
    key = "pair:sms:phone:+48600700800"
    row = {"key": key, "conversation": watched, "at": 0}
    await sqlite_store.write(lambda tx: tx.execute(thread_key.insert().values(**row)))
    agent, supervisor, suwalki = [await enter(login) for login in ("agent", "supervisor", "suwalki")]
    body = {"conversation": watched, "what": "looking"}
    headers = {"X-CSRF": supervisor.csrf, "Sec-Fetch-Site": "same-origin"}
    async with supervisor.client.post("/live/here", json=body, headers=headers) as response:
        assert response.status == 200
    heard = [await listen(browser, clock) for browser in (agent, supervisor, suwalki)]
    stream.signal(f"conversation:{mine}", "typing")
    stream.signal(key, "paused")
    stream.signal("conversation:nonsense", "typing")
    stream.signal("pair:unknown", "typing")
    await clock.is_slept_by(4)  # each stream until its next tick, and whoever gathers signs
    clock.move(seconds=1)
    assert await _typing(heard[0]) == {str(mine): "typing"}
    assert await _typing(heard[1]) == {str(watched): "paused"}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await _typing(heard[2])


async def _typing(listener: Listener) -> Any:
    while True:
        name, data, _ = await listener.next()
        if name == "typing":
            return data
