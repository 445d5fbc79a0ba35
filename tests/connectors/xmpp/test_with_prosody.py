"""Both ways through a real Prosody, as a client and as a component."""

from __future__ import annotations

import asyncio
import uuid
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.contract import (
    Deletion,
    DeliveryReport,
    Edit,
    Message,
    OutAttachment,
    Party,
    Presence,
    Reaction,
    Secret,
    SendError,
    Unknown,
)
from connectors.xmpp import CHANNEL
from connectors.xmpp.reading import ENCRYPTED
from tests.connectors.xmpp.desk import Desk, a_desk
from tests.connectors.xmpp.person import BODY, Person, somebody
from tests.contract.world import INBOX
from tests.servers.process import free_port
from tests.servers.prosody import COMPONENT, SECRET, Prosody
from tests.waiting import until

pytestmark = pytest.mark.servers


def new_name(what: str) -> str:
    """An account that no other test has."""
    return f"{what}{uuid.uuid4().hex[:10]}"


@pytest.fixture
async def desk(prosody: Prosody) -> AsyncIterator[Desk]:
    async with a_desk(prosody.account(new_name("kontakt")), prosody.port) as made:
        yield made


@pytest.fixture
async def zofia(prosody: Prosody) -> AsyncIterator[Person]:
    async with somebody(prosody.account(new_name("zofia")), prosody.port) as person:
        yield person


def of(desk: Desk, kind: type) -> list[Any]:
    """The committed items of a kind."""
    return [event for event in desk.ledger.events if isinstance(event, kind)]


def attribute(message: ET.Element, child: str, name: str) -> str | None:
    """Of a child that must be there."""
    found = message.find(child)
    assert found is not None
    return found.get(name)


async def test_a_message_is_receipted_once_it_is_committed(desk: Desk, zofia: Person) -> None:
    await desk.start()
    desk.ledger.refuse(0.05)
    name = zofia.write(desk.settings.address, "Dzień dobry 😀")
    await until(lambda: desk.ledger.refusals > 2)
    assert not zofia.receipted
    assert (await desk.connector.check()).state == "degraded"
    desk.ledger.take()
    await until(lambda: name in zofia.receipted)
    (message,) = of(desk, Message)
    assert (message.text, message.sender.address, message.sender.verified) == (
        "Dzień dobry 😀",
        zofia.address,
        True,
    )
    assert message.external_id == f"{zofia.address}/{name}"


async def test_an_answer_is_delivered_read_corrected_and_taken_back(desk: Desk, zofia: Person) -> None:
    await desk.start()
    question = zofia.write(desk.settings.address, "Kiedy?")
    await desk.ledger.wait_for(1)
    sent = await desk.connector.send(desk.outbound(zofia.address, "W piątek", reply_to=question))
    await until(lambda: "W piątek" in zofia.texts)
    answer = zofia.last()
    assert attribute(answer, "{urn:xmpp:reply:0}reply", "id") == question
    assert sent.remote_id is not None
    name = answer.get("id", "")
    assert sent.remote_id == f"{zofia.address}/{name}"
    zofia.raw(
        f"<message to='{desk.settings.address}'><received xmlns='urn:xmpp:receipts' id='{name}'/></message>"
    )
    zofia.raw(
        f"<message to='{desk.settings.address}'><displayed xmlns='urn:xmpp:chat-markers:0' id='{name}'/></message>"
    )
    await desk.ledger.wait_for(3)
    reports = [(report.target, report.state) for report in of(desk, DeliveryReport)]
    assert reports == [(sent.remote_id, "delivered"), (sent.remote_id, "read")]
    for operation, text in (("edit", "W sobotę"), ("delete", "")):
        await desk.connector.send(
            desk.outbound(zofia.address, text, operation=operation, target=sent.remote_id)
        )
    await until(lambda: zofia.last().find("{urn:xmpp:message-retract:1}retract") is not None)
    correction, retraction = [message for message in zofia.got if message.find(BODY) is not None][-2:]
    assert attribute(correction, "{urn:xmpp:message-correct:0}replace", "id") == name
    assert attribute(retraction, "{urn:xmpp:message-retract:1}retract", "id") == name


async def test_what_the_person_changes_is_told_of_the_message_that_it_is_about(
    desk: Desk, zofia: Person
) -> None:
    await desk.start()
    to = desk.settings.address
    name = zofia.write(to, "Zasilek")
    zofia.write(to, "Zasiłek", f"<replace xmlns='urn:xmpp:message-correct:0' id='{name}'/>")
    zofia.write(
        to, "", f"<reactions xmlns='urn:xmpp:reactions:0' id='{name}'><reaction>👍</reaction></reactions>"
    )
    zofia.write(to, "nieobsługiwane", f"<retract xmlns='urn:xmpp:message-retract:1' id='{name}'/>")
    await desk.ledger.wait_for(4)
    (message,) = of(desk, Message)
    for kind in (Edit, Reaction, Deletion):
        (change,) = of(desk, kind)
        assert change.target == message.external_id


