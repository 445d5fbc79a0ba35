"""A hub with few inboxes and one queue, for tests of what a provider and the whole hub do together."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select

from connectors.contract import Secret
from hub import logs
from hub.app import Hub
from hub.clock import SystemClock
from hub.config import Config, Inbox, Office, Outbox, Private, Public, Queue
from hub.config import Hub as House
from hub.config import Store as StoreConfig
from hub.desk.reply import Draft, reply
from hub.people.users import add_user
from hub.scope import SYSTEM, Scope
from hub.store import schema

QUEUE = "ogolna"


def inbox(name: str, kind: str, settings: dict[str, Any]) -> Inbox:
    """An inbox of the one office and queue."""
    return Inbox(id=name, kind=kind, name=f"Urząd ({name})", office="krajowa", queue=QUEUE, settings=settings)


def small_config(folder: Path, *inboxes: Inbox, port: int = 0) -> Config:
    """A configuration with one office, one queue and these inboxes; all that is kept lies in ``folder``."""
    data, rules = folder / "data", folder / "rules.yaml"
    data.mkdir(exist_ok=True)
    rules.write_text(f"default: {{queue: {QUEUE}}}\nrules: []\n")
    return Config(
        hub=House(
            data_dir=str(data),
            rules_file=str(rules),
            egress_allow=("127.0.0.0/8",),
            public_url=f"http://127.0.0.1:{port}",
            secret=Secret("x" * 40),
        ),
        store=StoreConfig(url=f"sqlite:{data / 'centrala.db'}"),
        outbox=Outbox(undo_seconds=0),
        public=Public(port=port),
        private=Private(port=0),
        offices=(Office(id="krajowa", name="Infolinia"),),
        queues=(Queue(id=QUEUE, name_pl="Ogólna", name_en="General", office="krajowa"),),
        inboxes=inboxes,
    )


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[Hub]:
    """A hub in this process."""
    hub = Hub(lambda: config, SystemClock(), random.Random(3), logs.logger)
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()


class Desk:
    """An agent at a hub, and what tests ask of its store."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._clients = iter(range(1, 1_000))
        self._agent: Scope | None = None

    async def agent(self) -> Scope:
        """The agent, who is made when first asked for."""
        if self._agent is None:
            user = await self.hub.store.write(
                lambda tx: add_user(tx, SYSTEM, "anna", "Anna", "agent", "krajowa", "no hash", "pl")
            )
            self._agent = Scope(user=user, role="agent", office="krajowa", front=True, queues=(QUEUE,))
        return self._agent

    async def answers(self, conversation: int, text: str, choices: tuple[str, ...] = ()) -> None:
        """The agent answers the last message. Raises what :func:`reply` does."""
        scope = await self.agent()
        last = max(row.number for row in await self.rows(schema.message, conversation=conversation))
        client = f"c-{next(self._clients)}"
        draft = Draft(text=text, client_id=client, based_on=last, undo_seconds=0, choices=choices)
        await self.hub.store.write(lambda tx: reply(tx, self.hub.house(), scope, conversation, draft))

    async def rows(self, table: Any, **where: Any) -> list[Any]:
        """Rows with these values, in order."""
        wanted = select(table).where(*(table.c[name] == value for name, value in where.items()))
        return list(await self.hub.store.read(lambda tx: tx.rows(wanted.order_by(table.c.id))))

    async def states(self) -> list[str]:
        """States of what was sent, in order."""
        return [row.state for row in await self.rows(schema.message, kind="outbound")]
