"""Why is this here, and what would happen if: decisions whole, by the rules as they were then, without effect."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from hub.house import House
from hub.logs import logger
from hub.outbox.effects import run_inside
from hub.outbox.handlers import INSIDE
from hub.replay.stored import of_conversation
from hub.ruleset import open_draft
from hub.scope import Scope
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader, Tx
from hub.web.desk import Desk
from hub.web.verdict_words import time_seen
from tests.hub.conftest import FakeClock
from tests.hub.intake.conftest import mail
from tests.hub.replay.conftest import AFTER, BEFORE, World, url_of


@pytest.fixture
async def world(sqlite_store: Store, clock: FakeClock, sqlite_path: Path, tmp_path: Path) -> World:
    one = World(sqlite_store, clock, url_of(sqlite_store, sqlite_path), tmp_path)
    await one.publish(BEFORE)
    return one


@pytest.fixture
def house(world: World) -> House:
    return world.house


@pytest.fixture
def desk(desk: Desk, world: World) -> Desk:
    """A console that takes over what is published."""
    return msgspec.structs.replace(desk, house=lambda: world.house)


@pytest.fixture
async def written(world: World) -> int:
    """The conversation of a mail that rule "firmy" took."""
    await world.feed([mail(1, text="Moja firma prosi o pomoc, szukamy pracowników.")])
    return await world.store.read(lambda tx: int(tx.scalar(select(schema.conversation.c.id))))


@pytest.fixture
async def decision(world: World, written: int) -> int:
    return (await world.store.read(lambda tx: of_conversation(tx, written)))[0].id


async def rows(store: Store) -> list[int]:
    """How many rows the tables have that a decision writes."""
    tables = (schema.trace, schema.message, schema.conversation, schema.event)

    def query(tx: Reader) -> list[int]:
        return [int(tx.scalar(select(func.count()).select_from(table))) for table in tables]

    return await store.read(query)


async def test_every_decision_leads_to_the_whole_of_it(
    enter: Callable[[str], Any], written: int, decision: int
) -> None:
    agent = await enter("agent")
    status, page = await agent.get(f"/conversations/{written}/why")
    assert status == 200
    assert f"/conversations/{written}/why/{decision}" in page
    assert "nowe zgłoszenie" in page and "Firmy" in page
    assert "/admin/" not in page.partition("<main")[2]


async def test_a_reopened_conversation_is_said_to_stay_where_it_is(
    enter: Callable[[str], Any], world: World, written: int, decision: int
) -> None:
    def resolved(tx: Tx) -> None:
        tx.change(schema.conversation, written, status="resolved", resolved_at=tx.now)

    await world.store.write(resolved)
    await world.feed([mail(2, text="A do kiedy mam czekać na wypłatę?", answers=(1,))])
    later, first = await world.store.read(lambda tx: of_conversation(tx, written))
    assert (later.facts.on, later.opened, first.opened) == ("new", False, True)
    agent = await enter("agent")
    stayed = "Zgłoszenie już istniało: zostało w swojej kolejce"
    _, page = await agent.get(f"/conversations/{written}/why")
    assert page.count(stayed) == 1
    _, page = await agent.get(f"/conversations/{written}/why/{later.id}")
    assert stayed in page
    _, page = await agent.get(f"/conversations/{written}/why/{first.id}")
    assert stayed not in page


async def test_a_long_history_is_shown_on_demand(
    enter: Callable[[str], Any], world: World, written: int, decision: int
) -> None:
    columns = [column.name for column in schema.trace.c if column.name != "id"]

    def command(tx: Tx) -> None:
        row = tx.row(select(schema.trace).where(schema.trace.c.id == decision))
        assert row is not None
        for _ in range(25):
            tx.add(schema.trace, {name: getattr(row, name) for name in columns})

    await world.store.write(command)
    agent = await enter("agent")
    _, page = await agent.get(f"/conversations/{written}/why")
    older = f'href="/conversations/{written}/why?all=true"'
    assert page.count('class="decision"') == 20 and older in page
    _, page = await agent.get(f"/conversations/{written}/why?all=true")
    assert page.count('class="decision"') == 26 and older not in page


async def test_an_agent_sees_what_every_rule_said(
    enter: Callable[[str], Any], written: int, decision: int
) -> None:
    agent = await enter("agent")
    status, page = await agent.get(f"/conversations/{written}/why/{decision}")
    assert status == 200
    assert "pasuje" in page and "nie pasuje" in page
    assert "natychmiast" in page, "what the failed rule wanted"
    assert "żadne z nich" in page or "żadnego z nich" in page, "what it saw instead"
    assert "/admin/" not in page.partition("<main")[2]
    _, page = await agent.get(f"/conversations/{written}/why/{decision}?q=pilne")
    assert "<td>" in page and "natychmiast" in page
    _, page = await agent.get(f"/conversations/{written}/why/{decision}?state=matched")
    assert "natychmiast" not in page


TELLING = """
rules:
  - id: poczta
    name: Poczta
    when: {all: [{channel: email}, {reply_to_automatic: false}]}
    do: {notify: [supervisor, pracodawcy]}
    then: continue
  - id: czat
    name: Z czatu
    when: {channel: chat}
    do: {tags: [czat]}
