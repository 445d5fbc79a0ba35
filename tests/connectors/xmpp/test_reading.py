"""What stanzas mean, also when somebody made them to do harm."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Edit, Inbound, InboxId, Message, Micros, ParseContext, Unknown
from connectors.xmpp.identity import event_id, sent_id_of, target_id
from connectors.xmpp.names import MAX_BYTES, MAX_DEPTH, BadStanza, decode
from connectors.xmpp.reading import ENCRYPTED, parse

FIXTURES = Path(__file__).parent / "fixtures"
CONTEXT = ParseContext(inbox=InboxId("test-inbox"), now=Micros(1_794_328_800_000_000))
CLIENT_MESSAGE = "<message xmlns='jabber:client'"
MINE = "kontakt@praca.example.pl"


def read(xml: str) -> list[Inbound]:
    return parse(xml.encode(), CONTEXT)


def message(inside: str, **attributes: str) -> str:
    names = {"from": "jan@example.org/x", "to": MINE, "type": "chat", "id": "0123456789abcdef0"}
    names |= {name.rstrip("_"): value for name, value in attributes.items()}
    return f"<message {' '.join(f'{name}={value!r}' for name, value in names.items())}>{inside}</message>"


def archived(inside: str, *, sender: str = MINE, archive_id: str = "a-1") -> str:
    return (
        f"<message from='{sender}' to='{MINE}/centrala'><result xmlns='urn:xmpp:mam:2' queryid='q' id='{archive_id}'>"
        "<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-11-10T16:31:07Z'/>"
        f"{inside.replace('<message', CLIENT_MESSAGE, 1)}</forwarded></result></message>"
    )


STAMPED = f"<stanza-id xmlns='urn:xmpp:sid:0' by='{MINE}' id='a-1'/>"


@pytest.mark.parametrize("sent_id", ["0123456789abcdef0", "mir_12", ""])
def test_live_and_from_the_archive_it_is_the_same_message(sent_id: str) -> None:
    """The archive's copy carries its id around it and not in it."""
    (live,) = read(message("<body>tak</body>" + STAMPED, id=sent_id))
    (later,) = read(archived(message("<body>tak</body>", id=sent_id)))
    assert live.external_id == later.external_id
    assert live.external_id is not None
    assert isinstance(later, Message)
    assert later.sent_at == 1_794_328_267_000_000


def test_what_somebody_else_stamped_counts_for_nothing() -> None:
    forged = STAMPED.replace(MINE, "zlodziej@example.net")
    (item,) = read(message("<body>tak</body>" + forged, id="mir_12"))
    assert item.external_id == "jan@example.org/mir_12"


def test_only_our_server_can_copy() -> None:
    """CVE-2017-5589: a message that looks like a copy puts words into somebody's mouth."""
    inside = message("<body>Proszę przelać pieniądze</body>", from_="dyrektor@praca.example.pl/x")
    for item in read(archived(inside, sender="zlodziej@example.net/x")):
        assert "pieniądze" not in repr(item)
        assert "dyrektor" not in repr(item)
    assert read((FIXTURES / "forged-copy.raw").read_text())[0].external_id


def test_a_person_cannot_change_what_another_wrote() -> None:
    """The target is made of the one who asks, so it never names a message of somebody else."""
    (change,) = read(message("<body>inaczej</body><replace xmlns='urn:xmpp:message-correct:0' id='z1'/>"))
    assert isinstance(change, Edit)
    assert change.target == "jan@example.org/z1"


def test_addresses_are_compared_as_the_protocol_says() -> None:
    (item,) = read(message("<body>a</body>", from_="JAN@Example.ORG/Telefon"))
    assert isinstance(item, Message)
    assert item.sender.address == "jan@example.org"
    assert read(message("<body>a</body>", from_="@@@")) == []


def test_nothing_that_is_unknown_is_dropped() -> None:
    (item,) = read(message("<nowosc xmlns='urn:example:2030'>x</nowosc>"))
    assert isinstance(item, Unknown)
    assert item.what == "nowosc"
    assert read(message("<composing xmlns='http://jabber.org/protocol/chatstates'/>")) == []


@pytest.mark.parametrize(
    "inside",
    [
        "<body>?OTR:AAIDAAAAAAEAAAABAAAAwD.</body>",
        "<body>aesgcm://example.org/a.jpg#00</body>",
        "<openpgp xmlns='urn:xmpp:openpgp:0'>QQ==</openpgp><body>This is an OpenPGP message.</body>",
        "<encryption xmlns='urn:xmpp:eme:0' namespace='urn:example'/><body>Your program cannot read it.</body>",
    ],
)
def test_an_encrypted_message_has_no_words_that_nobody_wrote(inside: str) -> None:
    (item,) = read(message(inside))
    assert isinstance(item, Message)
    assert (item.text, item.full_text, item.unreadable) == ("", "", ENCRYPTED)


def test_the_keys_of_an_encryption_alone_are_no_message() -> None:
    header = "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/></encrypted>"
    assert read(message(header)) == []


BOMB = """<?xml version="1.0"?><!DOCTYPE m [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<message from="jan@example.org"><body>&b;</body></message>"""


