"""The webhook: registered, believed by its secret alone, and everything comes again until it is committed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.contract import Message, Secret
from connectors.telegram import CHANNEL, wire
from connectors.telegram.connector import NOT_SET, POSTS_FAIL
from connectors.telegram.settings import Settings
from hub.demo.peers import telegram_payloads as payloads
from tests.connectors.requests import post
from tests.connectors.telegram.beside import JAN, SECRET, TOKEN, Beside, beside
from tests.connectors.webapp import served
from tests.contract.world import make_env
from tests.waiting import until

BY_WEBHOOK: dict[str, Any] = {"receive": "webhook", "webhook_secret": Secret(SECRET)}
PATH = "/in/test-inbox"


def body(number: int = 1, text: str = "Dzień dobry") -> bytes:
    made = payloads.written(number, "Jan Kowalski", text, 1_794_328_800, person_id=5, message_id=number)
    return json.dumps(made).encode()


async def posted(at: Beside, content: bytes, secret: str | None = SECRET) -> int:
    headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
    return (await post(at.connector, PATH, content, headers)).status


async def test_telegram_is_told_where_to_post_and_what() -> None:
    async with beside(**BY_WEBHOOK) as at:
        await until(lambda: at.peer.updates.hook)
        [call] = at.called("setWebhook")
        assert call["url"] == "https://centrala.example/in/test-inbox"
        assert call["secret_token"] == SECRET
        assert call["allowed_updates"] == list(wire.KNOWN)
        assert "drop_pending_updates" not in call
        assert (await at.connector.check()).state == "ok"


async def test_registering_goes_on_until_telegram_can_be_reached() -> None:
    async with beside(started=False, **BY_WEBHOOK) as at:
        at.peer.fail("502")
        at.start()
        await until(lambda: len(at.clock.waited) >= 3)
        at.peer.fail("")
        await until(lambda: at.peer.updates.hook)


async def test_only_the_secret_is_believed() -> None:
    async with beside(**BY_WEBHOOK) as at:
        for wrong in (None, "", "x", SECRET + "x", SECRET.upper(), "zażółć"):
            assert await posted(at, body(), wrong) == 401
        assert not at.ledger.events
        assert await posted(at, body()) == 200
        assert SECRET not in "\n".join(at.log.lines)


async def test_what_is_no_update_is_refused_and_what_is_strange_is_kept() -> None:
    async with beside(**BY_WEBHOOK) as at:
        assert await posted(at, b"{}") == 400
        assert await posted(at, b"\x00") == 400
        assert await posted(at, b'{"update_id": 5, "telepathy": 1}') == 200
        [event] = at.ledger.events
        assert event.external_id == "update:5"


async def test_posts_come_again_until_the_hub_has_them() -> None:
    async with beside(started=False, **BY_WEBHOOK) as at:
        at.ledger.refuse()
        at.start()
        await until(lambda: at.peer.updates.hook)
        async with served(at.connector.routes(), at.log) as client:
            url = str(client._base_url).rstrip("/") + PATH
            await at.peer.updates.set_webhook({"url": url, "secret_token": SECRET}, None)
            for number in range(20):
                await at.peer.writes(JAN, f"w {number}")
            await until(lambda: at.ledger.refusals >= 20)
            assert len(at.peer.updates.pending) == 20
            at.ledger.take()
            await at.ledger.wait_for(20)
            await until(lambda: not at.peer.updates.pending)
    texts = {event.text for event in at.ledger.events if isinstance(event, Message)}
    assert texts == {f"w {number}" for number in range(20)}


async def test_a_stopped_inbox_asks_for_patience() -> None:
    async with beside(started=False, **BY_WEBHOOK) as at:
        answer = await post(at.connector, PATH, body(), {"X-Telegram-Bot-Api-Secret-Token": SECRET})
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0


async def test_health_sees_a_webhook_that_leads_elsewhere_or_fails() -> None:
    async with beside(**BY_WEBHOOK) as at:
        await until(lambda: at.peer.updates.hook)
        hook = at.peer.updates.hook
        assert hook is not None
        hook.last_error, hook.last_error_at = (
            "Wrong response from the webhook: 502 Bad Gateway",
            1_794_328_800,
        )
        assert (await at.connector.check()).state == "ok", "it has gone through since"
        at.peer.updates.pending.append({"update_id": 1, "_at": at.clock.now() / 1e6})
        failing = await at.connector.check()
        assert (failing.state, failing.backlog) == ("degraded", 1)
        assert failing.detail == at.env.translate("pl", POSTS_FAIL)
        hook.url = "https://inny.example/bot"
        assert (await at.connector.check()).detail == at.env.translate("pl", NOT_SET)


def test_polling_opens_no_door() -> None:
    assert list(CHANNEL.create(Settings(token=Secret(TOKEN)), make_env()).routes()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": Secret("bez dwukropka")},
        {"token": Secret("123:ab/../cd")},
        {"receive": "webhook"},
        {"receive": "webhook", "webhook_secret": Secret("krótki")},
        {"webhook_secret": Secret("ze spacją i ą, dość długi")},
    ],
)
def test_settings_that_can_never_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"token|webhook_secret"):
        Settings(**({"token": Secret(TOKEN)} | wrong))  # type: ignore[arg-type]
