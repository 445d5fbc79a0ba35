"""What rules do with a message that comes in besides routing it: join, split, assign, note, call, start timers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from connectors.contract import Attachment, CommentPlace, InboxId, Message, Party
from hub.config import Inbox
from hub.desk.actions import resolve
from hub.desk.merging import move_back
from hub.desk.moving import move_message
from hub.intake.load import read_load
from hub.replay.stored import of_conversation
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.store import Store
from rules import Facts
from tests.hub.conftest import FakeClock
from tests.hub.deciding.conftest import Here
from tests.hub.intake.conftest import LONG, mail
from tests.hub.specimen import CONFIG, add_person

HOUR = 3_600_000_000

SMS = Inbox(id="sms", kind="sms", name="SMS", office="krajowa", queue="bezrobotni")
CALLS = Inbox(id="oddzwonienie", kind="callback", name="Oddzwonienie", office="krajowa", queue="bezrobotni")
WITH_SMS = msgspec.structs.replace(CONFIG, inboxes=(*CONFIG.inboxes, SMS))
WITH_CALLS = msgspec.structs.replace(CONFIG, inboxes=(*CONFIG.inboxes, SMS, CALLS))


def said(number: int, text: str = LONG, *, verified: bool = True, **more: Any) -> Message:
    """A text message; the network vouches for its sender."""
    return Message(
        inbox=InboxId("sms"),
        external_id=f"sms-{number}",
        sender=Party(kind="phone", address=more.pop("sender", "+48500100200"), verified=verified),
        text=text,
        full_text=text,
        direct=True,
        **more,
    )


@pytest.fixture
async def both(store: Store, clock: FakeClock) -> Here:
    """A hub with text messages beside mail."""
    world = Here(store, clock, WITH_SMS)
    await world.intake.refresh_load()
    return world


JOIN = """
rules:
  - {id: together, name: Razem, when: {join_candidates: {min: 1}}, do: {join: join, queue: pracodawcy, tags: [razem]}}
default: {queue: bezrobotni}
"""


async def one_person(here: Here, *, verified: bool = True) -> tuple[int, int]:
    """A mail and a text message of one person, as an agent linked them; returns both conversations."""
    first = await here.one(mail(1))
    second = await here.one(said(1))
    contact = (await here.conversation(first)).contact
    identity, conversation = schema.identity, schema.conversation
    await here.store.write(lambda tx: tx.execute(identity.update().values(contact=contact)))
    await here.store.write(lambda tx: tx.execute(conversation.update().values(contact=contact)))
    if verified:
        await here.store.write(lambda tx: tx.execute(identity.update().values(verified=True)))
    return first, second


async def test_a_verified_sender_is_joined_across_channels(both: Here) -> None:
    first, second = await one_person(both)
    await both.act(lambda tx: resolve(tx, SYSTEM, [second]))
    both.clock.move(hours=80)
    await both.rules(JOIN)
    (receipt,) = await both.feed(said(2, "Jeszcze jedno: załączam wniosek."))
    assert receipt.conversation == first
    row = await both.conversation(first)
    assert (row.queue, row.channel, row.inbox, row.messages) == ("bezrobotni", "sms", "sms", 3)
    assert await both.tags(first) == ["razem"]
    (line,) = await both.lines(first)
    assert (line["what"], line["rule"], line["number"]) == ("joined", "Razem", 2)
    facts = (await both.store.read(lambda tx: of_conversation(tx, first)))[0].facts
    assert (facts.on, facts.join_candidates) == ("new", (first,))
    # A further message of the same channel follows, and an agent takes the first one out again.
    assert await both.one(said(3, "I jeszcze jedno.")) == first
    assert receipt.message is not None
    message = receipt.message
    new = await both.store.write(lambda tx: move_message(tx, both.house, SYSTEM, message))
    assert new != first
    await both.store.write(lambda tx: move_back(tx, both.house, SYSTEM, new))


async def test_of_a_batch_the_second_sees_what_the_first_joined(both: Here) -> None:
    first, second = await one_person(both)
    await both.act(lambda tx: resolve(tx, SYSTEM, [second]))
    both.clock.move(hours=80)
    await both.rules(JOIN)
    receipts = await both.feed(said(2), said(3))
    assert [receipt.conversation for receipt in receipts] == [first, first]
    numbers = await both.rows(
        select(schema.message.c.number)
        .where(schema.message.c.conversation == first)
        .order_by(schema.message.c.number)
    )
    assert [row.number for row in numbers] == [1, 2, 3, 4]


async def test_an_unverified_sender_is_only_suggested(here: Here) -> None:
    await here.rules(JOIN)
    first = await here.one(mail(1))
    second = await here.one(mail(2))
    assert second != first
    assert (await here.conversation(second)).possible_duplicate == first
    (trace,) = await here.traces(second)
    assert [fault.action for fault in trace.faults] == ["join"]


async def test_a_candidate_whose_participant_merely_claimed_the_address_is_only_suggested(both: Here) -> None:
    first, second = await one_person(both, verified=False)
    await both.act(lambda tx: resolve(tx, SYSTEM, [second]))
    both.clock.move(hours=80)
    await both.rules(JOIN)
    third = await both.one(said(2))
    assert third not in (first, second)
    (trace,) = await both.traces(third)
    assert [fault.action for fault in trace.faults] == ["join"]


async def test_a_comment_joins_and_is_joined_by_nothing(both: Here) -> None:
    await both.rules(JOIN)
    sender = Party(kind="web", address="gość", name="Gość", verified=True)

    def comment(number: int, article: str) -> Message:
        place = CommentPlace(article=article, title="Artykuł", url="https://example.pl/a", section="x")
        return Message(
            inbox=InboxId("artykuly"), external_id=f"c{number}", sender=sender, text="Słowa.", comment=place
        )

    one, other = await both.one(comment(1, "a")), await both.one(comment(2, "b"))
    assert one != other
    stored = await both.store.read(lambda tx: of_conversation(tx, other))
    assert stored[0].facts.join_candidates == ()


# --- split -------------------------------------------------------------------------------------------------------

SPLIT = """
rules:
  - id: apart
    name: Osobna sprawa
    on: message
    when: {words: [dotacja]}
    do: {split: true, tags: [osobno], priority: high}
  - {id: money, name: Dotacje, when: {words: [dotacja]}, do: {queue: pracodawcy, tags: [dotacje], priority: low}}
