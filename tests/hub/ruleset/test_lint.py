"""What lint says of a rule set in a real office: who is on duty, what last month's messages say, what nobody needs."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, insert, select

import rules
from hub.calendar import moment
from hub.config import Week
from hub.deciding.existing import decide
from hub.directory import Directory, directory
from hub.intake.facts import Moment
from hub.ruleset.hits import DAY
from hub.ruleset.lint import SAMPLED, duty, idle, office, spoken, used_words, wide_words
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from hub.wordforms import FILE
from rules import RuleSet
from rules.lint.finding import Finding
from tests.hub.conftest import FakeClock
from tests.hub.intake.conftest import mail
from tests.hub.replay.conftest import World, url_of
from tests.hub.specimen import CONFIG, add_person

RULES = """
rules:
  - {id: firmy, when: {words: firma}, do: {queue: pracodawcy}}
  - {id: urzad, when: {words: [urząd, wniosek]}, do: {queue: bezrobotni}}
  - {id: smieci, when: {words: kasyno}, do: {queue: spam, spam: true}}
  - {id: lomza, when: {words: powiat}, do: {queue: lomza}}
default: {queue: bezrobotni}
"""


def loaded(text: str = RULES) -> RuleSet:
    return rules.load(text)


def told(found: Any) -> list[tuple[str, str]]:
    return [(one.code, one.rule) for one in found]


def week(store: Store, when: dt.datetime, on_duty: dict[str, int]) -> Any:
    """A write that keeps a snapshot of who was there at a moment."""
    data = msgspec.json.encode({"waiting": {}, "oldest": {}, "on_duty": on_duty}).decode()

    def command(tx: Tx) -> None:
        tx.add(schema.load_snapshot, {"at": moment(when), "data": data})

    return store.write(command)


def people(tx: Tx, *queues: str) -> None:
    """An agent for each of the queues."""
    for number, queue in enumerate(queues):
        person = add_person(tx, f"agent{number}")
        tx.execute(insert(schema.user_queue).values(user=person, queue=queue))


async def duties(store: Store, where: Directory, ruleset: RuleSet) -> list[Finding]:
    return await store.read(lambda tx: list(duty(tx, where, ruleset)))


async def test_queues_that_nobody_works(store: Store) -> None:
    await store.write(lambda tx: people(tx, "bezrobotni", "pracodawcy"))
    found = await duties(store, directory(CONFIG), loaded())
    assert told(found) == [("nobody-on-duty", "lomza")]
    assert found[0].line == 6
    assert "no active account" in str(found[0].text)


async def test_an_office_alone_is_its_own_queue(store: Store) -> None:
    text = "rules: [{id: powiat, when: {words: powiat}, do: {office: pup-lomza}}]\ndefault: {queue: bezrobotni}\n"
    await store.write(lambda tx: people(tx, "bezrobotni"))
    assert told(await duties(store, directory(CONFIG), loaded(text))) == [("nobody-on-duty", "powiat")]


OFF = """
rules:
  - section: zima
    enabled: false
    when: {words: śnieg}
    rules: [{id: lomza, when: {words: powiat}, do: {queue: lomza}}]
  - section: lato
    when: {words: słońce}
    rules: [{id: inna, do: {queue: bezrobotni}}]
