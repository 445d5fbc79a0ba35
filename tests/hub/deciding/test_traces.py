"""Stored decisions decided again: with the facts and the version of their time they say the same, for every event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select

from connectors.contract import CommentPlace, Edit, InboxId, Message, Party
from hub.desk.actions import resolve, tag
from hub.replay.stored import Snapshots, by_ids
from hub.ruleset.hits import failing, hits
from hub.ruleset.versions import source_of
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader
from rules import Compiled, decode_trace, evaluate
from tests.hub.conftest import FakeClock
from tests.hub.deciding.conftest import Here
from tests.hub.intake.conftest import mail
from tests.hub.specimen import compiled

EVERYTHING = """
rules:
  - {id: w, name: W, on: [new, message, edit], when: {words: [dotacja, zasiłek]}, do: {tags: [słowo]}, then: continue}
  - id: personal
    name: P
    on: [new, message, edit, status, timer]
    when: {any: [{pesel: true}, {phone: true}]}
    do: {tags: [dane]}
    then: continue
  - id: back
    name: B
    on: [new, message]
    when: {any: [{returning: true}, {history: {min: 1, days: 60}}]}
    do: {tags: [powrót], priority: high}
    then: continue
  - id: busy
    name: L
    on: [new, message, edit, status, timer]
    when: {any: [{queue_load: {bezrobotni: {min: 1}}}, {queue_waiting: {bezrobotni: {min: 10m}}}]}
    do: {tags: [tłok]}
    then: continue
  - {id: split, name: S, on: message, when: {words: [osobno]}, do: {split: true, tags: [osobno]}, then: continue}
  - {id: auto, name: A, on: message, when: {reply_to_automatic: true}, do: {tags: [po-automacie]}, then: continue}
  - {id: closed, on: status, when: {status: resolved, status_from: open}, do: {tags: [zamknięte]}, then: continue}
  - {id: tagged, on: status, when: {tag_added: vip}, do: {queue: pracodawcy, timer: {vip: 1h}}, then: continue}
  - {id: wait, name: U, on: timer, when: {unanswered: 2h}, do: {priority: urgent, tags: [czeka]}, then: continue}
  - id: open
    name: O
    on: timer
    when: {unanswered: {min: 90m, open_hours: true}}
    do: {tags: [otwarte]}
    then: continue
  - {id: vip, name: V, on: timer, when: {timer: vip}, do: {tags: [vip-minął]}, then: continue}
  - {id: hours, name: H, when: {hours: 06:00-23:00, days: [mon, tue]}, do: {answer: acknowledgement}, then: continue}
