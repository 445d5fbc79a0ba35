"""Agents note calls: by hand, of the exchange, into a conversation that is there; whoever has the number is found."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from hub.callbacks import calls as callbacks
from hub.desk.repeats import TakenBefore
from hub.phone import lists
from hub.scope import Conflict, NotFound, Scope
from hub.store import schema
from hub.store.store import Store
from tests.hub.conftest import FakeClock
from tests.hub.phone.line import CALLER, Line


@pytest.fixture
async def line(sqlite_store: Store, clock: FakeClock) -> Line:
    return Line(sqlite_store, clock)


async def test_a_call_by_hand_opens_a_conversation_that_is_resolved(line: Line) -> None:
    ewa = await line.agent("ewa")
    done = await line.notes(ewa, number="600 700 800", name="Jan", topic="Zasiłek", note=" Pytał o termin. ")
    row, facts = await line.call(done.message)
    matter = await line.conversation(done.conversation)
    assert (row.state, row.text, row.author, facts.outcome) == (
        "logged",
        "Pytał o termin.",
        ewa.user,
        "settled",
    )
    assert (matter.status, matter.topic, matter.channel) == ("resolved", "Zasiłek", "phone")
    assert matter.preview == "Rozmowa telefoniczna: Pytał o termin."
    assert done.undo is not None
    found = await line.store.read(lambda tx: lists.who(tx, ewa, CALLER))
    assert found.name == "Jan" and not found.matters, "a resolved matter is not offered"


async def test_what_is_still_owed_stays_open_in_the_agents_hands(line: Line) -> None:
    ewa = await line.agent("ewa")
    done = await line.notes(ewa, number=CALLER, outcome="follow-up", queue="pracodawcy")
    matter = await line.conversation(done.conversation)
    assert (matter.status, matter.assignee, matter.queue) == ("open", ewa.user, "pracodawcy")
    assert matter.waiting_since is not None
    found = await line.store.read(lambda tx: lists.who(tx, ewa, CALLER))
    assert [choice.id for choice in found.matters] == [matter.id]
    again = await line.notes(ewa, number=CALLER, conversation=matter.id)
    assert again.conversation == matter.id
    assert (await line.conversation(matter.id)).status == "resolved"


async def test_a_repeated_click_notes_nothing_twice(line: Line) -> None:
    ewa = await line.agent("ewa")
    one = await line.notes(ewa, number=CALLER, client_id="klik")
    two = await line.notes(ewa, number=CALLER, client_id="klik")
    assert (one.message, one.conversation) == (two.message, two.conversation)
    table = schema.message
    rows = await line.store.read(lambda tx: tx.rows(select(table.c.id).where(table.c.kind == "call")))
    assert len(rows) == 1
    for other in ({"note": "Pytała o staż."}, {"topic": "Staż"}, {"outcome": "follow-up"}):
        # The answer was lost and the agent went on: that is not what was noted.
        with pytest.raises(TakenBefore):
            await line.notes(ewa, number=CALLER, client_id="klik", **other)


async def test_a_call_of_the_exchange_is_noted_once(line: Line) -> None:
    ewa = await line.with_telephone("ewa", "101")
    receipt = await line.rings("answered", extension="101")
    await line.rings("ended", extension="101", duration=30)
    done = await line.notes(ewa, call=receipt.message, topic="Staż", note="Wyjaśniono.")
    assert (done.message, done.conversation) == (receipt.message, receipt.conversation)
    assert not await line.store.read(lambda tx: lists.to_note(tx, ewa))
    with pytest.raises(Conflict):
        await line.notes(ewa, call=receipt.message)
    await line.rings("answered", "k-1", extension="102")  # late: what is noted stays noted
    assert (await line.call(receipt.message))[0].state == "logged"


async def test_a_call_of_the_exchange_goes_to_the_matter_that_it_was_about(line: Line) -> None:
    ewa = await line.with_telephone("ewa", "101")
    earlier = await line.notes(ewa, number=CALLER, outcome="follow-up")
    line.clock.move(80 * 3600)
    await line.notes(ewa, conversation=earlier.conversation, number=CALLER)  # resolved
    line.clock.move(80 * 3600)  # longer ago than what a further call joins
    receipt = await line.rings("answered", extension="101")
    assert receipt.conversation != earlier.conversation
    done = await line.notes(ewa, call=receipt.message, conversation=earlier.conversation)
    assert done.conversation == earlier.conversation
    assert (await line.conversation(receipt.conversation)).merged_into == earlier.conversation


async def test_a_new_number_in_an_open_conversation_is_noted_as_its_persons(line: Line) -> None:
    ewa = await line.agent("ewa")
    order = await line.order("+48600100200")
    assert order.conversation is not None
    await line.notes(ewa, conversation=order.conversation, number="22 123 45 67")
    found = await line.store.read(lambda tx: lists.who(tx, ewa, "+48221234567"))
    assert found.name == "Jan"
    other = await line.notes(ewa, number="600 111 222", name="Ktoś inny", outcome="follow-up")
    with pytest.raises(Conflict):
        await line.notes(ewa, conversation=other.conversation, number="22 123 45 67")


@pytest.mark.parametrize("bad", [{"number": "12"}, {"number": "abc"}, {"outcome": "nonsense"}])
async def test_what_cannot_be_noted_says_why(line: Line, bad: dict[str, str]) -> None:
    ewa = await line.agent("ewa")
    with pytest.raises(Conflict):
        await line.notes(ewa, **bad)


async def test_another_office_learns_nothing(line: Line) -> None:
    ewa = await line.with_telephone("ewa", "101")
    pup: Scope = await line.agent("pup", ("pup",), office="pup")
    receipt = await line.rings("answered", extension="101")
    with pytest.raises(NotFound):
        await line.notes(pup, call=receipt.message)
    await line.notes(ewa, number=CALLER, name="Jan Tajny", outcome="follow-up")
    found = await line.store.read(lambda tx: lists.who(tx, pup, CALLER))
    assert (found.name, found.matters) == ("", ())


async def test_a_call_noted_by_hand_is_the_one_that_the_exchange_told_of(line: Line) -> None:
    ewa = await line.with_telephone("ewa", "101")
    receipt = await line.rings("answered", extension="101")
    done = await line.notes(ewa, number="600 700 800")
    assert done.message == receipt.message


async def test_what_is_noted_of_a_callback_is_noted_of_its_call(line: Line) -> None:
    ewa = await line.with_telephone("ewa", "101")
    order = await line.order(CALLER)
    assert order.message is not None
    await line.passes(60)
    await line.store.write(lambda tx: callbacks.take(tx, line.house, ewa, order.message or 0))
    rang = await line.rings("answered", direction="out", extension="101")
    assert rang.conversation == order.conversation
    await line.store.write(lambda tx: callbacks.answer(tx, line.house, ewa, order.message or 0))
    await line.store.write(
        lambda tx: callbacks.finish(tx, line.house, ewa, order.message or 0, outcome="settled", topic="Staż")
    )
    row, facts = await line.call(rang.message)
    assert (row.state, facts.outcome, facts.topic) == ("logged", "settled", "Staż")


async def test_a_later_word_stays_what_lists_show(line: Line) -> None:
    ewa = await line.with_telephone("ewa", "101")
    receipt = await line.rings("answered", extension="101")
    again = await line.rings("ringing", "k-2")
    assert again.conversation == receipt.conversation
    await line.notes(ewa, call=receipt.message, note="Wcześniejsza", outcome="follow-up")
    assert (await line.conversation(receipt.conversation)).preview == "Dzwoni telefon"


async def test_the_agent_names_whom_nobody_knew(line: Line) -> None:
    ewa = await line.with_telephone("ewa", "101")
    for call, caller in (("k-1", "+48221234567"), ("k-2", "")):
        receipt = await line.rings("answered", call, caller=caller, extension="101")
        await line.notes(ewa, call=receipt.message, name="Jan Kowalski")
        assert await _person(line, ewa, receipt.message) == "Jan Kowalski"
    receipt = await line.rings("answered", "k-3", caller="+48221234567", extension="101")
    await line.notes(ewa, call=receipt.message, name="Ktoś inny")
    assert await _person(line, ewa, receipt.message) == "Jan Kowalski", "a name that is known stays"


async def _person(line: Line, agent: Scope, message: int | None) -> str:
    shown = await line.store.read(lambda tx: lists.one(tx, agent, message or 0))
    return shown.person


async def test_an_old_call_that_nobody_noted_is_another_one(line: Line) -> None:
    ewa = await line.with_telephone("ewa", "101")
    old = await line.rings("answered", extension="101")
    line.clock.move(3 * 3600)
    assert (await line.notes(ewa, number=CALLER)).message != old.message
