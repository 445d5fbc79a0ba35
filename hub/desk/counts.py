"""How long the lists of the left pane are.

The pane stands on every page and counts dozens of queues. All of them are counted by one statement: under load each
statement, and each row of an answer, waits anew for its turn at the interpreter.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Literal

import msgspec
from sqlalchemy import func, select

from hub.config import Queue
from hub.house import House
from hub.scope import Scope, require
from hub.store import bulk, driver, schema
from hub.store.tx import Reader

from .lists import Asked, View, ids, offered_queues, sees_all, waiting_in

COUNT_LIMIT = 1000
"""Counts stop here: nobody acts differently on 1,000 and 40,000, and counting must cost nothing."""

COUNTED: tuple[View, ...] = ("mine", "overdue", "failed", "woke", "snoozed")
"""What is counted besides the queues and what is free in them."""

What = Literal["free", "waiting"]

_KEYS: dict[What, tuple[str, ...]] = {"free": ("queue",), "waiting": ("office", "queue", "status")}
_ONLY: dict[What, str] = {"free": f" AND {schema.FREE}", "waiting": ""}

_encode = msgspec.json.Encoder().encode


def count_lists(tx: Reader, house: House, scope: Scope) -> dict[str, int]:
    """Lengths of the views that want attention, by view, and of the actor's queues, by ``queue:ID``; at most
    ``COUNT_LIMIT`` each. Raises Denied."""
    require(scope, "answer")
    found: dict[str, int] = {view: _any(tx, house, scope, Asked(view=view)) for view in COUNTED}
    queues = offered_queues(house, scope)
    lines = [house.directory.queues[queue] for queue in queues]
    whole = [line for line in lines if sees_all(scope, line.office)]
    free, waiting = _free(tx, whole), _waiting(tx, whole)
    for line in lines:
        if line.id not in waiting:
            free += _any(tx, house, scope, Asked(view="unassigned", queue=line.id))
            waiting[line.id] = _any(tx, house, scope, Asked(view="queue", queue=line.id))
    found["unassigned"] = min(free, COUNT_LIMIT)
    for queue in queues:
        found[f"queue:{queue}"] = min(waiting[queue], COUNT_LIMIT)
    return found


def _any(tx: Reader, house: House, scope: Scope, asked: Asked) -> int:
    """Of any list, by its own conditions."""
    found = ids(tx, house, scope, asked, COUNT_LIMIT)
    return 0 if found is None else int(tx.scalar(select(func.count()).select_from(found.subquery())))


def _free(tx: Reader, lines: Sequence[Queue]) -> int:
    return sum(_counted(tx, "free", [(line.id,) for line in lines]))


def _waiting(tx: Reader, lines: Sequence[Queue]) -> dict[str, int]:
    """What waits in each of these queues, all of which the actor may see whole."""
    keys = [(line.office, line.id, status) for line in lines for status in waiting_in(line)]
    found = dict.fromkeys((line.id for line in lines), 0)
    for (_, queue, _), number in zip(keys, _counted(tx, "waiting", keys), strict=True):
        found[queue] += number
    return found


def _counted(tx: Reader, what: What, keys: Sequence[driver.Row]) -> list[int]:
    """How many conversations there are for each key, in the order of the keys."""
    if not keys:
        return []
    if tx.sqlite:
        rows = bulk.fetch_json(tx.connection, for_sqlite(what), (_encode(keys).decode(),))
    else:
        rows = driver.fetch(tx.connection, for_postgresql(what), bulk.arrays(len(_KEYS[what]), keys))
    return [number for _, number in sorted(rows)]


def _of_one(what: What, key: Sequence[str]) -> str:
    """The number for one key, whose columns are the expressions ``key``; walks one index and stops at the limit."""
    # ruff: noqa: S608 - our own schema's names only; every value is a parameter
    match = " AND ".join(f'c."{column}" = {value}' for column, value in zip(_KEYS[what], key, strict=True))
    where = f"{schema.LISTED}{_ONLY[what]} AND {match}"
    return f"(SELECT count(*) FROM (SELECT 1 FROM conversation c WHERE {where} LIMIT {COUNT_LIMIT}) AS found)"


@cache
def for_sqlite(what: What) -> str:
    """The statement that counts for a JSON list of keys, and answers with ``[place, number]`` of each."""
    number = _of_one(what, [f"json_extract(k.value, '$[{n}]')" for n in range(len(_KEYS[what]))])
    return f"SELECT json_group_array(json_array(k.key, {number})) FROM json_each(?) k"


@cache
def for_postgresql(what: What) -> str:
    """The same for one array a column; a row of place and number for each key."""
    columns = _KEYS[what]
    number = _of_one(what, [f'k."{column}"' for column in columns])
    keys = f"{bulk.unnest(schema.conversation, columns)} WITH ORDINALITY AS k ({bulk.names(columns)}, n)"
    return f"SELECT k.n, {number} FROM {keys}"
