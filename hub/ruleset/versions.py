"""Published versions of the rule set: what was in force when, who made it so, and on what proof.

A version never changes but for its state; taking one back is a new version with the old text. Whoever publishes holds
the lock of :func:`lock`, so that numbers follow one another and one version alone is the published one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from sqlalchemy import func, select, update

from hub.ruleset.proof import Proof
from hub.scope import NotFound, Scope, require
from hub.store import bulk, schema
from hub.store.tx import Reader, Tx
from rules.files.load import version_of

ruleset = schema.ruleset
setting = schema.setting

Origin = Literal["file", "console", "rollback"]

MOST = 2**31 - 1
"""Numbers of versions and revisions that a column holds; the database must not be asked for a larger one."""

FILE = "rules-file"
"""The setting that remembers the last import of the rule file; its row is also the lock of publication."""

_SHORT = [column for column in ruleset.c if column.name != "source"]


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version. ``base`` is the version it was made from; ``source`` is left out ("") in lists."""

    version: int
    state: Literal["published", "retired"]
    digest: str
    source: str = ""
    author: int | None = None
    approver: int | None = None
    note: str = ""
    origin: Origin = "file"
    base: int | None = None
    proof: Proof = Proof()
    created_at: int
    published_at: int | None = None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes a version."""

    source: str
    author: int | None = None
    approver: int | None = None
    note: str = ""
    origin: Origin = "file"
    base: int | None = None
    proof: Proof = Proof()


def lock(tx: Tx) -> str:
    """Let nobody else publish until the end of the transaction; returns what the setting ``FILE`` holds."""
    bulk.insert_new(tx.connection, setting, ("name", "value"), [(FILE, "{}")])
    return str(tx.scalar(select(setting.c.value).where(setting.c.name == FILE).with_for_update()))


def add_version(tx: Tx, wanted: Wanted) -> int:
    """Make a text the published version and wake who runs rules; returns its number. The caller holds :func:`lock`."""
    tx.execute(update(ruleset).where(ruleset.c.state == "published").values(state="retired"))
    number = int(tx.scalar(select(func.coalesce(func.max(ruleset.c.version), 0)))) + 1
    row = msgspec.structs.asdict(wanted) | {
        "version": number,
        "state": "published",
        "digest": version_of(wanted.source),
        "proof": msgspec.json.encode(wanted.proof).decode(),
        "created_at": tx.now,
        "published_at": tx.now,
    }
    tx.execute(ruleset.insert().values(row))
    tx.ring("rules")
    return number


def published(tx: Reader) -> Version | None:
    """The version in force, with its text; None before the first start."""
    row = tx.execute(select(ruleset).where(ruleset.c.state == "published")).mappings().first()
    return None if row is None else _version(row)


def published_number(tx: Reader) -> int:
    """The number of the version in force; 0 before the first start."""
    return int(tx.scalar(select(ruleset.c.version).where(ruleset.c.state == "published")) or 0)


def versions(tx: Reader, scope: Scope, *, before: int | None = None, limit: int = 100) -> list[Version]:
    """The newest, or those older than ``before``, without their texts. Raises Denied."""
    require(scope, "administer")
    statement = select(*_SHORT).order_by(ruleset.c.version.desc()).limit(limit)
    if before is not None:
        statement = statement.where(ruleset.c.version < min(before, MOST))
    return [_version(row) for row in tx.execute(statement).mappings()]


def version(tx: Reader, scope: Scope, number: int) -> Version:
    """One version with its text. Raises Denied, NotFound."""
    require(scope, "administer")
    if abs(number) > MOST:
        raise NotFound("version")
    row = tx.execute(select(ruleset).where(ruleset.c.version == number)).mappings().first()
    if row is None:
        raise NotFound("version")
    return _version(row)


def source_of(tx: Reader, number: int) -> str | None:
    """The text of a version, as traces name it; None where there is no such version."""
    if abs(number) > MOST:
        return None
    found: str | None = tx.scalar(select(ruleset.c.source).where(ruleset.c.version == number))
    return found


def _version(row: Mapping[Any, Any]) -> Version:
    return Version(**{**row, "proof": msgspec.json.decode(row["proof"], type=Proof)})