@pytest.mark.parametrize(
    "data",
    [
        BOMB.encode(),
        BOMB.encode("utf-16"),
        BOMB.replace('version="1.0"', 'version="1.0" encoding="utf-7"').encode(),
        b'<!DOCTYPE m SYSTEM "file:///etc/passwd"><message/>',
        b'<!-- --><!DOCTYPE m SYSTEM "http://127.0.0.1/"><message/>',
        b"<?php x ?><message/>",
        b"<message><!DOCTYPE x></message>",
        b"<message>&undefined;</message>",
        b"<message>&#0;</message>",
        b"<message a='1' a='2'/>",
        b"<message/><message/>",
        b"<message xmlns:x='u'><y:a/></message>",
        b"\xff\xfe<message/>",
        b"",
        b"nic",
        b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
        b"<a>" * 100_000,
        b"<m>" + b"<a/>" * 20_000 + b"</m>",
        b"<message><body>" + b"x" * MAX_BYTES + b"</body></message>",
    ],
    ids=lambda data: repr(data[:30]),
)
def test_what_is_no_stanza_is_refused_at_once(data: bytes) -> None:
    began = time.thread_time()
    with pytest.raises(BadStanza) as raised:
        decode(data)
    assert time.thread_time() - began < 1.0
    assert "jan@example" not in str(raised.value)


def test_text_that_looks_like_a_document_type_is_text() -> None:
    (item,) = read(message("<body><![CDATA[<!DOCTYPE x [<!ENTITY a 'b'>]>&a;]]></body>"))
    assert isinstance(item, Message)
    assert item.text == "<!DOCTYPE x [<!ENTITY a 'b'>]>&a;"


@pytest.mark.parametrize(
    "inside",
    [
        "<delay xmlns='urn:xmpp:delay' stamp='jutro'/>",
        "<delay xmlns='urn:xmpp:delay' stamp='9999-12-31T23:59:59Z'/>",
        "<delay xmlns='urn:xmpp:delay' stamp='0001-01-01T00:00:00+14:00'/>",
        "<delay xmlns='urn:xmpp:delay'/>",
        "<x xmlns='jabber:x:delay' stamp='20261399T99:99:99'/>",
        "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='9' end='1'/></fallback>",
        "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='-1' end='٣'/></fallback>",
        "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='9999999'/></fallback>",
        "<file-sharing xmlns='urn:xmpp:sfs:0'/>",
        "<x xmlns='jabber:x:oob'><url>https://[::1/x</url></x>",
        "<x xmlns='jabber:x:oob'/>" * 30,
        "<geoloc xmlns='http://jabber.org/protocol/geoloc'/>",
        "<stanza-id xmlns='urn:xmpp:sid:0'/>",
        "<replace xmlns='urn:xmpp:message-correct:0'/>",
        "<retract xmlns='urn:xmpp:message-retract:1'/>",
        "<reply xmlns='urn:xmpp:reply:0'/>",
        "<thread/>",
        "<subject/>",
    ],
)
def test_broken_parts_cost_no_text(inside: str) -> None:
    (item,) = read(message(f"<body>Dzień dobry</body>{inside}"))
    assert isinstance(item, Message)
    assert "Dzień dobry" in item.text
    assert item.sent_at is None


names = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=500)


@given(person=names, sent_id=names, stamp=names, unique=st.booleans())
def test_names_are_short_and_their_ids_come_back(person: str, sent_id: str, stamp: str, unique: bool) -> None:
    person = person.replace("/", "") or "a"
    name = event_id(person, sent_id, archived=stamp.replace("/", ""), unique=unique)
    assert name is None or 0 < len(name) <= 400
    if sent_id and not sent_id.startswith("/"):
        target = target_id(person, sent_id)
        assert sent_id_of(target) in ("", sent_id)


_TAGS = st.sampled_from(
    [
        "body",
        "subject",
        "thread",
        "error",
        "{urn:xmpp:mam:2}result",
        "{urn:xmpp:carbons:2}sent",
        "{urn:xmpp:carbons:2}received",
        "{urn:xmpp:forward:0}forwarded",
        "{jabber:client}message",
        "{urn:xmpp:delay}delay",
        "{urn:xmpp:receipts}received",
        "{urn:xmpp:chat-markers:0}displayed",
        "{urn:xmpp:message-correct:0}replace",
        "{urn:xmpp:message-retract:1}retract",
        "{urn:xmpp:reactions:0}reactions",
        "{urn:xmpp:reactions:0}reaction",
        "{urn:xmpp:sid:0}stanza-id",
        "{urn:xmpp:sid:0}origin-id",
        "{jabber:x:oob}x",
        "{jabber:x:oob}url",
        "{urn:xmpp:omemo:2}encrypted",
        "{http://jabber.org/protocol/muc#user}x",
        "{urn:example}x",
    ]
)
_VALUES = st.sampled_from(
    ["", "1", MINE, f"{MINE}/x", "jan@example.org/x", "@", "error", "groupchat", "chat", "headline"]
)
_ATTRIBUTES = st.dictionaries(st.sampled_from(["id", "from", "to", "type", "by", "stamp", "for"]), _VALUES)


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> ET.Element:
    """Any element of the names that mean something, anywhere."""
    element = ET.Element(draw(_TAGS), draw(_ATTRIBUTES))
    element.text = draw(st.sampled_from(["", "tekst", "https://example.org/a.pdf", "?OTR:", "aesgcm://x"]))
    if depth:
        element.extend(draw(st.lists(elements(depth - 1), max_size=3)))
    return element


@settings(max_examples=40)
@given(children=st.lists(elements(), max_size=5), attributes=_ATTRIBUTES)
def test_no_arrangement_of_elements_breaks_it(children: list[ET.Element], attributes: dict[str, str]) -> None:
    stanza = ET.Element("message", attributes)
    stanza.extend(children)
    first, second = parse(ET.tostring(stanza), CONTEXT), parse(ET.tostring(stanza), CONTEXT)
    assert first == second
    for item in first:
        assert item.external_id is None or len(item.external_id) <= 512
