"""Ways of answering where channels differ: windows, approved texts, buttons, one number on two channels."""

from __future__ import annotations

import functools
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from connectors.contract import Capabilities, Outbound, Template
from hub.desk import reply
from hub.desk.reply import Draft
from hub.desk.ways import Way, reach
from hub.house import House
from hub.outbox.claim import claim
from hub.outbox.compose import read_outbound
from hub.scope import Conflict, Scope
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.conftest import FakeClock
from tests.hub.desk.asking import row_of
from tests.hub.desk.conftest import Who, desk_house
from tests.hub.specimen import add_conversation, add_message

DAY = 86_400_000_000
CODE = Template(id="kod", language="pl", text="Pana numer to {1}, termin {2}.", parameters=2)
PICTURE = Template(id="plakat", language="pl", text="Zapraszamy.", header="image")
CHAT = Capabilities(reaches=("phone",), reply_window=86_400, choices=3, templates=(CODE, PICTURE))


@pytest.fixture
def house() -> House:
    """The desk's house with a messenger beside the SMS account, both by telephone number."""
    plain = desk_house()
    inboxes = dict(plain.directory.inboxes)
    inboxes["wa"] = msgspec.structs.replace(inboxes["sms"], id="wa", name="WhatsApp")
    directory = msgspec.structs.replace(plain.directory, inboxes=inboxes)
    return msgspec.structs.replace(
        plain,
        directory=directory,
        capabilities={**plain.capabilities, "wa": CHAT},
        channels={**plain.channels, "wa": "whatsapp"},
    )


NUMBER = "+48501502503"


def draft(way: str, text: str = "Dzień dobry", based_on: int = 1, **more: Any) -> Draft:
    identity, _, inbox = way.partition("/")
    known = {"text": text, "client_id": f"c{based_on}", "based_on": based_on, "undo_seconds": 0.0}
    return msgspec.convert({**known, "identity": int(identity), "inbox": inbox, **more}, Draft)


async def wrote(store: Store, channel: str, inbox: str) -> int:
    """A conversation that somebody began by telephone number on one of the two channels."""
    return await store.write(
        lambda tx: add_conversation(tx, phone=NUMBER, inbox=inbox, channel=channel, subject="")
    )


async def way_of(store: Store, house: House, who: Who, conversation: int, inbox: str) -> str:
    row = await row_of(store, conversation)
    found = await store.read(lambda tx: reach(tx, house, who.ola, row))
    return next(way.key for way in found.ways if way.inbox == inbox)


async def leaving(store: Store, house: House, message: int) -> Outbound:
    """What the connector would get."""

    def command(tx: Tx) -> Outbound:
        claimed = claim(tx, "n", 10, [], ["wa", "sms", "kontakt"])
        delivery = schema.delivery
        wanted = tx.scalar(select(delivery.c.id).where(delivery.c.message == message))
        begun = next(one for one in claimed if one.delivery == wanted)
        found = read_outbound(tx, house, begun.delivery, begun.attempt)
        assert found is not None
        return found.outbound

    return await store.write(command)


async def test_a_number_is_reached_on_every_channel_the_last_one_first(
    store: Store, house: House, who: Who
) -> None:
    found = await wrote(store, "whatsapp", "wa")
    row = await row_of(store, found)
    known = await store.read(lambda tx: reach(tx, house, who.ola, row))
    assert [(way.inbox, way.closed) for way in known.ways] == [("wa", False), ("sms", False)]
    sms = await way_of(store, house, who, found, "sms")
    sent = await store.write(lambda tx: reply.reply(tx, house, who.ola, found, draft(sms)))
    out = await leaving(store, house, sent.message)
    assert (out.inbox, out.to[0].kind, out.to[0].address) == ("sms", "phone", NUMBER)
    assert (out.reply_to, out.references, out.inbound_at) == (None, (), None)  # all that was said elsewhere


