"""A database of the first release, with a row in every table, becomes one of this release and loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Boolean,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    create_engine,
    inspect,
    select,
    text,
)
from sqlalchemy.ext.asyncio import create_async_engine

from hub import cli
from hub.clock import SystemClock
from hub.config import Config, Hub
from hub.ruleset import Change, change, open_draft, published, versions
from hub.ruleset.follower import import_file
from hub.scope import SYSTEM
from hub.store.migrate import HEAD
from hub.store.postgres import PostgresStore
from hub.store.sqlite import SqliteStore
from hub.store.store import Store
from hub.store.tx import Tx
from rules.files.load import version_of
from tests.servers.postgres import Postgres

FOLDER = Path(__file__).parent
pytestmark = pytest.mark.filterwarnings("ignore:Skipped unsupported reflection")

RULES = "default: {spam: true}\n"

Rows = dict[str, list[dict[str, Any]]]
Shape = dict[str, Any]


class Database:
    """A database on one engine: what must be asked of it directly."""

    def __init__(self, url: str, store: Store, path: Path | None) -> None:
        self.url = url
        self.store = store
        self.path = path

    def ask(self, question: Any, *arguments: Any) -> Any:
        """``question(connection, …)`` in a transaction of its own."""
        if self.path is not None:
            engine: Engine = create_engine(f"sqlite:///{self.path}")
            with engine.begin() as connection:
                found = question(connection, *arguments)
            engine.dispose()
            return found
        return asyncio.run(self._ask(question, *arguments))

    async def _ask(self, question: Any, *arguments: Any) -> Any:
        engine = create_async_engine(self.url.replace("postgresql://", "postgresql+asyncpg://"))
        async with engine.begin() as connection:
            found = await connection.run_sync(question, *arguments)
        await engine.dispose()
        return found


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=(pytest.mark.servers, pytest.mark.slow))])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Database, Database]:
    """An empty database for the old schema, and one for the new, on the same engine."""
    if request.param == "sqlite":
        paths = (tmp_path / "old.db", tmp_path / "new.db")
        old, new = (Database(f"sqlite:{path}", SqliteStore(path, SystemClock()), path) for path in paths)
        return old, new
    server: Postgres = request.getfixturevalue("postgres")
    urls = (server.fresh_database(), server.fresh_database())
    old, new = (Database(url, PostgresStore(url, SystemClock()), None) for url in urls)
    return old, new


def make_0001(connection: Connection) -> None:
    """The schema of revision 0001 as the first release made it."""
    script = (FOLDER / f"schema_0001_{connection.dialect.name}.sql").read_text()
    _, _, statements = script.partition("\n\n")
    for statement in statements.rstrip().rstrip(";").split(";\n\n"):
        connection.exec_driver_sql(statement)
    connection.execute(text("INSERT INTO alembic_version VALUES ('0001')"))


def fill(connection: Connection) -> None:
    """A row in every table; the rules that were in force are real."""
    known = MetaData()
    known.reflect(connection)
    for table in known.sorted_tables:
        if table.name.startswith(("alembic_version", "search_", "sqlite_")) and table.name != "search_doc":
            continue
        if table.name in ("ruleset", "search"):
            continue
        connection.execute(table.insert().values({c.name: _some(c.type) for c in table.c}))
    row = {"version": 4, "state": "published", "digest": version_of(RULES), "source": RULES}
    connection.execute(known.tables["ruleset"].insert().values({**row, "created_at": 5, "published_at": 6}))
    connection.execute(known.tables["id_block"].delete())
    connection.execute(known.tables["id_block"].insert().values(name="id", next=1000))


def _some(kind: Any) -> Any:
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, Integer | Numeric):
        return 1
    return b"x" if isinstance(kind, LargeBinary) else "{}"


def rows_of(connection: Connection) -> Rows:
    """Everything that is stored, by table."""
    known = MetaData()
    known.reflect(connection)
    found = {}
    for table in known.sorted_tables:
        if not table.name.startswith(("alembic_version", "sqlite_", "search")) or table.name == "search_doc":
            found[table.name] = [dict(row) for row in connection.execute(select(table)).mappings()]
    return found


def shape_of(connection: Connection) -> Shape:
    """Tables, columns and indexes, without their order."""
    asked = inspect(connection)
    shape: Shape = {}
    for table in asked.get_table_names():
        if table.startswith("search_") and table != "search_doc":
            continue
        columns = {
            column["name"]: (str(column["type"]), column["nullable"], _plain(column["default"]))
            for column in asked.get_columns(table)
        }
        key = tuple(asked.get_pk_constraint(table)["constrained_columns"])
        shape[table] = {"columns": columns, "key": key}
    shape["indexes"] = _indexes(connection)
    return shape


def _plain(default: Any) -> str | None:
    return None if default is None else str(default).replace("::text", "").strip("()")


def _indexes(connection: Connection) -> Mapping[str, str]:
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
    else:
        query = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    found = connection.exec_driver_sql(query).all()
    return {name: " ".join(sql.replace('"', "").split()) for name, sql in found}


def migrated(folder: Path, url: str) -> int:
    path = folder / "centrala.toml"
    path.write_text(f'[hub]\ndata_dir = "{folder}/hub"\n[store]\nurl = "{url}"\n')
    return cli.run(["migrate", "-c", str(path)])


def made(store: Store) -> None:
    async def make() -> None:
        await store.open()
        await store.close()

    asyncio.run(make())


@pytest.mark.slow
def test_a_database_of_the_first_release_is_upgraded_with_all_it_holds(
    databases: tuple[Database, Database], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = databases
    old.ask(make_0001)
    old.ask(fill)
    before: Rows = old.ask(rows_of)
    assert len(before) > 40 and all(before.values()), "a table without a row proves nothing"

    assert migrated(tmp_path, old.url) == 0
    assert f"The database has schema {HEAD}; it had 0001." in capsys.readouterr().out

    after: Rows = old.ask(rows_of)
    for table, rows in before.items():
        kept = [
            {name: row[name] for name in rows[0]}
            for row in after[table]
            if row.get("name") != "schema-serves"
        ]
        assert kept == rows, table
    made(new.store)
    assert old.ask(shape_of) == new.ask(shape_of)
    assert migrated(tmp_path, old.url) == 0
    asyncio.run(worked_with(old.store, tmp_path))


async def worked_with(store: Store, folder: Path) -> None:
    """The upgraded database at work: the old version is known, the same file makes no new one, drafts can be made."""
    await store.open()
    config = Config(hub=Hub(data_dir=str(folder / "hub")))
    assert await import_file(store, config, RULES, "rules.yaml", 0) == "same"
    current = await store.read(published)
    assert current is not None
    assert (current.version, current.origin, current.base, current.source) == (4, "file", None, RULES)
    assert not current.proof.digest, "what the checks said then is not known"

    def command(tx: Tx) -> str:
        opened = open_draft(tx, SYSTEM)
        edited = change(tx, SYSTEM, opened.id, lambda text: f"# x\n{text}", Change(kind="text"))
        return edited.source

    assert await store.write(command) == f"# x\n{RULES}"
    assert [one.version for one in await store.read(lambda tx: versions(tx, SYSTEM))] == [4]
    await store.close()


@pytest.mark.slow
def test_a_failing_step_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Stopped in the middle (here by a table that is in the way) the database is as it was."""
    path = tmp_path / "old.db"
    old = Database(f"sqlite:{path}", SqliteStore(path, SystemClock()), path)
    old.ask(make_0001)
    old.ask(fill)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE rule_hit (day INTEGER)")
    before = old.ask(rows_of)
    assert migrated(tmp_path, old.url) != 0
    assert capsys.readouterr().err
    assert old.ask(rows_of) == before
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
