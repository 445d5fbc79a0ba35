"""``centrala migrate --from sqlite:… --to postgresql:…``: the person's side of :mod:`hub.moving`."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from pathlib import Path

import asyncpg
import click

from hub.cli_common import Exit, Failed, counted
from hub.config import Config
from hub.moving.move import Order, Outcome, Step, move
from hub.moving.shapes import Immovable

EVERY_SECONDS = 1.0
"""How often a line says how far a table has come."""


def move_store(config: Config, origin: str, destination: str, *, leave_lost: bool) -> None:
    """Move the data of the embedded store ``origin`` to ``destination``, and say so. Raises :class:`Failed`.

    The configuration gives the data folder with the files, and the password of PostgreSQL.
    """
    order = Order(
        database=_database(origin),
        files=Path(config.hub.data_dir) / "blobs",
        url=_server(destination),
        password=config.store.password.reveal() if config.store.password else None,
        leave_lost=leave_lost,
    )
    began = time.monotonic()
    try:
        outcome = asyncio.run(move(order, Teller()))
    except Immovable as error:
        raise Failed(str(error)) from error
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise Failed(f"PostgreSQL refuses the role or its password: {error}.", Exit.UNREACHABLE) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise Failed(
            f"PostgreSQL cannot be used ({type(error).__name__}: {error}). Run the same command again to go on.",
            Exit.UNREACHABLE,
        ) from error
    except sqlite3.Error as error:
        raise Failed(f"{order.database} cannot be read ({error}). Nothing of it was changed.") from error
    except KeyboardInterrupt:
        raise Failed("Interrupted. Run the same command again to go on.", Exit.INTERRUPTED) from None
    _say(outcome, time.monotonic() - began, config)


def _database(origin: str) -> Path:
    kind, _, path = origin.partition(":")
    if kind != "sqlite" or not path:
        raise Failed(
            f"--from {origin}: data is moved out of the embedded store only, as sqlite:PATH.", Exit.USAGE
        )
    return Path(path)


def _server(destination: str) -> str:
    if not destination.startswith("postgresql://"):
        raise Failed(
            f"--to {destination}: data is moved to PostgreSQL only, as postgresql://USER@HOST:PORT/NAME.",
            Exit.USAGE,
        )
    return destination


class Teller:
    """Says how far it is on standard error: a line when something else begins, and one a second."""

    def __init__(self) -> None:
        self._told = ("", "")
        self._at = 0.0

    def __call__(self, step: Step) -> None:
        if step.doing == "compare" and not step.of:
            return
        now = time.monotonic()
        if (step.doing, step.table) == self._told and now - self._at < EVERY_SECONDS and step.rows < step.of:
            return
        self._told, self._at = (step.doing, step.table), now
        print(_line(step), file=sys.stderr, flush=True)


def _line(step: Step) -> str:
    if step.doing == "copy":
        share = f" ({100 * step.rows // step.of} %)" if step.of else ""
        of = counted(step.of, "row", "rows") if step.of else "its rows"
        return f"{step.table}: {step.rows} of {of}{share}"
    if step.doing == "compare":
        return f"{step.table}: comparing {counted(step.of, 'row', 'rows')}"
    return "The rows are there; making the indexes."


def _say(outcome: Outcome, seconds: float, config: Config) -> None:
    for name, tally in outcome.tables.items():
        if tally.rows:
            click.echo(f"{name:<22} {tally.rows:>12}  {tally}")
    rows = counted(sum(tally.rows for tally in outcome.tables.values()), "row", "rows")
    tables = counted(len(outcome.tables), "table", "tables")
    click.echo(f"Moved in {seconds:.0f} s: {rows} in {tables}; counts and hashes agree.")
    if outcome.mended:
        click.echo(
            f"Rows with the character NUL, which PostgreSQL does not take: {outcome.mended}. It became U+FFFD."
        )
    if outcome.lost:
        click.echo(f"Files that were missing before and were left behind: {outcome.lost}.")
    click.echo(
        "Now set store.url to the new database. The signing secret stays the same: give "
        f"{Path(config.hub.data_dir) / 'secret.key'} to every hub as hub.secret_file, unless hub.secret is set already."
    )