default: {queue: bezrobotni}
"""


def comment(number: int, text: str) -> Message:
    place = CommentPlace(
        article="a1", title="Zasiłek od stycznia", url="https://example.pl/a", section="prawo"
    )
    sender = Party(kind="web", address="gość", name="Gość")
    return Message(
        inbox=InboxId("artykuly"), external_id=f"c{number}", sender=sender, text=text, comment=place
    )


async def a_long_story(here: Here) -> None:
    """Every kind of event, over some days, with rules that change in between."""
    await here.rules(EVERYTHING)
    first = await here.one(mail(1, text="Dotacja? PESEL 44051401359."))
    await here.effects()
    await here.intake.refresh_load()
    here.clock.move(minutes=20)
    await here.one(mail(2, text="Dziękuję, a zasiłek?", answers=["1"]))
    await here.one(mail(3, text="A osobno: telefon 500 100 200.", answers=["1"]))
    here.clock.move(minutes=5)
    sender = Party(kind="email", address="jan@example.pl")
    for again, text in enumerate(["Nic.", "Jednak zasiłek.", "Nic."]):
        await here.feed(
            Edit(inbox=InboxId("kontakt"), external_id=f"e{again}", target="id-2", sender=sender, text=text)
        )
    await here.act(lambda tx: tag(tx, SYSTEM, [first], add=["vip"]))
    await here.later(hours=1, minutes=10)
    await here.later(hours=3)
    await here.act(lambda tx: resolve(tx, SYSTEM, [first]))
    await here.one(comment(1, "Mój PESEL 44051401359, telefon 500 100 200."))
    await here.rules(EVERYTHING.replace("dotacja, zasiłek", "praca"))
    await here.intake.refresh_load()
    here.clock.move(days=3)
    await here.one(mail(4, text="Praca i zasiłek", answers=["1"]))
    await here.later(hours=3)


async def test_every_decision_says_the_same_again(here: Here) -> None:
    await a_long_story(here)
    ids = [row.id for row in await here.rows(select(schema.trace.c.id))]
    stored = await here.store.read(lambda tx: by_ids(tx, Snapshots(), ids))
    assert {item.facts.on for item in stored} == {"new", "message", "edit", "status", "timer"}
    sets: Mapping[int, Compiled] = await here.store.read(_sets)
    assert len(sets) == 2
    for item in stored:
        before, again = decode_trace(item.trace), evaluate(sets[item.version], item.facts)
        assert again.trace.winners == before.winners, item.facts
        assert again.trace.matched == before.matched, item.facts
    seen = {rule for item in stored for match in decode_trace(item.trace).matched for rule in [match.rule]}
    assert seen == {rule.id for rule in sets[1].ruleset.rules}


def _sets(tx: Reader) -> dict[int, Compiled]:
    numbers = [row.version for row in tx.rows(select(schema.ruleset.c.version))]
    return {number: compiled(source_of(tx, number) or "") for number in numbers}


# --- counting ----------------------------------------------------------------------------------------------------

COUNTED = """
rules:
  - {id: a, name: A, on: [new, message, status], do: {tags: [a]}, then: continue}
  - {id: b, name: B, when: {words: [dotacja]}, do: {queue: pracodawcy}}
  - {id: odd, name: Dziwna, when: {queue_load: {nigdzie: {min: 1}}}, do: {queue: pracodawcy}}
default: {queue: bezrobotni}
"""


async def test_hits_are_counted_by_day(here: Here) -> None:
    await here.rules(COUNTED)
    number = (await here.feed(mail(1), mail(2, text="dotacja"), mail(3, answers=["1"])))[0].conversation or 0
    await here.act(lambda tx: tag(tx, SYSTEM, [number], add=["x"]))
    at = here.clock.now()
    assert await here.store.read(hits) == {"a": (4, at), "b": (1, at), "default": (1, at)}
    here.clock.move(days=7)
    await here.one(mail(4, sender="b@example.pl"))
    now = here.clock.now()
    assert await here.store.read(hits) == {"a": (1, now), "b": (0, at), "default": (1, now)}
    assert (await here.store.read(lambda tx: hits(tx, 30)))["a"] == (5, now)


async def test_one_row_a_rule_whatever_the_number_of_messages(store: Store, clock: FakeClock) -> None:
    """Before the first snapshot of the load a rule that asks for it cannot be evaluated, and is counted as such."""
    here = Here(store, clock)
    await here.rules(COUNTED)
    await here.feed(*(mail(number, sender=f"p{number}@example.pl") for number in range(50)))
    rows = await here.rows(select(schema.rule_hit))
    assert {(row.rule, row.hits, row.faults) for row in rows} == {
        ("a", 50, 0),
        ("default", 50, 0),
        ("odd", 0, 50),
    }
    (found,) = await store.read(failing)
    assert (found.rule, str(found.why)) == ("odd", "queue_load.nigdzie is not known")


async def test_what_is_undone_is_not_counted(here: Here) -> None:
    await here.rules(COUNTED)

    def broken(tx: Any) -> None:
        tag(tx, SYSTEM, [number], add=["x"])
        raise RuntimeError

    number = await here.one(mail(1))
    before = await here.rows(select(schema.rule_hit))
    with pytest.raises(RuntimeError):
        await here.store.write(broken)
    await here.effects()
    assert await here.rows(select(schema.rule_hit)) == before
