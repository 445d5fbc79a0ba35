"""Supervision, administration, health and metrics as their people and machines use them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from connectors.contract import Health, Micros
from hub import audit
from hub.people.leaving import HANDLERS
from hub.ruleset.hits import Tally, write_hits
from hub.running import DAY
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from hub.timers import run_due
from hub.web.api.conversations import ENDPOINTS
from hub.web.desk import Desk
from hub.web.metrics import METRICS
from rules import Actions, Decision, Fault, Trace
from rules.text import Text
from tests.hub.conftest import FakeClock
from tests.hub.specimen import add_conversation, add_message
from tests.hub.web.conftest import Client
from tests.security.world import World

DOCS = Path(__file__).parents[3] / "docs"


async def test_the_queues_say_what_waits(
    enter: Callable[[str], Any], sqlite_store: Store, clock: FakeClock, desk: Desk
) -> None:
    def fill(tx: Any) -> None:
        add_conversation(tx, waiting_since=tx.now - 7_200_000_000, due_at=tx.now - 1)
        add_conversation(tx, due_at=tx.now + 1)
        add_conversation(tx, status="resolved")
        add_conversation(tx, office="pup-lomza", queue="lomza")

    await sqlite_store.write(fill)
    supervisor = await enter("supervisor")
    _, page = await supervisor.get("/supervisor")
    row = next(part for part in page.split("<tr>") if "/supervisor/queues/bezrobotni" in part)
    cells = re.findall(r'<td class="n".*?</td>', row, re.DOTALL)
    figures = [re.sub(r"<[^>]*>", "", cell).strip() for cell in cells]
    assert figures == ["2", "2", "1"]
    assert "2\u00a0godz." in row


async def test_an_administrator_adds_changes_and_disables(
    enter: Callable[[str], Any], sqlite_store: Store
) -> None:
    administrator = await enter("administrator")
    form = {
        "login": "Zofia.N",
        "name": "Zofia Nowa",
        "role": "agent",
        "office": "pup-lomza",
        "queues": "lomza",
    }
    status, place = await administrator.post("/admin/users", form)
    assert status == 303
    status, page = await administrator.post("/admin/users", form)
    assert status == 409 and "Zofia Nowa" in page
    changed = {
        "name": "Zofia Nowak",
        "role": "supervisor",
        "office": "pup-lomza",
        "language": "en",
        "skills": "UK, prawo",
    }
    assert (await administrator.post(place, changed))[0] == 303
    found = await sqlite_store.read(
        lambda tx: tx.row(select(schema.user).where(schema.user.c.login == "zofia.n"))
    )
    assert found is not None
    assert (found.name, found.role, found.active, found.skills) == (
        "Zofia Nowak",
        "supervisor",
        False,
        '["prawo","uk"]',
    )


async def test_the_last_administrator_stays(enter: Callable[[str], Any], people: dict[str, int]) -> None:
    administrator = await enter("administrator")
    form = {"name": "A", "role": "agent", "office": "krajowa", "language": "pl", "active": "on"}
    status, _ = await administrator.post(f"/admin/users/{people['administrator']}", form)
    assert status == 409
    assert (await administrator.get("/admin/users"))[0] == 200


async def test_the_audit_log_notices_changes_and_cuts(
    enter: Callable[[str], Any], sqlite_store: Store
) -> None:
    administrator = await enter("administrator")
    for number in range(3):
        await administrator.post(
            "/admin/tokens", {"name": f"S{number}", "office": "krajowa", "grants": "read"}
        )
    assert "notice--ok" in (await administrator.get("/admin/audit?check=1"))[1]
    rows = await sqlite_store.read(lambda tx: tx.rows(select(schema.audit).order_by(schema.audit.c.id)))
    assert rows[-1].action == "token-made"

    await sqlite_store.write(lambda tx: tx.change(schema.audit, rows[1].id, actor=999))
    verdict = await sqlite_store.read(audit.verify)
    assert (verdict.broken, verdict.intact) == (rows[1].id, False)
    assert "notice--danger" in (await administrator.get("/admin/audit?check=1"))[1]

    await sqlite_store.write(lambda tx: tx.change(schema.audit, rows[1].id, actor=rows[1].actor))
    assert (await sqlite_store.read(audit.verify)).intact
    last = schema.audit.c.id == rows[-1].id
    await sqlite_store.write(lambda tx: tx.execute(schema.audit.delete().where(last)))
    assert (await sqlite_store.read(audit.verify)).cut


async def test_a_removed_row_is_noticed(sqlite_store: Store) -> None:
    for number in range(4):
        await sqlite_store.write(lambda tx, n=number: audit.record(tx, None, "test", f"thing:{n}"))  # type: ignore[misc]
    rows = await sqlite_store.read(lambda tx: tx.rows(select(schema.audit).order_by(schema.audit.c.id)))
    assert len(rows) == 4
    await sqlite_store.write(
        lambda tx: tx.execute(schema.audit.delete().where(schema.audit.c.id == rows[1].id))
    )
    assert (await sqlite_store.read(audit.verify)).broken == rows[2].id


async def test_every_inbox_shows_how_it_is(enter: Callable[[str], Any], health: dict[str, Health]) -> None:
    health["artykuly"] = Health(state="wrong_credentials", detail="535 5.7.8", backlog=12)
    _, page = await (await enter("supervisor")).get("/inboxes")
    assert page.index("Artykuły") < page.index("Kontakt"), "what does not work comes first"
    assert "535 5.7.8" in page and "badge--danger" in page and ">12<" in page


async def test_of_a_server_that_only_sends_it_is_said_that_answers_wait_here(
    enter: Callable[[str], Any], health: dict[str, Health]
) -> None:
    supervisor = await enter("supervisor")
    health["kontakt"] = Health(state="unreachable", detail="smtp poczta.example: connect", outgoing=True)
    _, page = await supervisor.get("/inboxes")
    assert "czekają w systemie" in page and "smtp poczta.example" in page
    assert "czekają na swoim serwerze" not in page
    health["kontakt"] = Health(state="unreachable", detail="imap-1: timed out")
    _, page = await supervisor.get("/inboxes")
    assert "czekają na swoim serwerze" in page and "czekają w systemie" not in page


async def test_a_token_that_ends_is_announced_before_it_does(
    enter: Callable[[str], Any], health: dict[str, Health], client: Client, clock: FakeClock
) -> None:
    now = clock.now()
    health["artykuly"] = Health(state="ok", expires_at=Micros(now + 30 * DAY))
    _, page = await (await enter("supervisor")).get("/inboxes")
    assert "Dostęp do" in page and "attention__item" not in page, "a month is not soon"
    health["artykuly"] = Health(state="ok", expires_at=Micros(now + 3 * DAY))
    _, page = await (await enter("supervisor")).get("/inboxes")
    assert "Dostęp skrzynki „Artykuły” wkrótce wygaśnie" in page
    health["artykuly"] = Health(state="wrong_credentials", expires_at=Micros(now - DAY))
    _, page = await (await enter("supervisor")).get("/inboxes")
    assert "Dostęp skrzynki „Artykuły” wygasł" in page
    async with client.get("/metrics") as response:
        assert 'centrala_inbox_credentials_end{inbox="artykuly"}' in await response.text()


async def test_a_rule_that_cannot_be_evaluated_is_shown_beside_the_inboxes(
    enter: Callable[[str], Any], sqlite_store: Store, client: Client
) -> None:
    tally = Tally()
    why = Text("{name} is not known", {"name": "queue_load.x"})
    tally.add(Decision(actions=Actions(), trace=Trace(), faults=(Fault("employers", why),)))
    _, page = await (await enter("supervisor")).get("/inboxes")
    assert "Przedsiębiorcy" not in page
    await sqlite_store.write(lambda tx: write_hits(tx, [tally]))
    _, page = await (await enter("supervisor")).get("/inboxes")
    assert "Przedsiębiorcy" in page and "queue_load.x" in page
    async with client.get("/metrics") as response:
        assert "centrala_rules_failing 1.0" in await response.text()


async def test_what_waits_in_a_queue_that_was_taken_out_of_the_configuration_is_told(
    enter: Callable[[str], Any], sqlite_store: Store
) -> None:
    def fill(tx: Tx) -> None:
        for status in ("open", "snoozed", "resolved"):
            add_conversation(tx, queue="dawna", status=status)
        add_conversation(tx, queue="bezrobotni")

    await sqlite_store.write(fill)
    _, page = await (await enter("supervisor")).get("/inboxes")
    assert "Kolejki „dawna” nie ma już w konfiguracji, a są w niej 2 zgłoszenia" in page
    assert "bezrobotni" not in page


async def test_a_refusal_says_how_many_in_the_persons_language(enter: Callable[[str], Any]) -> None:
    agent = await enter("agent")
    form = [("csrf", agent.csrf), ("act", "resolve"), *(("c", str(number)) for number in range(1, 502))]
    async with agent.client.post("/inbox/bulk", data=form, headers=agent.headers) as response:
        assert response.status == 409
        assert "Najwyżej 500 zgłoszeń naraz." in await response.text()


async def test_the_quarantine_has_three_ways_out(
    enter: Callable[[str], Any], sqlite_store: Store, people: dict[str, int], reparsed: list[int]
) -> None:
    things = await World(sqlite_store, people).make("krajowa", "agent")
    supervisor = await enter("supervisor")
    _, page = await supervisor.get("/quarantine")
    assert "Powód widzą tu administratorzy." in page and "unreadable" not in page
    assert (
        "Program nie mógł tego odczytać: unreadable"
        in (await (await enter("administrator")).get("/quarantine"))[1]
    )
    assert (await supervisor.post(f"/quarantine/{things['raw']}/again"))[0] == 303
    assert reparsed == [things["raw"]]
    release = f"/quarantine/conversations/{things['conversation']}/release"
    assert (await supervisor.post(release, {"queue": "nowhere"}))[0] == 404
    assert (await supervisor.post(release, {"queue": "pracodawcy"}))[0] == 303
    assert (await supervisor.post(release, {"queue": "pracodawcy"}))[0] == 409


async def test_machines_are_told_how_the_hub_is(client: Client, sqlite_store: Store) -> None:
    await sqlite_store.write(add_conversation)
    async with client.get("/healthz") as response:
        assert response.status == 200
    async with client.get("/readyz") as response:
        assert response.status == 200
    async with client.get("/metrics") as response:
        text = await response.text()
    assert 'centrala_conversations_waiting{queue="bezrobotni"} 1.0' in text
    assert 'centrala_inbox_up{inbox="kontakt"} 1.0' in text
    assert set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)) == set(METRICS) - {"centrala_redis_up"}


def test_every_metric_and_call_is_documented() -> None:
    administration, api = ((DOCS / name).read_text() for name in ("administration.md", "api.md"))
    assert set(re.findall(r"^\| `(centrala_\w+)`", administration, re.MULTILINE)) == set(METRICS)
    for endpoint in ENDPOINTS:
        last = endpoint.path.removeprefix("/api/v1").split("/")[-1]
        assert last in api, endpoint.path


async def test_an_agent_who_stays_away_gives_back_what_they_did_not_touch(
    sqlite_store: Store, people: dict[str, int], clock: FakeClock, desk: Desk
) -> None:
    agent = people["agent"]

    def fill(tx: Any) -> dict[str, int]:
        made = {
            "untouched": add_conversation(tx, assignee=agent),
            "waits": add_conversation(tx, assignee=agent, status="waiting-citizen"),
            "answered": add_conversation(tx, assignee=agent),
            "noted": add_conversation(tx, assignee=agent, inbound_at=tx.now + 1),
        }
        for name in ("answered", "noted"):
            add_message(tx, made[name], number=2, kind="note", author=agent)
            tx.change(schema.conversation, made[name], messages=2)
        tx.execute(update(schema.user).where(schema.user.c.id == agent).values(presence="offline"))
        tx.add(
            schema.timer,
            {"kind": "agent-gone", "subject": agent, "due_at": tx.now + 900_000_000, "state": "waiting"},
        )
        return made

    made = await sqlite_store.write(fill)
    clock.move(minutes=15)
    await sqlite_store.write(lambda tx: run_due(tx, desk.house(), HANDLERS, desk.log))
    c = schema.conversation.c
    free = await sqlite_store.read(
        lambda tx: tx.rows(select(c.id, c.queue, c.waiting_since).where(c.assignee.is_(None)))
    )
    assert {row.id for row in free} == {made["untouched"], made["noted"]}
    assert all(row.queue == "bezrobotni" and row.waiting_since is not None for row in free)