default: {queue: bezrobotni}
"""


async def test_rules_of_a_section_that_is_switched_off_need_nobody(store: Store) -> None:
    await store.write(lambda tx: people(tx, "bezrobotni"))
    assert told(await duties(store, directory(CONFIG), loaded(OFF))) == []
    assert [(word, rule) for word, (_, rule, _) in used_words(loaded(OFF)).items()] == [("słońce", "lato")]


async def test_hours_at_which_nobody_was_there(store: Store, clock: FakeClock) -> None:
    """Two Mondays at nine somebody was open and alone; an hour seen once, or out of hours, says nothing."""
    await store.write(lambda tx: people(tx, "bezrobotni", "pracodawcy", "lomza"))
    now = dt.datetime.fromtimestamp(clock.now() / 1e6, dt.UTC)
    monday = (now - dt.timedelta(days=now.weekday() + 7)).replace(minute=10, second=0, microsecond=0)
    for back in (0, 7):
        day = monday - dt.timedelta(days=back)
        await week(store, day.replace(hour=8), {"bezrobotni": 2})
        await week(store, day.replace(hour=9), {"bezrobotni": 2, "pracodawcy": 1, "lomza": 1})
        await week(store, day.replace(hour=23), {})
    await week(store, monday.replace(hour=10), {"bezrobotni": 1})
    found = await duties(store, directory(CONFIG), loaded())
    assert told(found) == [("nobody-on-duty", "firmy"), ("nobody-on-duty", "lomza")]
    hour = monday.astimezone(dt.timezone(dt.timedelta(hours=1))).hour - 1
    assert str(found[0].text.values["hours"]) in (f"mon {hour:02}-{hour + 1:02}", "mon 09-10", "mon 10-11")


async def test_a_queue_that_is_never_open(store: Store) -> None:
    closed = tuple(
        msgspec.structs.replace(queue, hours=Week(mon="", tue="", wed="", thu="", fri="", sat="", sun=""))
        if queue.id == "pracodawcy"
        else queue
        for queue in CONFIG.queues
    )
    await store.write(lambda tx: people(tx, "bezrobotni", "pracodawcy", "lomza"))
    where = directory(msgspec.structs.replace(CONFIG, queues=closed))
    assert told(await duties(store, where, loaded())) == [("never-open", "firmy")]


def test_hours_are_told_in_short() -> None:
    assert str(spoken([(1, 8), (1, 9), (2, 15), (1, 12)])) == "mon 08-10, mon 12-13, tue 15-16"


async def test_rules_that_nobody_needed(store: Store) -> None:
    def command(tx: Tx, days: int) -> None:
        tx.execute(schema.ruleset.delete())
        tx.execute(schema.rule_hit.delete())
        row = {"version": 1, "state": "published", "digest": "d", "created_at": 1}
        old = RULES.replace("  - {id: smieci", "  - {id: inne, do: {queue: x}}\n#").replace("#,", "# ")
        tx.execute(insert(schema.ruleset).values(**row, source=old, published_at=tx.now - days * DAY))
        today = tx.now // DAY
        for rule, day in (("firmy", today - 100), ("lomza", today - 120), ("lomza", today - 3)):
            tx.execute(insert(schema.rule_hit).values(day=day, rule=rule, hits=1, at=day * DAY))

    await store.write(lambda tx: command(tx, 91))
    found = await store.read(lambda tx: list(idle(tx, loaded())))
    assert told(found) == [("never-hit", "firmy"), ("never-hit", "urzad")]
    await store.write(lambda tx: command(tx, 30))
    assert await store.read(lambda tx: list(idle(tx, loaded()))) == []


@pytest.fixture
async def world(store: Store, clock: FakeClock, tmp_path: Path) -> AsyncIterator[World]:
    made = World(store, clock, url_of(store, tmp_path / "hub.db"), tmp_path / "data")
    yield made


async def test_words_that_stand_in_too_many_messages(world: World) -> None:
    await world.publish(RULES)
    texts = ["W urzędach wniosek", "Firmy i urzędy", "Dzień dobry"] * 14
    await world.feed([mail(str(number), text=text) for number, text in enumerate(texts)])
    forms = Path(world.config.hub.data_dir) / FILE
    found = await wide_words(world.store, loaded(), forms)
    assert [(one.code, one.rule, one.text.values["word"], one.text.values["percent"]) for one in found] == [
        ("wide-words", "urzad", "urząd", 67)
    ]
    everything = await office(world.store, directory(world.config), loaded())
    assert {"wide-words", "nobody-on-duty"} <= {one.code for one in everything}


async def test_a_message_counts_once_however_often_it_was_decided_about(world: World) -> None:
    """A changed status has the same words read again."""
    text = RULES.replace(
        "rules:\n", "rules:\n  - {id: zmiana, on: status, do: {tags: [zmiana]}, then: continue}\n"
    )
    await world.publish(text)
    texts = ["Wniosek", *["Dzień dobry"] * 39]
    await world.feed([mail(str(number), text=text) for number, text in enumerate(texts)])

    def changed(tx: Tx) -> None:
        first = int(tx.scalar(select(func.min(schema.conversation.c.id))) or 0)
        for _ in range(40):
            decide(tx, world.house, first, "status", moment=Moment(status="resolved"))

    await world.store.write(changed)
    assert await wide_words(world.store, loaded(), Path(world.config.hub.data_dir) / FILE) == ()


async def test_few_messages_say_nothing_about_words(world: World) -> None:
    await world.publish(RULES)
    await world.feed([mail(str(number), text="urząd") for number in range(10)])
    assert await wide_words(world.store, loaded(), Path(world.config.hub.data_dir) / FILE) == ()


async def test_messages_of_long_ago_do_not_count(world: World) -> None:
    await world.publish(RULES)
    await world.feed([mail(str(number), text="urząd") for number in range(40)])
    world.clock.move(31 * 86_400.0)
    await world.feed([mail(str(number), text="nic") for number in range(35)])
    assert SAMPLED > 75
    assert await wide_words(world.store, loaded(), Path(world.config.hub.data_dir) / FILE) == ()
