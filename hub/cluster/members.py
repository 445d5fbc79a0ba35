"""The processes that share a store: each has a row, and renews it while it lives. Pure commands of a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Row, delete, select, update

from connectors.contract import Health, Micros
from hub.cluster.leases import moment
from hub.cluster.roles import Role
from hub.store import bulk, schema
from hub.store.tx import Reader, Tx

node = schema.node

_encode = msgspec.json.Encoder().encode
_roles = msgspec.json.Decoder(tuple[Role, ...]).decode
_health = msgspec.json.Decoder(dict[str, Health]).decode


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """This process. ``home`` names the data folder, which it holds locked: whoever had it before is dead. ``boot`` is
    new at each start, after a mark of ``home`` and a dot. ``secret`` and ``setup`` are marks of the signing secret and
    of the configuration."""

    name: str
    boot: str
    home: str
    roles: tuple[Role, ...]
    version: str
    secret: str = ""
    setup: str = ""

    @property
    def id(self) -> str:
        """What its leases and attempts bear."""
        return f"{self.name}/{self.boot}"

    def follows(self, node_id: str) -> bool:
        """Whether an id is that of an earlier run in our data folder, however many there were since: it is over."""
        name, _, boot = node_id.partition("/")
        home, dot, _ = boot.rpartition(".")
        return bool(dot) and (name, home) == (self.name, self.boot.rpartition(".")[0]) and node_id != self.id


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A process as its row tells. ``silent`` is how long ago it renewed it, in seconds by the database's clock;
    ``beat_at``, by that clock, is another one after each time."""

    name: str
    boot: str
    roles: tuple[Role, ...]
    version: str
    secret: str
    setup: str
    began_at: Micros
    beat_at: Micros
    silent: float
    health: Mapping[str, Health]

    @property
    def id(self) -> str:
        """As :attr:`Me.id`."""
        return f"{self.name}/{self.boot}"


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """The row with our name belongs to another run that may be alive; ``beat_at`` changes while it is."""

    boot: str
    beat_at: int


def enter(tx: Tx, me: Me, ttl: int, *, stale: Taken | None = None) -> Taken | str | None:
    """Have a row under our name.

    Returns None for a name that nobody had, the id of the run before us where it is certainly over (it had our data
    folder), ``""`` where it has been silent for ``ttl`` microseconds, or did not move since it was ``stale``; and
    :class:`Taken`, with nothing changed, where it may be alive.
    """
    bulk.insert_new(tx.connection, node, _COLUMNS, [_row(me, tx.now)])
    silent = (moment(tx) - node.c.beat_at).label("silent")
    [row] = tx.rows(select(node, silent).where(node.c.name == me.name).with_for_update())
    ours, dead = row.boot == me.boot, row.home == me.home
    seen = Taken(boot=row.boot, beat_at=row.beat_at)
    if not (ours or dead or row.silent >= ttl or seen == stale):
        return seen
    values = dict(zip(_COLUMNS, _row(me, tx.now), strict=True)) | {"beat_at": moment(tx)}
    tx.execute(update(node).where(node.c.name == me.name).values(**values))
    return None if ours else f"{row.name}/{row.boot}" if dead else ""


_COLUMNS = (*("name", "boot", "home", "roles", "version", "secret", "setup"), "began_at", "beat_at", "health")


def _row(me: Me, now: Micros) -> tuple[Any, ...]:
    marks = (me.version, me.secret, me.setup)
    return me.name, me.boot, me.home, _encode(me.roles).decode(), *marks, now, 0, "{}"


def beat(tx: Tx, me: Me, health: Mapping[str, Health]) -> bool:
    """Tell that we live, and how our inboxes are; False when another process has our name now."""
    mine = (node.c.name == me.name, node.c.boot == me.boot)
    values = {"beat_at": moment(tx), "health": _encode(health).decode(), "setup": me.setup}
    return bool(tx.execute(update(node).where(*mine).values(**values)).rowcount)


def retire(tx: Tx, me: Me) -> None:
    """The process is about to end: it still lives, and does nothing more that others could take from it."""
    tx.execute(update(node).where(node.c.name == me.name, node.c.boot == me.boot).values(roles="[]"))


def leave(tx: Tx, me: Me) -> None:
    """The process ends in good order."""
    tx.execute(delete(node).where(node.c.name == me.name, node.c.boot == me.boot))


def unmoved(tx: Tx, node_id: str, beat: int | None) -> bool:
    """Whether the last beat of a process is still this one (None: it is not listed); its next waits for our commit."""
    name, _, boot = node_id.partition("/")
    mine = select(node.c.beat_at).where(node.c.name == name, node.c.boot == boot)
    found: int | None = tx.scalar(mine.with_for_update(read=True))
    return found == beat


def members(tx: Reader) -> tuple[Member, ...]:
    """All of them, by name, the dead ones too until they are forgotten."""
    silent = (moment(tx) - node.c.beat_at).label("silent")
    return tuple(_member(row) for row in tx.rows(select(node, silent).order_by(node.c.name)))


_TOLD = ("name", "boot", "version", "secret", "setup", "began_at", "beat_at")


def _member(row: Row[Any]) -> Member:
    return Member(
        **{name: row._mapping[name] for name in _TOLD},
        roles=_roles(row.roles),
        silent=max(0.0, row.silent / 1e6),
        health=_health(row.health),
    )


def forget(tx: Tx, silent: int) -> None:
    """Drop the rows of processes that have been silent for so many microseconds."""
    tx.execute(delete(node).where(node.c.beat_at < moment(tx) - silent))
