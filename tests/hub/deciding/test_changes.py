"""Rules on changed states and on edits: what they are asked, what they may do, and that they never run in a circle."""

from __future__ import annotations

from sqlalchemy import select

from connectors.contract import Edit, InboxId, Party
from hub.desk.actions import Settable, resolve, set_status, snooze, tag
from hub.desk.merging import merge_conversations
from hub.desk.row import change
from hub.replay.stored import of_conversation
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.tx import Tx
from tests.hub.deciding.conftest import Here
from tests.hub.intake.conftest import mail
from tests.hub.specimen import add_person

STATUS = """
rules:
  - id: closed
    name: Zamknięte
    on: status
    when: {status: resolved, status_from: open}
    do: {tags: [ocena]}
    then: continue
  - id: tagged
    name: Skarga
    on: status
    when: {tag_added: skarga}
    do: {queue: pracodawcy, priority: high, assign: kierownik, tier: 2, topic: skarga, notify: [supervisor]}
    then: continue
  - id: untagged
    name: Po skardze
    on: status
    when: {tag_removed: skarga}
    do: {priority: low}
    then: continue
  - id: spamlike
    name: Reklama
    on: status
    when: {tag_added: reklama}
    do: {spam: true}
  - id: done
    name: Gotowe
    on: status
    when: {tag_added: gotowe, status: open}
    do: {close: true}
default: {queue: bezrobotni}
"""


async def person(here: Here, login: str, role: str = "agent", queues: tuple[str, ...] = ()) -> int:
    found: int = await here.store.write(lambda tx: add_person(tx, login, role=role, queues=queues))
    return found


async def in_distress(here: Here, number: int) -> None:
    await here.store.write(lambda tx: tx.change(schema.conversation, number, protocol="kryzys"))


async def test_a_changed_status_is_seen_with_what_it_was(here: Here) -> None:
    await here.rules(STATUS)
    number = await here.one(mail(1))
    await here.act(lambda tx: resolve(tx, SYSTEM, [number]))
    assert await here.tags(number) == ["ocena"]
    (stored, *_) = await here.store.read(lambda tx: of_conversation(tx, number))
    facts = stored.facts
    assert (facts.on, facts.status, facts.status_before) == ("status", "resolved", "open")
    assert facts.text.startswith("Dzień dobry")
    assert (facts.sender_address, facts.inbox) == ("jan@example.pl", "kontakt")


async def test_a_tag_moves_assigns_and_tells(here: Here) -> None:
    await here.rules(STATUS)
    chief = await person(here, "kierownik", "supervisor")
    number = await here.one(mail(1))
    await here.act(lambda tx: tag(tx, SYSTEM, [number], add=["Skarga"]))
    row = await here.conversation(number)
    assert (row.queue, row.priority, row.assignee, row.tier, row.topic) == (
        "pracodawcy",
        1,
        chief,
        2,
        "skarga",
    )
    lines = await here.lines(number)
    assert [line["what"] for line in lines] == ["tagged", "transferred", "priority", "assigned"]
    assert {line.get("rule") for line in lines[1:]} == {"Skarga"}
    told = await here.rows(select(schema.notification.c.kind).where(schema.notification.c.user == chief))
    assert {row.kind for row in told} == {"assigned", "rule"}


async def test_a_tag_that_goes_is_seen(here: Here) -> None:
    await here.rules(STATUS)
    number = await here.one(mail(1))
    await here.act(lambda tx: tag(tx, SYSTEM, [number], add=["skarga"]))
    await here.act(lambda tx: tag(tx, SYSTEM, [number], remove=["skarga"]))
    assert (await here.conversation(number)).priority == -1


async def test_what_a_rule_changes_makes_no_rule_run_again(here: Here) -> None:
    """Two rules that would chase each other for ever."""
    await here.rules("""
rules:
  - {id: a, name: A, on: status, when: {any: [{tag_added: b}, {tag_added: start}]}, do: {tags: [a], close: true}}
  - {id: b, name: B, on: status, when: {any: [{tag_added: a}, {status: resolved}]}, do: {tags: [b]}}
default: {queue: bezrobotni}
""")
    number = await here.one(mail(1))
    await here.act(lambda tx: tag(tx, SYSTEM, [number], add=["start"]))
    assert await here.tags(number) == ["a", "start"]
    assert len(await here.effect_rows("decide")) == 1