default: {queue: bezrobotni}
"""


async def test_a_further_message_gets_a_conversation_of_its_own(here: Here) -> None:
    await here.rules(SPLIT)
    first = await here.one(mail(1))
    second = await here.one(mail(2, text="Teraz o czym innym: dotacja na firmę.", answers=["1"]))
    assert second != first
    row = await here.conversation(second)
    assert (row.queue, row.priority, row.previous, row.status) == ("pracodawcy", 1, first, "open")
    assert await here.tags(second) == ["osobno", "dotacje"]
    assert await here.tags(first) == []
    (here_line,), (away,) = await here.lines(second), await here.lines(first)
    assert (here_line["what"], here_line["rule"]) == ("split-here", "Osobna sprawa")
    assert (away["what"], away["reference"]) == ("split-away", row.reference)
    assert len(await here.traces(second)) == 2
    # What answers it belongs to the new one; the old thread goes on.
    assert await here.one(mail(3, text="I załącznik.", answers=["2"])) == second
    assert await here.one(mail(4, text="Co z moim zasiłkiem?", answers=["1"])) == first
    # Put back as if an agent had moved it.
    await here.store.write(lambda tx: move_back(tx, here.house, SYSTEM, second))
    assert (await here.conversation(second)).merged_into == first


async def test_an_unwanted_split_does_not_happen_to_a_new_one(here: Here) -> None:
    await here.rules(SPLIT)
    only = await here.one(mail(1, text="dotacja na firmę"))
    assert (await here.conversation(only)).previous is None


# --- the rest ----------------------------------------------------------------------------------------------------

DEEDS = """
rules:
  - id: deeds
    name: Czyny
    when: {words: [dotacja]}
    do: {assign: ala, set_contact: {typ: firma, miasto: Łomża}, timer: {pilnuj: 2h, sprawdź: 1d}}
  - {id: known, name: Znany, when: {contact: {typ: firma}}, do: {queue: pracodawcy}}
  - {id: again, name: Znowu, on: timer, when: {timer: [pilnuj, sprawdź]}, do: {tags: [przypomnienie]}}
