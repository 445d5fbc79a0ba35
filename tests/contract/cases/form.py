"""The contact form: posted as a browser does; nothing leaves through it."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator

from connectors.contract import Connector, Env
from connectors.form import CHANNEL
from connectors.form.settings import Settings
from tests.connectors.requests import form_post
from tests.contract.case import Case, Routed, Wired


class _Form(Routed):
    def __init__(self, env: Env) -> None:
        self.connector: Connector = CHANNEL.create(Settings(), env)

    async def tell(self, number: int) -> bool:
        fields = {
            "client": str(uuid.UUID(int=number, version=4)),
            "name": "Zofia Poufna",
            "email": "zofia.poufna@example.org",
            "phone": "600 700 800",
            "subject": "Zasiłek",
            "message": f"Mój PESEL: 44051401359 ({number})",
            "consent": "yes",
        }
        answer = await form_post(self.connector, "/embed/form/test-inbox", fields)
        return answer.status == 303


@contextlib.asynccontextmanager
async def _wired(env: Env) -> AsyncIterator[Wired]:
    yield _Form(env)


CASES = (
    Case(
        name="posted",
        wired=_wired,
        secrets=("Zofia", "zofia.poufna", "600700800", "600 700 800", "44051401359"),
    ),
)
