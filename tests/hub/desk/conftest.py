"""The desk's tests stand on a house whose mail account can do what a real one can, and on people of several offices."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from connectors.contract import Capabilities
from hub.config import Inbox
from hub.house import House
from hub.scope import Role, Scope
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.specimen import CONFIG, a_house, add_person

MAIL = Capabilities(
    reaches=("email",),
    subject=True,
    copies=True,
    starts=True,
    attachments=("*/*",),
    attachment_bytes=1_000_000,
)
SMS = Capabilities(reaches=("phone",), max_length=600, reply_window=None)

PEOPLE: Mapping[str, tuple[Role, str, tuple[str, ...], tuple[str, ...]]] = {
    "ola": ("agent", "krajowa", ("bezrobotni",), ()),
    "jan": ("agent", "krajowa", ("bezrobotni", "pracodawcy"), ("prawo", "uk")),
    "ewa": ("supervisor", "krajowa", ("bezrobotni",), ()),
    "red": ("moderator", "krajowa", (), ()),
    "lom": ("agent", "pup-lomza", ("lomza",), ()),
    "suw": ("agent", "pup-suwalki", ("suwalki",), ()),
}


def desk_house() -> House:
    """The specimen's house with a mail account, an SMS account and an office that signs."""
    offices = tuple(
        msgspec.structs.replace(office, signature="{agent}\n{office}") if office.id == "krajowa" else office
        for office in CONFIG.offices
    )
    inboxes = tuple(
        msgspec.structs.replace(inbox, settings={"address": "kontakt@urzad.example"})
        if inbox.id == "kontakt"
        else inbox
        for inbox in CONFIG.inboxes
    )
    sms = Inbox(id="sms", kind="webhook", name="SMS", office="krajowa", queue="bezrobotni")
    config = msgspec.structs.replace(CONFIG, offices=offices, inboxes=(*inboxes, sms))
    house = a_house(config)
    can = {"kontakt": MAIL, "lomza-mail": MAIL, "artykuly": Capabilities(), "sms": SMS}
    channels = {**house.channels, "sms": "sms"}
    return msgspec.structs.replace(house, capabilities=can, channels=channels)


@pytest.fixture
def house() -> House:
    return desk_house()


class Who:
    """Scopes by login."""

    def __init__(self, ids: Mapping[str, int]) -> None:
        for login, (role, office, queues, skills) in PEOPLE.items():
            scope = Scope(
                user=ids[login],
                role=role,
                office=office,
                front=office == "krajowa",
                queues=queues,
                skills=skills,
                name=login.title(),
            )
            setattr(self, login, scope)

    ola: Scope
    jan: Scope
    ewa: Scope
    red: Scope
    lom: Scope
    suw: Scope


def _people(tx: Tx) -> Who:
    ids = {
        login: add_person(tx, login, role=role, office=office, skills=skills, queues=queues)
        for login, (role, office, queues, skills) in PEOPLE.items()
    }
    return Who(ids)


@pytest.fixture
async def who(store: Store) -> Who:
    return await store.write(_people)