default: {queue: bezrobotni}
"""


async def test_assigning_noting_and_timers(here: Here) -> None:
    ala = await here.store.write(lambda tx: add_person(tx, "ala", queues=("bezrobotni",)))
    await here.intake.refresh_load()
    await here.rules(DEEDS)
    receipts = await here.feed(mail(1, text="dotacja"), mail(2, text="a teraz co innego"))
    first, second = (receipt.conversation or 0 for receipt in receipts)
    row = await here.conversation(first)
    assert row.assignee == ala
    assert (await here.conversation(second)).queue == "pracodawcy"
    contact = schema.contact
    (person,) = await here.rows(select(contact.c.attributes).where(contact.c.id == row.contact))
    assert msgspec.json.decode(person.attributes) == {"typ": "firma", "miasto": "Łomża"}
    assert {timer.subject for timer in await here.waiting_timers("rules:pilnuj")} == {first}
    await here.effects()
    told = await here.rows(select(schema.notification.c.user, schema.notification.c.kind))
    assert [tuple(row) for row in told] == [(ala, "rule")]
    await here.later(hours=2)
    assert await here.tags(first) == ["przypomnienie"]
    assert await here.tags(second) == []


async def test_nobody_of_that_name_is_a_fault_and_no_assignee(here: Here) -> None:
    await here.rules(DEEDS)
    number = await here.one(mail(1, text="dotacja"))
    assert (await here.conversation(number)).assignee is None
    (trace,) = await here.traces(number)
    assert [(fault.rule, fault.action) for fault in trace.faults] == [("deeds", "assign")]


async def test_an_agent_of_another_office_is_not_assigned(here: Here) -> None:
    await here.store.write(lambda tx: add_person(tx, "ala", office="pup-suwalki"))
    await here.intake.refresh_load()
    await here.rules(DEEDS)
    assert (await here.conversation(await here.one(mail(1, text="dotacja")))).assignee is None


CALL = """
rules:
  - {id: call, name: Zadzwońmy, when: {words: [zadzwońcie]}, do: {callback: {topic: Dotacje, in: 30m}}}
default: {queue: bezrobotni}
"""


async def calls(here: Here) -> list[Any]:
    return await here.rows(select(schema.callback).order_by(schema.callback.c.id))


async def test_a_call_to_the_number_that_the_person_wrote_from(both: Here) -> None:
    await both.rules(CALL)
    number = await both.one(said(1, "Proszę, zadzwońcie do mnie."))
    (call,) = await calls(both)
    assert (call.number, call.topic, call.conversation, call.state) == (
        "+48500100200",
        "Dotacje",
        number,
        "scheduled",
    )
    assert call.wished_at == both.clock.now() + HOUR // 2
    assert [line["what"] for line in await both.lines(number)] == ["callback-wanted", "callback-ordered"]


async def test_a_call_to_the_only_number_in_the_text(here: Here) -> None:
    await here.rules(CALL)
    await here.one(mail(1, text="Proszę, zadzwońcie: 500 100 300. Powtarzam: +48 500-100-300."))
    (call,) = await calls(here)
    assert call.number == "+48500100300"


@pytest.mark.parametrize(
    "text", ["Proszę, zadzwońcie.", "zadzwońcie: 500 100 300 albo 500 100 400", "zadzwońcie: 0 700 123 456"]
)
async def test_without_a_number_the_form_is_offered_once_a_day(
    store: Store, clock: FakeClock, text: str
) -> None:
    here = Here(store, clock, WITH_CALLS)
    await here.rules(CALL)
    number = await here.one(mail(1, text=text))
    again = await here.one(mail(2, text=text))
    await here.effects()
    assert await calls(here) == []
    (notice,) = await here.sent(number)
    assert "/embed/callback/oddzwonienie" in notice.text
    assert await here.sent(again) == []
    assert [line["what"] for line in await here.lines(number)] == ["callback-offered-form"]


async def test_without_a_number_and_a_form_a_line_says_so(here: Here) -> None:
    await here.rules(CALL)
    number = await here.one(mail(1, text="Proszę, zadzwońcie."))
    assert [line["what"] for line in await here.lines(number)] == ["callback-impossible"]


async def test_a_machine_is_not_called(here: Here) -> None:
    await here.rules(CALL)
    await here.one(mail(1, text="zadzwońcie: 500 100 300", automatic="auto-reply"))
    assert await calls(here) == []


async def test_a_timer_orders_a_call_too_and_only_one(both: Here) -> None:
    await both.rules("""
rules:
  - {id: four, name: Po czterech, on: timer, when: {unanswered: 4h}, do: {callback: true}, then: continue}
  - {id: five, name: Po pięciu, on: timer, when: {unanswered: 5h}, do: {callback: true}, then: continue}
