"""How long the lists of the left pane are.

The pane stands on every page and counts dozens of queues. Those that the actor may see whole are counted by one
statement each for what is free and for what waits, everything else together by another.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Literal

import msgspec
from sqlalchemy import func, select

from hub.house import House
from hub.scope import Scope, require
from hub.store import bulk, schema
from hub.store.kept import Answers, Engine, Inquiry, Kept, Question, engine_of, keep, learn, row_of
from hub.store.tx import Reader

from .lists import Line, Shape, View, ids, line_of, offered_queues, sees_all, shape_of, values_at

COUNT_LIMIT = 1000
"""Counts stop here: nobody acts differently on 1,000 and 40,000, and counting must cost nothing."""

COUNTED: tuple[View, ...] = ("mine", "overdue", "failed", "woke", "snoozed")
"""What is counted besides the queues and what is free in them."""

What = Literal["free", "waiting"]

_KEYS: dict[What, tuple[str, ...]] = {"free": ("queue",), "waiting": ("office", "queue", "status")}
_ONLY: dict[What, str] = {"free": f" AND {schema.FREE}", "waiting": ""}

_encode = msgspec.json.Encoder().encode


class _Pane(msgspec.Struct, frozen=True, kw_only=True):
    """The queues of one actor's pane: those counted ``whole`` by their keys, and the others, which are lists."""

    whole: tuple[Line, ...]
    parts: tuple[Line, ...]


def count_lists(tx: Reader, house: House, scope: Scope) -> dict[str, int]:
    """Lengths of the views that want attention, by view, and of the actor's queues, by ``queue:ID``; at most
    ``COUNT_LIMIT`` each. Raises Denied."""
    return learn(tx, about_counts(tx, house, scope))


def about_counts(tx: Reader, house: House, scope: Scope) -> Inquiry[dict[str, int]]:
    """What :func:`count_lists` tells. Raises Denied."""
    require(scope, "answer")
    pane = _pane(house, scope)
    shapes = [shape_of(house, scope, view) for view in COUNTED]
    shapes += [shape_of(house, scope, view, line.queue) for line in pane.parts for view in _OF_PART]
    questions = [
        Question(_lengths(engine_of(tx), tuple(shapes)), values_at(tx, house, scope)),
        _by_key(tx, "free", [(line.queue,) for line in pane.whole]),
        _by_key(tx, "waiting", [key for line in pane.whole for key in _keys_of(line)]),
    ]
    return Inquiry(questions, lambda told: _counts(pane, offered_queues(house, scope), told))


def _counts(pane: _Pane, queues: Sequence[str], told: Answers) -> dict[str, int]:
    [lengths], free, waiting = told
    found = dict(zip(COUNTED, lengths, strict=False))
    found["unassigned"] = sum(row.number for row in free)
    numbers = iter([row.number for row in sorted(waiting)])
    by_queue = {line.queue: sum(next(numbers) for _ in line.statuses) for line in pane.whole}
    rest = iter(lengths[len(COUNTED) :])
    for line in pane.parts:
        found["unassigned"] += next(rest)
        by_queue[line.queue] = next(rest)
    found |= {f"queue:{queue}": by_queue[queue] for queue in queues}
    return {name: min(number, COUNT_LIMIT) for name, number in found.items()}


_OF_PART: tuple[View, ...] = ("unassigned", "queue")


def _pane(house: House, scope: Scope) -> _Pane:
    lines = [line_of(house, queue) for queue in offered_queues(house, scope)]
    whole = tuple(line for line in lines if sees_all(scope, line.office))
    return _Pane(whole=whole, parts=tuple(line for line in lines if line not in whole))


@lru_cache(maxsize=256)
def _lengths(engine: Engine, shapes: tuple[Shape, ...]) -> Kept:
    """One row: how long each of these lists is."""
    lengths = [select(func.count()).select_from(ids(shape, COUNT_LIMIT).subquery()) for shape in shapes]
    return keep(engine, select(*(found.scalar_subquery().label(f"n{n}") for n, found in enumerate(lengths))))


def _keys_of(line: Line) -> list[tuple[str, str, str]]:
    return [(line.office, line.queue, status) for status in line.statuses]


def _by_key(tx: Reader, what: What, keys: Sequence[tuple[str, ...]]) -> Question:
    """How many conversations there are for each key: rows of its place among the keys and the number."""
    if tx.sqlite:
        return Question(_kept("sqlite", what), {"0": _encode(keys).decode()})
    columns = bulk.arrays(len(_KEYS[what]), keys)
    return Question(_kept("postgresql", what), {str(n): column for n, column in enumerate(columns)})


@cache
def _kept(engine: Engine, what: What) -> Kept:
    sql = for_sqlite(what) if engine == "sqlite" else for_postgresql(what)
    names = ("0",) if engine == "sqlite" else tuple(map(str, range(len(_KEYS[what]))))
    return Kept(sql=sql, names=names, fixed={}, row=row_of(("place", "number")))


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
