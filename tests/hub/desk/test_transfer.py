"""Handing a conversation on, to a queue or to a county office, and looking whether it was answered."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import select

from hub.desk import take, transfer
from hub.desk.timed import HANDLERS
from hub.house import House
from hub.logs import logger
from hub.scope import Conflict, NotFound, may_see
from hub.store import schema
from hub.store.store import Store
from hub.timers import run_due
from tests.hub.conftest import FakeClock
from tests.hub.desk.asking import make, row_of, said, told, undo
from tests.hub.desk.conftest import Who


async def test_a_transfer_to_a_queue_is_internal(store: Store, house: House, who: Who) -> None:
    found = await make(store, assignee=who.ola.user)
    await store.write(
        lambda tx: transfer.transfer(
            tx, house, who.ola, [found], queue="pracodawcy", note="Dla firm", version=1
        )
    )
    row = await row_of(store, found)
    assert (row.queue, row.office, row.assignee, row.status) == ("pracodawcy", "krajowa", None, "open")
    assert await said(store, found) == ["transferred"]
    assert await store.read(lambda tx: tx.rows(select(schema.effect))) == []
    with pytest.raises(Conflict):
        await store.write(lambda tx: transfer.transfer(tx, house, who.ola, [found], queue="redakcja"))
    with pytest.raises(NotFound):
        await store.write(lambda tx: transfer.transfer(tx, house, who.ola, [found], office="nowhere"))


async def test_a_transfer_to_an_office_tells_the_citizen_and_watches_the_date(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    found = await make(store, assignee=who.ola.user)
    await store.write(
        lambda tx: transfer.transfer(tx, house, who.ola, [found], office="pup-lomza", note="Dotacja")
    )
    row = await row_of(store, found)
    assert (row.office, row.queue, row.status, row.tier) == ("pup-lomza", "lomza", "waiting-office", 3)
    assert (row.owner, row.assignee) == (who.ola.user, None)
    (effect,) = await store.read(lambda tx: tx.rows(select(schema.effect)))
    params = msgspec.json.decode(effect.data)["params"]
    assert params == {"office": "PUP Łomża", "date": "19.11.2026"}  # Monday and three working days
    assert await store.write(lambda tx: take.take_next(tx, house, who.lom)) == found
    clock.move(days=4)
    await store.write(lambda tx: run_due(tx, house, HANDLERS, logger("test")))
    assert ("overdue", found) in await told(store, who.ola.user)
    assert ("overdue", found) in await told(store, who.ewa.user)
    assert "office-silent" in await said(store, found)


async def test_undoing_a_transfer_to_an_office_asks_and_tells_nobody(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    found = await make(store, assignee=who.ola.user)
    await store.write(lambda tx: transfer.transfer(tx, house, who.ola, [found], office="pup-lomza"))
    assert await store.read(lambda tx: may_see(tx, who.lom, found))
    (effect,) = await store.read(lambda tx: tx.rows(select(schema.effect)))
    assert (
        effect.due_at == clock.now() + 15_000_000
    )  # the citizen is told when it cannot be undone quickly any more
    assert await undo(store, house, who.ola) == "transfer"
    row = await row_of(store, found)
    assert (row.office, row.queue, row.status, row.assignee) == (
        "krajowa",
        "bezrobotni",
        "open",
        who.ola.user,
    )
    assert not await store.read(lambda tx: may_see(tx, who.lom, found))
    (effect,) = await store.read(lambda tx: tx.rows(select(schema.effect)))
    assert effect.state == "skipped"
    clock.move(days=5)
    assert await store.write(lambda tx: run_due(tx, house, HANDLERS, logger("test"))) == 0


async def test_two_working_days_after_the_answer_the_owner_checks(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    found = await make(store, owner=who.ola.user, office="pup-lomza", queue="lomza", status="waiting-office")
    await store.write(lambda tx: transfer.office_answered(tx, house, found))
    clock.move(days=1)
    await store.write(lambda tx: run_due(tx, house, HANDLERS, logger("test")))
    assert await told(store, who.ola.user) == []
    clock.move(days=2)
    await store.write(lambda tx: run_due(tx, house, HANDLERS, logger("test")))
    assert await told(store, who.ola.user) == [("owner-check", found)]


async def test_where_the_owners_account_was_disabled_a_supervisor_checks(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    found = await make(store, owner=who.ola.user, office="pup-lomza", queue="lomza", status="waiting-office")
    await store.write(lambda tx: transfer.office_answered(tx, house, found))
    await store.write(lambda tx: tx.change(schema.user, who.ola.user or 0, active=False))
    clock.move(days=3)
    await store.write(lambda tx: run_due(tx, house, HANDLERS, logger("test")))
    assert await told(store, who.ewa.user) == [("owner-check", found)]
