"""A link that leads a conversation into another channel: when it is offered, what it is, whom is answered then."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from connectors.contract import Capabilities, SendError
from hub.desk import inviting
from hub.desk.inviting import SILENT, invitations
from hub.desk.ways import reach
from hub.house import House
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.desk.asking import row_of
from tests.hub.desk.conftest import Who, desk_house
from tests.hub.specimen import add_contact, add_conversation, add_message

BOT = Capabilities(reaches=("telegram",), invites=True)
OPEN = Capabilities(reaches=("x",), public_length=280)


@pytest.fixture
def house() -> House:
    """The desk's house with a bot and an account on a public network."""
    plain = desk_house()
    sms = plain.directory.inboxes["sms"]
    more = {name: msgspec.structs.replace(sms, id=name, name=name) for name in ("bot", "x")}
    directory = msgspec.structs.replace(plain.directory, inboxes={**plain.directory.inboxes, **more})
    return msgspec.structs.replace(
        plain,
        directory=directory,
        capabilities={**plain.capabilities, "bot": BOT, "x": OPEN},
        channels={**plain.channels, "bot": "telegram", "x": "x"},
    )


async def offered(store: Store, house: House, number: int, *kinds: str) -> list[str]:
    row = await row_of(store, number)
    return await store.read(lambda tx: inviting.inviting(tx, house, row, kinds))


async def make(store: Store, **more: Any) -> int:
    return await store.write(lambda tx: add_conversation(tx, **more))


async def test_it_is_offered_to_whom_no_address_reaches_there(store: Store, house: House) -> None:
    number = await make(store)
    assert await offered(store, house, number, "email") == ["bot"]
    assert await offered(store, house, number, "email", "telegram") == []
    assert await offered(store, desk_house(), number, "email") == [], "there is no bot"
    there = await make(store, inbox="bot", channel="telegram")
    assert await offered(store, house, there, "email") == [], "they wrote there last"


async def test_it_is_not_offered_where_everybody_reads(store: Store, house: House) -> None:
    assert await offered(store, house, await make(store, channel="comments", inbox="artykuly"), "web") == []
    number = await make(store, channel="x", inbox="x")
    assert await offered(store, house, number, "x") == ["bot"], "a direct message"

    def in_public(tx: Tx) -> None:
        add_message(tx, number, number=2, channel="x", inbox="x", data='{"public":true}')

    await store.write(in_public)
    assert await offered(store, house, number, "x") == []


async def test_the_link_carries_the_name_of_the_conversation(house: House) -> None:
    async def invite(inbox: str, token: str) -> str:
        return f"https://t.me/bot?start={token}"

    [made] = await invitations(house, invite, 17, ["bot"])
    assert made.problem == ""
    assert house.tokens.verify("conversation", made.link.partition("=")[2]) == "17"


async def test_what_goes_wrong_is_said(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inviting, "PATIENCE", 0.01)

    async def refuse(inbox: str, token: str) -> str:
        raise SendError("permanent", "The credentials are wrong.", "HTTP 401")

    async def wait(inbox: str, token: str) -> str:
        await asyncio.sleep(60)
        return ""

    assert [made.problem for made in await invitations(house, refuse, 17, ["bot"])] == [
        "The credentials are wrong."
    ]
    assert [made.problem for made in await invitations(house, wait, 17, ["bot"])] == [SILENT]


@pytest.mark.parametrize("verified", [True, False])
async def test_who_came_by_the_link_is_answered_there(
    store: Store, house: House, who: Who, verified: bool
) -> None:
    """What a channel proves to be the writer's address becomes the way to answer; what somebody claims does not."""
    number = await make(store, email="jan@example.pl")

    def come(tx: Tx) -> int:
        contact, _ = add_contact(tx, "Jan", email="inny@example.pl")
        row = {"kind": "telegram", "address": "1111", "contact": contact, "verified": verified}
        identity = tx.add(schema.identity, {**row, "created_at": tx.now})
        add_message(tx, number, number=2, channel="telegram", inbox="bot", identity=identity)
        tx.change(schema.conversation, number, identity=identity, inbox="bot", channel="telegram")
        return identity

    identity = await store.write(come)
    row = await row_of(store, number)
    found = await store.read(lambda tx: reach(tx, house, who.ola, row))
    assert [way.address for way in found.ways] == (["1111"] if verified else []) + ["jan@example.pl"]
    stored = await store.read(
        lambda tx: tx.row(select(schema.identity).where(schema.identity.c.id == identity))
    )
    assert stored is not None and stored.contact != row.contact, "they are not made one person by it"
