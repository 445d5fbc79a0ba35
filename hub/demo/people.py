"""The accounts of the demo: one of each role to log in with, and colleagues who are there already."""

from __future__ import annotations

from collections.abc import Mapping

from hub.demo.stories import Canned, Colleague, read
from hub.desk.canned import Text, save_text
from hub.house import House
from hub.people.passwords import hash_password
from hub.people.sessions import scope_of_row
from hub.people.users import add_user, set_extension, set_queues
from hub.scope import SYSTEM, Scope
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader, Tx

PASSWORD = "centrala-demo"  # noqa: S105 - it is printed at the start
"""Of every account that one can log in with."""

Scopes = Mapping[str, Scope]
"""By login, what each person may do."""


def colleagues() -> list[Colleague]:
    """Everybody who works here."""
    return read("people", list[Colleague])


async def hire(store: Store, house: House) -> Scopes:
    """Make the accounts and the canned responses of a new store."""
    password = hash_password(PASSWORD)
    await store.write(lambda tx: _hire(tx, house, password))
    return await store.read(lambda tx: scopes(tx, house))


def _hire(tx: Tx, house: House, password: str) -> None:
    for one in colleagues():
        secret = password if one.guest else None
        number = add_user(tx, SYSTEM, one.login, one.name, one.role, one.office, secret, "pl", one.skills)
        set_queues(tx, SYSTEM, house.directory, number, one.queues)
        if one.extension:
            set_extension(tx, SYSTEM, number, one.extension)
    boss = scopes(tx, house)["kierownik"]
    for text in read("canned", list[Canned]):
        save_text(
            tx, boss, Text(shortcut=text.shortcut, title=text.title, text=text.text, language=text.language)
        )


def scopes(tx: Reader, house: House) -> Scopes:
    """What each account may do, by login."""
    rows = tx.execute(schema.user.select()).mappings().all()
    return {str(row["login"]): scope_of_row(tx, house.directory, row) for row in rows}
