"""A citizen on Telegram talks with the whole hub: question, answer, quoted question, photo, survey, edit, block."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from hub.app import Hub
from hub.demo.peers.telegram import TelegramPeer
from hub.scope import Conflict
from hub.store import schema
from tests.connectors.small_hub import Desk, inbox, running, small_config
from tests.connectors.telegram.beside import JAN, OLENA, bot_settings, telegram_on_a_port
from tests.waiting import eventually


@pytest.fixture
async def peer() -> AsyncIterator[tuple[TelegramPeer, int]]:
    """The provider, listening."""
    async with telegram_on_a_port() as found:
        yield found


@pytest.fixture
async def hub(tmp_path: Path, peer: tuple[TelegramPeer, int]) -> AsyncIterator[Hub]:
    """A hub whose one channel is the bot."""
    settings = bot_settings(peer[1])
    async with running(small_config(tmp_path, inbox("bot", "telegram", settings))) as hub:
        yield hub


@pytest.fixture
def desk(hub: Hub) -> Desk:
    """An agent there."""
    return Desk(hub)


async def rows(hub: Hub, table: Any, *where: Any) -> list[Any]:
    return list(await hub.store.read(lambda tx: tx.rows(select(table).where(*where).order_by(table.c.id))))


async def said(hub: Hub) -> list[tuple[int, str, str]]:
    """Conversation, kind and text of all messages that are no system lines."""
    found = await rows(hub, schema.message, schema.message.c.kind != "system")
    return [(row.conversation, row.kind, row.text) for row in found]


async def test_a_citizen_and_an_agent_on_telegram(
    hub: Hub, desk: Desk, peer: tuple[TelegramPeer, int]
) -> None:
    telegram, _ = peer
    await telegram.writes(JAN, "Dzień dobry, kiedy dostanę zasiłek?")
    await eventually(lambda: _has(hub, 1))
    [(conversation, _, _)] = await said(hub)

    await desk.answers(conversation, "Odpowiadamy w piątek.")
    await eventually(lambda: _told(telegram, 1))
    ours = telegram.said_to(JAN.id)[0]
    assert ours["text"] == "Odpowiadamy w piątek."
    await eventually(lambda: _delivered(hub))

    # A person who answers our message quotes it; a month later that would still find the conversation.
    quoted = {
        "message_id": ours["message_id"],
        "chat": ours["chat"],
        "date": ours["date"],
        "text": ours["text"],
    }
    await telegram.writes(JAN, "A o której?", reply_to_message=quoted)
    await telegram.sends_file(JAN, "photo", b"\xff\xd8zdjecie", "Dowód wpłaty")
    await eventually(lambda: _has(hub, 4))
    assert {found[0] for found in await said(hub)} == {conversation}
    await eventually(lambda: _fetched(hub, 12))

    first = next(
        made for (_, number), made in telegram.messages.items() if made.get("text", "").startswith("Dzień")
    )
    await telegram.edits(first, "Dzień dobry, kiedy dostanę dotację?")
    await telegram.reacts(JAN, ours["message_id"], "👍")
    await eventually(lambda: _changed(hub))

    await desk.answers(conversation, "Jak nam poszło?", ("Źle", "Dobrze"))
    await eventually(lambda: _told(telegram, 2))
    await telegram.presses(JAN, telegram.said_to(JAN.id)[1], "Dobrze")
    await eventually(lambda: _has(hub, 6))
    assert (await said(hub))[-1] == (conversation, "inbound", "Dobrze")

    await telegram.blocks(JAN)
    await eventually(lambda: _silent(hub, JAN.id, True))
    with pytest.raises(Conflict):
        await desk.answers(conversation, "Jeszcze jedno.")
    await telegram.unblocks(JAN)
    await eventually(lambda: _silent(hub, JAN.id, False))


async def test_a_block_that_nobody_told_of_is_learnt_by_writing(
    hub: Hub, desk: Desk, peer: tuple[TelegramPeer, int]
) -> None:
    telegram, _ = peer
    await telegram.writes(JAN, "Proszę o odpowiedź")
    await eventually(lambda: _has(hub, 1))
    telegram.blocked.add(JAN.id)
    [(conversation, _, _)] = await said(hub)
    await desk.answers(conversation, "Odpowiadamy.")
    await eventually(lambda: _silent(hub, JAN.id, True))
    await eventually(lambda: _states(hub, {"failed"}))


async def test_a_link_brings_a_matter_to_telegram(hub: Hub, peer: tuple[TelegramPeer, int]) -> None:
    """Olena presses a link that names Jan's conversation: what she writes then belongs there too."""
    telegram, _ = peer
    await telegram.writes(JAN, "Sprawa z okienka")
    await eventually(lambda: _has(hub, 1))
    [(conversation, _, _)] = await said(hub)
    token = hub.house().tokens.sign("conversation", conversation)
    await telegram.writes(OLENA, f"/start {token}")
    await eventually(lambda: _has(hub, 2))
    await telegram.writes(OLENA, "Piszę dalej tutaj")
    await eventually(lambda: _has(hub, 3))
    assert {found[0] for found in await said(hub)} == {conversation}
    assert token not in "".join(found[2] for found in await said(hub))
    [row] = await rows(hub, schema.conversation)
    await eventually(lambda: _told(telegram, 1, OLENA.id))
    assert row.reference in telegram.said_to(OLENA.id)[0]["text"]


async def test_unknown_updates_are_shown(hub: Hub, peer: tuple[TelegramPeer, int]) -> None:
    telegram, _ = peer
    await telegram.writes(JAN, "Dzień dobry")
    await telegram.says(JAN, checklist={"title": "Zakupy", "tasks": []})
    await eventually(lambda: _has(hub, 2))
    first, second = await said(hub)
    assert first[0] == second[0]
    assert second[2] == "[checklist]"


async def test_nothing_is_doubled_when_telegram_tells_it_again(
    hub: Hub, peer: tuple[TelegramPeer, int]
) -> None:
    telegram, _ = peer
    await telegram.writes(JAN, "raz")
    await eventually(lambda: _has(hub, 1))
    made = next(iter(telegram.messages.values()))
    await telegram.updates.deliver({"update_id": 1001, "message": made})
    await telegram.updates.deliver({"update_id": 1300, "message": made})
    await telegram.writes(JAN, "dwa")
    await eventually(lambda: _has(hub, 2))
    assert [text for _, _, text in await said(hub)] == ["raz", "dwa"]


async def _has(hub: Hub, count: int) -> bool:
    return len(await said(hub)) == count


async def _told(telegram: TelegramPeer, count: int, person: int = JAN.id) -> bool:
    return len(telegram.said_to(person)) == count


async def _delivered(hub: Hub) -> bool:
    return [row.state for row in await rows(hub, schema.delivery)] == ["accepted"]


async def _states(hub: Hub, states: set[str]) -> bool:
    return {row.state for row in await rows(hub, schema.delivery)} == states


async def _fetched(hub: Hub, size: int) -> bool:
    files = await rows(hub, schema.attachment)
    return len(files) == 1 and files[0].blob is not None and files[0].size >= size - 4


async def _changed(hub: Hub) -> bool:
    found = await rows(hub, schema.message)
    edited = any(row.edited_at is not None and "dotację" in row.text for row in found)
    data = [msgspec.json.decode(row.data) for row in found if row.kind == "outbound"]
    return edited and any(one.get("reactions") == {str(JAN.id): "👍"} for one in data)


async def _silent(hub: Hub, person: int, silent: bool) -> bool:
    found = await rows(hub, schema.identity, schema.identity.c.address == str(person))
    return bool(found) and (found[0].silent_since is not None) is silent
