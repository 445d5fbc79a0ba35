"""Meta's callback: challenge, signature over the very bytes, batches for several inboxes, strangers, refusals."""

from __future__ import annotations

import json
import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from connectors.contract import Event, Message, Secret, Unknown
from connectors.meta.family import parse
from connectors.meta.messenger import CHANNEL, Settings
from connectors.meta.parts import NotACall, kind_of, parts, whole_letters
from connectors.meta.webhook import challenge, signed
from hub.demo.peers.meta import payloads
from tests.connectors.meta.beside import PERSON, Beside, beside
from tests.connectors.requests import get, post
from tests.contract import fixtures
from tests.contract.meta import INSTAGRAM, NUMBER, PAGE, VERIFY, make_peer, settings
from tests.contract.meta import signed as headers_of
from tests.contract.world import FixedClock

AT = FixedClock().at
SIBLINGS = [
    {"inbox": "instagram", "kind": "instagram", "account": INSTAGRAM},
    {"inbox": "whatsapp", "kind": "whatsapp", "account": NUMBER},
]


def text(mid: str, words: str = "Dzień dobry", account: str = PAGE) -> dict[str, object]:
    """An entry with one message."""
    event = payloads.event(PERSON, account, AT, message={"mid": mid, "text": words})
    return payloads.entry(account, AT, event)


def body_of(*entries: object, object_: str = "page") -> bytes:
    return msgspec.json.encode({"object": object_, "entry": entries})


async def told(place: Beside, body: bytes, headers: dict[str, str] | None = None) -> int:
    """The status with which a call is answered."""
    given = headers_of(place.meta, body) if headers is None else headers
    return (await post(place.connector, "/in/test-inbox", body, given)).status


async def test_the_challenge_is_returned_to_whoever_knows_our_word() -> None:
    async with beside(CHANNEL, PAGE) as place:
        known = "/in/test-inbox?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="
        answer = await get(place.connector, known + "s%C5%82owo-do-weryfikacji")
        assert (answer.status, answer.body) == (200, b"1158201444")
        assert answer.content_type.startswith("text/plain")
        refused = await get(place.connector, known + "zgadywane")
        assert refused.status == 403
        assert b"1158201444" not in refused.body


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"hub.mode": "unsubscribe", "hub.verify_token": VERIFY, "hub.challenge": "1"},
        {"hub.mode": "subscribe", "hub.verify_token": "", "hub.challenge": "1"},
    ],
)
def test_other_questions_are_refused(query: dict[str, str]) -> None:
    assert challenge(query, Secret(VERIFY)).status == 403


@pytest.mark.parametrize(
    "change",
    [
        lambda header: "",
        lambda header: header.removeprefix("sha256="),
        lambda header: header.upper(),
        lambda header: header[:-1] + ("0" if header[-1] != "0" else "1"),
        lambda header: "sha1=" + header.removeprefix("sha256="),
        lambda header: header + "ą",
    ],
)
async def test_a_call_that_is_not_signed_is_refused(change: object) -> None:
    async with beside(CHANNEL, PAGE) as place:
        body = body_of(text("m_1"))
        headers = {"X-Hub-Signature-256": change(place.meta.sign(body))}  # type: ignore[operator]
        assert await told(place, body, headers) == 401
        assert await told(place, body, {}) == 401
        assert not place.ledger.events


async def test_the_signature_is_over_the_bytes_and_not_over_what_they_mean() -> None:
    async with beside(CHANNEL, PAGE) as place:
        body = body_of(text("m_1"))
        again = json.dumps(json.loads(body), indent=1).encode()
        assert await told(place, again, dict(headers_of(place.meta, body))) == 401
        assert await told(place, again) == 200