async def test_programs_that_only_count_lose_nothing_and_can_still_correct(desk: Desk, zofia: Person) -> None:
    """The same id on the next day is another message."""
    await desk.start()
    to = desk.settings.address
    zofia.write(to, "tak", name="mir_1")
    zofia.write(to, "tak", name="mir_1")
    zofia.write(to, "nie", name="mir_1")
    await desk.ledger.wait_for(3)
    assert desk.texts == ["tak", "tak", "nie"]
    zofia.write(to, "może", "<replace xmlns='urn:xmpp:message-correct:0' id='mir_1'/>", name="mir_2")
    await desk.ledger.wait_for(4)
    (change,) = of(desk, Edit)
    assert change.target == of(desk, Message)[-1].external_id, "the latest of that name"
    await desk.stop()
    await desk.start()
    zofia.write(to, "inaczej", "<replace xmlns='urn:xmpp:message-correct:0' id='mir_77'/>", name="mir_4")
    await until(lambda: "inaczej" in desk.texts, "a correction of nobody knows what is shown")


async def test_a_long_id_given_to_two_messages_means_two_messages(desk: Desk, zofia: Person) -> None:
    await desk.start()
    for text in ("pierwsza", "druga", "pierwsza", "druga"):
        zofia.write(desk.settings.address, text, name="always-the-same-identifier")
    await zofia.settled()
    await desk.ledger.wait_for(2)
    await asyncio.sleep(0.1)
    assert desk.texts == ["pierwsza", "druga"]


async def test_typing_is_seen_on_both_sides(desk: Desk, zofia: Person) -> None:
    await desk.start()
    to = desk.settings.address
    zofia.write(to, "Dzień dobry")
    await desk.ledger.wait_for(1)
    zofia.raw(
        f"<message to='{to}' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
    )
    await until(lambda: desk.ledger.signals == [("conversation:1", "typing")])
    who = Party(kind="xmpp", address=zofia.address)
    shown = Presence(inbox=INBOX, to=who, what="typing", conversation=1)
    await desk.connector.show(shown)
    await desk.connector.show(shown)
    target = of(desk, Message)[0].external_id
    await desk.connector.show(Presence(inbox=INBOX, to=who, what="read", target=target))
    await until(lambda: any(m.find("{urn:xmpp:chat-markers:0}displayed") is not None for m in zofia.got))
    states = [m for m in zofia.got if m.find("{http://jabber.org/protocol/chatstates}composing") is not None]
    assert len(states) == 1, "not more than once in a few seconds"


async def test_encryption_is_answered_once_a_day_with_how_to_write_plainly(desk: Desk, zofia: Person) -> None:
    await desk.start()
    sealed = "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/><payload>QQ==</payload></encrypted>"
    for _ in range(3):
        zofia.write(desk.settings.address, "OMEMO", sealed)
    await desk.ledger.wait_for(3)
    assert {(event.text, event.unreadable) for event in of(desk, Message)} == {("", ENCRYPTED)}
    await until(lambda: any("OMEMO" in text for text in zofia.texts))
    await zofia.settled()
    assert sum("OMEMO" in text for text in zofia.texts) == 1
    assert "We cannot read encrypted messages" in zofia.texts[-1]


async def test_groups_are_refused_politely(desk: Desk, zofia: Person) -> None:
    await desk.start()
    zofia.raw(
        f"<message to='{desk.settings.address}' id='invitation-0123456789'>"
        "<x xmlns='jabber:x:conference' jid='pokoj@rooms.localhost'/></message>"
    )
    await desk.ledger.wait_for(1)
    assert of(desk, Unknown)[0].what == "rozmowa grupowa"
    await until(lambda: any(desk.settings.address in text for text in zofia.texts))


@pytest.mark.parametrize("policy", ["accept", "ignore"])
async def test_subscriptions_are_a_matter_of_configuration(
    prosody: Prosody, zofia: Person, policy: str
) -> None:
    async with a_desk(prosody.account(new_name("kontakt")), prosody.port, subscriptions=policy) as desk:
        await desk.start()
        zofia.raw(f"<presence to='{desk.settings.address}' type='subscribe'/>")
        name = zofia.write(desk.settings.address, "Dzień dobry")
        await until(lambda: name in zofia.receipted)
        if policy == "accept":
            await until(lambda: bool(zofia.presences))
        else:
            await zofia.settled()
            assert not zofia.presences


