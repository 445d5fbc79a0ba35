"""SMSAPI: each of its codes, its calls at the door, what it charges, and a conversation through the whole hub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.contract import (
    Consent,
    DeliveryReport,
    Env,
    InboxId,
    Micros,
    Outbound,
    Party,
    Refused,
    Secret,
    SendError,
)
from connectors.smsapi import CHANNEL
from connectors.smsapi.errors import CODES, error_of
from connectors.smsapi.reading import STATES, inbound, read
from connectors.smsapi.settings import Settings
from hub.demo.peers.smsapi import SmsApiPeer, message_form, report_query, served
from hub.egress import CheckedEgress
from hub.store import schema
from tests.connectors.requests import get, post
from tests.connectors.sms_hub import CITIZEN, sms_hub
from tests.contract.world import Ledger, make_env
from tests.waiting import eventually

TOKEN, SECRET = "token-oauth", "tajemnica-wywolan-smsapi"
DOOR = f"/in/test-inbox?secret={SECRET}"


def settings(url: str = "http://127.0.0.1:1", **more: Any) -> Settings:
    return Settings(
        token=Secret(TOKEN), secret=Secret(SECRET), base_urls=(url,), sender="Urzad", price=16, **more
    )


def outbound(delivery: int = 41, text: str = "Dzień dobry") -> Outbound:
    to = (Party(kind="phone", address=CITIZEN),)
    return Outbound(
        delivery=delivery, inbox=InboxId("test-inbox"), message=1, to=to, text=text, created_at=Micros(7)
    )


class Account:
    """A connector beside the provider."""

    def __init__(self, env: Env, peer: SmsApiPeer, url: str, **more: Any) -> None:
        self.env = env
        self.peer = peer
        self.connector = CHANNEL.create(settings(url, **more), env)

    async def spent(self) -> int:
        return await self.env.budget.spent("sms", zone="Europe/Warsaw")


@asynccontextmanager
async def account(**more: Any) -> AsyncIterator[Account]:
    peer, egress = SmsApiPeer(token=TOKEN, reports=()), CheckedEgress(["127.0.0.0/8"])
    try:
        async with served(peer) as url:
            yield Account(make_env(egress=egress), peer, url, reports=False, **more)
    finally:
        await egress.close()


@pytest.mark.parametrize("code", sorted(CODES))
async def test_every_code_comes_as_it_is_mapped(code: int) -> None:
    kind, text = CODES[code]
    error = error_of(code)
    assert (error.kind, error.public) == (kind, text)
    assert (error.retry_after is not None) is (kind == "throttled")


async def test_a_repeated_message_is_taken_once_and_paid_once() -> None:
    async with account() as here:
        here.peer.fault = "cut"
        with pytest.raises(SendError, match="ambiguous"):
            await here.connector.send(outbound())
        here.peer.fault = ""
        sent = await here.connector.send(outbound())
        assert sent.remote_id == "smsapi:test-inbox-41-0"
        assert len(here.peer.taken) == 1, "the provider had it already"
        assert await here.spent() == 16


async def test_what_is_charged_counts_where_a_point_has_a_price() -> None:
    async with account(point_price=100, prices={"+48": 10}) as here:
        await here.connector.send(outbound(text="a" * 200))
        assert await here.spent() == 32, "0.16 points for each of two parts, at 100 grosz"


async def test_what_has_left_is_told_also_where_its_cost_cannot_be_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with account(point_price=100, prices={"+48": 10}) as here:
        spend = here.env.budget.spend

        async def once(what: str, amount: int, limit: int, *, zone: str) -> int | None:
            if here.peer.taken:
                raise Refused("the storage failed")
            return await spend(what, amount, limit, zone=zone)

        monkeypatch.setattr(here.env.budget, "spend", once)
        assert (await here.connector.send(outbound())).remote_id == "smsapi:test-inbox-41-0"


async def test_a_refused_message_costs_nothing() -> None:
    async with account() as here:
        here.peer.fault = "13"
        with pytest.raises(SendError, match="permanent"):
            await here.connector.send(outbound())
        assert await here.spent() == 0


async def test_the_second_address_is_tried_when_the_first_is_down() -> None:
    async with account() as here:
        [url] = here.connector._settings.base_urls  # type: ignore[attr-defined]
        both = msgspec.structs.replace(settings(), base_urls=("http://127.0.0.1:1", url))
        await CHANNEL.create(both, here.env).send(outbound())
        assert len(here.peer.taken) == 1


async def test_health_tells_credentials_from_reach_and_from_money() -> None:
    async with account(low_points=5) as here:
        assert (await here.connector.check()).state == "ok"
        here.peer.points = 4
        health = await here.connector.check()
        assert health.state == "degraded" and "4" in health.detail
        here.peer.points = 100
        here.peer.fault = "14"
        with pytest.raises(SendError):
            await here.connector.send(outbound())
        assert (await here.connector.check()).state == "degraded", "the sender is not accepted"
        here.peer._token = "other"
        assert (await here.connector.check()).state == "wrong_credentials"
    assert (
        await CHANNEL.create(settings(), make_env(egress=CheckedEgress(["127.0.0.0/8"]))).check()
    ).state == ("unreachable")


# --- at the door ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def door(**more: Any) -> AsyncIterator[tuple[Any, Ledger]]:
    ledger = Ledger()
    connector = CHANNEL.create(settings(**more), make_env())
    running = asyncio.create_task(connector.run(ledger))
    await asyncio.sleep(0)
    try:
        yield connector, ledger
    finally:
        running.cancel()
        await asyncio.wait({running})


BODY = message_form(
    identity="4E1", sender="48600700800", to="48123123123", text="Dzień dobry", at=1_794_328_000
)


async def test_ok_is_said_after_the_commit_only() -> None:
    async with door() as (connector, ledger):
        ledger.refuse()
        refused = await post(connector, DOOR, BODY.encode())
        assert (refused.status, refused.body != b"OK") == (503, True)
        ledger.take()
        assert (await post(connector, DOOR, BODY.encode())).body == b"OK"
        assert (await post(connector, DOOR, BODY.encode())).body == b"OK"
        assert len(ledger.events) == 1
        assert SECRET.encode() not in (ledger.raws[0].content or b"")


async def test_strangers_are_not_believed() -> None:
    async with door(sources=("89.174.81.98", "10.0.0.0/8")) as (connector, ledger):
        assert (await post(connector, DOOR, BODY.encode())).status == 403, "from another address"
        assert not ledger.events
    async with door() as (connector, ledger):
        for address in ("/in/test-inbox", "/in/test-inbox?secret=wrong"):
            assert (await post(connector, address, BODY.encode())).status == 403
        assert (await post(connector, DOOR, b"what=this")).status == 400
        assert not ledger.events


async def test_reports_of_several_messages_come_in_one_call() -> None:
    async with door() as (connector, ledger):
        query = report_query(("5F1", 404, "a-1"), ("5F2", 405, "a-2"), at=1_794_328_000)
        assert (await get(connector, f"{DOOR}&{query}")).body == b"OK"
        first, second = ledger.events
        assert isinstance(first, DeliveryReport) and isinstance(second, DeliveryReport)
        assert (first.target, first.state, second.target, second.state) == (
            "smsapi:a-1",
            "delivered",
            "smsapi:a-2",
            "failed",
        )
        assert second.reason


@pytest.mark.parametrize("code", sorted(STATES))
def test_every_code_of_a_report_is_known(code: str) -> None:
    [report] = inbound(read(f"MsgId=1&status={code}&idx=x"), InboxId("sms"), Micros(0))
    assert isinstance(report, DeliveryReport)
    assert (report.state == "failed") is bool(report.reason)


def test_a_word_alone_ends_all_sending() -> None:
    [event] = inbound(read("sms_from=48600700800&sms_text=koniec"), InboxId("sms"), Micros(0))
    assert isinstance(event, Consent) and not event.allowed


# --- with the whole hub --------------------------------------------------------------------------------------------


async def test_a_conversation_by_sms(tmp_path: Path) -> None:
    peer = SmsApiPeer(token=TOKEN, reports=(403, 404))
    async with served(peer) as url:
        chosen = {"token": TOKEN, "secret": SECRET, "base_urls": [url], "sender": "Urzad", "quiet": "none"}
        async with sms_hub(tmp_path, "smsapi", lambda public: chosen) as here:
            peer.hub = f"{here.inbox}?secret={SECRET}"
            assert await peer.writes("48600700800", "Kiedy zasiłek?", identity="4E1") == "OK"
            assert await peer.writes("48600700800", "Kiedy zasiłek?", identity="4E1") == "OK"
            [message] = await here.rows(schema.message, kind="inbound")
            await here.answers(message.conversation, "Jutro, zażółć.")
            [taken] = await peer.wait_for(1)
            assert (taken.to, taken.text) == ("48600700800", "Jutro, zażółć.")
            await eventually(lambda: _is(here.states(), ["delivered"]))
            await peer.report(taken, 403)
            assert await here.states() == ["delivered"], "states never go backwards"
            assert await peer.writes("48600700800", "STOP") == "OK"
            assert not await here.may_answer(message.conversation)


async def _is(asked: Any, wanted: Any) -> bool:
    return bool(await asked == wanted)
