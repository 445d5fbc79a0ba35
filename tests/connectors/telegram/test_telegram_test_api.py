"""Against telegram-test-api, which others wrote: text, command, button, edit, deletion, by polling and by webhook."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from aiohttp import web

from connectors.contract import Choice, Message, Secret
from connectors.telegram import CHANNEL
from connectors.telegram.connector import Telegram
from hub.egress import CheckedEgress
from tests.connectors.telegram.beside import JAN, SECRET, TOKEN, outbound, settings_for
from tests.connectors.webapp import served
from tests.contract.world import Ledger, Log, make_env
from tests.servers.process import folder, missing
from tests.servers.telegram_test_api import FOLDER, Adapter, TelegramTestApi
from tests.waiting import until

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def emulation() -> Iterator[TelegramTestApi]:
    """The server, once for this file; each test has a bot of its own."""
    if not FOLDER.exists():
        missing("telegram-test-api is missing; install it with: npm ci")
    with folder("telegram") as path:
        server = TelegramTestApi(path, TOKEN)
        server.start()
        yield server
        server.stop()


@contextlib.asynccontextmanager
async def adapted(server: TelegramTestApi) -> AsyncIterator[Adapter]:
    adapter = Adapter(server)
    runner = web.AppRunner(adapter.app(), shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    adapter.port = runner.addresses[0][1]
    yield adapter
    await runner.cleanup()


@contextlib.asynccontextmanager
async def bot(
    adapter: Adapter, public_url: str = "", **more: object
) -> AsyncIterator[tuple[Telegram, Ledger]]:
    egress, ledger = CheckedEgress(["127.0.0.0/8"]), Ledger()
    env = make_env(egress=egress, log=Log(), public_url=public_url)
    connector = CHANNEL.create(settings_for(adapter.port, poll_seconds=1, **more), env)
    assert isinstance(connector, Telegram)
    running = asyncio.create_task(connector.run(ledger))
    yield connector, ledger
    running.cancel()
    await asyncio.wait({running})
    await egress.close()


async def test_a_talk_by_polling(emulation: TelegramTestApi) -> None:
    emulation.token = "1001:AAFpolling"
    async with adapted(emulation) as adapter, bot(adapter) as (connector, ledger):
        assert (await connector.check()).state == "ok"
        await emulation.writes(JAN.id, "Dzień dobry 😀")
        await emulation.commands(JAN.id, "/start ulotka")
        first, command = await ledger.wait_for(2)
        assert isinstance(first, Message) and isinstance(command, Message)
        assert (first.text, first.sender.address) == ("Dzień dobry 😀", str(JAN.id))
        assert command.text == "/start ulotka"

        stars = (Choice(id="ocena:5", label="Dobrze"),)
        sent = await connector.send(
            outbound(text="Jak nam poszło?", choices=stars, reply_to=first.external_id)
        )
        assert await emulation.said() == ["Jak nam poszło?"]
        number = int((sent.remote_id or "").partition(":")[2])
        markup = {"inline_keyboard": [[{"text": "Dobrze", "callback_data": "ocena:5"}]]}
        await emulation.presses(JAN.id, "ocena:5", {"message_id": number, "reply_markup": markup})
        pressed = (await ledger.wait_for(3))[2]
        assert isinstance(pressed, Message)
        assert (pressed.text, pressed.choice) == ("Dobrze", "ocena:5")

        await connector.send(outbound(operation="edit", target=sent.remote_id, text="Dziękujemy"))
        assert await emulation.said() == ["Dziękujemy"]
        await connector.send(outbound(operation="delete", target=sent.remote_id))
        assert await emulation.said() == []


async def test_a_refusing_hub_gets_it_again(emulation: TelegramTestApi) -> None:
    emulation.token = "1002:AAFrefusing"
    async with adapted(emulation) as adapter, bot(adapter) as (_, ledger):
        ledger.refuse(retry_after=0.05)
        await emulation.writes(JAN.id, "nie zgub mnie")
        await until(lambda: ledger.refusals)
        ledger.take()
        [event] = await ledger.wait_for(1)
        assert isinstance(event, Message)
        assert event.text == "nie zgub mnie"


async def test_a_talk_by_webhook(emulation: TelegramTestApi) -> None:
    emulation.token = "1003:AAFwebhook"
    more = {"receive": "webhook", "webhook_secret": Secret(SECRET)}
    async with adapted(emulation) as adapter:
        egress = CheckedEgress(["127.0.0.0/8"])
        env = make_env(egress=egress, log=Log())
        connector = CHANNEL.create(settings_for(adapter.port, **more), env)
        ledger = Ledger()
        running = asyncio.create_task(connector.run(ledger))
        async with served(connector.routes(), Log()) as client:
            await until(lambda: adapter._hook)
            adapter._hook = str(client._base_url).rstrip("/") + "/in/test-inbox"
            await emulation.writes(JAN.id, "przez webhook")
            [event] = await ledger.wait_for(1)
            assert isinstance(event, Message)
            assert event.text == "przez webhook"
            adapter._secret = "podrobiony"
            with contextlib.suppress(aiohttp.ClientError):
                await emulation.writes(JAN.id, "podróbka")
            await until(lambda: adapter.relayed == [200, 401])
            assert len(ledger.events) == 1
        running.cancel()
        await asyncio.wait({running})
        await egress.close()