default: {queue: bezrobotni}
"""


async def test_what_rules_saw_is_told_in_words_not_in_codes(
    enter: Callable[[str], Any], world: World
) -> None:
    await world.publish(TELLING)
    await world.feed([mail(1, text="Proszę o pomoc.")])
    number = await world.store.read(lambda tx: int(tx.scalar(select(schema.conversation.c.id))))
    decided = (await world.store.read(lambda tx: of_conversation(tx, number)))[0].id
    agent = await enter("agent")
    _, short = await agent.get(f"/conversations/{number}/why")
    assert "Kanał: E-mail" in short and "Odpowiedź na odpowiedź automatyczną: nie" in short
    _, whole = await agent.get(f"/conversations/{number}/why/{decided}")
    assert "Kierownicy zmiany, Pracodawcy" in whole
    assert "<dd>Czat</dd>" in whole and "<dd>E-mail</dd>" in whole


async def test_a_call_of_a_rule_names_it_and_leads_to_the_reasons(
    enter: Callable[[str], Any], world: World
) -> None:
    await world.publish(TELLING)
    await world.feed([mail(1, text="Proszę o pomoc.")])
    supervisor, agent = await enter("supervisor"), await enter("agent")
    await world.store.write(lambda tx: run_inside(tx, world.house, INSIDE, logger("test")))
    number = await world.store.read(lambda tx: int(tx.scalar(select(schema.conversation.c.id))))
    for browser in (supervisor, agent):
        _, page = await browser.get("/notifications")
        assert "Reguła: Poczta" in page and f'href="/conversations/{number}/why"' in page
        _, newest = await browser.get("/notifications/newest")
        assert msgspec.json.decode(newest)["newest"]["because"] == "Reguła: Poczta"


async def test_the_default_of_the_rule_set_calls_by_what_it_is(
    enter: Callable[[str], Any], world: World
) -> None:
    await world.publish("rules: []\ndefault: {queue: bezrobotni, notify: [supervisor]}\n")
    await world.feed([mail(1, text="Proszę o pomoc.")])
    supervisor = await enter("supervisor")
    await world.store.write(lambda tx: run_inside(tx, world.house, INSIDE, logger("test")))
    _, page = await supervisor.get("/notifications")
    assert "Reguła: domyślna zestawu reguł" in page


async def test_an_administrator_gets_from_there_to_the_rules(
    enter: Callable[[str], Any], written: int, decision: int
) -> None:
    page = (await (await enter("administrator")).get(f"/conversations/{written}/why/{decision}"))[1]
    assert "/admin/rules#rule-firmy" in page
    assert f"/admin/rules/try?decision={decision}" in page


async def test_rules_of_long_ago_are_asked_as_they_were(
    enter: Callable[[str], Any], world: World, written: int, decision: int
) -> None:
    gone = BEFORE.replace("queue: pracodawcy", "queue: zamknieta")
    await world.publish(AFTER)
    await world.store.write(
        lambda tx: tx.execute(
            schema.ruleset.update().where(schema.ruleset.c.version == 1).values(source=gone)
        )
    )
    status, page = await (await enter("administrator")).get(f"/conversations/{written}/why/{decision}")
    assert status == 200
    assert "/admin/rules/versions/1#rule-firmy" in page
    assert "Reklamy" not in page
    assert "zamknieta" in page, "a queue that is no more is told by its name of then"


async def test_only_decisions_about_it(enter: Callable[[str], Any], written: int, decision: int) -> None:
    agent = await enter("agent")
    for path in (f"{written}/why/{decision + 99}", f"{written}/why/x", f"{written + 1}/why/{decision}"):
        assert (await agent.get(f"/conversations/{path}"))[0] == 404


async def test_a_typed_message(enter: Callable[[str], Any], world: World) -> None:
    administrator = await enter("administrator")
    before = await rows(world.store)
    status, page = await administrator.post(
        "/admin/rules/try",
        {"rules": "published", "inbox": "kontakt", "text": "Firma potrzebuje odpowiedzi natychmiast!"},
    )
    assert status == 200
    assert 'id="result"' in page
    assert "Firmy" in page and "pilne" in page
    assert await rows(world.store) == before


async def test_two_versions_side_by_side(
    enter: Callable[[str], Any], world: World, people: dict[str, int]
) -> None:
    scope = Scope(user=people["administrator"], role="administrator", office="krajowa", front=True)
    draft = await world.store.write(lambda tx: open_draft(tx, scope, source=AFTER))
    status, page = await (await enter("administrator")).post(
        "/admin/rules/try",
        {"rules": "published", "against": f"draft-{draft.id}", "text": "Promocja! Kup teraz."},
    )
    assert status == 200
    assert "Reklamy" in page and "nie ma jej" in page
    assert "Firmy" in page, "what an earlier rule now ends"


async def test_a_message_that_came_is_changed(
    enter: Callable[[str], Any], world: World, decision: int
) -> None:
    administrator = await enter("administrator")
    status, page = await administrator.get(f"/admin/rules/try?decision={decision}")
    assert status == 200
    assert "szukamy pracowników" in page
    status, page = await administrator.post(
        "/admin/rules/try",
        {"decision": str(decision), "rules": "version-1", "text": "Nic takiego.", "on": "new"},
    )
    assert status == 200
    assert "Nie pasuje żadna reguła" in page


@pytest.mark.parametrize(
    "odd", [{"at": "0001-01-01T00:00"}, {"further": "local_date: 2026-01-05"}, {"further": "local_date: x"}]
)
async def test_a_day_that_no_clock_knows_leaves_the_rest_unknown(
    enter: Callable[[str], Any], odd: dict[str, str]
) -> None:
    assert (await (await enter("administrator")).post("/admin/rules/try", {"text": "a", **odd}))[0] == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": "wczoraj"},
        {"further": "history: wiele"},
        {"further": "- a\n- b"},
        {"further": "{{{"},
        {"further": "nonsense: 1"},
        {"text": "x" * 70_000},
    ],
)
async def test_what_no_message_can_be(enter: Callable[[str], Any], wrong: dict[str, str]) -> None:
    status, page = await (await enter("administrator")).post("/admin/rules/try", {"text": "a", **wrong})
    assert status == 422
    assert 'role="alert"' in page


@pytest.mark.parametrize("rules", ["draft-99", "version-99", "draft-x", "", "x"])
async def test_rules_that_are_not_there(enter: Callable[[str], Any], rules: str) -> None:
    assert (await (await enter("administrator")).post("/admin/rules/try", {"text": "a", "rules": rules}))[
        0
    ] == 404


async def test_only_administrators_try(enter: Callable[[str], Any]) -> None:
    for login in ("agent", "supervisor"):
        person = await enter(login)
        assert (await person.get("/admin/rules/try"))[0] == 403
        assert (await person.post("/admin/rules/try", {"text": "a"}))[0] == 403


def test_a_condition_that_saw_minutes_tells_a_length_of_time() -> None:
    assert time_seen("960", "pl") == "16\u00a0godz."
    assert time_seen("0", "pl") == "0\u00a0s"
    assert time_seen("4h", "pl") == "4h"
