"""Moving a store: every table and byte arrives, what was ended goes on, and what cannot be moved is said in words."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from connectors.contract import BlobId
from hub.blobs import ChunkBlobs
from hub.moving import source
from hub.moving.move import Order, Outcome, Step, move
from hub.moving.shapes import Immovable, shapes
from hub.moving.target import LOCK
from hub.store import schema
from hub.store.migrate import HEAD, WrongSchema
from hub.store.postgres import PostgresStore
from hub.store.store import Store
from tests.hub.conftest import FakeClock
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.servers

FILES = {
    100: b"",
    101: b"small",
    102: random.Random(1).randbytes((2 << 20) + 17),
    103: random.Random(2).randbytes(1 << 20),
}


def value_of(column: Any, number: int) -> Any:
    """Something that the column can hold, another one for every row."""
    kind = type(column.type).__name__
    if kind == "Boolean":
        return number % 2
    if kind == "LargeBinary":
        return b"\x00\xff%d" % number
    if kind == "Text":
        return f"Zażółć {number:06d} \N{GRINNING FACE}'\"\\\t"
    return number if kind == "Integer" else (1 << 53) - 1 - number


class Old:
    """The embedded store of an office: ``rows`` in every table, however odd, and files."""

    def __init__(self, path: Path, rows: int = 3) -> None:
        self.path = path
        self.files = path.parent / "blobs"
        with self.changing() as connection:
            for table in schema.metadata.tables.values():
                self._fill(connection, table, rows if table.name != "blob_chunk" else 0)
            connection.execute("UPDATE blob SET place = 'row'")
        for key, content in FILES.items():
            self.add_file(key, content)

    def _fill(self, connection: sqlite3.Connection, table: Any, rows: int) -> None:
        connection.execute(f'DELETE FROM "{table.name}"')
        marks = ", ".join("?" * len(table.columns))
        for number in range(1, rows + 1):
            empty = number == 2
            values = [None if empty and c.nullable else value_of(c, number) for c in table.columns]
            connection.execute(f'INSERT INTO "{table.name}" VALUES ({marks})', values)

    @contextlib.contextmanager
    def changing(self) -> Any:
        """A connection, as a hub would have one."""
        with contextlib.closing(sqlite3.connect(self.path)) as connection, connection:
            yield connection

    def add_file(self, key: int, content: bytes) -> None:
        """A blob in a file."""
        place = self.file(key)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        row = (key, len(content), hashlib.sha256(content).hexdigest(), place.name)
        with self.changing() as connection:
            connection.execute(
                "INSERT INTO blob (id, size, sha256, place, name, created_at) VALUES (?, ?, ?, 'file', ?, 1)",
                row,
            )

    def file(self, key: int) -> Path:
        """Where its file lies."""
        return self.files / f"{key:032x}"[:2] / f"{key:032x}"

    def order(self, url: str, *, leave_lost: bool = False) -> Order:
        """To move it to ``url``."""
        return Order(database=self.path, files=self.files, url=url, leave_lost=leave_lost)

    def rows(self, name: str) -> list[tuple[Any, ...]]:
        """Of one table."""
        with self.changing() as connection:
            return sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)


@pytest.fixture
def old(sqlite_path: Path) -> Old:
    return Old(sqlite_path)


def quiet(step: Step) -> None:
    """Nobody listens."""


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = PostgresStore(url, FakeClock())
    await store.open()
    yield store
    await store.close()


async def all_rows(url: str, name: str) -> list[tuple[Any, ...]]:
    """Of one table, as the embedded store has them."""
    connection = await asyncpg.connect(url)
    columns = ", ".join(f'"{column.name}"' for column in schema.metadata.tables[name].columns)
    found = await connection.fetch(f'SELECT {columns} FROM "{name}"')
    await connection.close()
    return sorted((tuple(int(v) if isinstance(v, bool) else v for v in row) for row in found), key=repr)


async def whole(old: Old, url: str, outcome: Outcome) -> None:
    """Every row is there, and every byte; a hub's store takes the database."""
    for shape in shapes():
        found = await all_rows(url, shape.name)
        if shape.name == "blob_chunk":
            continue
        if shape.name == "blob":
            found = [row for row in found if row[0] not in FILES]
            assert found == [row for row in old.rows("blob") if row[0] not in FILES]
        else:
            assert found == old.rows(shape.name), shape.name
            assert outcome.tables[shape.name].rows == len(found)
    async with opened(url) as store:
        blobs = ChunkBlobs(store)
        for key, content in FILES.items():
            assert await blobs.get(BlobId(key)) == content


