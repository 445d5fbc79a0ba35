"""Merging, taking apart, moving a message: nothing is lost, both numbers keep working, everything goes back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from connectors.contract import Micros, Recipient
from hub.callbacks.service import open_for
from hub.desk import actions, beside, drafts, merging, moving, view, why
from hub.desk.timed import HANDLERS
from hub.desk.transfer import transfer
from hub.house import House
from hub.logs import logger
from hub.outbox.claim import claim
from hub.outbox.queue import enqueue
from hub.scope import Conflict, NotFound
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader, Tx
from hub.timers import put_timers, run_due, timer_row
from rules import Match, Seen, Trace, encode_trace
from tests.hub.conftest import FakeClock
from tests.hub.desk.asking import row_of, said, told, undo
from tests.hub.desk.conftest import Who
from tests.hub.plans import plans
from tests.hub.specimen import add_conversation, add_message

HOUR = 3_600_000_000


async def pair(store: Store, *, same: bool = True, **columns: Any) -> tuple[int, int]:
    """An older and a newer conversation, of one person or of two."""

    def command(tx: Tx) -> tuple[int, int]:
        old = add_conversation(
            tx, created_at=tx.now - HOUR, waiting_since=None, status="resolved", tags='["a"]'
        )
        new = add_conversation(tx, email="anna@example.pl", tags='["b"]', priority=2, due_at=9, **columns)
        add_message(tx, old, number=2, kind="outbound", at=tx.now + 1)
        tx.change(schema.conversation, old, messages=2)
        if same:
            row = tx.row(select(schema.conversation).where(schema.conversation.c.id == old))
            assert row is not None
            tx.change(schema.conversation, new, contact=row.contact)
        key = {"key": "mid:<x@y>", "conversation": new, "at": tx.now}
        tx.execute(schema.thread_key.insert().values(**key))
        return old, new

    return await store.write(command)


async def numbers(store: Store, conversation: int) -> list[tuple[int, str]]:
    message = schema.message

    def query(tx: Reader) -> list[tuple[int, str]]:
        own = select(message.c.number, message.c.kind).where(message.c.conversation == conversation)
        return [(row.number, row.kind) for row in tx.rows(own.order_by(message.c.number))]

    return await store.read(query)


async def key_leads_to(store: Store) -> int:
    found = await store.read(lambda tx: tx.scalar(select(schema.thread_key.c.conversation)))
    return int(found)


async def test_the_earlier_number_survives_and_everything_comes_along(
    store: Store, house: House, who: Who
) -> None:
    old, new = await pair(store)
    merged = await store.write(lambda tx: merging.merge_conversations(tx, house, who.ola, new, old))
    assert (merged.survivor, merged.absorbed) == (old, new)
    assert await numbers(store, old) == [(1, "inbound"), (2, "outbound"), (3, "inbound"), (4, "system")]
    row = await row_of(store, old)
    assert (row.status, row.priority, row.due_at, row.tags, row.messages) == ("open", 2, 9, '["a","b"]', 4)
    assert row.waiting_since is not None and (await row_of(store, new)).merged_into == old
    assert await key_leads_to(store) == old
    assert await store.read(lambda tx: view.leads_to(tx, who.ola, new)) == old
    shown = await store.read(lambda tx: view.stream(tx, who.ola, old))
    assert [entry.row.number for entry in shown.entries] == [1, 3, 4, 2]  # by time, not by number
    with pytest.raises(Conflict):  # nothing happens to an absorbed one any more
        await store.write(lambda tx: merging.merge_conversations(tx, house, who.ola, new, old))


async def test_a_merge_is_taken_apart_as_it_was(store: Store, house: House, who: Who) -> None:
    old, new = await pair(store)
    before = {found: await numbers(store, found) for found in (old, new)}
    await store.write(lambda tx: merging.merge_conversations(tx, house, who.ola, old, new))
    assert await undo(store, house, who.ola) == "merge"
    row = await row_of(store, old)
    assert (row.status, row.priority, row.due_at, row.tags) == ("resolved", 0, None, '["a"]')
    assert await key_leads_to(store) == new
    for found, kept in before.items():
        assert (await numbers(store, found))[: len(kept)] == kept
        assert [kind for _, kind in (await numbers(store, found))[len(kept) :]] in (
            ["system"],
            ["system"] * 2,
        )
    around = await store.read(lambda tx: beside.around(tx, who.ola, old))
    assert around.merges == []


async def test_what_came_after_the_merge_stays_with_the_survivor(
    store: Store, house: House, who: Who
) -> None:
    old, new = await pair(store)
    merged = await store.write(lambda tx: merging.merge_conversations(tx, house, who.ola, old, new))

    def later(tx: Tx) -> None:
        add_message(tx, old, number=9)
        tx.change(schema.conversation, old, messages=9, inbound_at=tx.now + 5, waiting_since=77)

    await store.write(later)
    await store.write(lambda tx: merging.unmerge(tx, house, who.ola, merged.merge))
    assert (9, "inbound") in await numbers(store, old)
    assert (await row_of(store, old)).waiting_since == 77
    with pytest.raises(Conflict):
        await store.write(lambda tx: merging.unmerge(tx, house, who.ola, merged.merge))


async def test_two_people_are_refused_until_linked_on_purpose(store: Store, house: House, who: Who) -> None:
    old, new = await pair(store, same=False)
    with pytest.raises(Conflict, match="two different people"):
        await store.write(lambda tx: merging.merge_conversations(tx, house, who.ola, old, new))
    await store.write(lambda tx: merging.merge_conversations(tx, house, who.ola, old, new, link=True))
    assert (await row_of(store, old)).contact == (await row_of(store, new)).contact


async def test_access_to_both_is_needed(store: Store, house: House, who: Who) -> None:
    old, new = await pair(store, office="pup-lomza", queue="lomza")
    with pytest.raises(NotFound):
        await store.write(lambda tx: merging.merge_conversations(tx, house, who.lom, old, new))
    await store.write(lambda tx: merging.merge_conversations(tx, house, who.ola, old, new))
    # the office that worked on the absorbed one still sees its matter
    assert await store.read(lambda tx: view.stream(tx, who.lom, old)) is not None
    await undo(store, house, who.ola)
    with pytest.raises(NotFound):
        await store.read(lambda tx: view.stream(tx, who.lom, old))


async def merged(store: Store, house: House, who: Who, old: int, new: int) -> merging.Merged:
    return await store.write(lambda tx: merging.merge_conversations(tx, house, who.ola, old, new))


async def changed(store: Store, conversation: int, **columns: Any) -> None:
    await store.write(lambda tx: tx.change(schema.conversation, conversation, **columns))


async def due(store: Store, conversation: int) -> dict[str, int]:
    """What waits for its time about a conversation."""
    timer = schema.timer.c
    waiting = select(timer.kind, timer.due_at).where(timer.subject == conversation, timer.state == "waiting")
    return {row.kind: row.due_at for row in await store.read(lambda tx: tx.rows(waiting))}


async def run_timers(store: Store, house: House, clock: FakeClock, **later: float) -> None:
    clock.move(**later)
    await store.write(lambda tx: run_due(tx, house, HANDLERS, logger("test")))


async def test_a_snoozed_matter_sleeps_on_in_one_that_was_over_and_wakes(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    old, new = await pair(store)
    until = Micros(clock.now() + HOUR)
    await store.write(lambda tx: actions.assign(tx, house, who.ola, [new], who.jan.user))
    await store.write(lambda tx: actions.snooze(tx, house, who.ola, [new], until))
    await merged(store, house, who, old, new)
    row = await row_of(store, old)
    assert (row.status, row.snoozed_until, row.assignee, row.resolved_at) == (
        *("snoozed", until, who.jan.user),
        None,
    )
    await run_timers(store, house, clock, hours=1)
    assert [(await row_of(store, found)).status for found in (old, new)] == ["open", "snoozed"]
    assert "woken" in await said(store, old)


@pytest.mark.parametrize("minutes", [30, 90], ids=["before its time", "after its time"])
async def test_a_snoozed_matter_that_was_merged_wakes_when_it_is_taken_apart(
    store: Store, house: House, who: Who, clock: FakeClock, minutes: float
) -> None:
    old, new = await pair(store)
    await changed(store, old, status="open")
    until = Micros(clock.now() + HOUR)
    await store.write(lambda tx: actions.snooze(tx, house, who.ola, [new], until))
    found = await merged(store, house, who, old, new)
    assert (await row_of(store, old)).status == "open" and await due(store, old) == {}
    await run_timers(store, house, clock, minutes=minutes)
    await store.write(lambda tx: merging.unmerge(tx, house, who.ola, found.merge))
    assert await due(store, new) == {"snooze": until}
    await run_timers(store, house, clock, hours=1)
    assert (await row_of(store, new)).status == "open"


async def test_the_survivor_of_an_open_matter_is_not_asleep_any_more(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    old, new = await pair(store)
    await changed(store, old, status="open")
    until = Micros(clock.now() + HOUR)
    await store.write(lambda tx: actions.snooze(tx, house, who.ola, [old], until))
    found = await merged(store, house, who, old, new)
    assert (await row_of(store, old)).status == "open" and await due(store, old) == {}
    await store.write(lambda tx: merging.unmerge(tx, house, who.ola, found.merge))
    assert (await row_of(store, old)).status == "snoozed" and await due(store, old) == {"snooze": until}


async def test_an_office_that_was_asked_is_still_watched(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    old, new = await pair(store)
    await store.write(
        lambda tx: transfer(tx, house, who.ola, [new], office="pup-lomza", due_at=Micros(tx.now + HOUR))
    )
    found = await merged(store, house, who, old, new)
    row = await row_of(store, old)
    assert (row.status, row.office, row.queue, row.tier, row.owner) == (
        *("waiting-office", "pup-lomza", "lomza", 3),
        who.ola.user,
    )
    orders = await store.read(lambda tx: tx.rows(select(schema.effect.c.conversation)))
    assert {order.conversation for order in orders} == {old}
    await run_timers(store, house, clock, hours=2)
    assert ("overdue", old) in await told(store, who.ola.user)
    await store.write(lambda tx: merging.unmerge(tx, house, who.ola, found.merge))
    assert (await row_of(store, old)).status == "resolved"


async def test_what_is_due_goes_back_when_it_is_taken_apart(store: Store, house: House, who: Who) -> None:
    old, new = await pair(store)
    await changed(store, old, status="open")

    def start(tx: Tx) -> None:
        put_timers(tx, [timer_row(tx, f"rules:{name}", at, tx.now + 9, {}) for at, name in rows])

    rows = ((old, "a"), (new, "a"), (new, "b"))
    await store.write(start)
    found = await merged(store, house, who, old, new)
    assert set(await due(store, old)) == {"rules:a", "rules:b"}
    await store.write(lambda tx: merging.unmerge(tx, house, who.ola, found.merge))
    assert set(await due(store, old)) == {"rules:a"}
    assert set(await due(store, new)) == {"rules:a", "rules:b"}


async def test_a_matter_of_distress_stays_one(store: Store, house: House, who: Who) -> None:
    old, new = await pair(store, protocol="samobójstwo", suspicious="why", listed=True)
    await changed(store, old, listed=False)
    await merged(store, house, who, old, new)
    row = await row_of(store, old)
    assert (row.protocol, row.suspicious, row.listed) == ("samobójstwo", "why", True)


async def test_an_office_that_was_asked_since_the_merge_keeps_its_matter(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    old, new = await pair(store, office="pup-lomza", queue="lomza")
    await changed(store, old, status="open")
    found = await merged(store, house, who, old, new)
    clock.move(minutes=1)
    await store.write(lambda tx: transfer(tx, house, who.ola, [old], office="pup-lomza"))
    await store.write(lambda tx: merging.unmerge(tx, house, who.ola, found.merge))
    asked = schema.conversation_office.c
    offices = await store.read(lambda tx: tx.rows(select(asked.office).where(asked.conversation == old)))
    assert [row.office for row in offices] == ["pup-lomza"]


async def test_no_word_of_a_draft_is_lost(store: Store, house: House, who: Who) -> None:
    old, new = await pair(store)
    for found, text in ((old, "pierwszy"), (new, "drugi")):
        await store.write(
            lambda tx, c=found, t=text: drafts.save_draft(  # type: ignore[misc]
                tx, who.jan, conversation=c, kind="reply", revision=0, text=t
            )
        )
    await store.write(lambda tx: merging.merge_conversations(tx, house, who.ola, old, new))
    mine = await store.read(lambda tx: drafts.drafts_of(tx, who.jan, old))
    assert mine["reply"].text == "pierwszy\n\ndrugi"


async def test_what_waits_to_be_sent_takes_its_turn_in_the_survivor(
    store: Store, house: House, who: Who
) -> None:
    old, new = await pair(store)

    def reply(tx: Tx, conversation: int) -> int:
        row = tx.row(select(schema.conversation).where(schema.conversation.c.id == conversation))
        assert row is not None
        text = add_message(tx, conversation, number=row.messages + 1, kind="outbound")
        tx.change(schema.conversation, conversation, messages=row.messages + 1)
        return enqueue(tx, house, row, text, [Recipient(address="anna@example.pl")], inbox="kontakt")[0]

    def sent(tx: Tx) -> list[int]:
        begun = claim(tx, "here/1", 8, (), ["kontakt"])
        for one in begun:
            tx.change(schema.delivery, one.delivery, state="sent")
        return [one.delivery for one in begun]

    later = await store.write(lambda tx: reply(tx, old))
    first = await store.write(lambda tx: reply(tx, new))
    await store.write(lambda tx: tx.change(schema.delivery, first, created_at=tx.now - HOUR))
    merged = await store.write(lambda tx: merging.merge_conversations(tx, house, who.ola, new, old))
    last = await store.write(lambda tx: reply(tx, old))
    assert await store.write(sent) == [first], "one after the other, the earliest first"
    assert await store.write(sent) == [later]
    await store.write(lambda tx: merging.unmerge(tx, house, who.ola, merged.merge))
    again = await store.write(lambda tx: reply(tx, new))
    assert sorted(await store.write(sent)) == sorted([last, again]), "two conversations wait for nobody else"


async def test_a_message_moves_to_a_conversation_of_its_own_and_back(
    store: Store, house: House, who: Who
) -> None:
    def fill(tx: Tx) -> tuple[int, int, int]:
        found = add_conversation(tx)
        second = add_message(tx, found, number=2, text="A poza tym: meldunek?")
        tx.change(schema.conversation, found, messages=2)
        only = add_conversation(tx)
        return found, second, only

    found, second, only = await store.write(fill)
    new = await store.write(lambda tx: moving.move_message(tx, house, who.ola, second))
    row = await row_of(store, new)
    assert (row.preview, row.queue, row.status) == ("A poza tym: meldunek?", "bezrobotni", "open")
    assert row.reference != (await row_of(store, found)).reference
    assert (await numbers(store, new))[0] == (1, "inbound")
    around = await store.read(lambda tx: beside.around(tx, who.ola, new))
    assert around.moved_from == found
    assert await undo(store, house, who.ola) == "move"
    assert (2, "inbound") in await numbers(store, found)
    assert (await row_of(store, new)).merged_into == found
    again = await store.write(lambda tx: moving.move_message(tx, house, who.ola, second))
    await store.write(lambda tx: merging.move_back(tx, house, who.ola, again))
    assert (await row_of(store, again)).merged_into == found
    alone = await store.read(
        lambda tx: tx.scalar(select(schema.message.c.id).where(schema.message.c.conversation == only))
    )
    with pytest.raises(Conflict, match="only message"):
        await store.write(lambda tx: moving.move_message(tx, house, who.ola, alone))
    assert "moved-away" in await said(store, found)


async def test_history_of_other_offices_shows_no_text(store: Store, house: House, who: Who) -> None:
    old, new = await pair(store, office="pup-lomza", queue="lomza", topic="dotacja")
    shown = await store.read(lambda tx: beside.person(tx, who.lom, new))
    (row,) = shown.history
    assert (row.id, row.may_open, row.office, row.channel) == (old, False, "krajowa", "email")
    assert (row.reference, row.subject, row.preview) == ("", "", "")
    full = await store.read(lambda tx: beside.person(tx, who.ola, new))
    assert full.history[0].preview and full.history[0].may_open


async def test_why_is_it_here(store: Store, house: House, who: Who) -> None:
    found = await store.write(lambda tx: add_conversation(tx))
    trace = Trace(
        version="7", matched=(Match("employers", (Seen("words", "firma"),)),), winners={"queue": "employers"}
    )

    def keep(tx: Tx) -> None:
        row = {"conversation": found, "at": tx.now, "version": 7, "facts": b"{}", "data": encode_trace(trace)}
        tx.add(schema.trace, row)

    await store.write(keep)
    (reason,) = await store.read(lambda tx: why.why(tx, who.ola, found))
    assert reason.trace.matched[0].rule == "employers" and reason.trace.winners == {"queue": "employers"}
    with pytest.raises(NotFound):
        await store.read(lambda tx: why.why(tx, who.suw, found))


async def test_reading_moves_forward_only(store: Store, house: House, who: Who) -> None:
    found = await store.write(lambda tx: add_conversation(tx, messages=5))
    for number, expected in ((3, 3), (2, 3), (99, 5)):
        await store.write(lambda tx, n=number: view.mark_read(tx, who.ola, found, n))  # type: ignore[misc]
        assert await store.read(lambda tx: tx.scalar(select(schema.conversation_read.c.number))) == expected
    assert (await row_of(store, found)).version == 1


@pytest.mark.parametrize("closed_store", ["sqlite"], indirect=True)
async def test_no_table_that_grows_is_read_whole_for_a_merge(store: Store, house: House, who: Who) -> None:
    """But that of thread keys, which has no index by conversation: every message would pay for it."""
    old, new = await pair(store)

    def merge(tx: Tx) -> list[str]:
        with plans(tx) as found:
            merging.merge_conversations(tx, house, who.ola, old, new)
            open_for(tx, "+48600700800")
        return found

    steps = await store.write(merge)
    grow = ("trace", "message", "delivery", "effect", "search_doc", "post", "timer", "attachment", "callback")
    whole = [step for step in steps for name in grow if re.match(rf"SCAN {name}\b(?! USING INDEX)", step)]
    assert steps and whole == []
