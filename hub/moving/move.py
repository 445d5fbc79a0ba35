"""The move itself: every table and every file from the embedded store into PostgreSQL, compared, and only then usable.

A move that was ended, however, goes on behind the last piece that it committed when it is started again. The source is
held all the time and never changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from hub.moving import source, target
from hub.moving.shapes import BYTES, Immovable, Shape, Tally, add, shapes
from hub.moving.source import Origin, Piece
from hub.moving.target import Progress
from hub.store.migrate import HEAD


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What goes where: the database file, the folder of large files, the target's URL (``postgresql://…``).

    ``leave_lost``: whether to go on without the bytes of files that are not there any more.
    """

    database: Path
    files: Path
    url: str
    password: str | None = None
    leave_lost: bool = False


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """How far it is: ``doing`` is copy, index or compare; ``rows`` of ``of`` rows of the table (0: not known)."""

    doing: str
    table: str = ""
    rows: int = 0
    of: int = 0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What was moved: by table how many rows and their digest; texts that were mended; files that were lost before."""

    tables: dict[str, Tally]
    mended: int
    lost: int
    resumed: bool


Tell = Callable[[Step], None]


async def move(order: Order, tell: Tell) -> Outcome:
    """Carry it out. Raises :class:`Immovable`; OSError, asyncpg.PostgresError where the target is away."""
    tables = shapes()
    with source.held(order.database) as connection:
        version = _version(connection)
        origin = Origin(connection=connection, files=order.files, lost=_lost(connection, order))
        known = _counts(connection, tables)
        async with target.connected(order.url, order.password) as server:
            resumed = await target.begin(server, source.mark_of(connection, version, known), tables)
            written = await _copy(origin, server, tables, known, tell)
            tell(Step(doing="index"))
            await target.index(server)
            if resumed:
                written = _read_again(origin, tables, written)
            found = await _compare(server, tables, written, tell)
            await target.finish(server, version)
    mended = sum(reached.mended for reached in written.values())
    return Outcome(tables=found, mended=mended, lost=len(origin.lost), resumed=resumed)


def _version(connection: sqlite3.Connection) -> str:
    version = source.version_of(connection)
    if version != HEAD:
        raise Immovable(
            f"The source has schema {version}, this program moves {HEAD}: run `centrala migrate` on it first."
        )
    return version


def _counts(connection: sqlite3.Connection, tables: Sequence[Shape]) -> dict[str, int]:
    known = source.counts(connection, tables)
    if known[BYTES]:
        raise Immovable(
            f"The source holds rows in {BYTES}, which no embedded store writes: it was changed by hand."
        )
    return known


def _lost(connection: sqlite3.Connection, order: Order) -> frozenset[str]:
    lost = source.lost_files(connection, order.files)
    if lost and not order.leave_lost:
        raise Immovable(
            f"{len(lost)} files in {order.files} are missing or have another size (the first: {lost[0]}). Bring them "
            "back from a backup, or move without them by --leave-lost: they are then told as missing when opened."
        )
    return frozenset(lost)


async def _copy(
    origin: Origin, server: Any, tables: Sequence[Shape], known: dict[str, int], tell: Tell
) -> dict[str, Progress]:
    """Write what is not there yet; returns how far every table has come."""
    reached = await target.progress(server)
    for shape in tables:
        now = reached[shape.name]
        if now.done:
            continue
        async with contextlib.aclosing(_ahead(source.pieces(origin, shape, now.after))) as pieces:
            async for piece in pieces:
                now = _further(now, piece)
                await target.write(server, shape, piece.rows, now)
                tell(Step(doing="copy", table=shape.name, rows=now.tally.rows, of=known[shape.name]))
        reached[shape.name] = now = msgspec.structs.replace(now, done=True)
        await target.note(server, shape, now)
    return reached


def _further(before: Progress, piece: Piece) -> Progress:
    return Progress(
        after=piece.last, tally=add(before.tally, piece.rows), mended=before.mended + piece.mended
    )


async def _ahead(pieces: Iterator[Piece]) -> AsyncGenerator[Piece, None]:
    """The pieces, each read while the one before is written."""
    reading = asyncio.create_task(asyncio.to_thread(next, pieces, None))
    try:
        while (piece := await reading) is not None:
            reading = asyncio.create_task(asyncio.to_thread(next, pieces, None))
            yield piece
    finally:
        await asyncio.wait([reading])


def _read_again(
    origin: Origin, tables: Sequence[Shape], written: Mapping[str, Progress]
) -> dict[str, Progress]:
    """After an interruption the source may have been changed where nothing shows it: what it holds now counts."""
    fresh = {}
    for shape in tables:
        tally = Tally()
        for piece in source.pieces(origin, shape, None):
            tally = add(tally, piece.rows)
        fresh[shape.name] = msgspec.structs.replace(written[shape.name], tally=tally)
    return fresh


async def _compare(
    server: Any, tables: Sequence[Shape], written: Mapping[str, Progress], tell: Tell
) -> dict[str, Tally]:
    """Read the target back and hold it against what was written. Raises :class:`Immovable` where they differ."""
    found = {}
    for shape in tables:
        tell(Step(doing="compare", table=shape.name, of=written[shape.name].tally.rows))
        found[shape.name] = await target.tally_of(server, shape)
    if unlike := sorted(name for name in found if found[name] != written[name].tally):
        raise Immovable(
            f"The target does not hold what the source holds in {', '.join(unlike)}. It was not made usable: drop it, "
            "create it anew, and begin again. The source is as it was."
        )
    return found
