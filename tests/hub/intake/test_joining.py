"""Where messages land: the joins and reopenings of the desk, on both stores."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from sqlalchemy import Row, func, select

from connectors.contract import Attachment, Cursor, Message, Party, Raw, ThreadKey, conversation_key
from hub.desk.merging import merge_conversations
from hub.intake.sink import Intake
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.store import Store
from tests.hub.conftest import FakeClock
from tests.hub.intake.conftest import Feed, mail
from tests.hub.specimen import a_house, add_person


async def conversation(store: Store, key: int | None) -> Row[Any]:
    table = schema.conversation
    row = await store.read(lambda tx: tx.row(select(table).where(table.c.id == key)))
    assert row is not None
    return row


async def change(store: Store, key: int | None, **values: Any) -> None:
    assert key is not None
    await store.write(lambda tx: tx.change(schema.conversation, key, **values))


async def resolve(store: Store, clock: FakeClock, key: int | None) -> None:
    await change(store, key, status="resolved", resolved_at=clock.now(), waiting_since=None)


async def test_first_mail_opens_a_conversation_routed_by_rules(store: Store, feed: Feed) -> None:
    got = await feed(
        mail(1, text="Jako pracodawca szukam pracownika. Firma budowlana z Łomży czeka na pomoc.")
    )
    row = await conversation(store, got.conversation)
    assert (row.queue, row.status, row.messages, row.language) == ("pracodawcy", "open", 1, "pl")
    assert row.waiting_since is not None
    assert row.due_at > row.waiting_since
    assert got.reference == row.reference


async def test_told_again_it_is_the_same(store: Store, feed: Feed) -> None:
    first = await feed(mail(1))
    again = await feed(mail(1))
    assert again.duplicate
    assert (again.conversation, again.message) == (first.conversation, first.message)
    count = await store.read(lambda tx: tx.scalar(select(func.count()).select_from(schema.message)))
    assert count == 1


async def test_same_event_twice_in_one_batch_is_one_message(store: Store, intake: Intake) -> None:
    receipts = await intake.sink("kontakt").accept(Raw(content=b"x"), [mail(1), mail(1)])
    assert [r.duplicate for r in receipts] == [False, True]


async def test_answer_joins_by_its_references(store: Store, feed: Feed) -> None:
    first = await feed(mail(1))
    second = await feed(mail(2, sender="other@example.pl", answers=["1"]))
    assert second.conversation == first.conversation
    assert (await conversation(store, first.conversation)).messages == 2


async def test_signed_token_joins(store: Store, feed: Feed) -> None:
    first = await feed(mail(1))
    assert first.conversation is not None
    answer = mail(2, sender="other@example.pl")
    answer = Message(**{**_fields(answer), "thread_keys": (conversation_key(first.conversation),)})
    assert (await feed(answer)).conversation == first.conversation


def _fields(message: Message) -> dict[str, Any]:
    return {name: getattr(message, name) for name in message.__struct_fields__}


async def test_reference_number_joins_only_a_participant(store: Store, feed: Feed) -> None:
    first = await feed(mail(1))
    stranger = await feed(mail(2, sender="obcy@example.pl", mentions=(first.reference,)))
    assert stranger.conversation != first.conversation
    known = await feed(mail(3, mentions=(first.reference,)))
    assert known.conversation == first.conversation


async def test_whoever_wrote_there_takes_part_too(store: Store, feed: Feed) -> None:
    """Also after a merge, by the number of either; whoever only saw the number does not."""
    first, other = await feed(mail(1)), await feed(mail(2))
    wife = "zona@example.pl"
    assert (await feed(mail(3, sender=wife, answers=["1"]))).conversation == first.conversation
    house = a_house()
    merged = await store.write(
        lambda tx: merge_conversations(
            tx, house, SYSTEM, first.conversation or 0, other.conversation or 0, link=True
        )
    )
    for number, reference in enumerate((first.reference, other.reference), 4):
        again = await feed(mail(number, sender=wife, mentions=(reference,)))
        assert again.conversation == merged.survivor
    assert (await feed(mail(6, sender="obcy@example.pl", mentions=(first.reference,)))).conversation not in (
        first.conversation,
        other.conversation,
    )


async def test_new_mail_without_thread_is_marked_as_possible_duplicate(store: Store, feed: Feed) -> None:
    first = await feed(mail(1))
    second = await feed(mail(2))
    assert second.conversation != first.conversation
    assert (await conversation(store, second.conversation)).possible_duplicate == first.conversation


async def test_no_duplicate_mark_after_seven_days(store: Store, feed: Feed, clock: FakeClock) -> None:
    await feed(mail(1))
    clock.move(days=7, seconds=1)
    second = await feed(mail(2))
    assert (await conversation(store, second.conversation)).possible_duplicate is None


async def test_answer_within_fourteen_days_reopens(store: Store, feed: Feed, clock: FakeClock) -> None:
    first = await feed(mail(1))
    await resolve(store, clock, first.conversation)
    clock.move(days=13)
    await feed(mail(2, answers=["1"]))
    row = await conversation(store, first.conversation)
    assert (row.status, row.resolved_at, row.waiting_since) == ("open", None, clock.now())


async def test_later_answer_opens_a_linked_one(store: Store, feed: Feed, clock: FakeClock) -> None:
    first = await feed(mail(1))
    await resolve(store, clock, first.conversation)
    clock.move(days=14, seconds=1)
    second = await feed(mail(2, answers=["1"]))
    assert second.conversation != first.conversation
    assert (await conversation(store, second.conversation)).previous == first.conversation


async def test_a_thread_of_one_name_goes_on_in_the_new_conversation(
    store: Store, feed: Feed, clock: FakeClock
) -> None:
    def said(number: int) -> Message:
        key = ThreadKey("thread:kontakt:jan")
        return msgspec.structs.replace(mail(number), thread_keys=(key,), adds_keys=(key,))

    first = await feed(said(1))
    await resolve(store, clock, first.conversation)
    clock.move(days=15)
    second = await feed(said(2))
    third = await feed(said(3))
    assert first.conversation != second.conversation == third.conversation
    # A stranger's mail that bears a known name takes nothing over.
    await feed(
        msgspec.structs.replace(mail(4, "obca@example.pl"), adds_keys=(ThreadKey("thread:kontakt:jan"),))
    )
    assert (await feed(said(5))).conversation == second.conversation


async def test_mere_thanks_does_not_reopen(store: Store, feed: Feed, clock: FakeClock) -> None:
    first = await feed(mail(1))
    await resolve(store, clock, first.conversation)
    await feed(mail(2, answers=["1"], text="Dziękuję bardzo!"))
    row = await conversation(store, first.conversation)
    assert (row.status, row.messages) == ("resolved", 2)
    await feed(mail(3, answers=["1"], text="Dziękuję, a meldunek?"))
    assert (await conversation(store, first.conversation)).status == "open"


async def test_thanks_with_a_file_reopen(store: Store, feed: Feed, clock: FakeClock) -> None:
    """The file is the matter; a picture inside the text is a signature's."""
    first = await feed(mail(1))
    await resolve(store, clock, first.conversation)
    file = Attachment(filename="logo.png", content_type="image/png", size=1, content=b"x", inline=True)
    await feed(mail(2, answers=["1"], text="Dziękuję!", attachments=(file,)))
    assert (await conversation(store, first.conversation)).status == "resolved"
    file = msgspec.structs.replace(file, inline=False)
    await feed(mail(3, answers=["1"], text="Dziękuję!", attachments=(file,)))
    assert (await conversation(store, first.conversation)).status == "open"


