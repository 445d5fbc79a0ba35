"""A hub with one SMS inbox, for tests of what a provider and the whole hub do together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hub.app import Hub
from hub.scope import Conflict
from tests.connectors.small_hub import Desk, inbox, running, small_config
from tests.servers.process import free_port

CITIZEN = "+48600700800"


class SmsHub(Desk):
    """The running hub and what tests ask of it; ``inbox`` is the address of its one inbox."""

    def __init__(self, hub: Hub, inbox: str) -> None:
        super().__init__(hub)
        self.inbox = inbox

    async def may_answer(self, conversation: int) -> bool:
        """Whether an answer would be taken."""
        try:
            await self.answers(conversation, "Jeszcze jedno.")
        except Conflict:
            return False
        return True


@asynccontextmanager
async def sms_hub(
    folder: Path, kind: str, settings: Callable[[str], dict[str, Any]]
) -> AsyncIterator[SmsHub]:
    """``settings`` gets the public address of the inbox's listener."""
    port = free_port()
    public = f"http://127.0.0.1:{port}"
    async with running(small_config(folder, inbox("sms", kind, settings(public)), port=port)) as hub:
        yield SmsHub(hub, f"{public}/in/sms")