default: {queue: bezrobotni}
""")
    await both.one(said(1))
    await both.later(hours=6)
    (call,) = await calls(both)
    assert call.number == "+48500100200"


# --- facts -------------------------------------------------------------------------------------------------------


async def facts_of(here: Here, number: int) -> Facts:
    (stored, *_) = await here.store.read(lambda tx: of_conversation(tx, number))
    return stored.facts


async def test_ages_of_earlier_conversations(here: Here) -> None:
    for days in (80, 40, 35, 1):
        await here.one(mail(f"old-{days}"))
        here.clock.move(days=days - {80: 40, 40: 35, 35: 1, 1: 0}[days])
    facts = await facts_of(here, await here.one(mail("now")))
    assert facts.history_ages == (1, 35, 40, 80)
    assert (facts.history_count, facts.returning) == (1, True)
    here.clock.move(days=40)
    facts = await facts_of(here, await here.one(mail("later")))
    assert facts.history_ages == (40, 41, 75, 80)
    assert (facts.history_count, facts.returning) == (0, False)


async def test_how_long_the_oldest_of_a_queue_has_waited(here: Here) -> None:
    await here.rules(
        "rules: [{id: full, name: Pełno, when: {queue_waiting: {bezrobotni: {min: 1h}}}, do: {queue: pracodawcy}}]\n"
        "default: {queue: bezrobotni}"
    )
    assert (await here.conversation(await here.one(mail(1)))).queue == "bezrobotni"
    here.clock.move(minutes=61)
    await here.intake.refresh_load()
    assert (await here.store.read(read_load)).oldest == {"bezrobotni": 61}
    number = await here.one(mail(2, sender="b@example.pl"))
    assert (await here.conversation(number)).queue == "pracodawcy"
    assert (await facts_of(here, number)).queue_waiting == {"bezrobotni": 61}


async def test_a_queue_in_which_nothing_waits_is_known_to_be_empty(here: Here) -> None:
    await here.rules("""
rules: [{id: free, name: Wolne, when: {queue_load: {pracodawcy: {max: 5}}}, do: {queue: pracodawcy}}]
default: {queue: bezrobotni}
""")
    number = await here.one(mail(1))
    assert (await here.conversation(number)).queue == "pracodawcy"
    assert [trace.faults for trace in await here.traces(number)] == [()]
    (stored,) = await here.store.read(lambda tx: of_conversation(tx, number))
    assert stored.facts.queue_load.get("pracodawcy") == 0


async def test_a_reply_to_our_automatic_answer_is_known(here: Here) -> None:
    await here.rules("rules: [{id: a, name: A, do: {answer: acknowledgement}}]\ndefault: {queue: bezrobotni}")
    number = await here.one(mail(1))
    await here.effects()
    await here.one(mail(2, answers=["1"]))
    assert (await facts_of(here, number)).reply_to_automatic
    own = {"kind": "outbound", "number": 9, "conversation": number, "automatic": "no", "channel": "email"}
    rest = {
        "at": here.clock.now(),
        "subject": "",
        "text": "Słowa konsultanta",
        "recipients": "[]",
        "language": "",
    }
    await here.store.write(lambda tx: tx.add(schema.message, own | rest))
    await here.store.write(lambda tx: tx.change(schema.conversation, number, messages=9))
    here.clock.move(minutes=1)
    await here.one(mail(3, answers=["1"]))
    assert not (await facts_of(here, number)).reply_to_automatic


async def test_an_attachment_and_fields_are_kept_with_a_timer_decision(here: Here) -> None:
    await here.rules("""
rules: [{id: t, name: T, on: timer, when: {unanswered: 1h, attachment: {type: [image/*]}}, do: {tags: [obraz]}}]
default: {queue: bezrobotni}
""")
    file = Attachment(filename="skan.png", content_type="image/png", size=3, content=b"abc")
    number = await here.one(mail(1, attachments=(file,)))
    await here.later(hours=1)
    assert await here.tags(number) == ["obraz"]


BUTTON = """
rules:
  - {id: wants, name: Chce, when: {button: [Tak]}, do: {queue: pracodawcy, tags: [chce]}}
default: {queue: bezrobotni}
"""


async def test_a_pressed_button_is_told_from_the_word(both: Here) -> None:
    await both.rules(BUTTON)
    pressed = await both.one(said(1, "Tak", choice="choice-1"))
    written = await both.one(said(2, "Tak", sender="+48500100201"))
    assert (await both.conversation(pressed)).queue == "pracodawcy"
    assert (await both.conversation(written)).queue == "bezrobotni"
    facts = (await both.store.read(lambda tx: of_conversation(tx, pressed)))[0].facts
    assert facts.button == ("choice-1", "Tak")
