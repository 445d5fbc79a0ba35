"""Erasing a person on each engine: one of each thing that can be theirs. (Looking for traces: tests/security.)"""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Row, select

from hub.privacy.erase import NOWHERE, erase
from hub.privacy.people import SEVERAL, find
from hub.scope import SYSTEM, Conflict, Denied, Scope
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader
from tests.hub.specimen import add_contact, add_person
from tests.security.world import World


def of_comment(tx: Reader, number: int) -> str:
    conversation, identity = schema.conversation, schema.identity
    named = select(identity.c.address).join(conversation, conversation.c.identity == identity.c.id)
    return str(tx.scalar(named.where(conversation.c.id == number)))


async def row_of(store: Store, table: Any, key: int) -> Row[Any] | None:
    def query(tx: Reader) -> Row[Any] | None:
        return tx.row(select(table).where(table.c.id == key))

    return await store.read(query)


async def test_one_of_each_thing(store: Store) -> None:
    ola = await store.write(lambda tx: add_person(tx, "ola"))
    things = await World(store, {"ola": ola}).make("krajowa", "ola")
    commented = await store.read(lambda tx: of_comment(tx, things["comment"]))
    for words in ("world1@example.pl", commented, "+48600000001"):
        person = await store.read(lambda tx, words=words: find(tx, words))  # type: ignore[misc]
        await store.write(lambda tx, person=person: erase(tx, SYSTEM, person, []))  # type: ignore[misc]
    for table, name in (
        *(
            (schema.raw, "raw"),
            (schema.attachment, "file"),
            (schema.draft, "draft"),
            (schema.callback, "call"),
        ),
        *((schema.attachment, "draft-file"), (schema.notification, "notification")),
    ):
        assert await row_of(store, table, things[name]) is None, name
    post = await row_of(store, schema.post, things["post"])
    assert post is not None and (post.state, post.text, post.author_name) == ("erased", "", "")
    left = await row_of(store, schema.conversation, things["conversation"])
    assert left is not None and (left.subject, left.merged_into, left.queue) == ("", NOWHERE, "bezrobotni")


async def test_who_is_meant(store: Store) -> None:
    def fill(tx: Any) -> list[int]:
        made = [
            add_contact(tx, "Jan", email="jan@example.pl")[0],
            add_contact(tx, "Ola", phone="+48600700800")[0],
        ]
        for kind in ("telegram", "messenger"):
            one = tx.add(schema.contact, {"name": kind, "created_at": tx.now})
            row = {
                "kind": kind,
                "address": "12345678",
                "contact": one,
                "verified": True,
                "created_at": tx.now,
            }
            tx.add(schema.identity, row)
            made.append(one)
        return made

    jan, ola, telegram, _ = await store.write(fill)
    for words, wanted in (
        *(
            (" Jan@Example.PL", jan),
            ("600 700 800", ola),
            ("+48 600-700-800", ola),
            ("phone:+48600700800", ola),
        ),
        ("telegram:12345678", telegram),
    ):
        assert (await store.read(lambda tx, words=words: find(tx, words))).contacts == (wanted,)  # type: ignore[misc]
    with pytest.raises(Conflict, match=SEVERAL):
        await store.read(lambda tx: find(tx, "12345678"))


async def test_only_administrators_erase(store: Store) -> None:
    await store.write(lambda tx: add_contact(tx, "Jan", email="jan@example.pl"))
    person = await store.read(lambda tx: find(tx, "jan@example.pl"))
    chief = Scope(user=1, role="supervisor", office="krajowa", front=True)
    with pytest.raises(Denied):
        await store.write(lambda tx: erase(tx, chief, person, []))
