"""Calls that an exchange tells of become conversations, whatever order its events come in; on both stores."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.callbacks import service
from hub.desk.reply import unseen
from hub.people.leaving import untouched
from hub.phone import lists
from hub.phone.states import Facts, state_of, talked, told
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.store import Store
from tests.hub.callbacks.desk import shown
from tests.hub.conftest import FakeClock
from tests.hub.phone.line import CALLER, SECOND, Line


@pytest.fixture
async def line(store: Store, clock: FakeClock) -> Line:
    return Line(store, clock)


@pytest.fixture
async def small(sqlite_store: Store, clock: FakeClock) -> Line:
    """The same on the embedded store alone."""
    return Line(sqlite_store, clock)


async def test_a_ringing_call_opens_a_conversation_and_rings_at_its_agent(line: Line) -> None:
    ewa, ola = await line.with_telephone("ewa", "101"), await line.with_telephone("ola", "102")
    receipt = await line.rings("ringing", extension="101")
    row, facts = await line.call(receipt.message)
    matter = await line.conversation(receipt.conversation)
    assert (row.state, row.channel, facts.rang) == ("ringing", "phone", (ewa.user,))
    assert (matter.status, matter.channel, matter.queue, matter.assignee) == (
        "open",
        "phone",
        "informacja",
        None,
    )
    assert receipt.reference == matter.reference
    assert await line.heard("ring") == [ewa.user]
    mine = await line.store.read(lambda tx: lists.at_my_telephone(tx, ewa))
    assert [(call.id, call.number, call.state) for call in mine] == [(row.id, CALLER, "ringing")]
    assert not await line.store.read(lambda tx: lists.at_my_telephone(tx, ola))


async def test_who_answers_has_it_and_nobody_waits_any_more(line: Line) -> None:
    ewa = await line.with_telephone("ewa", "101")
    receipt = await line.rings("ringing", extension="101")
    line.clock.move(8)
    await line.rings("answered", extension="101")
    row, _ = await line.call(receipt.message)
    matter = await line.conversation(receipt.conversation)
    assert (row.state, row.author) == ("answered", ewa.user)
    assert (matter.assignee, matter.waiting_since, matter.due_at) == (ewa.user, None, None)
    assert matter.first_reply_at == line.clock.now()
    line.clock.move(125)
    await line.rings("ended", extension="101", duration=125)
    row, facts = await line.call(receipt.message)
    assert (row.state, talked(facts)) == ("ended", 125)
    assert [call.id for call in await line.store.read(lambda tx: lists.to_note(tx, ewa))] == [row.id]
    assert not await line.callbacks()


async def test_a_missed_call_becomes_one_request_to_be_called_back(line: Line) -> None:
    await line.with_telephone("ewa", "101")
    receipt = await line.rings("ringing", extension="101")
    await line.rings("missed", extension="101")
    [callback] = await line.callbacks()
    matter = await line.conversation(receipt.conversation)
    assert (callback.number, callback.state, callback.conversation) == (CALLER, "scheduled", matter.id)
    assert (matter.status, matter.snoozed_until) == ("snoozed", callback.due_at)
    assert (await line.call(receipt.message))[0].state == "missed"

    again = await line.rings("missed", "k-2")
    assert again.conversation == receipt.conversation
    [only] = await line.callbacks()
    assert only.due_at == callback.due_at
    assert (await line.noted_in(matter.id))[-1] == "callback-called-again"
    told_again = await line.rings("missed", "k-2")
    assert told_again.duplicate and len(await line.callbacks()) == 1


async def test_after_hours_the_call_back_is_set_for_the_next_opening(small: Line) -> None:
    small.clock.move(11.5 * 3600)  # Monday, 20:30; open until 18:00
    await small.rings("missed")
    [callback] = await small.callbacks()
    assert shown(callback.due_at) == "2026-11-17 08:00"


async def test_getting_through_makes_the_call_back_unnecessary_without_a_word(small: Line) -> None:
    ewa = await small.with_telephone("ewa", "101")
    first = await small.rings("missed", extension="101")
    small.clock.move(60)
    second = await small.rings("answered", "k-2", extension="101")
    assert second.conversation == first.conversation
    [callback] = await small.callbacks()
    assert callback.state == "cancelled"
    assert (await small.conversation(first.conversation)).status == "open"
    assert (await small.conversation(first.conversation)).assignee == ewa.user
    await small.notices()
    assert await small.told() == []


async def test_what_waited_for_the_call_back_wakes_where_a_rule_put_the_call_elsewhere(
    sqlite_store: Store, clock: FakeClock
) -> None:
    apart = "rules: [{id: apart, 'on': message, when: {channel: phone}, do: {split: true}}]\n"
    line = Line(sqlite_store, clock, rules=f"{apart}default: {{queue: informacja}}\n")
    await line.with_telephone("ewa", "101")
    first = await line.rings("missed", extension="101")
    assert (await line.conversation(first.conversation)).status == "snoozed"
    clock.move(60)
    second = await line.rings("answered", "k-2", extension="101")
    assert second.conversation != first.conversation
    assert [callback.state for callback in await line.callbacks()] == ["cancelled"]
    assert (await line.conversation(first.conversation)).status == "open"


async def test_one_telephone_that_nobody_lifts_is_no_missed_call_when_another_is(small: Line) -> None:
    ola = await small.with_telephone("ola", "102")
    await small.rings("ringing", extension="101")
    await small.rings("missed", extension="101")
    receipt = await small.rings("answered", extension="102")
    await small.rings("missed", extension="103")
    row, _ = await small.call(receipt.message)
    assert (row.state, row.author) == ("answered", ola.user)
    assert [callback.state for callback in await small.callbacks()] == ["cancelled"]


async def test_hung_up_without_a_word_is_missed_unless_an_answer_is_told_in_time(small: Line) -> None:
    ewa = await small.with_telephone("ewa", "101")
    await small.rings("ringing", extension="101")
    await small.rings("ended")
    assert not await small.callbacks()
    await small.rings("answered", extension="101")
    await small.passes(60)
    assert not await small.callbacks()
    assert len(await small.store.read(lambda tx: lists.to_note(tx, ewa))) == 1

    await small.rings("ringing", "k-2", caller="+48221234567")
    await small.rings("ended", "k-2", caller="+48221234567")
    await small.passes(60)
    [callback] = await small.callbacks()
    assert callback.number == "+48221234567"


async def test_a_call_that_lasted_no_second_is_missed_at_once(small: Line) -> None:
    await small.rings("ended", duration=0)
    assert len(await small.callbacks()) == 1


async def test_a_hidden_number_is_kept_and_called_by_nobody(small: Line) -> None:
    await small.with_telephone("ewa", "101")
    first = await small.rings("missed", caller="")
    second = await small.rings("answered", "k-2", caller="", extension="101")
    assert first.conversation != second.conversation, "two hidden numbers are two people"
    assert not await small.callbacks()
    assert (await small.conversation(first.conversation)).status == "resolved"
    assert (await small.conversation(second.conversation)).status == "open"


async def test_a_number_that_nobody_calls_back_is_not_ordered_and_nobody_is_written_to(small: Line) -> None:
    receipt = await small.rings("missed", caller="+48700123456")
    assert not await small.callbacks()
    assert (await small.conversation(receipt.conversation)).status == "resolved"
    await small.notices()
    assert await small.told() == []


async def test_no_machine_answers_a_call_in_writing(sqlite_store: Store, clock: FakeClock) -> None:
    rules = "default: {queue: informacja, answer: acknowledgement}\nrules: []\n"
    ringing = Line(sqlite_store, clock, rules)
    await ringing.rings("ringing")
    await ringing.order()  # the person has a mail address now
    await ringing.rings("ringing", "k-2")
    await ringing.notices()
    assert not any("Mamy" in subject or "number" in subject for subject in await ringing.told())


async def test_an_unknown_extension_leaves_the_call_to_the_queue(small: Line) -> None:
    receipt = await small.rings("answered", extension="999")
    matter = await small.conversation(receipt.conversation)
    assert (matter.assignee, matter.waiting_since) == (None, None)


async def test_a_call_of_ours_that_nobody_took_is_no_request(small: Line) -> None:
    await small.with_telephone("ewa", "101")
    receipt = await small.rings("missed", direction="out", extension="101")
    assert not await small.callbacks()
    assert (await small.conversation(receipt.conversation)).status == "resolved"


async def test_a_call_joins_the_conversation_of_the_order(small: Line) -> None:
    ordered = await small.order()
    rang = await small.rings("ringing")
    assert rang.conversation == ordered.conversation


@pytest.mark.parametrize("order", list(itertools.permutations(("ringing", "answered", "ended"))))
async def test_the_order_of_events_does_not_matter(small: Line, order: tuple[str, ...]) -> None:
    ewa = await small.with_telephone("ewa", "101")
    times = {"ringing": 200, "answered": 190, "ended": 60}
    for state in (*order, *order):
        more = {"duration": 130} if state == "ended" else {}
        receipt = await small.rings(state, extension="101", at=small.ago(times[state]), **more)
    row, facts = await small.call(receipt.message)
    assert (row.state, row.author, talked(facts)) == ("ended", ewa.user, 130)
    assert facts.ended_at == small.ago(60)
    assert not await small.callbacks()
    await small.passes(60)
    assert not await small.callbacks()


STATES = st.sampled_from(("ringing", "answered", "missed", "ended"))


@given(st.lists(st.tuples(STATES, st.sampled_from(("101", "102", "")), st.integers(0, 600)), max_size=8))
def test_the_facts_follow_from_the_set_of_events_alone(events: list[tuple[str, str, int]]) -> None:
    """Whatever comes again or in another order: who talked has talked, and times are the same."""
    line = Line.event
    made = [
        line(None, state, extension=extension, at=at * SECOND + 10**15)  # type: ignore[arg-type]
        for state, extension, at in events
    ]
    now = 10**15 + 1000 * SECOND

    def outcome(order: list[int]) -> tuple[object, ...]:
        facts = Facts()
        for number in order:
            facts = told(facts, made[number], None, now)
        return state_of(facts), facts.began_at, facts.answered_at, facts.ended_at, facts.missed

    straight = list(range(len(made)))
    assert outcome(straight) == outcome([*reversed(straight), *straight])


async def test_a_blocked_number_is_not_called_back(small: Line) -> None:
    first = await small.rings("missed", caller="+48221234567")
    conversation = await small.conversation(first.conversation)
    until = small.clock.now() + 86_400 * 30 * SECOND
    await small.store.write(lambda tx: tx.change(schema.identity, conversation.identity, blocked_until=until))
    [callback] = await small.callbacks()
    await small.store.write(lambda tx: service.cancel(tx, small.house, SYSTEM, callback.id))
    small.clock.move(80 * 3600)
    await small.rings("missed", "k-2", caller="+48221234567")
    assert len(await small.callbacks()) == 1


async def test_what_the_hub_has_no_word_for_is_kept_with_the_call_and_changes_nothing(small: Line) -> None:
    ewa = await small.with_telephone("ewa", "101")
    receipt = await small.rings("answered", extension="101")
    await small.notes(ewa, call=receipt.message)
    told = msgspec.structs.replace(small.event("other"), external_id="event:k-1:recording", what="recording")
    assert (await small.tell(told)).conversation == receipt.conversation
    row, facts = await small.call(receipt.message)
    assert (row.state, facts.other) == ("logged", ("recording",))
    assert (await small.conversation(receipt.conversation)).status == "resolved"


async def test_who_talked_has_done_something_and_a_call_is_news_to_who_writes(small: Line) -> None:
    ewa, ola = await small.with_telephone("ewa", "101"), await small.agent("ola")
    receipt = await small.rings("answered", extension="101")
    conversation = receipt.conversation or 0
    assert await small.store.read(lambda tx: untouched(tx, ewa.user or 0)) == []
    assert await small.store.read(lambda tx: unseen(tx, ola, conversation, 0)) == (1,)
    assert await small.store.read(lambda tx: unseen(tx, ewa, conversation, 0)) == ()
