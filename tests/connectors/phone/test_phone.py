"""What exchanges send, as they really write it; who may send it; what a bad one is told."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import _signing as signing
from connectors.contract import Call, InboxId, Micros, ParseContext, Secret
from connectors.phone import CHANNEL
from connectors.phone.reading import BadEvent, Place, decode, inbound, number_of, parse
from connectors.phone.settings import Settings
from tests.connectors.requests import post
from tests.contract.world import Ledger, make_env

SECRET = "sekret centrali telefonicznej"
NOW = Micros(1_794_816_000_000_000)
CONTEXT = ParseContext(inbox=InboxId("telefon"), now=NOW)


def one(event: dict[str, Any], **place: Any) -> Call:
    found = inbound(event, Place(inbox=InboxId("telefon"), now=NOW, **place))
    assert isinstance(found, Call)
    return found


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ("+48600700800", "+48600700800"),
        ("600 700 800", "+48600700800"),
        ("48600700800", "+48600700800"),
        ("0048600700800", "+48600700800"),
        ("(22) 123-45-67", "+48221234567"),
        ("sip:+48600700800@10.0.0.1;user=phone", "+48600700800"),
        ("+380441234567", "+380441234567"),
        ("anonymous", ""),
        ("Zastrzeżony", ""),
        ("", ""),
        ("104", ""),
        ("+", ""),
        ("+0123456789", ""),
        ("+1234567890123456789", ""),
        ("٦٠٠٧٠٠٨٠٠", ""),
    ],
)
def test_callers_as_exchanges_write_them(told: str, number: str) -> None:
    assert number_of(told) == number


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("ringing", "ringing"),
        ("RING", "ringing"),
        ("Answer", "answered"),
        ("in-progress", "answered"),
        ("no-answer", "missed"),
        ("NO ANSWER", "missed"),
        ("hung_up", "ended"),
        ("hung up", "ended"),
        ("Hangup", "ended"),
    ],
)
def test_events_by_the_words_of_exchanges(word: str, state: str) -> None:
    assert one({"event": word, "call": "1", "caller": "600700800"}).state == state


@pytest.mark.parametrize("name", ["SIP/101-0000001a", "PJSIP/101", "Local/101@queue", "101@pbx", "101", 101])
def test_extensions_as_channels_are_called(name: object) -> None:
    assert one({"event": "ringing", "call": "1", "extension": name}).extension == "101"


@pytest.mark.parametrize(
    ("told", "at"),
    [
        (1794816012, 1_794_816_012_000_000),
        ("1794816012.5", 1_794_816_012_500_000),
        (1794816012000, 1_794_816_012_000_000),
        ("2026-11-16T09:00:12+01:00", 1_794_816_012_000_000),
        ("2026-11-16T08:00:12Z", 1_794_816_012_000_000),
        ("2026-11-16 09:00:12", None),
        ("yesterday", None),
        (-5, None),
        ("nan", None),
        ("inf", None),
        (True, None),
    ],
)
def test_times(told: object, at: int | None) -> None:
    assert one({"event": "ringing", "call": "1", "at": told}).at == at


@pytest.mark.parametrize(
    ("told", "seconds"),
    [(125, 125), ("125", 125), ("2:05", 125), ("0:02:05", 125), (-1, None), ("x", None), ("", None)],
)
def test_durations(told: object, seconds: int | None) -> None:
    assert one({"event": "ended", "call": "1", "duration": told}).duration == seconds


def test_a_name_in_the_caller_and_a_call_of_ours() -> None:
    told = one({"event": "ringing", "call": "1", "caller": '"Jan Kowalski" <600700800>'})
    assert told.sender is not None and (told.sender.name, told.sender.address) == (
        "Jan Kowalski",
        "+48600700800",
    )
    ours = one({"event": "ringing", "call": "1", "from": "101", "to": "600700800", "direction": "outbound"})
    assert ours.sender is not None
    assert (ours.direction, ours.sender.address, ours.line) == ("out", "+48600700800", "")


def test_an_exchange_with_names_of_its_own() -> None:
    event = {"typ": "NEWCALL", "nr": "77", "kto": "600700800"}
    fields = {"event": "typ", "call": "nr", "caller": "kto"}
    found = one(event, fields=fields, events={"NEWCALL": "ringing"})
    assert (found.call, found.state, found.sender and found.sender.address) == (
        "77",
        "ringing",
        "+48600700800",
    )
    place = Place(inbox=InboxId("telefon"), now=NOW, fields=fields, events={"HOLD": "ignore"})
    assert inbound({**event, "typ": "HOLD"}, place) is None
    kept = inbound({**event, "typ": "PARK"}, place)
    assert isinstance(kept, Call) and (kept.state, kept.what) == ("other", "PARK")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'"x"',
        b"[1]",
        b'{"event": "ringing"}',
        b'{"call": "1"}',
        b"\xff\xfe=1",
        b'{"call": {}, "event": "ring"}',
    ],
)
def test_what_is_no_event_is_refused_in_a_sentence(body: bytes) -> None:
    with pytest.raises(BadEvent, match=r"\.$"):
        parse(body, CONTEXT)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(BadEvent):
        parse(body, CONTEXT)


@given(
    st.dictionaries(
        st.sampled_from(("event", "call", "caller", "extension", "at", "duration", "to")),
        st.text(max_size=30),
    )
)
def test_json_and_form_of_the_same_event_mean_the_same(event: dict[str, str]) -> None:
    try:
        as_form = parse(urlencode(event).encode(), CONTEXT)
    except BadEvent:
        return
    [fields] = decode(msgspec.json.encode(event))
    assert [inbound(fields, Place(inbox=CONTEXT.inbox, now=NOW))] == as_form


@pytest.mark.parametrize(
    "settings",
    [{"secret": "short"}, {"fields": {"what": "x"}}, {"events": {"NEW": "nonsense"}}, {"country": "Poland"}],
)
def test_settings_that_cannot_work(settings: dict[str, Any]) -> None:
    with pytest.raises((ValueError, msgspec.ValidationError)):
        msgspec.convert(settings, Settings, dec_hook=lambda kind, value: Secret(value))


# --- at the door ---------------------------------------------------------------------------------------------------


class Door:
    """A line with an exchange, and what came through it."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.env = make_env(inbox="telefon")
        settings = Settings(secret=Secret(SECRET), previous_secret=Secret("poprzedni sekret centrali"))
        self.connector = CHANNEL.create(settings, self.env)

    async def knock(
        self, headers: dict[str, str], body: bytes = b"event=ringing&call=1", remote: str = "192.0.2.1"
    ) -> int:
        return (await post(self.connector, "/in/telefon", body, headers, remote=remote)).status


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    opened = Door(Ledger())
    running = asyncio.create_task(opened.connector.run(opened.ledger))
    await asyncio.sleep(0)
    yield opened
    running.cancel()
    await asyncio.wait({running})


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"centrala:{password}".encode()).decode()