async def test_files_go_to_the_upload_service_and_come_from_addresses(desk: Desk, zofia: Person) -> None:
    await desk.start()
    file = OutAttachment(
        filename="pismo ąę.pdf", content_type="application/pdf", content=b"%PDF " + bytes(5000)
    )
    await desk.connector.send(desk.outbound(zofia.address, "W załączniku", attachments=(file,)))
    await until(lambda: any(m.find("{jabber:x:oob}x") is not None for m in zofia.got))
    assert zofia.texts[0] == "W załączniku"
    url = zofia.texts[1]
    zofia.write(desk.settings.address, url, f"<x xmlns='jabber:x:oob'><url>{url}</url></x>")
    await desk.ledger.wait_for(1)
    (attachment,) = of(desk, Message)[0].attachments
    assert await desk.connector.fetch(attachment.remote) == file.content
    large = OutAttachment(filename="film.mp4", content_type="video/mp4", content=bytes(1_000_001))
    with pytest.raises(SendError) as raised:
        await desk.connector.send(desk.outbound(zofia.address, "", attachments=(large,)))
    assert raised.value.kind == "permanent"
    with pytest.raises(SendError):
        await desk.connector.fetch("file:///etc/passwd")


async def test_what_cannot_be_delivered_comes_back_as_failed(desk: Desk) -> None:
    await desk.start()
    sent = await desk.connector.send(desk.outbound("nikogo-takiego@nigdzie.localhost", "Dzień dobry"))
    await desk.ledger.wait_for(1)
    (report,) = of(desk, DeliveryReport)
    assert (report.target, report.state) == (sent.remote_id, "failed")
    assert report.reason


# --- as a component ---------------------------------------------------------------------------------------------------


async def test_a_component_serves_its_domain(prosody: Prosody, zofia: Person) -> None:
    address = f"kontakt@{COMPONENT}"
    way = {"way": "component", "password": Secret(SECRET), "upload_service": "upload.localhost"}
    async with a_desk(address, prosody.component_port, **way) as desk:
        await desk.start()
        name = zofia.write(address, "Do komponentu")
        zofia.write(f"kto-inny@{COMPONENT}", "Nie do nas")
        await until(lambda: name in zofia.receipted)
        await until(
            lambda: any(m.get("type") == "error" for m in zofia.got), "an error for the other address"
        )
        sent = await desk.connector.send(desk.outbound(zofia.address, "Odpowiedź"))
        await until(lambda: "Odpowiedź" in zofia.texts)
        assert zofia.last().get("from") == address
        failed = await desk.connector.send(desk.outbound("nikt@nigdzie.localhost", "Dzień dobry"))
        await until(lambda: bool(of(desk, DeliveryReport)))
        (report,) = of(desk, DeliveryReport)
        assert (report.target, report.state) == (failed.remote_id, "failed")
        zofia.raw(f"<presence to='{address}' type='subscribe'/>")
        await until(lambda: bool(zofia.presences))
        assert sent.remote_id != failed.remote_id
        assert desk.texts == ["Do komponentu"]


# --- health -----------------------------------------------------------------------------------------------------------


async def _health(prosody: Prosody, address: str, **settings: Any) -> tuple[str, str]:
    port = settings.pop("port", prosody.port)
    async with a_desk(address, port, **settings) as desk:
        health = await CHANNEL.create(desk.settings, desk.env).check()
        return health.state, health.detail


@pytest.mark.slow
async def test_health_tells_what_is_wrong(prosody: Prosody) -> None:
    address = prosody.account(new_name("kontakt"))
    assert (await _health(prosody, address))[0] == "ok"
    assert (await _health(prosody, address, password=Secret("inne")))[0] == "wrong_credentials"
    assert (await _health(prosody, address, port=free_port()))[0] == "unreachable"
    assert (await _health(prosody, address, tls="starttls", ca_file=str(prosody.ca_file)))[0] == "ok"
    assert (await _health(prosody, address, tls="starttls"))[0] == "misconfigured", (
        "a certificate nobody knows"
    )
    direct = {"tls": "direct", "port": prosody.tls_port}
    assert (await _health(prosody, address, **direct, ca_file=str(prosody.ca_file)))[0] == "ok"
    assert (await _health(prosody, address, **direct))[0] == "misconfigured"
    assert (await _health(prosody, address, tls="starttls", ca_file="/nie/ma"))[0] == "misconfigured"
    component = {"way": "component", "port": prosody.component_port}
    hub = f"kontakt@{COMPONENT}"
    assert (await _health(prosody, hub, password=Secret(SECRET), **component))[0] == "ok"
    assert (await _health(prosody, hub, password=Secret("inne"), **component))[0] == "wrong_credentials"
    assert (await _health(prosody, "kontakt@inny.localhost", password=Secret(SECRET), **component))[0] in (
        "misconfigured",
        "wrong_credentials",
    )
