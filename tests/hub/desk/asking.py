"""What the desk's tests make in the store, and small questions that they ask it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, select

from hub.desk.undo_kinds import KINDS
from hub.desk.undoing import undo_last
from hub.house import House
from hub.scope import Scope
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader, Tx
from tests.hub.specimen import add_conversation


async def make(store: Store, **columns: Any) -> int:
    """A conversation with these columns."""
    return await store.write(lambda tx: add_conversation(tx, **columns))


async def rows(store: Store, table: Any, **where: Any) -> Sequence[Row[Any]]:
    """Rows of a table, by id."""
    wanted = [table.c[name] == value for name, value in where.items()]
    return await store.read(lambda tx: tx.rows(select(table).where(*wanted).order_by(table.c.id)))


async def row_of(store: Store, conversation: int) -> Row[Any]:
    """A conversation as it is."""
    table = schema.conversation
    found = await store.read(lambda tx: tx.row(select(table).where(table.c.id == conversation)))
    assert found is not None
    return found


async def said(store: Store, conversation: int) -> list[str]:
    """What the system lines of a conversation say, in order."""
    message = schema.message

    def query(tx: Reader) -> Sequence[Row[Any]]:
        mine = select(message.c.data).where(
            message.c.conversation == conversation, message.c.kind == "system"
        )
        return tx.rows(mine.order_by(message.c.number))

    return [msgspec.json.decode(row.data)["what"] for row in await store.read(query)]


async def told(store: Store, user: int | None) -> list[tuple[str, int | None]]:
    """Kinds and conversations of somebody's notifications."""
    note = schema.notification
    mine = select(note.c.kind, note.c.conversation).where(note.c.user == user).order_by(note.c.id)
    return [(row.kind, row.conversation) for row in await store.read(lambda tx: tx.rows(mine))]


async def undo(store: Store, house: House, scope: Scope) -> str:
    """Press ``u``."""

    def command(tx: Tx) -> str:
        return undo_last(tx, house, scope, KINDS)

    return await store.write(command)