async def test_while_the_secret_changes_both_are_taken() -> None:
    body = body_of(text("m_1"))
    meta = make_peer(FixedClock().now)
    headers = {"x-hub-signature-256": meta.sign(body)}
    assert signed(headers, body, [Secret("the-new-one"), Secret(meta.app_secret)])
    assert not signed(headers, body, [Secret("the-new-one")])
    assert not signed(headers, body, [])


async def test_a_batch_is_committed_as_a_whole_or_not_at_all() -> None:
    async with beside(CHANNEL, PAGE) as place:
        body = body_of(text("m_1"), text("m_2"), text("m_3"))
        place.ledger.refuse(retry_after=7)
        answer = await post(place.connector, "/in/test-inbox", body, headers_of(place.meta, body))
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "7"
        assert not place.ledger.events
        place.ledger.take()
        assert await told(place, body) == 200
        assert await told(place, body) == 200
        assert [event.external_id for event in place.ledger.events] == ["m_1", "m_2", "m_3"]
        assert place.ledger.raws[0].content == body


async def test_one_callback_serves_several_inboxes() -> None:
    async with beside(CHANNEL, PAGE, siblings=SIBLINGS) as place:
        assert await told(place, body_of(text("m_page"))) == 200
        other = body_of(text("aWdf_1", account=INSTAGRAM), object_="instagram")
        assert await told(place, other) == 200
        message = payloads.whatsapp_message("48600700800", "wamid.1", AT, "text", text={"body": "x"})
        value = payloads.whatsapp_value(NUMBER, "48221112233", messages=[message])
        entry = payloads.whatsapp_entry("131470230291794", payloads.change("messages", value))
        assert await told(place, body_of(entry, object_="whatsapp_business_account")) == 200
        found = [(event.inbox, type(event).__name__) for event in place.ledger.events]
        assert found == [("test-inbox", "Message"), ("instagram", "Message"), ("whatsapp", "Message")]
        kinds = [event.sender.kind for event in place.ledger.events if isinstance(event, Message)]
        assert kinds == ["messenger", "instagram", "phone"]


async def test_what_is_for_nobody_of_ours_is_left_and_shown() -> None:
    async with beside(CHANNEL, PAGE, foreign_accounts=["777000777"]) as place:
        assert await told(place, body_of(text("m_1", account="999000999"), text("m_2"))) == 200
        assert await told(place, body_of(text("m_3", account="999000999"))) == 200
        assert await told(place, body_of(text("m_4", account="777000777"))) == 200
        assert [event.external_id for event in place.ledger.events] == ["m_2"]
        assert place.log.count("no inbox has") == 1
        health = await place.connector.check()
        assert health.state == "degraded"


async def test_a_sample_from_metas_pages_alarms_nobody() -> None:
    async with beside(CHANNEL, PAGE) as place:
        assert await told(place, body_of(text("m_sample", account="0"))) == 200
        assert (await place.connector.check()).state == "ok"
        assert not place.ledger.events


def test_a_verification_means_nothing_to_intake() -> None:
    query = b"hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=x"
    assert parse(query, fixtures.context()) == []


async def test_a_large_call_goes_outside_the_message() -> None:
    async with beside(CHANNEL, PAGE) as place:
        body = body_of(*(text(f"m_{n}", "x" * 1900) for n in range(40)))
        assert len(body) > 65_536
        assert await told(place, body) == 200
        assert len(place.ledger.events) == 40
        assert place.ledger.raws[0].blob is not None


@pytest.mark.parametrize(
    "body", [b"", b"[]x", b"null", b'{"entry": []}', b'{"object": "page", "entry": 7}', b"\xff\xfe"]
)
async def test_what_is_no_call_is_refused_with_a_sentence(body: bytes) -> None:
    async with beside(CHANNEL, PAGE) as place:
        answer = await post(place.connector, "/in/test-inbox", body, headers_of(place.meta, body))
        assert answer.status == 400
        assert b"status" in answer.body


