"""The figures for Prometheus: how long due work has waited, and which processes live where several share a store."""

from __future__ import annotations

import re

from sqlalchemy import update

from hub.cluster.leases import take
from hub.cluster.members import Me, enter
from hub.store.schema import delivery, node, timer
from hub.store.store import Store
from hub.store.tx import Tx
from hub.timers import set_timer
from tests.hub.conftest import FakeClock
from tests.hub.web.conftest import Client

TTL = 10_000_000


async def read(client: Client) -> dict[str, float]:
    """All samples by name and labels."""
    async with client.get("/metrics") as response:
        text = await response.text()
    return {name: float(value) for name, value in re.findall(r"^(centrala_\S+) (\S+)$", text, re.MULTILINE)}


async def test_due_work_that_waits_shows(client: Client, sqlite_store: Store, clock: FakeClock) -> None:
    found = await read(client)
    lags = [f"centrala_{what}_lag_seconds" for what in ("outbox", "effects", "timers")]
    assert [found[name] for name in lags] == [0, 0, 0]

    def leave(tx: Tx) -> None:
        set_timer(tx, "snooze", 1, tx.now + 60_000_000)
        values = {
            **dict.fromkeys(("message", "conversation", "part", "give_up_at", "attempts"), 1),
            **dict.fromkeys(("inbox", "operation", "lane", "destination", "recipients"), "x"),
            **dict.fromkeys(("due_at", "created_at", "updated_at"), tx.now),
        }
        tx.add(delivery, {**values, "state": "queued"})
        tx.add(delivery, {**values, "state": "accepted", "due_at": 1, "lane": "y"})

    await sqlite_store.write(leave)
    assert (await read(client))["centrala_timers_lag_seconds"] == 0, "it is not due yet"
    clock.move(100)
    found = await read(client)
    assert [found[name] for name in lags] == [100, 0, 40]
    await sqlite_store.write(lambda tx: tx.execute(update(timer).values(state="done")))
    assert (await read(client))["centrala_timers_lag_seconds"] == 0


async def test_processes_and_who_reads_what(client: Client, sqlite_store: Store, clock: FakeClock) -> None:
    assert not [
        name for name in await read(client) if name.startswith(("centrala_nodes", "centrala_inbox_read"))
    ]
    web = Me(name="w", boot="1", home="w", roles=("web",), version="1")
    work = Me(name="x", boot="1", home="x", roles=("connectors", "outbox"), version="1")

    def live(tx: Tx) -> None:
        enter(tx, web, TTL)
        enter(tx, work, TTL)
        take(tx, work.id, ["inbox:kontakt"], TTL)

    await sqlite_store.write(live)
    found = await read(client)
    alive = {
        role: found[f'centrala_nodes{{role="{role}"}}'] for role in ("web", "connectors", "outbox", "timers")
    }
    assert alive == {"web": 1, "connectors": 1, "outbox": 1, "timers": 0}
    assert found["centrala_nodes_silent"] == 0
    assert found['centrala_inbox_read{inbox="kontakt"}'] == 1
    assert found['centrala_inbox_read{inbox="lomza-mail"}'] == 0
    clock.move(11)
    await sqlite_store.write(
        lambda tx: tx.execute(update(node).where(node.c.name == "w").values(beat_at=tx.now))
    )
    found = await read(client)
    assert found['centrala_nodes{role="connectors"}'] == 0
    assert (found["centrala_nodes_silent"], found['centrala_inbox_read{inbox="kontakt"}']) == (1, 0)
