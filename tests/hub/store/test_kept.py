"""Kept statements: the same rows as the statement itself gives, in its order, several in one go, on both engines."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Select, func, literal, literal_column, select

from hub.store import schema
from hub.store.kept import Question, ask, engine_of, keep, value, word
from hub.store.store import Store
from hub.store.tx import Reader, Tx
from tests.hub.specimen import add_conversation

conversation = schema.conversation

SUBJECTS = ('Zażółć "gęślą" jaźń', "tab\tand\nline\\", "😀 \u2028 <b>&amp;</b>", "", "\x7f")


def fill(tx: Tx) -> list[int]:
    return [
        add_conversation(
            tx, subject=subject, failed=n % 2 == 0, due_at=None if n % 3 else tx.now + n, priority=n
        )
        for n, subject in enumerate(SUBJECTS)
    ]


def rows_of(tx: Reader, statement: Select[Any], **values: Any) -> list[Any]:
    [rows] = ask(tx, [Question(keep(engine_of(tx), statement), values)])
    return rows


async def test_rows_are_those_of_the_statement(store: Store) -> None:
    """Order, texts, empty values and booleans."""
    await store.write(fill)
    statement = select(conversation).order_by(conversation.c.priority.desc())

    def both(tx: Reader) -> tuple[list[Any], list[Any]]:
        return rows_of(tx, statement), list(tx.rows(statement))

    kept, plain = await store.read(both)
    assert [tuple(row) for row in kept] == [tuple(row) for row in plain]
    assert [row.subject for row in kept] == list(reversed(SUBJECTS)) and kept[0].failed is True


async def test_values_come_with_the_question(store: Store) -> None:
    made = await store.write(fill)
    one = select(conversation.c.id).where(conversation.c.id == value("one"))
    like = select(conversation.c.id).where(conversation.c.subject == word("subject"))
    listed = select(conversation.c.id).where(conversation.c.priority.in_((1, 3))).order_by(conversation.c.id)

    def query(tx: Reader) -> list[list[Any]]:
        kept = [keep(engine_of(tx), statement) for statement in (one, like, listed)]
        values: list[dict[str, Any]] = [{"one": made[2]}, {"subject": SUBJECTS[0]}, {}]
        return ask(tx, [Question(*asked) for asked in zip(kept, values, strict=True)])

    found = await store.read(query)
    assert [[row.id for row in rows] for rows in found] == [[made[2]], [made[0]], [made[1], made[3]]]


async def test_words_of_the_statement_are_taken_as_they_are(store: Store) -> None:
    """Quotation marks and question marks too, which mean something in SQL."""
    words = ("it's ? \"all\" '", "?", "''; --", "o'?'")
    made = await store.write(lambda tx: [add_conversation(tx, subject=word) for word in words])

    def query(tx: Reader) -> list[list[Any]]:
        statements = [select(conversation.c.id).where(conversation.c.subject == word) for word in words]
        return ask(tx, [Question(keep(engine_of(tx), statement), {}) for statement in statements])

    assert [[row.id for row in rows] for rows in await store.read(query)] == [[number] for number in made]


async def test_a_question_without_its_value_is_refused(store: Store) -> None:
    with pytest.raises(KeyError):
        await store.read(
            lambda tx: rows_of(tx, select(conversation.c.id).where(conversation.c.id == value("one")))
        )


async def test_nothing_found_is_an_empty_list(store: Store) -> None:
    nothing = select(conversation).where(conversation.c.id == -1)
    count = select(func.count().label("number")).select_from(conversation)

    def query(tx: Reader) -> list[list[Any]]:
        return ask(tx, [Question(keep(engine_of(tx), found), {}) for found in (nothing, count)])

    empty, [counted] = await store.read(query)
    assert empty == [] and counted.number == 0


async def test_bytes_are_refused_where_json_cannot_hold_them(sqlite_store: Store) -> None:
    with pytest.raises(TypeError, match="bytes"):
        await sqlite_store.read(lambda tx: rows_of(tx, select(schema.blob_chunk)))


async def test_large_numbers_stay_exact(store: Store) -> None:
    large = (1 << 62) + 1
    statement: Any = select(literal(large).label("number"), literal_column("-9007199254740993").label("less"))
    [row] = await store.read(lambda tx: rows_of(tx, statement))
    assert (row.number, row.less) == (large, -9007199254740993)
