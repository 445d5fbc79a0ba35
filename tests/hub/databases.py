"""Databases on PostgreSQL that one test after the other is lent: emptied afterwards instead of copied anew each time.

A copy means some hundred files, whatever is in it; emptying means to look into each table. A database that cannot be
emptied at once, because somebody still holds it, is not lent again.
"""

from __future__ import annotations

import asyncio
import itertools
from concurrent.futures import ThreadPoolExecutor

import asyncpg

from hub.store.migrate import HEAD, SERVES
from tests.servers.postgres import Postgres

_EMPTY = f"""
SET lock_timeout = '1s';
DO $$
DECLARE name text; filled bool;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', name) INTO filled;
    IF filled THEN EXECUTE format('DELETE FROM %I', name); END IF;
  END LOOP;
END $$;
INSERT INTO alembic_version VALUES ('{HEAD}');
INSERT INTO setting (name, value) VALUES ('schema-serves', '{SERVES}');
INSERT INTO id_block (name, next) VALUES ('id', 1);
INSERT INTO stream_head (id, place) VALUES (1, 0);
"""

_copies = itertools.count(1)


def copy_database(server: Postgres, template: str) -> str:
    """The URL of a new copy of a database."""
    name = f"copy_{next(_copies)}"
    server.psql(f"CREATE DATABASE {name} TEMPLATE {template}")
    return server.url.rsplit("/", 1)[0] + f"/{name}"


class Databases:
    """Those of one server that are as empty as their ``template``."""

    def __init__(self, server: Postgres, template: str) -> None:
        self._server = server
        self._template = template
        self._clean: list[str] = []

    def lend(self) -> str:
        """The URL of an empty one."""
        return self._clean.pop() if self._clean else copy_database(self._server, self._template)

    def take_back(self, url: str) -> None:
        """Empty it for the next one."""
        with ThreadPoolExecutor(1) as beside:  # a loop may be running here
            try:
                beside.submit(asyncio.run, _emptied(url)).result()
            except (asyncpg.PostgresError, OSError, TimeoutError):
                return
        self._clean.append(url)


async def _emptied(url: str) -> None:
    async with asyncio.timeout(5):
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(_EMPTY)
        finally:
            await connection.close()