@pytest.mark.slow
async def test_every_table_and_every_byte_arrives(old: Old, postgres: Postgres) -> None:
    url = postgres.fresh_database()
    told: list[Step] = []
    outcome = await move(old.order(url), told.append)
    await whole(old, url, outcome)
    assert (outcome.mended, outcome.lost, outcome.resumed) == (0, 0, False)
    assert {step.doing for step in told} == {"copy", "index", "compare"}
    assert await all_rows(url, "node") == await all_rows(url, "lease") == []
    assert postgres.psql("SELECT version_num FROM alembic_version", url) == HEAD


@pytest.mark.slow
async def test_the_indexes_are_those_of_a_new_database(old: Old, postgres: Postgres) -> None:
    moved, new = postgres.fresh_database(), postgres.fresh_database()
    await move(old.order(moved), quiet)
    async with opened(new):
        pass
    shape = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexdef"
    columns = (
        "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns "
        "WHERE table_schema = 'public' ORDER BY table_name, column_name"
    )
    assert postgres.psql(shape, moved) == postgres.psql(shape, new)
    assert postgres.psql(columns, moved) == postgres.psql(columns, new)


class Enough(Exception):
    """The move is ended here."""


@pytest.mark.slow
async def test_what_was_ended_goes_on_behind_its_last_commit(sqlite_path: Path, postgres: Postgres) -> None:
    old, url = Old(sqlite_path, rows=1100), postgres.fresh_database()
    told: list[Step] = []

    def end_at(number: int) -> Any:
        def tell(step: Step) -> None:
            told.append(step)
            if len(told) == number:
                raise Enough

        return tell

    for number in (1, 10, 31):  # in the first table; at its end and in others
        before = list(told)
        told.clear()
        with pytest.raises(Enough):
            await move(old.order(url), end_at(number))
        assert not {(one.table, one.rows) for one in before} & {(one.table, one.rows) for one in told}
        with pytest.raises(WrongSchema, match="a move into the database has not ended"):
            async with opened(url):
                pass
    outcome = await move(old.order(url), quiet)
    assert outcome.resumed
    await whole(old, url, outcome)


@pytest.mark.slow
async def test_a_source_that_was_written_to_is_not_gone_on_with(old: Old, postgres: Postgres) -> None:
    url = postgres.fresh_database()

    def end(step: Step) -> None:
        raise Enough

    with pytest.raises(Enough):
        await move(old.order(url), end)
    with old.changing() as connection:
        connection.execute("UPDATE stream_head SET place = place + 1")
    with pytest.raises(Immovable, match="another state of the source"):
        await move(old.order(url), quiet)


@pytest.mark.slow
async def test_a_silent_change_between_two_runs_is_found(old: Old, postgres: Postgres) -> None:
    url = postgres.fresh_database()

    def end(step: Step) -> None:
        if step.table == "contact":
            raise Enough

    with pytest.raises(Enough):
        await move(old.order(url), end)
    with old.changing() as connection:
        connection.execute("UPDATE canned SET text = 'other'")
    with pytest.raises(Immovable, match="does not hold what the source holds in canned"):
        await move(old.order(url), quiet)


@pytest.mark.slow
async def test_what_the_target_changed_is_found(old: Old, postgres: Postgres) -> None:
    url = postgres.fresh_database()

    def spoil(step: Step) -> None:
        if step.doing == "index":
            postgres.psql("UPDATE message SET text = text || '.' WHERE number = 1", url)

    with pytest.raises(Immovable, match="in message"):
        await move(old.order(url), spoil)
    with pytest.raises(WrongSchema):
        async with opened(url):
            pass


