"""The outbox at work: what is sent, when, in which order, and what becomes of it."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from sqlalchemy import select

from connectors.contract import (
    Capabilities,
    Consent,
    DeliveryReport,
    InboxId,
    Party,
    Recipient,
    Refusal,
    SendError,
    Sent,
)
from hub.intake.events import apply_event
from hub.outbox.queue import hurry
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.conftest import FakeClock
from tests.hub.intake.conftest import Feed, mail
from tests.hub.outbox.conftest import Outgoing, Scripted

delivery, conversation = schema.delivery, schema.conversation


async def test_a_reply_is_sent_once_and_shown_as_accepted(out: Outgoing, feed: Feed) -> None:
    opened = await feed(mail(1))
    key = await out.reply(opened.conversation)
    await out.becomes(key, "accepted")
    row = await out.row(delivery, key)
    assert (row.attempts, row.remote_id) == (1, f"<r{key}>")
    assert (await out.row(schema.message, row.message)).state == "accepted"
    assert len(out.peer.sent) == 1


async def test_it_names_what_it_answers(out: Outgoing, feed: Feed) -> None:
    opened = await feed(mail(1))
    key = await out.reply(opened.conversation)
    await out.becomes(key, "accepted")
    assert out.peer.sent[0].references == ("<1@example.pl>",)
    assert out.house.tokens.verify("conversation", out.peer.sent[0].token) == str(opened.conversation)


async def test_temporary_failure_waits_and_is_tried_again(
    out: Outgoing,
    feed: Feed,
    clock: FakeClock,
) -> None:
    out.peer.script["jan@example.pl"] = [SendError("temporary", "later")]
    key = await out.reply((await feed(mail(1))).conversation)
    await out.becomes(key, "queued", attempts=1)
    wait_until = (await out.row(delivery, key)).due_at
    assert wait_until > clock.now()
    clock.move((wait_until - clock.now()) / 1e6 + 1)
    await out.becomes(key, "accepted")
    assert [sent.delivery for sent in out.peer.sent] == [key, key]


async def test_what_a_provider_asks_for_is_obeyed(
    out: Outgoing,
    feed: Feed,
    clock: FakeClock,
) -> None:
    out.peer.script["jan@example.pl"] = [SendError("throttled", "slow down", retry_after=777)]
    key = await out.reply((await feed(mail(1))).conversation)
    await out.becomes(key, "queued", attempts=1)
    assert (await out.row(delivery, key)).due_at == clock.now() + 777_000_000


async def test_permanent_failure_reopens_and_says_why(
    out: Outgoing,
    feed: Feed,
    store: Store,
    clock: FakeClock,
) -> None:
    opened = await feed(mail(1))
    await store.write(
        lambda tx: tx.change(
            conversation, opened.conversation or 0, status="resolved", resolved_at=clock.now()
        )
    )
    out.peer.script["jan@example.pl"] = [SendError("permanent", "The address does not exist.")]
    key = await out.reply(opened.conversation)
    await out.becomes(key, "failed")
    row = await out.row(conversation, opened.conversation or 0)
    assert (row.status, row.failed, row.resolved_at) == ("open", True, None)
    lines = await store.read(
        lambda tx: tx.rows(select(schema.message.c.data).where(schema.message.c.kind == "system"))
    )
    assert any("The address does not exist." in line.data for line in lines)


async def test_one_waiting_mail_delays_nobody_else(out: Outgoing, feed: Feed) -> None:
    first, second = await feed(mail(1)), await feed(mail(2, sender="ewa@inny.pl"))
    out.peer.script["jan@example.pl"] = [SendError("temporary", "later")]
    stuck = await out.reply(first.conversation)
    await out.becomes(stuck, "queued", attempts=1)
    behind = await out.reply(first.conversation)
    other = await out.reply(second.conversation, "ewa@inny.pl")
    await out.becomes(other, "accepted")
    assert await out.state(behind) == "queued", "its own lane stays in order"


async def test_a_silent_channel_takes_no_worker_from_another(
    out: Outgoing,
    feed: Feed,
) -> None:
    """All mails of a far side that says nothing are in hand, and more wait: a text message leaves at once."""
    text_messages = Scripted()
    out.peers["sms"] = text_messages
    out.house = msgspec.structs.replace(
        out.house,
        capabilities={**out.house.capabilities, "sms": text_messages.capabilities},
        channels={**out.house.channels, "sms": "sms"},
    )
    out.peer.hold = asyncio.Event()
    opened = (await feed(mail(1))).conversation
    workers = out.house.directory.config.outbox.workers
    mails = [await out.reply(opened, to=f"jan{n}@example.pl") for n in range(workers + 3)]
    await out.becomes(mails[workers - 1], "sending")
    one = await out.reply(opened, to="+48600100200", inbox="sms")
    await out.becomes(one, "accepted")
    assert [await out.state(key) for key in mails] == ["sending"] * workers + ["queued"] * 3
    out.peer.hold.set()
    await out.becomes(mails[-1], "accepted")


async def test_what_waits_behind_another_is_not_looked_for_all_the_time(
    out: Outgoing,
    feed: Feed,
    clock: FakeClock,
) -> None:
    """It is due, and stays so for hours while the one before it is tried again and again."""
    conversation = (await feed(mail(1))).conversation
    out.peer.script["jan@example.pl"] = [SendError("temporary", "later")]
    stuck = await out.reply(conversation)
    await out.becomes(stuck, "queued", attempts=1)
    behind = await out.reply(conversation)
    assert await out.next_pause() == out.house.directory.config.outbox.poll_seconds
    due = (await out.row(delivery, stuck)).due_at
    clock.move((due - clock.now()) / 1e6 - 1.5)
    assert await out.next_pause() == pytest.approx(1.5), "and not later than it can go on"
    clock.move(2)
    await out.becomes(behind, "accepted")
    assert [sent.delivery for sent in out.peer.sent] == [stuck, stuck, behind]


async def test_what_rests_with_its_destination_is_looked_for_when_that_has_rested(
    out: Outgoing,
    feed: Feed,
    clock: FakeClock,
) -> None:
    settings = out.house.directory.config.outbox
    conversation = (await feed(mail(1))).conversation
    out.peer.script["jan@example.pl"] = [SendError("temporary", "later")] * settings.breaker_failures
    key = await out.reply(conversation)
    for attempts in range(1, settings.breaker_failures + 1):
        await out.becomes(key, "queued", attempts)
        if attempts < settings.breaker_failures:
            clock.move(max(0.0, ((await out.row(delivery, key)).due_at - clock.now()) / 1e6))
    await out.store.write(lambda tx: tx.change(delivery, key, due_at=tx.now))
    clock.move(settings.breaker_seconds - 2)
    assert await out.next_pause() == pytest.approx(2)
    clock.move(2)
    await out.becomes(key, "accepted")


async def test_a_failed_one_frees_its_lane(out: Outgoing, feed: Feed) -> None:
    opened = await feed(mail(1))
    out.peer.script["jan@example.pl"] = [SendError("permanent", "no")]
    first = await out.reply(opened.conversation)
    second = await out.reply(opened.conversation)
    await out.becomes(first, "failed")
    await out.becomes(second, "accepted")


async def test_order_is_kept_in_a_lane(out: Outgoing, feed: Feed) -> None:
    opened = await feed(mail(1))
    keys = [await out.reply(opened.conversation) for _ in range(5)]
    await out.becomes(keys[-1], "accepted")
    assert [sent.delivery for sent in out.peer.sent] == keys


async def test_what_is_held_for_undo_goes_when_its_time_comes(
    out: Outgoing,
    feed: Feed,
    clock: FakeClock,
) -> None:
    opened = await feed(mail(1))
    key = await out.reply(opened.conversation, due_at=clock.now() + 15_000_000, held=True)
    ready = await out.reply(opened.conversation)
    await out.becomes(ready, "accepted")
    assert await out.state(key) == "held"
    clock.move(16)
    await out.becomes(key, "accepted")


async def test_what_waits_for_the_morning_holds_up_no_answer(
    out: Outgoing,
    feed: Feed,
    clock: FakeClock,
) -> None:
    """An automatic notice in quiet hours: its turn is later, and the agent writes now."""
    opened = await feed(mail(1))
    notice = await out.reply(opened.conversation, due_at=clock.now() + 3600_000_000)
    ready = await out.reply(opened.conversation)
    await out.becomes(ready, "accepted")
    assert await out.state(notice) == "queued"
    clock.move(3601)
    await out.becomes(notice, "accepted")


async def test_after_an_outage_nobody_waits_out_a_long_gap(out: Outgoing, feed: Feed) -> None:
    """But what the provider told us to hold back."""
    out.peer.script["jan@example.pl"] = [SendError("temporary", "away")]
    out.peer.script["ewa@inny.pl"] = [SendError("throttled", "slow down", retry_after=7000)]
    away = await out.reply((await feed(mail(1))).conversation)
    held = await out.reply((await feed(mail(2, sender="ewa@inny.pl"))).conversation, "ewa@inny.pl")
    for key in (away, held):
        await out.becomes(key, "queued", attempts=1)
    await out.store.write(lambda tx: hurry(tx, "kontakt"))
    await out.becomes(away, "accepted")
    assert await out.state(held) == "queued"


async def test_it_gives_up_after_days(out: Outgoing, feed: Feed, clock: FakeClock) -> None:
    out.peer.script["jan@example.pl"] = [SendError("temporary", "later")] * 200
    key = await out.reply((await feed(mail(1))).conversation)
    async with asyncio.timeout(60):
        while (row := await out.row(delivery, key)).state != "failed":
            if row.state == "queued":
                # Also beyond what is due: the destination rests at times, for a minute from when it is told.
                clock.move(max((row.due_at - clock.now()) / 1e6, 0.0) + 20)
            out.wake.ring()
            await asyncio.sleep(0.01)
    assert row.attempts > 20
    assert row.give_up_at - row.created_at == 120 * 3_600_000_000


@pytest.mark.parametrize(
    "broken", [SendError("ambiguous", "cut"), RuntimeError("bug"), asyncio.CancelledError()]
)
async def test_what_may_have_left_is_shown_so(out: Outgoing, feed: Feed, broken: BaseException) -> None:
    out.peer.script["jan@example.pl"] = [broken]
    opened = await feed(mail(1))
    key = await out.reply(opened.conversation)
    await out.becomes(key, "possibly-sent")
    assert (await out.row(conversation, opened.conversation or 0)).failed
    assert len(out.peer.sent) == 1


async def test_policy_retry_sends_the_same_again(out: Outgoing, feed: Feed, clock: FakeClock) -> None:
    out.peer.capabilities = Capabilities(reaches=("email",), copies=True, on_ambiguous="retry")
    out.house = msgspec.structs.replace(out.house, capabilities={"kontakt": out.peer.capabilities})
    out.peer.script["jan@example.pl"] = [SendError("ambiguous", "cut")]
    key = await out.reply((await feed(mail(1))).conversation)
    await out.becomes(key, "queued", attempts=1)
    clock.move(hours=1)
    await out.becomes(key, "accepted")
    assert [sent.delivery for sent in out.peer.sent] == [key, key]


async def test_an_attempt_that_a_crash_left_open_is_found(out: Outgoing, feed: Feed) -> None:
    out.peer.hold = asyncio.Event()
    key = await out.reply((await feed(mail(1))).conversation)
    await out.becomes(key, "sending")
    await out.peer.called.wait()
    await out.end()
    assert await out.state(key) == "sending", "nothing was recorded when the process died"
    out.peer.hold = None
    out.start()
    await out.becomes(key, "possibly-sent")
    assert len(out.peer.sent) == 1


async def test_refused_recipients_become_failures_of_their_own(
    out: Outgoing,
    feed: Feed,
    store: Store,
) -> None:
    refusal = Refusal(address="jan@example.pl", reason="unknown")
    out.peer.script["jan@example.pl"] = [Sent(remote_id="<x>", refused=(refusal,))]
    key = await out.reply((await feed(mail(1))).conversation)
    await out.becomes(key, "accepted")
    states = await store.read(lambda tx: sorted(row.state for row in tx.rows(select(delivery.c.state))))
    assert states == ["accepted", "failed"]


async def test_a_recipient_refused_for_now_is_tried_again_alone(
    out: Outgoing, feed: Feed, clock: FakeClock
) -> None:
    """Greylisting knows some recipients and not others; nobody gets the mail twice, and nobody is told of a failure."""
    opened = await feed(mail(1))
    for_now = Refusal(address="ewa@example.pl", reason="451 greylisted", permanent=False)
    out.peer.script["jan@example.pl"] = [Sent(remote_id="<x>", refused=(for_now,))]
    key = await out.reply(opened.conversation, also=[Recipient(address="ewa@example.pl", role="cc")])
    await out.becomes(key, "accepted")
    [other] = await out.store.read(
        lambda tx: tx.rows(select(delivery).where(delivery.c.id != key).order_by(delivery.c.id))
    )
    assert (other.state, other.reason, other.due_at > clock.now()) == ("queued", "451 greylisted", True)
    assert not (await out.row(conversation, opened.conversation or 0)).failed
    clock.move((other.due_at - clock.now()) / 1e6 + 1)
    await out.becomes(other.id, "accepted")
    first, second = out.peer.sent
    assert [one.address for one in (*first.to, *first.cc)] == ["jan@example.pl", "ewa@example.pl"]
    assert [one.address for one in (*second.to, *second.cc)] == ["ewa@example.pl"]
    assert (await out.row(schema.message, other.message)).state == "accepted"


async def test_a_report_that_came_before_its_message_waits_for_it(
    out: Outgoing,
    feed: Feed,
    store: Store,
) -> None:
    report = DeliveryReport(inbox=InboxId("kontakt"), external_id="dlr", target="<early>", state="delivered")
    receipt = await store.write(lambda tx: apply_event(tx, out.house, report, 0))
    assert receipt.parked
    out.peer.script["jan@example.pl"] = [Sent(remote_id="<early>")]
    key = await out.reply((await feed(mail(1))).conversation)
    await out.becomes(key, "delivered")


async def test_a_parked_report_that_cannot_be_read_is_shown_to_people_and_hurts_no_sending(
    out: Outgoing, feed: Feed, store: Store
) -> None:
    early = [
        DeliveryReport(inbox=InboxId("kontakt"), external_id=name, target="<early>", state="delivered")
        for name in ("odd", "good")
    ]
    raws = []
    for report in early:

        def come(tx: Tx, report: DeliveryReport = report) -> int:
            values = {"inbox": "kontakt", "received_at": tx.now, "content_type": "", "state": "ok"}
            raw = tx.add(schema.raw, values)
            assert apply_event(tx, out.house, report, raw).parked
            return raw

        raws.append(await store.write(come))
    broken = schema.parked.update().where(schema.parked.c.raw == raws[0]).values(inbound=b"{")
    await store.write(lambda tx: tx.execute(broken))
    out.peer.script["jan@example.pl"] = [Sent(remote_id="<early>")]
    key = await out.reply((await feed(mail(1))).conversation)
    await out.becomes(key, "delivered")
    states = select(schema.raw.c.state, schema.raw.c.error).where(schema.raw.c.id.in_(raws))
    rows = await store.read(lambda tx: tx.rows(states.order_by(schema.raw.c.id)))
    assert [row.state for row in rows] == ["quarantined", "ok"]
    assert "DecodeError" in rows[0].error
    assert not await store.read(lambda tx: tx.rows(select(schema.parked.c.id)))


async def test_a_text_that_is_too_long_leaves_in_parts_and_in_order(
    out: Outgoing,
    feed: Feed,
    peer: Scripted,
) -> None:
    can = msgspec.structs.replace(peer.capabilities, max_length=40, splits=True)
    out.house = msgspec.structs.replace(out.house, capabilities={"kontakt": can})
    opened = await feed(mail(1))
    text = "Pierwsze zdanie odpowiedzi. Drugie zdanie odpowiedzi. Trzecie zdanie odpowiedzi."
    await out.reply(opened.conversation, text=text)
    rows = await out.store.read(lambda tx: tx.rows(select(delivery).order_by(delivery.c.id)))
    assert [row.part for row in rows] == [0, 1, 2]
    for row in rows:
        await out.becomes(row.id, "accepted")
    assert [sent.text for sent in peer.sent] == text.replace(". ", ".|").split("|")
    assert (await out.row(schema.message, rows[0].message)).state == "accepted"


async def test_who_asked_for_silence_is_not_written_to(
    out: Outgoing,
    feed: Feed,
    peer: Scripted,
) -> None:
    opened = await feed(mail(1))
    jan = Party(kind="email", address="jan@example.pl")
    await feed(Consent(inbox=InboxId("kontakt"), sender=jan, allowed=False))
    refused = await out.reply(opened.conversation)
    await out.becomes(refused, "failed")
    assert peer.sent == []
    await feed(Consent(inbox=InboxId("kontakt"), sender=jan, allowed=True))
    await out.becomes(await out.reply(opened.conversation), "accepted")
    lines = await out.store.read(
        lambda tx: tx.rows(select(schema.message.c.data).where(schema.message.c.kind == "system"))
    )
    said = [msgspec.json.decode(row.data)["what"] for row in lines]
    assert said.count("silent") == said.count("speaks-again") == 1