async def test_a_window_is_counted_from_what_came_through_it(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    found = await wrote(store, "whatsapp", "wa")
    clock.move(2 * DAY / 1e6)
    row = await row_of(store, found)
    await store.write(
        lambda tx: add_message(
            tx, found, number=2, text="SMS", channel="sms", inbox="sms", identity=row.identity
        )
    )
    known = await store.read(lambda tx: reach(tx, house, who.ola, row))
    assert {way.inbox: (way.closed, way.usable) for way in known.ways} == {
        "wa": (True, True),
        "sms": (False, True),
    }
    wa = await way_of(store, house, who, found, "wa")
    with pytest.raises(Conflict, match="only approved texts"):
        await store.write(lambda tx: reply.reply(tx, house, who.ola, found, draft(wa, based_on=2)))


async def test_an_approved_text_is_filled_in_and_goes_with_its_places(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    found = await wrote(store, "whatsapp", "wa")
    clock.move(2 * DAY / 1e6)
    wa = await way_of(store, house, who, found, "wa")

    async def send(**more: Any) -> int:
        asked = draft(wa, "", **more)
        return (await store.write(lambda tx: reply.reply(tx, house, who.ola, found, asked))).message

    for values in ([], ["A-1"], ["A-1", " "], ["A-1", "jutro", "po"]):
        with pytest.raises(Conflict, match="every place"):
            await send(template="kod pl", parameters=values)
    with pytest.raises(Conflict, match="does not know"):
        await send(template="kod en", parameters=["A-1", "jutro"])
    with pytest.raises(Conflict, match="attach one file"):
        await send(template="plakat pl")
    sent = await send(template="kod pl", parameters=["A-1", " jutro\t10:00 "])
    out = await leaving(store, house, sent)
    assert out.text == "Pana numer to A-1, termin jutro 10:00."
    assert (out.template, out.parameters) == ("kod pl", ("A-1", "jutro 10:00"))


async def test_buttons_go_along_as_many_as_the_channel_has(store: Store, house: House, who: Who) -> None:
    found = await wrote(store, "whatsapp", "wa")
    wa = await way_of(store, house, who, found, "wa")

    async def send(*labels: str, way: str = wa) -> int:
        asked = draft(way, "Pasuje?", choices=list(labels))
        return (await store.write(lambda tx: reply.reply(tx, house, who.ola, found, asked))).message

    with pytest.raises(Conflict, match="fewer buttons"):
        await send("1", "2", "3", "4")
    with pytest.raises(Conflict, match="fewer buttons"):
        await send("x" * 21)
    with pytest.raises(Conflict, match="fewer buttons"):
        await send("Tak", way=await way_of(store, house, who, found, "sms"))
    out = await leaving(store, house, await send("Tak", "Nie"))
    assert [(one.id, one.label) for one in out.choices] == [("choice-1", "Tak"), ("choice-2", "Nie")]


async def test_an_answer_to_a_post_is_as_long_as_the_public_takes(
    store: Store, house: House, who: Who
) -> None:
    can = {**house.capabilities, "wa": PUBLIC}
    house = msgspec.structs.replace(house, capabilities=can)
    found = await wrote(store, "whatsapp", "wa")

    async def way() -> Way:
        row = await row_of(store, found)
        ways = (await store.read(lambda tx: reach(tx, house, who.ola, row))).ways
        return next(way for way in ways if way.inbox == "wa")

    private = await way()
    assert (private.public, private.longest, private.splits) == (False, 1000, True)
    table = schema.message
    last = table.c.conversation == found
    await store.write(lambda tx: tx.execute(table.update().where(last).values(data='{"public": true}')))
    public = await way()
    assert (public.public, public.longest, public.counts, public.splits) == (True, 20, "weighted", False)
    for text in ("Dzień dobry, już wiadomo", "日本日本日本日本日本日"):
        said = functools.partial(_say, house, who.ola, found, draft(public.key, text))
        with pytest.raises(Conflict, match="longer than this channel"):
            await store.write(said)
    await store.write(lambda tx: reply.reply(tx, house, who.ola, found, draft(public.key, "Już wiadomo.")))


def _say(house: House, scope: Scope, conversation: int, said: reply.Draft, tx: Tx) -> None:
    reply.reply(tx, house, scope, conversation, said)


PUBLIC = Capabilities(
    reaches=("phone",), max_length=1000, splits=True, public_length=20, public_counts="weighted"
)


@pytest.mark.parametrize(
    ("can", "said"),
    [
        (Capabilities(max_length=300, private_length=1000, private_counts="utf8"), (1000, "utf8")),
        (Capabilities(max_length=300), (300, "utf16")),
    ],
)
def test_a_private_answer_to_a_comment_has_room_of_its_own(can: Capabilities, said: tuple[int, str]) -> None:
    way = Way(identity=1, kind="instagram", address="1", name="", inbox="ig", channel="comments", can=can)
    assert (way.longest, way.counts) == (300, "utf16")
    private = msgspec.structs.replace(way, target="17")
    assert (private.longest, private.counts) == said