async def test_automatic_mail_never_reopens(store: Store, feed: Feed, clock: FakeClock) -> None:
    first = await feed(mail(1))
    await resolve(store, clock, first.conversation)
    await feed(mail(2, answers=["1"], automatic="auto-reply"))
    assert (await conversation(store, first.conversation)).status == "resolved"


async def test_reopens_to_the_queue_when_the_agent_is_gone(
    store: Store, feed: Feed, clock: FakeClock
) -> None:
    first = await feed(mail(1))
    await change(store, first.conversation, assignee=99)
    await resolve(store, clock, first.conversation)
    await feed(mail(2, answers=["1"]))
    row = await conversation(store, first.conversation)
    assert (row.assignee, row.queue) == (None, "bezrobotni")


async def test_snoozed_wakes_on_a_message(store: Store, feed: Feed, clock: FakeClock) -> None:
    first = await feed(mail(1))
    await change(
        store, first.conversation, status="snoozed", snoozed_until=clock.now() + 1, waiting_since=None
    )
    await feed(mail(2, answers=["1"]))
    row = await conversation(store, first.conversation)
    assert (row.status, row.woken, row.snoozed_until) == ("open", "message", None)


def sms(number: int, text: str = "kiedy wyplata") -> Message:
    sender = Party(kind="phone", address="+48500100200", verified=True)
    return Message(inbox=mail(1).inbox, external_id=f"sms-{number}", sender=sender, text=text, direct=True)


