"""What a conversation shows of what goes out: when it leaves, and in whose name it was written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from connectors.contract import Recipient
from hub.outbox.queue import enqueue
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.conftest import FakeClock
from tests.hub.desk.conftest import desk_house
from tests.hub.specimen import add_conversation, add_message

HOUR = 3_600_000_000


async def test_what_waits_for_the_morning_says_when_it_goes(
    enter: Callable[[str], Any], sqlite_store: Store, clock: FakeClock
) -> None:
    house = desk_house()

    def fill(tx: Tx) -> int:
        found = add_conversation(tx)
        for number, due in ((2, None), (3, clock.now() + 23 * HOUR)):
            sent = add_message(tx, found, number=number, kind="outbound", text="Oddzwonimy")
            row = tx.locked(schema.conversation, found)
            assert row is not None
            recipients = [Recipient(address="jan@example.pl")]
            enqueue(tx, house, row, sent, recipients, inbox="kontakt", due_at=due)
        tx.change(schema.conversation, found, messages=3)
        return found

    found = await sqlite_store.write(fill)
    status, page = await (await enter("agent")).get(f"/conversations/{found}")
    assert status == 200
    assert page.count("wyjdzie:") == 1, "one goes at once, the other tomorrow"
    after = page.partition("wyjdzie:")[2][:200]
    assert "17 lis, 08:00" in after


async def test_an_office_that_answered_by_mail_is_named(
    enter: Callable[[str], Any], sqlite_store: Store
) -> None:
    def fill(tx: Tx) -> int:
        found = add_conversation(tx)
        data = msgspec.json.encode({"by": "PUP Łomża", "office": "pup-lomza"}).decode()
        add_message(tx, found, number=2, kind="outbound", text="Tak, w piątek.", data=data)
        tx.change(schema.conversation, found, messages=2)
        return found

    found = await sqlite_store.write(fill)
    _, page = await (await enter("agent")).get(f"/conversations/{found}")
    entry = page.partition('data-number="2"')[2].partition("</article>")[0]
    assert "Tak, w piątek." in entry and "PUP Łomża" in entry
