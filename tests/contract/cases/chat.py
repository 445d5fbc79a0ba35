"""The chat: messages posted as a page's script does, answers as the event stream of an open page brings them."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Sequence

import msgspec

from connectors.chat.connector import LiveChats
from connectors.chat.settings import Settings
from connectors.chat.visitors import KIND
from connectors.contract import (
    Chat,
    ChatFile,
    ChatHours,
    ChatMessage,
    Connector,
    Env,
    InboxId,
    Micros,
    Outbound,
    Party,
    Sent,
)
from tests.connectors.requests import form_post, open_stream
from tests.contract.case import Case, Routed, Wired
from tests.contract.world import Ledger, NoChats

VISITOR = "3f7a" * 8
PATH = "/embed/chat/test-inbox"


class _Chats(NoChats):
    """A house that is open, and in which one visitor has been answered."""

    async def hours(self, inbox: InboxId) -> ChatHours:
        return ChatHours(staffed=True, mails=True)

    async def chats(self, inbox: InboxId, visitors: Sequence[str], *, messages: int) -> dict[str, Chat]:
        return {visitor: _CHAT for visitor in visitors if visitor == VISITOR}


_CHAT = Chat(
    conversation=7,
    reference="3F7-K2M-9QX",
    state="active",
    agent="Anna Sekretna",
    leads_to="email",
    transcript=True,
    messages=(
        ChatMessage(
            id=16, number=1, mine=True, text="Mój PESEL: 44051401359", at=Micros(1_794_328_800_000_000)
        ),
        ChatMessage(
            id=17,
            number=2,
            mine=False,
            text="Dzień dobry,\nodpowiadamy: https://praca.example/<b>",
            at=Micros(1_794_328_860_000_000),
            author="Anna Sekretna",
            files=(ChatFile(id=5, filename='pismo "a".pdf', size=4),),
        ),
    ),
)


class _Listening(LiveChats):
    """The connector, and after each sending the page of a visitor that is told what came of it."""

    told = b""

    async def send(self, outbound: Outbound) -> Sent:
        sent = await super().send(outbound)
        work = asyncio.create_task(self.serve(Ledger()))
        await asyncio.sleep(0)
        token = self._env.tokens.sign(KIND, VISITOR)
        stream = await open_stream(self, f"{PATH}/stream", {"x-centrala-chat": token})
        async with asyncio.timeout(5):
            async for chunk in stream:
                if chunk.startswith(b"event:"):
                    self.told += chunk
                    break
        work.cancel()
        await asyncio.wait({work})
        return sent


class _Page(Routed):
    """A visitor whose page posts by script."""

    def __init__(self, env: Env) -> None:
        self._env = msgspec.structs.replace(env, chats=_Chats())
        self._listening = _Listening(Settings(), self._env)
        self.connector: Connector = self._listening

    async def tell(self, number: int) -> bool:
        fields = {
            "me": self._env.tokens.sign(KIND, f"{number:032x}"),
            "client": str(uuid.UUID(int=number, version=4)),
            "name": "Zofia Poufna",
            "email": "zofia.poufna@example.org",
            "text": f"Mój PESEL: 44051401359 ({number})",
            "consent": "yes",
        }
        answer = await form_post(self.connector, PATH, fields, headers={"accept": "application/json"})
        return answer.status == 200

    def sent(self) -> bytes:
        return self._listening.told


@contextlib.asynccontextmanager
async def _wired(env: Env) -> AsyncIterator[Wired]:
    yield _Page(env)


ANSWER = Outbound(
    delivery=41,
    inbox=InboxId("test-inbox"),
    message=17,
    to=(Party(kind=KIND, address=VISITOR, name="Gość 3F7A"),),
    text="Dzień dobry,\nodpowiadamy: https://praca.example/<b>",
    token="abc123",
    reference="3F7-K2M-9QX",
    created_at=Micros(1),
)

CASES = (
    Case(
        name="page",
        wired=_wired,
        secrets=("Zofia", "zofia.poufna", "44051401359", "odpowiadamy", "Sekretna"),
        sends={"answer": ANSWER},
    ),
)