async def test_several_changes_in_one_transaction_are_one(here: Here) -> None:
    await here.rules(STATUS)
    number = await here.one(mail(1))

    def there_and_back(tx: Tx) -> None:
        for status in ("waiting-citizen", "open"):
            kept: Settable = "open" if status == "open" else "waiting-citizen"
            set_status(tx, SYSTEM, [number], kept)
        tag(tx, SYSTEM, [number], add=["x"])
        tag(tx, SYSTEM, [number], add=["y"], remove=["x"])

    await here.store.write(there_and_back)
    (order,) = await here.effect_rows("decide")
    assert order.data == '{"before":"open","status":"open","added":["y"]}'


async def test_what_is_undone_in_the_same_transaction_is_no_change(here: Here) -> None:
    await here.rules(STATUS)
    number = await here.one(mail(1))

    def back(tx: Tx) -> None:
        tag(tx, SYSTEM, [number], add=["x"])
        tag(tx, SYSTEM, [number], remove=["x"])

    await here.store.write(back)
    assert await here.effect_rows("decide") == []


async def test_without_such_rules_nothing_is_ordered(here: Here) -> None:
    number = await here.one(mail(1))
    await here.act(lambda tx: resolve(tx, SYSTEM, [number]))
    assert await here.effect_rows("decide") == []


async def test_the_system_s_own_changes_count(here: Here) -> None:
    """A snooze that ends and a mail that came back are changes like an agent's."""
    await here.rules("""
rules:
  - {id: woke, name: Obudzone, on: status, when: {status_from: snoozed, status: open}, do: {tags: [woke]}}
default: {queue: bezrobotni}
""")
    number = await here.one(mail(1))
    await here.act(lambda tx: snooze(tx, here.house, SYSTEM, [number]))
    await here.later(days=2)
    assert await here.tags(number) == ["woke"]


async def test_a_citizens_message_is_a_message_and_no_status(here: Here) -> None:
    await here.rules("""
rules:
  - {id: status, name: S, on: status, do: {tags: [status]}, then: continue}
  - {id: message, name: M, on: message, do: {tags: [message]}, then: continue}
default: {queue: bezrobotni}
""")
    number = await here.one(mail(1))
    await here.store.write(lambda tx: change(tx, SYSTEM, number, priority=2))
    await here.one(mail(2, answers=["1"]))
    await here.effects()
    assert await here.tags(number) == ["message"]


async def test_spam_and_close_by_a_rule(here: Here) -> None:
    await here.rules(STATUS)
    filed, closed = await here.one(mail(1)), await here.one(mail(2, sender="b@example.pl"))
    await here.act(lambda tx: tag(tx, SYSTEM, [filed], add=["reklama"]))
    await here.act(lambda tx: tag(tx, SYSTEM, [closed], add=["gotowe"]))
    assert (await here.conversation(filed)).status == "spam"
    assert (await here.conversation(closed)).status == "resolved"


async def test_distress_is_never_closed_or_filed_away_later_either(here: Here) -> None:
    await here.rules(STATUS)
    filed, closed = await here.one(mail(1)), await here.one(mail(2, sender="b@example.pl"))
    for number in (filed, closed):
        await in_distress(here, number)
    await here.act(lambda tx: tag(tx, SYSTEM, [filed], add=["reklama"]))
    await here.act(lambda tx: tag(tx, SYSTEM, [closed], add=["gotowe"]))
    for number in (filed, closed):
        assert (await here.conversation(number)).status == "open"
        assert [fault.action for fault in (await here.traces(number))[-1].faults] in (["spam"], ["close"])


async def test_what_cannot_be_done_is_told_and_the_rest_is_done(here: Here) -> None:
    """Nobody is called so, and the bench takes no conversation: the priority is set all the same."""
    await here.rules("""
rules:
  - id: odd
    name: Dziwna
    on: status
    do: {queue: redakcja, assign: nikt, priority: urgent, tags: [odd]}
default: {queue: bezrobotni}
""")
    number = await here.one(mail(1))
    await here.act(lambda tx: tag(tx, SYSTEM, [number], add=["x"]))
    row = await here.conversation(number)
    assert (row.queue, row.assignee, row.priority, await here.tags(number)) == (
        "bezrobotni",
        None,
        2,
        ["odd", "x"],
    )
    faults = (await here.traces(number))[-1].faults
    assert {fault.action for fault in faults} == {"queue", "assign"}
    assert {fault.rule for fault in faults} == {"odd"}


