"""What a test is lent on PostgreSQL holds what a new database holds, whatever the one before left in it."""

from __future__ import annotations

import asyncpg
import pytest

from hub.store import schema
from hub.store.postgres import PostgresStore
from hub.store.tx import Tx
from tests.hub.conftest import FakeClock
from tests.hub.databases import Databases, copy_database
from tests.hub.specimen import add_conversation
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.servers


async def content(url: str) -> dict[str, list[tuple[object, ...]]]:
    """The rows of all tables."""
    connection = await asyncpg.connect(url)
    try:
        return {
            name: [tuple(row) for row in await connection.fetch(f'SELECT * FROM "{name}"')]
            for name in sorted([*schema.metadata.tables, "alembic_version"])
        }
    finally:
        await connection.close()


async def test_what_was_left_is_gone(_postgres: Postgres, _template: str, clock: FakeClock) -> None:
    databases = Databases(_postgres, _template)
    url = databases.lend()
    store = PostgresStore(url, clock)
    await store.open()

    def fill(tx: Tx) -> None:
        add_conversation(tx)
        tx.execute(schema.setting.insert().values(name="x", value="y"))
        tx.emit("message", conversation=1)

    await store.write(fill)
    await store.close()
    databases.take_back(url)
    assert databases.lend() == url
    assert await content(url) == await content(copy_database(_postgres, _template))


@pytest.mark.slow
async def test_what_somebody_still_holds_is_not_lent_again(_postgres: Postgres, _template: str) -> None:
    databases = Databases(_postgres, _template)
    url = databases.lend()
    holder = await asyncpg.connect(url)
    try:
        await holder.execute("BEGIN; LOCK TABLE stream_head IN ACCESS EXCLUSIVE MODE")
        databases.take_back(url)
    finally:
        await holder.close()
    assert databases.lend() != url
