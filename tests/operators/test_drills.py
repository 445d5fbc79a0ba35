"""Drills of operators on both sizes: a lost machine comes back from its backup, an office moves to PostgreSQL.

What was acknowledged is told by the sender's ledger, what arrived by the peer's.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from hub.backup import JUMP
from hub.cli_common import Exit
from tests.operators.house import ROOT, House
from tests.servers.postgres import Postgres
from tests.servers.process import Process, folder, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.servers]

LARGE = random.Random(3).randbytes(1_300_000)
MIDDLE = random.Random(4).randbytes(100_000)
SMALL = random.Random(5).randbytes(2_000)


@contextlib.contextmanager
def running(house: House) -> Iterator[House]:
    """The hub and its peer; both are gone afterwards, however it ends."""
    house.sink.start()
    try:
        yield house
    finally:
        house.kill()
        house.sink.stop()


@pytest.fixture
def place() -> Iterator[Path]:
    with folder("drill") as path:
        yield path


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, place: Path) -> Iterator[House]:
    """An office on one of the sizes, at work: mails with files, one answered."""
    url = request.getfixturevalue("postgres").fresh_database() if request.param == "postgresql" else ""
    with running(House(place, url)) as made:
        begin(made)
        yield made


def begin(house: House) -> str:
    """Start it and let some mails come in; the one that was answered."""
    house.prepare()
    house.start()
    markers = [house.mail(attached) for attached in (b"", SMALL, MIDDLE, LARGE, b"")]
    house.answer(markers[0])
    wait_until(lambda: house.arrived(markers[0]) == 1, "the answer did not arrive")
    return markers[0]


def state_of(house: House, marker: str) -> str:
    """Of the answer to this mail."""
    row = house.conversations()[marker]
    [answer] = [one for one in house.messages(row["id"]) if one["kind"] == "outbound"]
    return str(answer["state"])


def lose_machine(house: House, postgres: Postgres | None) -> None:
    """Its disk is gone."""
    house.kill()
    shutil.rmtree(house.data)
    if postgres is not None:
        house.url = postgres.fresh_database()


def test_a_lost_machine_comes_back_from_its_backup(house: House, request: pytest.FixtureRequest) -> None:
    on_server = house.url.startswith("postgresql")
    postgres: Postgres | None = request.getfixturevalue("postgres") if on_server else None
    before = dict(house.taken)
    answered, waiting = list(house.taken)[:2]
    house.sink.fail("451 later", address=f"{waiting}@example.pl")
    house.answer(waiting)

    copy = house.folder / "backup"
    stop, meanwhile = threading.Event(), threading.Thread(target=lambda: keep_mailing(house, stop))
    meanwhile.start()
    said = house.do("backup", str(copy))
    stop.set()
    meanwhile.join()
    assert "The backup is complete" in said
    assert copy.stat().st_mode & 0o077 == 0

    house.sink.heal()
    wait_until(lambda: house.arrived(waiting) == 1, "the waiting answer did not leave after the backup")
    after = house.mail()
    lost = dict(house.taken)
    lose_machine(house, postgres)
    assert house.run("restore", str(house.folder)).returncode == Exit.FAILED, "a folder that is no backup"
    house.do("restore", str(copy))
    assert house.run("restore", str(copy)).returncode == Exit.IN_USE, "over what is there"

    house.taken = before
    house.start()
    house.all_is_there()
    assert after not in house.conversations()
    # What left after the backup was made does not leave twice: a person is asked.
    wait_until(lambda: state_of(house, waiting) == "possibly-sent", "it is not shown as possibly sent")
    assert state_of(house, answered) in ("accepted", "delivered")
    # Senders that tell again what was lost are understood, also where it was not lost.
    house.taken = lost
    for marker, attached in lost.items():
        house.mail(attached, again=marker)
    house.all_is_there()
    fresh = house.mail(MIDDLE)
    house.answer(fresh)
    wait_until(lambda: house.arrived(fresh) == 1, "the hub does not answer after the restore")
    # No id of the lost time is given to anything else: addresses in its mails lead nowhere else.
    assert int(house.conversations()[fresh]["id"]) > JUMP > int(house.conversations()[answered]["id"])
    wait_until(
        lambda: house.metric("centrala_search_behind") == 0, "the search does not go on behind the gap"
    )
    assert (house.arrived(answered), house.arrived(waiting)) == (1, 1)


def keep_mailing(house: House, stop: threading.Event) -> None:
    """Somebody writes while the backup is made."""
    while not stop.is_set():
        house.mail(SMALL)


HOLD = """
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END';
CREATE FUNCTION arm() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
  IF to_regclass('message') IS NOT NULL AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'hold') THEN
    CREATE TRIGGER hold BEFORE INSERT ON message FOR EACH STATEMENT EXECUTE FUNCTION hold();
  END IF; END $$;
CREATE EVENT TRIGGER arm ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION arm();
"""
"""Whoever writes messages waits for a lock of ours: so a move is killed in the middle of a table, every time."""


async def killed_in_the_middle(house: House, command: list[str], url: str) -> None:
    """Start a move and end it by SIGKILL while it writes messages."""
    server = await asyncpg.connect(url)
    await server.execute(HOLD)
    await server.execute("SELECT pg_advisory_lock(7)")
    moving = Process("migrate", ["env", f"--chdir={ROOT}", *command], house.folder / "move.log")
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted"
    moving.start(ready=lambda: True)
    for _ in range(400):
        if await server.fetchval(waits):
            break
        await asyncio.sleep(0.05)
    assert await server.fetchval(waits) == 1, moving.output()
    moving.kill()
    await server.execute("SELECT pg_advisory_unlock(7)")
    await server.execute("DROP EVENT TRIGGER arm; DROP FUNCTION arm; DROP FUNCTION hold CASCADE")
    await server.close()


def test_an_office_moves_to_postgresql_and_goes_on(place: Path, postgres: Postgres) -> None:
    with running(House(place)) as house:
        answered = begin(house)
        waiting = list(house.taken)[1]
        house.sink.fail("451 later", address=f"{waiting}@example.pl")
        house.answer(waiting)
        old, new = house.url, postgres.fresh_database()
        order = ("migrate", "--from", old, "--to", new)
        running_still = house.run(*order)
        assert running_still.returncode == Exit.IN_USE and "Stop it first" in running_still.stderr
        house.stop()

        asyncio.run(killed_in_the_middle(house, house.command(*order), new))
        house.url = new
        half = house.run("run")
        assert half.returncode == Exit.FAILED and "a move into the database has not ended" in half.stderr
        moved = house.run(*order)
        assert moved.returncode == 0, moved.stderr
        assert "counts and hashes agree" in moved.stdout and "message" in moved.stdout
        again = house.run(*order)
        assert again.returncode == Exit.FAILED and "not empty" in again.stderr

        house.sink.heal()
        house.start()
        house.all_is_there()
        wait_until(lambda: house.arrived(waiting) == 1, "what waited does not leave from the new store")
        for marker, attached in dict(house.taken).items():
            house.mail(attached, again=marker)
        house.mail(LARGE)
        house.all_is_there()
        fresh = house.mail()
        house.answer(fresh)
        wait_until(lambda: house.arrived(fresh) == 1, "the hub does not answer on the new store")
        assert (house.arrived(answered), house.arrived(waiting)) == (1, 1)