async def test_a_rule_reopens_nothing(here: Here) -> None:
    await here.rules(
        "rules: [{id: r, name: R, on: status, do: {queue: pracodawcy}}]\ndefault: {queue: bezrobotni}"
    )
    number = await here.one(mail(1))
    await here.act(lambda tx: resolve(tx, SYSTEM, [number]))
    row = await here.conversation(number)
    assert (row.status, row.queue) == ("resolved", "bezrobotni")


async def test_a_county_office_by_a_rule_is_asked_as_by_an_agent(here: Here) -> None:
    await here.rules(
        "rules: [{id: r, name: Do powiatu, on: status, when: {tag_added: powiat}, do: {office: pup-lomza}}]\n"
        "default: {queue: bezrobotni}"
    )
    number = await here.one(mail(1))
    await here.act(lambda tx: tag(tx, SYSTEM, [number], add=["powiat"]))
    row = await here.conversation(number)
    assert (row.queue, row.office, row.status) == ("lomza", "pup-lomza", "waiting-office")
    await here.later(minutes=5)
    (notice,) = await here.sent(number)
    assert "PUP Łomża" in notice.text


async def test_merged_and_gone_conversations_are_left_alone(here: Here) -> None:
    await here.rules(STATUS)
    one, other = await here.one(mail(1)), await here.one(mail(2))
    await here.store.write(lambda tx: tag(tx, SYSTEM, [other], add=["skarga"]))
    await here.store.write(lambda tx: merge_conversations(tx, here.house, SYSTEM, one, other))
    await here.effects()
    assert (await here.conversation(other)).priority == 0


async def test_a_bulk_action_is_decided_piece_by_piece(here: Here) -> None:
    await here.rules(STATUS)
    numbers = [await here.one(mail(n, sender=f"p{n}@example.pl")) for n in range(40)]
    await here.store.write(lambda tx: tag(tx, SYSTEM, numbers, add=["skarga"]))
    assert len(await here.effect_rows("decide")) == 40
    await here.effects()
    assert {(await here.conversation(number)).queue for number in numbers} == {"pracodawcy"}


# --- edits -------------------------------------------------------------------------------------------------------


EDITED = """
rules:
  - {id: word, name: Słowo, on: [new, edit], when: {words: [dotacja]}, do: {tags: [dotacja], queue: pracodawcy}}
  - {id: distress, name: Kryzys, on: edit, when: {words: [pomocy]}, do: {distress: kryzys}}
default: {queue: bezrobotni}
"""


def edited(text: str, number: int = 1, again: int = 1) -> Edit:
    return Edit(
        inbox=InboxId("kontakt"),
        external_id=f"edit-{number}-{again}",
        target=f"id-{number}",
        sender=Party(kind="email", address="jan@example.pl"),
        text=text,
    )


async def test_an_edit_is_read_anew_and_moves_nothing(here: Here) -> None:
    await here.rules(EDITED)
    number = await here.one(mail(1))
    await here.feed(edited("A jednak: dotacja na firmę"))
    row = await here.conversation(number)
    assert (row.queue, await here.tags(number)) == ("bezrobotni", ["dotacja"])
    (line,) = await here.lines(number)
    assert (line["what"], line["add"], line["rule"]) == ("tagged", ["dotacja"], "Słowo")


async def test_distress_in_an_edit_comes_first(here: Here) -> None:
    await here.rules(EDITED)
    number = await here.one(mail(1))
    await here.feed(edited("Ratunku, pomocy"))
    row = await here.conversation(number)
    assert (row.protocol, row.priority) == ("kryzys", 3)


async def test_who_did_not_write_it_edits_nothing(here: Here) -> None:
    await here.rules(EDITED)
    number = await here.one(mail(1))
    stranger = Edit(
        inbox=InboxId("kontakt"),
        external_id="edit-x",
        target="id-1",
        sender=Party(kind="email", address="obcy@example.pl"),
        text="dotacja",
    )
    await here.feed(stranger)
    assert await here.tags(number) == []


async def test_decisions_on_edits_see_the_text_of_their_time(here: Here) -> None:
    await here.rules(EDITED)
    number = await here.one(mail(1, text="dotacja na początek"))
    here.clock.move(minutes=1)
    await here.feed(edited("nic z tego", again=1))
    here.clock.move(minutes=1)
    await here.feed(edited("jednak dotacja", again=2))
    stored = await here.store.read(lambda tx: of_conversation(tx, number))
    assert [item.facts.text for item in stored] == ["jednak dotacja", "nic z tego", "dotacja na początek"]
    assert [item.facts.on for item in stored] == ["edit", "edit", "new"]