async def test_only_an_empty_database_is_taken(old: Old, postgres: Postgres) -> None:
    url = postgres.fresh_database()
    async with opened(url):
        pass
    with pytest.raises(Immovable, match="not empty"):
        await move(old.order(url), quiet)


async def test_a_running_hub_is_refused_from_whatever_folder(
    old: Old, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "WAIT_SECONDS", 0.2)
    holding = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA journal_mode = WAL')"
    code = f"{holding}; c.execute('SELECT 1 FROM setting').fetchall(); print(flush=True); sys.stdin.read()"
    pipe = asyncio.subprocess.PIPE
    hub = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(old.path), stdin=pipe, stdout=pipe
    )
    assert hub.stdout is not None
    await hub.stdout.readline()
    with pytest.raises(Immovable, match="stop the hub"):
        await move(old.order(postgres.fresh_database()), quiet)
    await hub.communicate(b"")


async def test_two_moves_at_once_are_one_too_many(old: Old, postgres: Postgres) -> None:
    url = postgres.fresh_database()
    connection = await asyncpg.connect(url)
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
    with pytest.raises(Immovable, match="Another `centrala migrate`"):
        await move(old.order(url), quiet)
    await connection.close()


@pytest.mark.slow
async def test_a_null_character_is_mended_and_told(old: Old, postgres: Postgres) -> None:
    with old.changing() as connection:
        connection.execute("UPDATE message SET text = ? WHERE number = 1", ("a\0b",))
    url = postgres.fresh_database()
    outcome = await move(old.order(url), quiet)
    assert outcome.mended == 1
    assert postgres.psql("SELECT text FROM message WHERE number = 1", url) == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.slow
async def test_a_row_that_is_not_taken_is_named(old: Old, postgres: Postgres) -> None:
    with old.changing() as connection:
        connection.execute("UPDATE draft SET revision = ? WHERE revision = 3", (1 << 40,))
    with pytest.raises(Immovable, match=rf"the row \[{(1 << 53) - 4}\] of the table draft"):
        await move(old.order(postgres.fresh_database()), quiet)


@pytest.mark.slow
async def test_missing_files_stop_the_move_unless_they_are_left(old: Old, postgres: Postgres) -> None:
    old.file(103).unlink()
    url = postgres.fresh_database()
    with pytest.raises(Immovable, match=r"1 files in .* are missing"):
        await move(old.order(url), quiet)
    outcome = await move(old.order(url, leave_lost=True), quiet)
    assert outcome.lost == 1
    async with opened(url) as store:
        assert await ChunkBlobs(store).get(BlobId(102)) == FILES[102]
        with pytest.raises(KeyError):
            await ChunkBlobs(store).get(BlobId(103))


async def test_a_file_that_goes_away_meanwhile_is_named(old: Old, postgres: Postgres) -> None:
    path = old.file(103)

    def tell(step: Step) -> None:
        path.unlink(missing_ok=True)

    with pytest.raises(Immovable, match=f"{path.name} in .* cannot be read .No such file"):
        await move(old.order(postgres.fresh_database()), tell)


@pytest.mark.slow
async def test_a_damaged_file_stops_the_move(old: Old, postgres: Postgres) -> None:
    old.file(103).write_bytes(bytes(len(FILES[103])))
    with pytest.raises(Immovable, match="its hash is another one"):
        await move(old.order(postgres.fresh_database()), quiet)


@pytest.mark.slow
async def test_another_schema_and_no_database_are_told(old: Old, postgres: Postgres, tmp_path: Path) -> None:
    with old.changing() as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(Immovable, match="has schema 0001"):
        await move(old.order(postgres.fresh_database()), quiet)
    (tmp_path / "text.db").write_text("no database, " * 100)
    for name, why in (("none.db", "no database"), ("text.db", "cannot be")):
        order = Order(database=tmp_path / name, files=tmp_path, url=postgres.url)
        with pytest.raises(Immovable, match=why):
            await move(order, quiet)
