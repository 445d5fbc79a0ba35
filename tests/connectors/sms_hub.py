"""A hub with one SMS inbox, for tests of what a provider and the whole hub do together."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select

from connectors.contract import Secret
from hub import logs
from hub.app import Hub
from hub.clock import SystemClock
from hub.config import Config, Inbox, Office, Private, Public, Queue
from hub.config import Hub as House
from hub.config import Store as StoreConfig
from hub.desk.reply import Draft, reply
from hub.people.users import add_user
from hub.scope import SYSTEM, Conflict, Scope
from hub.store import schema
from tests.servers.process import free_port

CITIZEN = "+48600700800"


class SmsHub:
    """The running hub and what tests ask of it."""

    def __init__(self, hub: Hub, inbox: str) -> None:
        self.hub = hub
        self.inbox = inbox
        self._clients = iter(range(1, 99))
        self._agent: Scope | None = None

    async def agent(self) -> Scope:
        if self._agent is None:
            user = await self.hub.store.write(
                lambda tx: add_user(tx, SYSTEM, "anna", "Anna", "agent", "krajowa", "no hash", "pl")
            )
            self._agent = Scope(user=user, role="agent", office="krajowa", front=True, queues=("ogolna",))
        return self._agent

    async def answers(self, conversation: int, text: str) -> None:
        """An agent answers."""
        scope = await self.agent()
        last = max(row.number for row in await self.rows(schema.message, conversation=conversation))
        draft = Draft(text=text, client_id=f"c-{next(self._clients)}", based_on=last, undo_seconds=0)
        await self.hub.store.write(lambda tx: reply(tx, self.hub.house(), scope, conversation, draft))

    async def may_answer(self, conversation: int) -> bool:
        """Whether an answer would be taken."""
        try:
            await self.answers(conversation, "Jeszcze jedno.")
        except Conflict:
            return False
        return True

    async def rows(self, table: Any, **where: Any) -> list[Any]:
        wanted = select(table).where(*(table.c[name] == value for name, value in where.items()))
        return list(await self.hub.store.read(lambda tx: tx.rows(wanted.order_by(table.c.id))))

    async def state(self) -> list[str]:
        """States of what was sent, in order."""
        return [row.state for row in await self.rows(schema.message, kind="outbound")]

    async def until(self, happened: Callable[[], Any], seconds: float = 10.0) -> None:
        """Wait until an awaited condition holds."""
        for _ in range(int(seconds * 50)):
            if await happened():
                return
            await asyncio.sleep(0.02)
        raise AssertionError("it did not happen in time")


@asynccontextmanager
async def sms_hub(
    folder: Path, kind: str, settings: Callable[[str], dict[str, Any]]
) -> AsyncIterator[SmsHub]:
    """``settings`` gets the public address of the inbox's listener."""
    rules = folder / "rules.yaml"
    rules.write_text("default: {queue: ogolna}\nrules: []\n")
    port = free_port()
    public = f"http://127.0.0.1:{port}"
    config = Config(
        hub=House(
            data_dir=str(folder / "data"),
            rules_file=str(rules),
            egress_allow=("127.0.0.0/8",),
            public_url=public,
            secret=Secret("x" * 40),
        ),
        store=StoreConfig(url=f"sqlite:{folder / 'data' / 'centrala.db'}"),
        public=Public(port=port),
        private=Private(port=0),
        offices=(Office(id="krajowa", name="Infolinia"),),
        queues=(Queue(id="ogolna", name_pl="Ogólna", name_en="General", office="krajowa"),),
        inboxes=(
            Inbox(
                id="sms", kind=kind, name="SMS", office="krajowa", queue="ogolna", settings=settings(public)
            ),
        ),
    )
    (folder / "data").mkdir()
    hub = Hub(lambda: config, SystemClock(), random.Random(3), logs.logger)
    await hub.start()
    try:
        yield SmsHub(hub, f"{public}/in/sms")
    finally:
        await hub.stop()
