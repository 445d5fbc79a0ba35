"""Actions on one conversation and on many: what they set, whom they tell, what undoes them, who may not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from connectors.contract import Micros
from hub.calendar import calendar, next_working_day
from hub.desk import actions, canned, topics, transfer
from hub.desk.access import open_with_reason
from hub.desk.actions import TOO_MANY
from hub.desk.contacts import block, link_contacts, unlink
from hub.desk.notes import add_note, mentioned
from hub.desk.reply import Draft, reply
from hub.desk.timed import HANDLERS
from hub.house import House
from hub.logs import logger
from hub.outbox.claim import claim
from hub.outbox.settle import settle
from hub.scope import Conflict, Denied, NotFound, may_see
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from hub.timers import run_due
from tests.hub.conftest import FakeClock
from tests.hub.desk.asking import make, row_of, said, told, undo
from tests.hub.desk.conftest import Who

HOUR = 3_600_000_000


async def test_assigning_tells_the_colleague_and_is_undone(store: Store, house: House, who: Who) -> None:
    found = await make(store)
    await store.write(lambda tx: actions.assign(tx, house, who.ola, [found], who.jan.user, version=1))
    assert (await row_of(store, found)).assignee == who.jan.user
    assert await told(store, who.jan.user) == [("assigned", found)]
    assert await said(store, found) == ["assigned"]
    await undo(store, house, who.ola)
    assert (await row_of(store, found)).assignee is None
    with pytest.raises(Conflict):
        await undo(store, house, who.ola)


async def test_who_takes_one_is_told_as_taking_it(store: Store, house: House, who: Who) -> None:
    found = await make(store)
    await store.write(lambda tx: actions.assign(tx, house, who.ola, [found], who.ola.user))
    assert await told(store, who.ola.user) == []
    lines = select(schema.message.c.data).where(schema.message.c.kind == "system")
    (line,) = await store.read(lambda tx: tx.rows(lines))
    assert msgspec.json.decode(line.data) == {"what": "assigned", "name": "Ola", "own": True}


async def test_a_stale_screen_changes_nothing(store: Store, house: House, who: Who) -> None:
    found = await make(store)
    await store.write(lambda tx: actions.tag(tx, who.ola, [found], add=["Ważne"], version=1))
    with pytest.raises(Conflict):
        await store.write(lambda tx: actions.spam(tx, who.jan, [found], version=1))
    assert (await row_of(store, found)).status == "open"


async def test_undo_never_overwrites_what_somebody_else_did(store: Store, house: House, who: Who) -> None:
    found = await make(store)
    await store.write(lambda tx: actions.prioritise(tx, who.ola, [found], "high"))
    await store.write(lambda tx: actions.prioritise(tx, who.jan, [found], "urgent"))
    with pytest.raises(Conflict):
        await undo(store, house, who.ola)
    assert (await row_of(store, found)).priority == 2
    assert await undo(store, house, who.jan) == "set"
    assert await undo(store, house, who.ola) == "set"
    assert (await row_of(store, found)).priority == 0


async def test_bulk_is_all_or_nothing_and_one_undo(store: Store, house: House, who: Who) -> None:
    made = [await make(store) for _ in range(20)]
    foreign = await make(store, office="pup-suwalki", queue="suwalki")
    with pytest.raises(NotFound):
        await store.write(lambda tx: actions.resolve(tx, who.lom, [*made, foreign]))
    done = await store.write(lambda tx: actions.resolve(tx, who.ola, made, topic="zasiłek"))
    assert done.changed == tuple(made)
    assert {(await row_of(store, found)).status for found in made} == {"resolved"}
    await undo(store, house, who.ola)
    assert {(await row_of(store, found)).status for found in made} == {"open"}
    with pytest.raises(Conflict, match=TOO_MANY[:20]):
        await store.write(lambda tx: actions.spam(tx, who.ola, list(range(600))))


async def test_resolving_stops_clocks_and_keeps_topic_and_outcome(
    store: Store, house: House, who: Who
) -> None:
    found = await make(store, due_at=5, failed=True, woken="time")
    topic, outcome = topics.read("zasiłek · udzielono informacji")
    await store.write(lambda tx: actions.resolve(tx, who.ola, [found], topic=topic, outcome=outcome))
    row = await row_of(store, found)
    assert (row.status, row.topic, row.outcome) == ("resolved", "zasiłek", "udzielono informacji")
    assert (row.due_at, row.waiting_since, row.failed, row.woken) == (None, None, False, None)
    assert await store.read(lambda tx: topics.used(tx, who.jan)) == ["zasiłek · udzielono informacji"]
    await store.write(lambda tx: actions.reopen(tx, who.ola, [found]))
    assert (await row_of(store, found)).status == "open"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("staż / odmowa", ("staż", "odmowa")),
        ("staż", ("staż", None)),
        (" ", (None, None)),
        ("a·", ("a", None)),
    ],
)
def test_one_field_for_topic_and_outcome(text: str, parts: tuple[str | None, str | None]) -> None:
    assert topics.read(text) == parts


async def test_snooze_without_a_time_wakes_next_working_morning(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    clock.move(days=4)  # Friday
    found = await make(store, assignee=who.ola.user, due_at=7)
    await store.write(lambda tx: actions.snooze(tx, house, who.ola, [found]))
    row = await row_of(store, found)
    assert row.status == "snoozed" and row.due_at == 7  # snoozing stops no clock
    assert row.snoozed_until == next_working_day(calendar(house.directory, "krajowa"), clock.now(), "08:00")
    assert row.snoozed_until - clock.now() == 71 * HOUR  # Monday 08:00 from Friday 09:00
    clock.move(hours=71)
    await store.write(lambda tx: run_due(tx, house, HANDLERS, logger("test")))
    row = await row_of(store, found)
    assert (row.status, row.woken, row.snoozed_until) == ("open", "time", None)
    assert row.assignee is None  # she is offline: it goes to the queue
    assert ("woke", found) in await told(store, who.ola.user)


async def test_waking_goes_to_an_assignee_on_duty(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    found = await make(store, assignee=who.ola.user)
    await store.write(lambda tx: tx.change(schema.user, who.ola.user or 0, presence="available"))
    until = Micros(clock.now() + HOUR)
    await store.write(lambda tx: actions.snooze(tx, house, who.ola, [found], until))
    clock.move(hours=2)
    await store.write(lambda tx: run_due(tx, house, HANDLERS, logger("test")))
    assert (await row_of(store, found)).assignee == who.ola.user


async def test_a_failed_delivery_wakes_and_says_why(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    found = await make(store, assignee=who.ola.user)
    draft = Draft(text="Dzień dobry", client_id="c1", based_on=1)
    await store.write(lambda tx: reply(tx, house, who.ola, found, draft))
    await store.write(lambda tx: actions.snooze(tx, house, who.ola, [found]))
    clock.move(16)
    ((delivery, attempt, _),) = await store.write(lambda tx: claim(tx, "n", 10, [], ["kontakt"]))
    await store.write(lambda tx: settle(tx, house, delivery, attempt, "permanent", public="Nie ma skrzynki."))
    row = await row_of(store, found)
    assert (row.status, row.woken, row.snoozed_until, row.failed) == ("open", "failed-delivery", None, True)
    assert row.assignee is None and row.waiting_since == clock.now()  # she is offline: it goes to the queue
    assert {kind for kind, _ in await told(store, who.ola.user)} == {"woke", "failed"}


async def test_undoing_a_snooze_takes_its_timer_along(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    found = await make(store)
    await store.write(lambda tx: actions.snooze(tx, house, who.ola, [found], Micros(clock.now() + HOUR)))
    await undo(store, house, who.ola)
    clock.move(hours=2)
    assert await store.write(lambda tx: run_due(tx, house, HANDLERS, logger("test"))) == 0
    assert (await row_of(store, found)).woken is None
    with pytest.raises(Conflict):
        await store.write(lambda tx: actions.snooze(tx, house, who.ola, [found], Micros(1)))


async def test_waiting_for_the_citizen_stops_the_clock(store: Store, house: House, who: Who) -> None:
    found = await make(store, due_at=7)
    await store.write(lambda tx: actions.set_status(tx, who.ola, [found], "waiting-citizen"))
    row = await row_of(store, found)
    assert (row.status, row.due_at, row.waiting_since) == ("waiting-citizen", None, None)
    with pytest.raises(ValueError, match="not a status"):
        await store.write(lambda tx: actions.set_status(tx, who.ola, [found], "spam"))  # type: ignore[arg-type]


async def test_a_mention_tells_who_may_see_it(store: Store, house: House, who: Who) -> None:
    found = await make(store)
    text = "@jan @suw proszę zerknąć, ola@example.pl pisała"
    noted = await store.write(lambda tx: add_note(tx, house, who.ola, found, text, client_id="c1"))
    assert (noted.told, noted.blind) == (("Jan",), ("Suw",))
    assert await told(store, who.jan.user) == [("mention", found)]
    again = await store.write(lambda tx: add_note(tx, house, who.ola, found, text, client_id="c1"))
    assert again.id == noted.id
    assert await told(store, who.suw.user) == [] and await told(store, who.ola.user) == []
    assert mentioned("(@Anna.b), x@y @z") == {"anna.b", "z"}


async def test_the_language_is_set_by_hand(store: Store, house: House, who: Who) -> None:
    found = await make(store)
    await store.write(lambda tx: actions.set_language(tx, who.ola, [found], "uk"))
    assert (await row_of(store, found)).language == "uk"
    with pytest.raises(ValueError, match="no language"):
        await store.write(lambda tx: actions.set_language(tx, who.ola, [found], "xx"))


async def test_a_block_has_a_reason_and_an_end(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    found = await make(store, email="zly@example.pl")
    until = Micros(clock.now() + 24 * HOUR)
    for reason, end in (("", until), ("obelgi", Micros(1)), ("obelgi", Micros(until * 2))):
        with pytest.raises(Conflict):
            await store.write(partial(block, scope=who.ola, conversation_id=found, reason=reason, until=end))
    await store.write(lambda tx: block(tx, who.ola, found, reason="obelgi", until=until))
    identity = select(schema.identity).where(schema.identity.c.address == "zly@example.pl")
    (row,) = await store.read(lambda tx: tx.rows(identity))
    assert (row.blocked_reason, row.blocked_until) == ("obelgi", until)
    await undo(store, house, who.ola)
    (row,) = await store.read(lambda tx: tx.rows(identity))
    assert (row.blocked_reason, row.blocked_until) == (None, None)


async def test_linked_people_are_taken_apart_again(store: Store, house: House, who: Who) -> None:
    one = await make(store, name="Anna Nowak")
    other = await make(store, name="A. Nowak", phone="+48123456789")
    left, right = (await row_of(store, one)).contact, (await row_of(store, other)).contact
    link = await store.write(lambda tx: link_contacts(tx, who.ola, right, left))
    assert (await row_of(store, other)).contact == left  # the older one stays
    await store.write(lambda tx: unlink(tx, who.ola, link))
    assert (await row_of(store, other)).contact == right
    foreign = await make(store, office="pup-suwalki", queue="suwalki")
    stranger = (await row_of(store, foreign)).contact
    with pytest.raises(NotFound):
        await store.write(lambda tx: link_contacts(tx, who.lom, stranger, left))


async def test_another_offices_matter_opens_with_a_reason_for_a_day(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    found = await make(store)
    with pytest.raises(Conflict):
        await store.write(lambda tx: open_with_reason(tx, house, who.lom, found, "  "))
    await store.write(lambda tx: open_with_reason(tx, house, who.lom, found, "Ta sama osoba dzwoni do nas"))
    assert await store.read(lambda tx: may_see(tx, who.lom, found))
    assert ("opened", found) in await told(store, who.ewa.user)
    assert await said(store, found) == ["opened-with-reason"]
    clock.move(days=1, minutes=1)
    await store.write(lambda tx: run_due(tx, house, HANDLERS, logger("test")))
    assert not await store.read(lambda tx: may_see(tx, who.lom, found))


async def test_canned_texts_are_the_supervisors_and_never_evaluated(
    store: Store, house: House, who: Who
) -> None:
    text = canned.Text(
        shortcut="/powitanie", title="Powitanie", text="Dzień dobry {name}, {number} {agent.x}"
    )
    with pytest.raises(Denied):
        await store.write(lambda tx: canned.save_text(tx, who.ola, text))
    made = await store.write(lambda tx: canned.save_text(tx, who.ewa, text))
    with pytest.raises(Conflict):
        await store.write(lambda tx: canned.save_text(tx, who.ewa, text))
    (row,) = await store.read(lambda tx: canned.find(tx, who.ola, "powi", "krajowa", "pl"))
    filled = canned.filled(row.text, name="{number}", number="N", agent="Ola", office="X")
    assert filled == "Dzień dobry {number}, N {agent.x}"
    with pytest.raises(NotFound):
        foreign = msgspec.structs.replace(who.ewa, office="pup-lomza", front=False)
        await store.write(lambda tx: canned.delete_text(tx, foreign, made))
    await store.write(lambda tx: canned.save_text(tx, who.ewa, text, made))
    await store.write(lambda tx: canned.delete_text(tx, who.ewa, made))
    assert await store.read(lambda tx: canned.texts(tx, who.ola)) == []
    audit = schema.audit.c
    rows = select(audit.action, audit.actor).where(audit.subject == f"text:{made}").order_by(audit.id)
    audited = [tuple(row) for row in await store.read(lambda tx: tx.rows(rows))]
    assert audited == [(f"text-{deed}", who.ewa.user) for deed in ("added", "changed", "deleted")]


async def test_nobody_acts_outside_their_scope(store: Store, house: House, who: Who) -> None:
    found = await make(store, office="pup-suwalki", queue="suwalki")
    calls: list[Callable[[Tx], Any]] = [
        lambda tx: actions.assign(tx, house, who.lom, [found], who.lom.user),
        lambda tx: actions.resolve(tx, who.lom, [found]),
        lambda tx: actions.snooze(tx, house, who.lom, [found]),
        lambda tx: actions.tag(tx, who.lom, [found], add=["x"]),
        lambda tx: actions.prioritise(tx, who.lom, [found], "top"),
        lambda tx: actions.spam(tx, who.lom, [found]),
        lambda tx: transfer.transfer(tx, house, who.lom, [found], queue="lomza"),
        lambda tx: add_note(tx, house, who.lom, found, "x"),
        lambda tx: block(tx, who.lom, found, reason="x", until=Micros(tx.now + HOUR)),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            await store.write(call)
    with pytest.raises(Conflict):  # nobody is given what they could not see
        await store.write(lambda tx: actions.assign(tx, house, who.suw, [found], who.lom.user))


@pytest.mark.parametrize("closed_store", ["sqlite"], indirect=True)  # the same code; one engine is enough
async def test_events_tell_the_queue_that_it_left(store: Store, house: House, who: Who) -> None:
    found = await make(store)
    events: list[Any] = []
    store.on_events = events.extend
    await store.write(lambda tx: transfer.transfer(tx, house, who.ola, [found], queue="pracodawcy"))
    (changed,) = [event for event in events if event.kind == "conversation"]
    assert (changed.queue, changed.queue_before, changed.actor) == ("pracodawcy", "bezrobotni", who.ola.user)
