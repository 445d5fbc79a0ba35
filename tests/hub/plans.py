"""How SQLite means to find what statements ask for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import event

from hub.store.tx import Tx


@contextlib.contextmanager
def plans(tx: Tx) -> Iterator[list[str]]:
    """The steps of the plan of every statement inside, in order."""
    found: list[str] = []

    def plan(connection: Any, cursor: Any, statement: str, values: Any, *more: Any) -> None:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        found.extend(row[3] for row in cursor.fetchall())

    event.listen(tx.connection, "before_cursor_execute", plan)
    try:
        yield found
    finally:
        event.remove(tx.connection, "before_cursor_execute", plan)