async def test_a_call_about_nothing_is_taken() -> None:
    async with beside(CHANNEL, PAGE) as place:
        assert await told(place, body_of()) == 200
        assert await told(place, b'{"object": "page"}') == 200
        assert not place.ledger.raws


async def test_a_batch_of_the_largest_size_is_let_in() -> None:
    """3 MB (WhatsApp, .../webhooks/overview)."""
    async with beside(CHANNEL, PAGE) as place:
        assert place.connector.routes()[1].max_body >= 3 * 2**20


def test_half_an_emoji_does_not_lose_the_message() -> None:
    assert (
        whole_letters(rb'"\ud83d\ude00 \ud83d x \udE00 \\ud83d"')
        == rb'"\ud83d\ude00 \ufffd x \ufffd \\ud83d"'
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
NAMES = (
    "sender",
    "recipient",
    "timestamp",
    "message",
    "postback",
    "reaction",
    "delivery",
    "read",
    "value",
    "id",
)


@examples(max_examples=150, deadline=None)
@given(
    st.sampled_from(("page", "instagram", "whatsapp_business_account", "hologram")),
    st.lists(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5), max_size=4),
    st.sampled_from(("messages", "feed", "messaging_postbacks", "")),
)
def test_no_event_breaks_the_reading_and_none_is_dropped(
    object_: str, events: list[dict[str, object]], field: str
) -> None:
    changes = [{"field": field, "value": event} for event in events]
    body = json.dumps({"object": object_, "entry": [{"id": "1", "messaging": events, "changes": changes}]})
    found = parse(body.encode(), fixtures.context())
    read = parts(body.encode())
    assert len(found) >= len([part for part in read if part.object])
    assert all(item.external_id is None or len(item.external_id) <= 512 for item in found)


RAWS = [raw for kind in ("messenger", "instagram", "whatsapp") for raw in fixtures.raws(kind)]


def _changed(value: object, draw: random.Random) -> object:
    """The same JSON with something missing, null, of another type, or repeated."""
    if isinstance(value, dict):
        names = [name for name in value if draw.random() > 0.06]
        return {name: _changed(value[name], draw) for name in names}
    if isinstance(value, list):
        return [_changed(item, draw) for item in value for _ in range(2 if draw.random() < 0.05 else 1)]
    return draw.choice((None, 7, "x", [], {}, True)) if draw.random() < 0.08 else value


@pytest.mark.parametrize("raw", RAWS, ids=lambda raw: f"{raw.parts[-3]}-{raw.stem}")
def test_documented_events_with_anything_changed_are_read_or_kept(raw: Path) -> None:
    draw = random.Random(raw.stem)
    whole = json.loads(whole_letters(raw.read_bytes()))
    for _ in range(40):
        body = json.dumps(_changed(whole, draw)).encode()
        try:
            events = [part for part in parts(body) if part.object]
        except NotACall:
            continue
        found = parse(body, fixtures.context())
        own = [item for item in found if isinstance(item, Event)]
        assert len(own) == len(found) >= len([part for part in events if kind_of(part) != "whatsapp"])


def test_an_object_that_we_know_nothing_of_is_kept() -> None:
    [found] = parse(
        b'{"object": "hologram", "entry": [{"id": "5", "changes": [{"field": "x", "value": 1}]}]}',
        fixtures.context(),
    )
    assert isinstance(found, Unknown)
    assert found.what == "x"
    with pytest.raises(NotACall):
        parse(b"{}", fixtures.context())


def test_settings_that_cannot_work_are_refused() -> None:
    meta = make_peer(FixedClock().now)
    meta.base = "http://127.0.0.1:1"
    with pytest.raises(msgspec.ValidationError, match="same account"):
        settings(meta, Settings, PAGE, siblings=[SIBLINGS[0], {**SIBLINGS[0], "inbox": "inny"}])
    with pytest.raises(msgspec.ValidationError, match="graph_version"):
        settings(meta, Settings, PAGE, graph_version="latest")
