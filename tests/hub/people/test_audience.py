"""The audience of an event is exactly those who could read its conversation: two answers held against each other."""

from __future__ import annotations

import itertools
from typing import Any

from sqlalchemy import select

from hub.people.audience import hears, read_standings, sees
from hub.scope import Role, Scope, may_see
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Event
from tests.hub.specimen import add_conversation

ROLES: tuple[Role, ...] = ("agent", "moderator", "supervisor", "administrator", "system")


def _scopes() -> list[Scope]:
    places = [("krajowa", True), ("pup-lomza", False), ("pup-suwalki", False), ("", False)]
    return [
        Scope(user=user, role=role, office=office, front=front)
        for role, (office, front), user in itertools.product(ROLES, places, (7, 8))
    ]


def _conversations(tx: Any) -> list[int]:
    made = []
    columns = itertools.product(
        ("krajowa", "pup-lomza"), ("email", "comments"), (None, 7), (None, 8), (True, False)
    )
    for office, channel, owner, assignee, asked in columns:
        one = add_conversation(tx, office=office, channel=channel, owner=owner, assignee=assignee)
        if asked:
            row = {"conversation": one, "office": "pup-suwalki", "at": tx.now}
            tx.execute(schema.conversation_office.insert().values(**row))
        made.append(one)
    granted = {"user": 8, "conversation": made[-1], "reason": "prośba", "at": tx.now}
    tx.add(schema.access_grant, granted)
    return made


async def test_sees_and_visible_agree(sqlite_store: Store) -> None:
    made = await sqlite_store.write(_conversations)

    def compare(tx: Any) -> int:
        standings = read_standings(tx, made)
        seen = 0
        for scope, one in itertools.product(_scopes(), made):
            expected = may_see(tx, scope, one)
            assert sees(scope, standings[one]) == expected, (scope, one)
            seen += expected
        return seen

    seen = await sqlite_store.read(compare)
    assert 0 < seen < len(made) * len(_scopes())


async def test_who_hears_what(sqlite_store: Store) -> None:
    one = await sqlite_store.write(lambda tx: add_conversation(tx, office="pup-lomza"))
    standings = await sqlite_store.read(lambda tx: read_standings(tx, [one]))
    mine = Scope(user=7, role="agent", office="pup-lomza")
    chief = Scope(user=8, role="supervisor", office="krajowa", front=True)
    foreign = Scope(user=9, role="moderator", office="pup-suwalki")

    def heard(kind: str, **fields: Any) -> list[int | None]:
        event = Event(place=1, at=0, kind=kind, **fields)  # type: ignore[arg-type]
        return [scope.user for scope in (mine, chief, foreign) if hears(scope, event, standings)]

    assert heard("message", conversation=one, office="pup-lomza") == [7, 8]
    assert heard("message", conversation=999) == []
    assert heard("notification", actor=9) == [9]
    assert heard("draft", actor=7, conversation=one) == [7]
    assert heard("presence", actor=1) == [7, 8, 9]
    assert heard("user", actor=7) == [7, 8]
    assert heard("post", office="pup-suwalki") == [8, 9]
    assert heard("callback", office="pup-lomza") == [7, 8]


async def test_what_does_not_exist_has_no_standing(sqlite_store: Store) -> None:
    assert await sqlite_store.read(lambda tx: read_standings(tx, [])) == {}
    assert await sqlite_store.read(lambda tx: read_standings(tx, [1, 2])) == {}
    assert await sqlite_store.read(lambda tx: tx.rows(select(schema.conversation))) == []
