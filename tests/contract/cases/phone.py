"""A telephone exchange that posts its events, signed or with a token, as JSON or as a form."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import msgspec

from connectors import _signing as signing
from connectors.contract import Connector, Env, Secret
from connectors.phone import CHANNEL
from connectors.phone.settings import Settings
from tests.connectors.requests import post
from tests.contract.case import Case, Routed, Wired

SECRET = "sekret-centrali-telefonicznej"
EVENT = {"event": "missed", "caller": "600 700 800", "name": "Zofia Poufna", "extension": "101"}


class _Signed(Routed):
    def __init__(self, env: Env) -> None:
        self.connector: Connector = CHANNEL.create(Settings(secret=Secret(SECRET)), env)
        self._env = env

    async def tell(self, number: int) -> bool:
        body = msgspec.json.encode({**EVENT, "call": f"told-{number}"})
        headers = signing.headers(Secret(SECRET), self._env.clock.now(), body)
        answer = await post(self.connector, "/in/test-inbox", body, headers)
        return answer.status == 200


class _Authorised(_Signed):
    async def tell(self, number: int) -> bool:
        body = urlencode({**EVENT, "call": f"told-{number}"}).encode()
        headers = {
            "Authorization": f"Bearer {SECRET}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        answer = await post(self.connector, "/in/test-inbox", body, headers)
        return answer.status == 200


@contextlib.asynccontextmanager
async def _signed(env: Env) -> AsyncIterator[Wired]:
    yield _Signed(env)


@contextlib.asynccontextmanager
async def _authorised(env: Env) -> AsyncIterator[Wired]:
    yield _Authorised(env)


_SECRETS = (SECRET, "Zofia", "600700800", "600 700 800")

CASES = (
    Case(name="signed-json", wired=_signed, secrets=_SECRETS),
    Case(name="token-form", wired=_authorised, secrets=_SECRETS),
)
