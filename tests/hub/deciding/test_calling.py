"""Who is called by a rule learns by which; so does the receiver of a webhook."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import select

from connectors.contract import Secret
from hub.blobs import FileBlobs
from hub.config import Hook
from hub.desk.actions import tag
from hub.egress import CheckedEgress
from hub.outbox.handlers import outside
from hub.outbox.orders import add_effect
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.store import Store
from tests.hub.conftest import FakeClock
from tests.hub.deciding.conftest import Here
from tests.hub.intake.conftest import mail
from tests.hub.specimen import CONFIG, add_person

CALLING = """
rules:
  - {id: firmy, name: Firmy, when: {words: [firma]}, do: {notify: [pracodawcy], webhook: ezd}, then: continue}
  - {id: skargi, name: Skargi, when: {words: [skarga]}, do: {notify: [supervisor, pracodawcy]}, then: continue}
  - {id: ala, name: Dla Ali, when: {words: [dotacja]}, do: {assign: ala}, then: continue}
  - {id: znak, name: Znak, on: status, when: {tag_added: znak}, do: {notify: [supervisor], webhook: ezd}}
default: {queue: bezrobotni}
"""


async def called(here: Here) -> dict[int, list[str] | None]:
    """Which rules called whom, by the account."""
    n = schema.notification.c
    rows = await here.rows(select(n.user, n.rules).where(n.kind == "rule"))
    assert len({row.user for row in rows}) == len(rows), "one notification each"
    return {row.user: row.rules and msgspec.json.decode(row.rules) for row in rows}


@pytest.fixture
async def people(here: Here) -> tuple[int, int]:
    """The supervisor; Ala, who works the queue of employers and the other one."""
    chief = await here.store.write(lambda tx: add_person(tx, "kierownik", role="supervisor"))
    queues = ("pracodawcy", "bezrobotni")
    ala = await here.store.write(lambda tx: add_person(tx, "ala", queues=queues))
    await here.intake.refresh_load()
    await here.rules(CALLING)
    return chief, ala


async def test_each_is_told_the_rules_that_call_them(here: Here, people: tuple[int, int]) -> None:
    chief, ala = people
    await here.one(mail(1, text="Firma pisze: skarga na urząd."))
    await here.effects()
    assert await called(here) == {chief: ["skargi"], ala: ["firmy", "skargi"]}


async def test_whoever_a_rule_assigns_is_told_which(here: Here, people: tuple[int, int]) -> None:
    await here.one(mail(1, text="dotacja"))
    await here.effects()
    assert await called(here) == {people[1]: ["ala"]}


async def test_a_rule_on_a_change_calls_by_its_name(here: Here, people: tuple[int, int]) -> None:
    number = await here.one(mail(1))
    await here.act(lambda tx: tag(tx, SYSTEM, [number], add=["znak"]))
    assert await called(here) == {people[0]: ["znak"]}
    (hook,) = await here.effect_rows("webhook")
    assert msgspec.json.decode(hook.data) == {"name": "ezd", "rules": ["znak"]}


async def test_an_order_of_an_earlier_version_is_carried_out(here: Here, people: tuple[int, int]) -> None:
    number = await here.one(mail(1))
    await here.act(lambda tx: add_effect(tx, "notify", {"whom": ["kierownik"]}, conversation=number))
    assert await called(here) == {people[0]: None}


# --- the webhook -------------------------------------------------------------------------------------------------


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[TestServer, list[dict[str, Any]]]]:
    """Another system of the office, and what was posted to it."""
    posted: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        posted.append(await request.json())
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/", take)
    running = TestServer(app)
    await running.start_server()
    yield running, posted
    await running.close()


async def test_a_webhook_says_which_rules_call(
    store: Store, clock: FakeClock, tmp_path: Any, receiver: tuple[TestServer, list[dict[str, Any]]]
) -> None:
    server, posted = receiver
    hook = Hook(id="ezd", url=str(server.make_url("/")), secret=Secret("tajne"))
    here = Here(store, clock, msgspec.structs.replace(CONFIG, hooks=(hook,)))
    await here.rules(CALLING)
    number = await here.one(mail(1, text="Firma pisze."))
    (order,) = await here.effect_rows("webhook")
    egress = CheckedEgress(["127.0.0.0/8"])
    blobs = FileBlobs(store, tmp_path, here.house.random)
    call = outside(store, lambda: here.house, dict, egress, blobs, clock)["webhook"]
    await store.write(lambda tx: add_effect(tx, "webhook", {"name": "ezd"}, conversation=number))
    (_, wordless) = await here.effect_rows("webhook")
    try:
        await call(order)
        await call(wordless)
    finally:
        await egress.close()
    body, without = posted
    assert (body["message"], without["message"]) == (str(order.message), None)
    assert body["rules"] == [{"id": "firmy", "name": "Firmy"}]
    assert body["conversation"]["id"] == str(number)
    assert body["why"] == f"{CONFIG.hub.console_url}/conversations/{number}/why"