async def test_direct_messages_join_by_person_and_inbox(store: Store, feed: Feed, clock: FakeClock) -> None:
    first = await feed(sms(1))
    assert (await feed(sms(2))).conversation == first.conversation
    await resolve(store, clock, first.conversation)
    clock.move(hours=71)
    assert (await feed(sms(3))).conversation == first.conversation
    await resolve(store, clock, first.conversation)
    clock.move(hours=72, seconds=1)
    assert (await feed(sms(4))).conversation != first.conversation


async def test_after_a_quiet_time_who_is_there_now_counts(
    store: Store, intake: Intake, feed: Feed, clock: FakeClock
) -> None:
    """The snapshot of duty is seconds old while messages come; after an hour without any it is taken first. The calls
    of that moment keep their order."""
    first = await feed(mail(1))
    await intake.refresh_load()
    ola = await store.write(lambda tx: add_person(tx, "ola", queues=("bezrobotni",)))
    await store.write(lambda tx: tx.change(schema.user, ola, presence="available"))
    await change(store, first.conversation, assignee=ola)
    await resolve(store, clock, first.conversation)
    clock.move(hours=1)
    receipts = await asyncio.gather(*(feed(mail(n, answers=[str(n - 1)])) for n in range(2, 12)))
    assert {receipt.conversation for receipt in receipts} == {first.conversation}, (
        "each answers the one before"
    )
    row = await conversation(store, first.conversation)
    assert (row.status, row.assignee) == ("open", ola)
    await store.write(lambda tx: tx.change(schema.user, ola, presence="offline"))
    await resolve(store, clock, first.conversation)
    clock.move(hours=1)
    await feed(mail(12, answers=["1"]))
    assert (await conversation(store, first.conversation)).assignee is None


async def test_hundred_first_messages_of_one_person_make_one_conversation(
    store: Store, intake: Intake
) -> None:
    sink = intake.sink("kontakt")
    receipts = await asyncio.gather(*(sink.accept(Raw(content=b"x"), [sms(n)]) for n in range(100)))
    assert len({r[0].conversation for r in receipts}) == 1
    assert len({r[0].message for r in receipts}) == 100


async def test_merged_conversation_takes_messages_for_both(store: Store, feed: Feed) -> None:
    first, second = await feed(mail(1)), await feed(mail(2, sender="ewa@example.pl"))
    await change(store, second.conversation, merged_into=first.conversation)
    assert (await feed(mail(3, answers=["2"]))).conversation == first.conversation


async def test_blocked_sender_lands_in_spam_and_reopens_nothing(
    store: Store, feed: Feed, clock: FakeClock
) -> None:
    first = await feed(mail(1))
    row = await conversation(store, first.conversation)
    await store.write(lambda tx: tx.change(schema.identity, row.identity, blocked_until=clock.now() + 10**12))
    await resolve(store, clock, first.conversation)
    await feed(mail(2, answers=["1"]))
    assert (await conversation(store, first.conversation)).status == "resolved"
    fresh = await feed(mail(3))
    assert (await conversation(store, fresh.conversation)).status == "spam"


async def test_cursor_commits_with_the_items(store: Store, intake: Intake) -> None:
    sink = intake.sink("kontakt")
    assert await sink.cursor("uid") is None
    await sink.accept(Raw(content=b"x"), [mail(1)], Cursor(key="uid", value="7"))
    assert await sink.cursor("uid") == "7"
    await sink.accept(Raw(content=b""), [], Cursor(key="uid", value="9"))
    assert await sink.cursor("uid") == "9"
