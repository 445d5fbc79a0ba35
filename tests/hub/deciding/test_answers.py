"""The loop rules of automatic answers, whatever the channel: never to a machine, once a day, once while closed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connectors.contract import (
    Bounce,
    BouncedRecipient,
    Capabilities,
    CommentPlace,
    InboxId,
    Message,
    Party,
    ThreadKey,
)
from hub.config import Inbox
from hub.desk.actions import tag
from hub.notices import notify_citizen
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.store import Store
from tests.hub.conftest import FakeClock
from tests.hub.deciding.conftest import Here
from tests.hub.intake.conftest import LONG
from tests.hub.specimen import CONFIG

INBOXES = tuple(
    Inbox(id=kind, kind=kind, name=kind, office="krajowa", queue="bezrobotni")
    for kind in ("form", "webhook", "callback")
)
EVERY = msgspec.structs.replace(CONFIG, inboxes=(*CONFIG.inboxes, *INBOXES))

SENDERS = {
    "kontakt": Party(kind="email", address="jan@example.pl"),
    "form": Party(kind="email", address="jan@example.pl"),
    "webhook": Party(kind="phone", address="+48500100200"),
    "callback": Party(kind="phone", address="+48500100200"),
    "artykuly": Party(kind="web", address="gość"),
}
"""By inbox of each kind of channel: who writes there."""

ALWAYS = """
rules:
  - id: answer
    name: Odpowiedź
    on: [new, message, status, timer]
    do: {answer: acknowledgement, callback: true}
    then: continue
  - {id: late, name: Później, on: timer, when: {unanswered: 1h}, do: {answer: acknowledgement}}
default: {queue: bezrobotni}
"""

FURTHER = """
rules:
  - {id: more, name: Dalej, on: [new, message, status, timer], do: {answer: callback-done}, then: continue}
  - {id: wait, name: Czeka, on: timer, when: {unanswered: 1h}, do: {tags: [czeka]}}
