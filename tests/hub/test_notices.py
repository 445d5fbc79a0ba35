"""Notices to citizens: in which language, and that what rings waits for the morning."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from hub.desk.reply import Draft, reply
from hub.house import House
from hub.logs import logger
from hub.notices import deliver_notice, notify_citizen
from hub.outbox.claim import claim
from hub.outbox.compose import read_outbound
from hub.outbox.effects import run_inside
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.store import Store
from tests.hub.callbacks.desk import at, shown
from tests.hub.conftest import FakeClock
from tests.hub.desk.conftest import desk_house
from tests.hub.specimen import add_conversation

PHONE = "+48600700800"


async def told(store: Store, house: House, conversation: int) -> Any:
    """Order a notice, carry the order out; its delivery."""

    def order(tx: Any) -> None:
        notify_citizen(tx, conversation, "office-asked", {"office": "PUP", "date": "19.11.2026"})

    await store.write(order)
    await store.write(lambda tx: run_inside(tx, house, {"notice": deliver_notice}, logger("test")))
    table = schema.delivery
    rows = await store.read(lambda tx: tx.rows(select(table).where(table.c.conversation == conversation)))
    return rows[-1]


@pytest.mark.parametrize(
    ("now", "goes"),
    [
        ("2026-11-16 07:59", "2026-11-16 08:00"),
        ("2026-11-16 08:00", "2026-11-16 08:00"),
        ("2026-11-16 19:59", "2026-11-16 19:59"),
        ("2026-11-16 20:00", "2026-11-17 08:00"),
        ("2026-11-10 21:00", "2026-11-12 08:00"),  # the 11th is a holiday
        ("2026-11-21 12:00", "2026-11-21 12:00"),  # a Saturday is no holiday
        ("2026-12-24 22:00", "2026-12-27 08:00"),  # Christmas: both days, and Christmas Eve is one by law
        ("2026-03-28 23:00", "2026-03-29 08:00"),  # the night on which the clocks go forward
    ],
)
async def test_an_automatic_text_message_waits_for_the_morning(
    sqlite_store: Store, clock: FakeClock, now: str, goes: str
) -> None:
    house = desk_house()
    clock.move((at(now) - clock.now()) / 1e6)
    found = await sqlite_store.write(
        lambda tx: add_conversation(tx, phone=PHONE, channel="callback", inbox="sms")
    )
    row = await told(sqlite_store, house, found)
    assert (row.inbox, row.state, shown(row.due_at)) == ("sms", "queued", goes)


@pytest.mark.parametrize(("minutes", "goes"), [(14, "2026-11-16 22:14"), (16, "2026-11-17 08:00")])
async def test_it_may_answer_the_citizens_own_at_any_hour(
    sqlite_store: Store, clock: FakeClock, minutes: int, goes: str
) -> None:
    house = desk_house()
    clock.move((at("2026-11-16 22:00") - clock.now()) / 1e6)
    found = await sqlite_store.write(lambda tx: add_conversation(tx, phone=PHONE, channel="sms", inbox="sms"))
    clock.move(minutes=minutes)
    assert shown((await told(sqlite_store, house, found)).due_at) == goes


async def test_neither_mail_nor_an_agents_own_reply_waits(sqlite_store: Store, clock: FakeClock) -> None:
    house = desk_house()
    clock.move((at("2026-11-16 23:00") - clock.now()) / 1e6)
    mail = await sqlite_store.write(lambda tx: add_conversation(tx, email="jan@example.pl"))
    assert shown((await told(sqlite_store, house, mail)).due_at) == "2026-11-16 23:00"
    text = await sqlite_store.write(lambda tx: add_conversation(tx, phone=PHONE, channel="sms", inbox="sms"))
    draft = Draft(text="Oddzwonię jutro.", client_id="c", based_on=1, undo_seconds=0)
    sent = await sqlite_store.write(lambda tx: reply(tx, house, SYSTEM, text, draft))
    table = schema.delivery
    rows = await sqlite_store.read(lambda tx: tx.rows(select(table).where(table.c.message == sent.message)))
    assert [shown(row.due_at) for row in rows] == ["2026-11-16 23:00"]


async def test_a_sender_that_nobody_could_read_is_told_nothing(sqlite_store: Store) -> None:
    """Else each such mail came back as one that failed."""
    found = await sqlite_store.write(lambda tx: add_conversation(tx, email="unknown-1f2e"))
    with pytest.raises(IndexError):
        await told(sqlite_store, desk_house(), found)
    sent = await sqlite_store.read(lambda tx: tx.rows(select(schema.message.c.kind)))
    assert [row.kind for row in sent] == ["inbound"]


@pytest.mark.parametrize(
    ("language", "weekdays", "closed"),
    [
        ("fr", ["wtorek", "Tuesday"], ["nieczynny", "is closed now"]),
        ("pl", ["wtorek"], ["nieczynny"]),
        ("en", ["Tuesday"], ["is closed now"]),
        ("uk", ["вівторок"], ["не працюємо"]),
        ("ru", ["вторник"], ["не работаем"]),
    ],
)
async def test_a_language_without_texts_gets_polish_and_english_each_with_its_own_words(
    sqlite_store: Store, clock: FakeClock, language: str, weekdays: list[str], closed: list[str]
) -> None:
    house = desk_house()
    clock.move((at("2026-11-16 20:00") - clock.now()) / 1e6)
    due = at("2026-11-17 12:00")
    found = await sqlite_store.write(lambda tx: add_conversation(tx, language=language, due_at=due))
    await sqlite_store.write(lambda tx: notify_citizen(tx, found, "acknowledgement", {}))
    await sqlite_store.write(lambda tx: run_inside(tx, house, {"notice": deliver_notice}, logger("test")))
    table = schema.message
    rows = await sqlite_store.read(lambda tx: tx.rows(select(table).where(table.c.kind == "outbound")))
    for known, shown_there in (
        (("wtorek", "Tuesday", "вівторок", "вторник"), weekdays),
        (("nieczynny", "is closed now", "не працюємо", "не работаем"), closed),
    ):
        assert [word for word in known if word in rows[0].text] == shown_there


async def test_a_notice_is_no_text_that_a_provider_approved(sqlite_store: Store, clock: FakeClock) -> None:
    """WhatsApp would look for an approved text of the notice's name, and refuse the acknowledgement."""
    house = desk_house()
    mail = await sqlite_store.write(lambda tx: add_conversation(tx, email="jan@example.pl"))
    await told(sqlite_store, house, mail)

    def leaving(tx: Any) -> Any:
        [(delivery, attempt, _)] = claim(tx, "test", 10, [], ["kontakt"])
        return read_outbound(tx, house, delivery, attempt)

    outbound = (await sqlite_store.write(leaving)).outbound
    assert (outbound.template, outbound.automatic) == ("", True)
    assert "PUP" in outbound.text