async def test_the_exchange_proves_itself_in_four_ways(door: Door) -> None:
    body = b"event=ringing&call=1"
    assert await door.knock({"Authorization": f"Bearer {SECRET}"}) == 200
    assert await door.knock({"authorization": "bearer poprzedni sekret centrali"}) == 200
    assert await door.knock({"Authorization": basic(SECRET)}) == 200
    assert await door.knock(signing.headers(Secret(SECRET), door.env.clock.now(), body)) == 200
    assert (await door.connector.check()).state == "ok"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": basic("wrong")},
        {"Authorization": "Basic ###"},
        {"Authorization": "Digest x"},
        {"X-Centrala-Signature": "sha256=00", "X-Centrala-Timestamp": "1"},
    ],
)
async def test_nobody_else_is_believed(door: Door, headers: dict[str, str]) -> None:
    assert await door.knock(headers) == 401
    assert not door.ledger.events
    assert (await door.connector.check()).state == "wrong_credentials"


async def test_a_stranger_from_elsewhere_does_not_make_the_line_look_broken(door: Door) -> None:
    right = {"Authorization": f"Bearer {SECRET}"}
    assert await door.knock(right, remote="198.51.100.7") == 200
    assert await door.knock({}) == 401
    assert (await door.connector.check()).state == "ok"
    assert await door.knock({}, remote="198.51.100.7") == 401
    assert (await door.connector.check()).state == "wrong_credentials"
    assert await door.knock(right) == 200
    assert (await door.connector.check()).state == "ok"


async def test_a_bad_body_is_the_senders_fault(door: Door) -> None:
    assert await door.knock({"Authorization": f"Bearer {SECRET}"}, b"call=1") == 400


async def test_without_a_secret_there_is_no_door() -> None:
    connector = CHANNEL.create(Settings(), make_env(inbox="telefon"))
    assert not connector.routes()
    assert (await connector.check()).state == "ok"
