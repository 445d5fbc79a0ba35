"""Twilio: its signature and codes, webhooks at the door, files of MMS, and a conversation through the whole hub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import InboxId, Message, Micros, Outbound, Party, Request, Secret, SendError
from connectors.twilio import CHANNEL
from connectors.twilio.errors import CODES, error_of, why_failed
from connectors.twilio.settings import Settings
from connectors.twilio.signing import is_signed, signature
from hub.demo.peers.twilio import TwilioPeer, message_fields, served, sign
from hub.egress import CheckedEgress
from hub.store import schema
from tests.connectors.requests import get, post
from tests.connectors.sms_hub import CITIZEN, sms_hub
from tests.contract.world import Clock, Ledger, make_env
from tests.waiting import eventually

TOKEN = "zeton-konta-twilio"
SECOND = 1_000_000
ADDRESS = "https://hub.example/in/test-inbox"
FIELDS = message_fields(sid="SM1", account="AC0", sender=CITIZEN, to="+48123123123", text="Dzień dobry")


def settings(url: str = "http://127.0.0.1:1", **more: Any) -> Settings:
    given: dict[str, Any] = {
        "account_sid": "AC" + "0" * 32,
        "auth_token": Secret(TOKEN),
        "sender": "+48123123123",
        **more,
    }
    return Settings(base_url=url, callback_url="https://hub.example", **given)


def outbound(text: str = "Dzień dobry") -> Outbound:
    to = (Party(kind="phone", address=CITIZEN),)
    return Outbound(delivery=41, inbox=InboxId("test-inbox"), message=1, to=to, text=text)


# --- the signature -------------------------------------------------------------------------------------------------


def test_the_documented_example() -> None:
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
        "Caller": "+14158675309",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature(Secret("12345"), url, fields.items()) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


@given(
    st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=12), max_size=6), st.text(max_size=5)
)
def test_any_form_is_signed_as_the_provider_signs_it(fields: dict[str, str], more: str) -> None:
    given = sign(TOKEN, ADDRESS, fields)
    assert is_signed(given, [Secret("other"), Secret(TOKEN)], ADDRESS, list(fields.items()))
    changed = {**fields, "Body": fields.get("Body", "") + "x" + more}
    assert not is_signed(given, [Secret(TOKEN)], ADDRESS, list(changed.items()))
    assert not is_signed(given, [Secret("other")], ADDRESS, list(fields.items()))


@pytest.mark.parametrize("theirs", ["https://hub.example:443/in/sms", "https://hub.example/in/sms"])
def test_a_usual_port_may_be_named_or_not(theirs: str) -> None:
    given = sign(TOKEN, theirs, {"a": "b"})
    for ours in ("https://hub.example/in/sms", "https://hub.example:443/in/sms"):
        assert is_signed(given, [Secret(TOKEN)], ours, [("a", "b")])
    assert not is_signed(given, [Secret(TOKEN)], "https://hub.example:8443/in/sms", [("a", "b")])


# --- at the door ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def door(**more: Any) -> AsyncIterator[tuple[Any, Ledger]]:
    ledger = Ledger()
    connector = CHANNEL.create(settings(repair_minutes=0, **more), make_env())
    running = asyncio.create_task(connector.run(ledger))
    await asyncio.sleep(0)
    try:
        yield connector, ledger
    finally:
        running.cancel()
        await asyncio.wait({running})


def body(fields: dict[str, str]) -> bytes:
    return urlencode(fields).encode()


def signed(fields: dict[str, str], token: str = TOKEN) -> dict[str, str]:
    return {"X-Twilio-Signature": sign(token, ADDRESS, fields)}


async def test_only_what_twilio_signed_comes_in() -> None:
    async with door(previous_auth_token=Secret("poprzedni")) as (connector, ledger):
        for headers in (
            {},
            {"X-Twilio-Signature": ""},
            signed(FIELDS, "other"),
            signed({**FIELDS, "Body": "x"}),
        ):
            assert (await post(connector, "/in/test-inbox", body(FIELDS), headers)).status == 403
        assert not ledger.events
        for token in (TOKEN, "poprzedni"):
            assert (
                await post(connector, "/in/test-inbox", body(FIELDS), signed(FIELDS, token))
            ).status == 200
        assert len(ledger.events) == 1, "told again it is the same"
        assert (await post(connector, "/in/test-inbox", b"a=b", signed({"a": "b"}))).status == 400


async def test_a_get_is_signed_by_its_address() -> None:
    async with door() as (connector, ledger):
        query = urlencode({"MessageSid": "SM9", "From": CITIZEN, "Body": "Hej"})
        assert (await get(connector, f"/in/test-inbox?{query}")).status == 403
        route = next(route for route in connector.routes() if route.method == "GET")
        request = Request(
            method="GET",
            path="/in/test-inbox",
            params={},
            query={},
            headers={"x-twilio-signature": sign(TOKEN, f"{ADDRESS}?{query}", {})},
            cookies={},
            body=b"",
            remote="192.0.2.1",
            language="pl",
            query_string=query,
        )
        assert (await route.handler(request)).status == 200
        assert len(ledger.events) == 1


async def test_nothing_is_confirmed_before_the_commit() -> None:
    async with door() as (connector, ledger):
        ledger.refuse()
        assert (await post(connector, "/in/test-inbox", body(FIELDS), signed(FIELDS))).status == 503
        ledger.take()
        answer = await post(connector, "/in/test-inbox", body(FIELDS), signed(FIELDS))
        assert answer.status == 200 and b"<Response/>" in answer.body


# --- out -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_comes_as_it_is_mapped(code: int) -> None:
    kind, text = CODES[code]
    error = error_of(code, 400, {})
    assert (error.kind, error.public) == (kind, text)
    assert why_failed(str(code)) == text


@asynccontextmanager
async def provider(**more: Any) -> AsyncIterator[tuple[Any, TwilioPeer]]:
    peer, egress = TwilioPeer(token=TOKEN, statuses=()), CheckedEgress(["127.0.0.0/8"])
    try:
        async with served(peer) as url:
            yield CHANNEL.create(settings(url, **more), make_env(egress=egress)), peer
    finally:
        await egress.close()


async def test_a_messaging_service_chooses_the_sender() -> None:
    async with provider(sender="", messaging_service="MG1", reports=False) as (connector, peer):
        await connector.send(outbound())
        assert dict(peer.taken[0].form) == {
            "To": CITIZEN,
            "MessagingServiceSid": "MG1",
            "Body": "Dzień dobry",
        }


async def test_a_file_is_fetched_from_the_account_and_from_nowhere_else() -> None:
    async with provider() as (connector, peer):
        peer.files["ME1"] = ("image/jpeg", b"\xff\xd8obraz")
        place = f"{peer.base}/2010-04-01/Accounts/{peer.account}/Messages/MM1/Media"
        assert await connector.fetch(f"{place}/ME1") == b"\xff\xd8obraz"
        with pytest.raises(SendError, match="permanent"):
            await connector.fetch(f"{place}/ME2")
        with pytest.raises(SendError, match="permanent"):
            await connector.fetch("https://elsewhere.example/ME1")


async def test_health_tells_credentials_from_reach_and_from_the_account() -> None:
    async with provider() as (connector, peer):
        assert (await connector.check()).state == "ok"
        peer.fault = "21606 400"
        with pytest.raises(SendError):
            await connector.send(outbound())
        assert (await connector.check()).state == "degraded"
        peer.state = "suspended"
        assert (await connector.check()).state == "wrong_credentials"
        peer._token = "other"
        assert (await connector.check()).state == "wrong_credentials"


@pytest.mark.parametrize("bad", [{"sender": ""}, {"api_key_sid": "SK1"}, {"account_sid": "A C"}])
def test_settings_that_cannot_work(bad: dict[str, Any]) -> None:
    given = {"account_sid": "AC1", "auth_token": TOKEN, "sender": "+48123123123"} | bad
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, Settings, dec_hook=lambda kind, value: Secret(value))


# --- what never came -----------------------------------------------------------------------------------------------


@asynccontextmanager
async def running(connector: Any, ledger: Ledger) -> AsyncIterator[None]:
    task = asyncio.create_task(connector.run(ledger))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_messages_whose_webhook_was_lost_are_asked_for() -> None:
    clock = Moved()
    peer, egress = TwilioPeer(token=TOKEN, now=lambda: clock.now() / 1e6), CheckedEgress(["127.0.0.0/8"])
    ledger = Ledger()
    async with served(peer) as url:
        connector = CHANNEL.create(settings(url), make_env(egress=egress, clock=clock))
        clock.ahead -= 60 * SECOND
        await peer.writes(CITIZEN, "Sprzed uruchomienia", told=False)
        clock.ahead += 60 * SECOND
        async with running(connector, ledger):
            await waited(lambda: "repaired" in ledger.cursors)
        assert not ledger.events, "what was there before the first start is nobody's loss"
        clock.ahead += 7200 * SECOND
        await peer.writes(CITIZEN, "Zgubiona \ud83d", told=False, files=[("image/jpeg", b"obraz")])
        await peer.writes(CITIZEN, "I druga", sid="SM77", told=False)
        clock.ahead += 600 * SECOND
        await peer.writes(CITIZEN, "Przed chwilą", told=False)
        async with running(connector, ledger):
            await ledger.wait_for(2)
            await waited(lambda: int(ledger.cursors["repaired"].split()[1]) > clock.now() - 10 * SECOND)
            webhook = {**FIELDS, "MessageSid": "SM77", "Body": "I druga"}
            assert (await post(connector, "/in/test-inbox", body(webhook), signed(webhook))).status == 200
        first, second = ledger.events
        assert isinstance(first, Message) and isinstance(second, Message)
        assert (first.text, second.text, second.external_id) == ("Zgubiona ?", "I druga", "twilio:SM77")
        assert first.attachments[0].content_type == "image/jpeg" and first.sent_at is not None
        assert await connector.fetch(first.attachments[0].remote or "") == b"obraz"
    await egress.close()


async def test_a_provider_without_a_list_is_left_alone() -> None:
    async with provider() as (connector, peer):
        peer._token = "other"
        ledger = Ledger()
        async with running(connector, ledger):
            await waited(lambda: "repaired" in ledger.cursors)
        ledger.cursors["repaired"] = "1"
        async with running(connector, ledger):
            await asyncio.sleep(0.1)
            assert (await post(connector, "/in/test-inbox", body(FIELDS), signed(FIELDS))).status == 200
        assert ledger.cursors["repaired"] == "1"


async def waited(happened: Any) -> None:
    for _ in range(3000):
        if happened():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen in time")


class Moved(Clock):
    """The clock of tests, which can be put forward."""

    ahead = 0

    def now(self) -> Micros:
        return Micros(super().now() + self.ahead)


# --- with the whole hub --------------------------------------------------------------------------------------------


async def test_a_conversation_with_a_picture(tmp_path: Path) -> None:
    peer = TwilioPeer(token=TOKEN, statuses=("queued", "sent", "delivered"))
    async with served(peer) as url:
        chosen = {
            "account_sid": peer.account,
            "auth_token": TOKEN,
            "base_url": url,
            "sender": "+48123123123",
            "quiet": "none",
        }
        async with sms_hub(tmp_path, "twilio", lambda public: chosen) as here:
            peer.hub = here.inbox
            picture = ("image/png", b"\x89PNG obraz")
            assert await peer.writes(CITIZEN, "Załączam decyzję", files=[picture]) == 200
            [message] = await here.rows(schema.message, kind="inbound")
            await eventually(lambda: _fetched(here))
            [file] = await here.rows(schema.attachment)
            assert await here.hub.blobs.get(file.blob) == picture[1]
            await here.answers(message.conversation, "Dziękujemy.")
            [taken] = await peer.wait_for(1)
            await eventually(lambda: _is(here.states(), ["delivered"]))
            assert await peer.report(taken, "sent") == 200
            assert await here.states() == ["delivered"], "states never go backwards"
            await here.answers(message.conversation, "Jeszcze jedno.")
            _, second = await peer.wait_for(2)
            await eventually(lambda: _is(here.states(), ["delivered", "delivered"]))
            assert second.to == CITIZEN


async def _fetched(here: Any) -> bool:
    return all(file.blob is not None for file in await here.rows(schema.attachment))


async def _is(asked: Any, wanted: Any) -> bool:
    return bool(await asked == wanted)
