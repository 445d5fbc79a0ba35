"""Ordering a call: posted as a browser does; nothing leaves through it."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator

from connectors.callback import CHANNEL
from connectors.callback.settings import Settings
from connectors.contract import Connector, Env
from tests.connectors.requests import form_post
from tests.contract.case import Case, Routed, Wired


class _Callback(Routed):
    def __init__(self, env: Env) -> None:
        self.connector: Connector = CHANNEL.create(Settings(), env)

    async def tell(self, number: int) -> bool:
        fields = {
            "client": str(uuid.UUID(int=number, version=4)),
            "phone": "600 700 800",
            "time": "soon",
            "topic": f"Mój PESEL: 44051401359 ({number})",
            "name": "Zofia Poufna",
            "email": "zofia.poufna@example.org",
            "consent": "yes",
        }
        answer = await form_post(self.connector, "/embed/callback/test-inbox", fields)
        return answer.status == 303


@contextlib.asynccontextmanager
async def _wired(env: Env) -> AsyncIterator[Wired]:
    yield _Callback(env)


CASES = (
    Case(
        name="posted",
        wired=_wired,
        secrets=("Zofia", "zofia.poufna", "600700800", "600 700 800", "44051401359"),
    ),
)
