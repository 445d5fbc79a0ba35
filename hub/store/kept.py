"""Statements that pages ask all day: built once, then asked with nothing but their values, several in one go.

Two things make a read slow while the hub is busy. Building a statement costs more than running it. And SQLite's driver
lets go of the interpreter's lock at every row and at the end of every statement, and each time waits for a busy event
loop to give it back: a page of fifty rows waits fifty times. So a kept statement is text for the driver; on SQLite it
gives all of its rows as one JSON value, and :func:`ask` makes one statement of everything that a page wants to know.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Generic, Literal, TypeVar

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    Boolean,
    ColumnElement,
    Dialect,
    LargeBinary,
    Select,
    Text,
    any_,
    bindparam,
    case,
    func,
    select,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg

from . import driver
from .schema import Time
from .tx import Reader

T = TypeVar("T")

Engine = Literal["sqlite", "postgresql"]

Answers = Sequence[Sequence[Any]]
"""The rows of several questions, in the order of the questions."""

_decode = msgspec.json.Decoder(list[tuple[Any, ...]]).decode
_encode = msgspec.json.Encoder().encode


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """``sql`` with its parameters by name in their order; ``fixed`` are those whose values belong to the statement.
    ``row`` makes of one row's values what :func:`ask` returns."""

    sql: str
    names: tuple[str, ...]
    fixed: Mapping[str, Any]
    row: Callable[[Iterable[Any]], Any]


class Question(msgspec.Struct, frozen=True):
    """A kept statement and the values of its parameters."""

    kept: Kept
    values: Mapping[str, Any]

    def parameters(self) -> list[Any]:
        """Raises KeyError for one that has no value."""
        known = {**self.kept.fixed, **self.values}
        return [known[name] for name in self.kept.names]


class Inquiry(msgspec.Struct, Generic[T], frozen=True):
    """What somebody wants to know: the questions, and what their answers come to."""

    questions: Sequence[Question]
    made: Callable[[Answers], T]


def value(name: str) -> BindParameter[int]:
    """The place in a statement of a value that each question brings: an id, a time or a number."""
    return bindparam(name, None, Time)


def word(name: str) -> BindParameter[str]:
    """The same for a text."""
    return bindparam(name, None, Text)


def among(engine: Engine, column: ColumnElement[int], name: str) -> ColumnElement[bool]:
    """Whether a column is one of many ids, which a question brings as :func:`many` makes them."""
    if engine == "sqlite":
        each = func.json_each(word(name)).table_valued("value")
        return column.in_(select(each.c.value))
    return column == any_(bindparam(name, None, ARRAY(BigInteger)))


def many(tx: Reader, ids: Iterable[int]) -> Any:
    """The value of a place that was made with :func:`among`."""
    return _encode(list(ids)).decode() if tx.sqlite else list(ids)


def engine_of(tx: Reader) -> Engine:
    """For which engine a reader's statements have to be kept."""
    return "sqlite" if tx.sqlite else "postgresql"


def keep(engine: Engine, statement: Select[Any]) -> Kept:
    """The statement as text. Its columns need names that differ; on SQLite none of them may hold bytes.

    Building takes milliseconds: the caller keeps what it gets, by everything that the statement was made of.
    """
    columns = statement.selected_columns
    dialect: Dialect = asyncpg.dialect()  # type: ignore[no-untyped-call]
    if engine == "sqlite":
        dialect, statement = sqlite.dialect(), _whole(statement)
    compiled: Any = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    sql, names = str(compiled), list(compiled.positiontup)
    fixed = {name: found for name, found in compiled.params.items() if found is not None}
    if engine == "sqlite":
        sql, names = _with_words(sql, names, fixed)
    return Kept(sql=sql, names=tuple(names), fixed=fixed, row=row_of(tuple(columns.keys())))


def _with_words(sql: str, names: Sequence[str], fixed: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The same with the fixed words written out, and the names of the parameters that are left.

    SQLite plans a statement anew at each execution if a parameter may decide whether a partial index serves, as that
    of ``status = ?`` may; for a page that takes longer than all the rest of its reading.
    """
    first, *rest = sql.split("?")
    text, left = [first], []
    for name, part in zip(names, rest, strict=True):
        word = fixed.get(name)
        if isinstance(word, str):
            quoted = word.replace("'", "''")
            text += [f"'{quoted}'", part]
        else:
            text += ["?", part]
            left.append(name)
    return "".join(text), left


@cache
def row_of(names: tuple[str, ...]) -> Callable[[Iterable[Any]], Any]:
    """Makes rows whose values have these names."""
    made: Any = namedtuple("Row", names)  # type: ignore[misc]  # the names are known at run time only
    maker: Callable[[Iterable[Any]], Any] = made._make
    return maker


def _whole(statement: Select[Any]) -> Select[Any]:
    """All rows of a statement as one JSON list of lists, in their order."""
    rows = statement.subquery()
    return select(func.json_group_array(func.json_array(*map(_as_json, rows.c))))


def _as_json(column: ColumnElement[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, LargeBinary):
        raise TypeError(f"{column} holds bytes, which JSON cannot")
    if isinstance(column.type, Boolean):  # which SQLite keeps as a number
        return func.json(case((column.is_(None), "null"), (column, "true"), else_="false"))
    return column


def ask(tx: Reader, questions: Sequence[Question]) -> list[list[Any]]:
    """The rows of each question. On SQLite all of them are one statement."""
    if not tx.sqlite:
        return [_fetch(tx, question) for question in questions]
    sql = f"SELECT ({'), ('.join(question.kept.sql for question in questions)})"
    [answers] = driver.fetch(tx.connection, sql, [v for question in questions for v in question.parameters()])
    return [list(map(q.kept.row, _decode(found))) for q, found in zip(questions, answers, strict=True)]


def _fetch(tx: Reader, question: Question) -> list[Any]:
    kept = question.kept
    return list(map(kept.row, driver.fetch(tx.connection, kept.sql, question.parameters())))


def inquire(tx: Reader, *inquiries: Inquiry[Any]) -> list[Any]:
    """What each inquiry comes to, all of them asked at once."""
    return learn(tx, together(list, *inquiries))


def together(made: Callable[[Any], T], *inquiries: Inquiry[Any]) -> Inquiry[T]:
    """One inquiry of several: ``made`` gets a tuple of what they come to."""

    def of_all(told: Answers) -> T:
        rest = iter(told)
        found = [[next(rest) for _ in inquiry.questions] for inquiry in inquiries]
        return made(tuple(one.made(rows) for one, rows in zip(inquiries, found, strict=True)))

    return Inquiry([question for inquiry in inquiries for question in inquiry.questions], of_all)


def learn(tx: Reader, inquiry: Inquiry[T]) -> T:
    """What one inquiry comes to."""
    return inquiry.made(ask(tx, inquiry.questions))