default: {queue: bezrobotni}
"""
"""A template that is no acknowledgement: nothing but the loop rules holds it back."""


def message(inbox: str, number: int, **more: Any) -> Message:
    """As the channel would hand it over; every address of the person can be written to."""
    place = CommentPlace(article="a1", title="Artykuł", url="https://example.pl/a", section="x")
    return Message(
        inbox=InboxId(inbox),
        external_id=f"{inbox}-{number}",
        sender=more.pop("sender", SENDERS[inbox]),
        text=more.pop("text", LONG),
        thread_keys=tuple(ThreadKey(f"t:{key}") for key in more.pop("answers", ())),
        adds_keys=(ThreadKey(f"t:{inbox}-{number}"),),
        comment=place if inbox == "artykuly" else None,
        also=more.pop(
            "also", (Party(kind="email", address="gosc@example.pl"),) if inbox == "artykuly" else ()
        ),
        **more,
    )


@pytest.fixture
async def all_channels(store: Store, clock: FakeClock) -> Here:
    """A hub in which everything that a rule could send would leave."""
    here = Here(store, clock, EVERY)
    reaches = Capabilities(reaches=("email", "phone", "web"), subject=True, starts=True)
    sending = {inbox.id: reaches for inbox in EVERY.inboxes}
    here.house = msgspec.structs.replace(here.house, capabilities=sending)
    await here.intake.refresh_load()
    return here


async def all_sent(here: Here) -> int:
    rows = await here.rows(schema.message.select().where(schema.message.c.kind == "outbound"))
    return len(rows)


async def happen(here: Here, number: int) -> None:
    """What may bring about an automatic message besides one that comes in."""
    await here.act(lambda tx: tag(tx, SYSTEM, [number], add=["x"]))
    await here.later(hours=2)
    await here.act(lambda tx: notify_citizen(tx, number, "callback-done", {}))


CHANNELS = pytest.mark.parametrize("inbox", sorted(SENDERS))


@CHANNELS
async def test_a_person_is_answered_once_a_day(all_channels: Here, inbox: str) -> None:
    here = all_channels
    await here.rules(FURTHER)
    for number in range(3):
        await here.feed(message(inbox, number, answers=() if number == 0 else (f"{inbox}-0",)))
        await here.effects()
    await here.feed(message(inbox, 9))
    await here.effects()
    assert await all_sent(here) == 1
    here.clock.move(days=1)
    await here.feed(message(inbox, 10, answers=(f"{inbox}-0",)))
    await here.effects()
    assert await all_sent(here) == 2


@pytest.mark.slow
@CHANNELS
@pytest.mark.parametrize("rules", [ALWAYS, FURTHER], ids=["acknowledgement", "further"])
async def test_a_machine_is_never_answered(all_channels: Here, inbox: str, rules: str) -> None:
    """Neither when it writes, nor when something changes or time passes later, nor by a notice about it."""
    here = all_channels
    await here.rules(rules)
    for count, kind in enumerate(("auto-reply", "bounce", "list", "report", "complaint")):
        sender = msgspec.structs.replace(SENDERS[inbox], address=f"{count}{SENDERS[inbox].address}")
        automatic: Any = {"automatic": kind, "sender": sender, "also": ()}
        number = await here.one(message(inbox, 10 * count, **automatic))
        await here.one(message(inbox, 10 * count + 1, answers=(f"{inbox}-{10 * count}",), **automatic))
        await happen(here, number)
    assert await all_sent(here) == 0


async def test_an_automatic_reply_in_a_persons_conversation_is_not_answered(all_channels: Here) -> None:
    here = all_channels
    await here.rules(FURTHER)
    number = await here.one(message("kontakt", 1))
    await here.effects()
    here.clock.move(days=1)
    await here.one(message("kontakt", 2, automatic="auto-reply", answers=("kontakt-1",)))
    await here.act(lambda tx: tag(tx, SYSTEM, [number], add=["x"]))
    assert await all_sent(here) == 1


async def test_a_bounce_of_something_we_never_sent_is_not_answered(all_channels: Here) -> None:
    here = all_channels
    await here.rules(FURTHER)
    lost = (BouncedRecipient(address="nikt@example.pl", status="5.1.1"),)
    await here.feed(Bounce(inbox=InboxId("kontakt"), external_id="b1", recipients=lost, target="<x@y>"))
    await here.effects()
    assert await all_sent(here) == 0


async def test_one_person_on_two_channels_gets_one_answer(all_channels: Here) -> None:
    here = all_channels
    await here.rules(FURTHER)
    both = (Party(kind="phone", address="+48500100200"),)
    await here.feed(message("form", 1, also=both))
    await here.feed(message("webhook", 1))
    await here.effects()
    assert await all_sent(here) == 1


async def test_a_blocked_address_is_not_answered(all_channels: Here) -> None:
    here = all_channels
    await here.rules(FURTHER)
    number = await here.one(message("kontakt", 1))
    await here.effects()
    here.clock.move(days=1)
    until = here.clock.now() + 10 * 86_400_000_000
    await here.store.write(lambda tx: tx.execute(schema.identity.update().values(blocked_until=until)))
    await here.one(message("kontakt", 2, answers=("kontakt-1",)))
    await here.act(lambda tx: tag(tx, SYSTEM, [number], add=["x"]))
    assert await all_sent(here) == 1


async def test_once_while_the_office_is_closed(all_channels: Here) -> None:
    """From Friday 18:00 to Monday 08:00: the days change, the closed period does not."""
    here = all_channels
    await here.rules(FURTHER)
    here.clock.move(days=4, hours=9)
    number = await here.one(message("kontakt", 1))
    await here.effects()
    for more in range(2, 4):
        here.clock.move(days=1)
        await here.one(message("kontakt", more, answers=("kontakt-1",)))
        await here.effects()
    assert len(await here.sent(number)) == 1
    here.clock.move(hours=15)
    await here.one(message("kontakt", 4, answers=("kontakt-1",)))
    await here.effects()
    assert len(await here.sent(number)) == 2


@pytest.mark.parametrize(
    "found",
    [
        {"status": "spam"},
        {"protocol": "kryzys"},
        {"suspicious": "It comes in an office's name."},
    ],
    ids=["spam", "distress", "forged"],
)
async def test_what_is_found_out_before_it_leaves_stops_it(all_channels: Here, found: dict[str, Any]) -> None:
    here = all_channels
    await here.rules(FURTHER)
    number = await here.one(message("kontakt", 1))
    await here.store.write(lambda tx: tx.change(schema.conversation, number, **found))
    await here.effects()
    assert await all_sent(here) == 0
