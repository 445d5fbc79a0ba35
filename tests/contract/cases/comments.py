"""Comments: posted as a browser does. An answer of the office stands on the page; nothing leaves for a peer."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator

import msgspec

from connectors.comments import CHANNEL
from connectors.comments.settings import Settings
from connectors.contract import Connector, Env, InboxId, Micros, Outbound, PublicPost, Refused
from tests.connectors.requests import form_post
from tests.contract.case import Case, Routed, Wired
from tests.contract.world import NoThreads

VISITOR = "0123456789abcdef0123456789abcdef"

AWAY = "the storage is away"

_ANSWER = PublicPost(
    id=7,
    parent=1,
    depth=1,
    author="Urząd",
    text="Od stycznia.",
    at=Micros(0),
    version=1,
    state="published",
    office=True,
)


class _Threads(NoThreads):
    """The page holds the office's answer until it is taken away."""

    shown: PublicPost | None = _ANSWER
    away = False

    async def post(self, inbox: InboxId, post: int, *, visitor: str | None) -> PublicPost | None:
        if self.away:
            raise Refused("the storage failed")
        return self.shown if post == _ANSWER.id else None


class _Section(Routed):
    def __init__(self, env: Env) -> None:
        self._threads = _Threads()
        self._me = env.tokens.sign("visitor", VISITOR)
        self.connector: Connector = CHANNEL.create(
            Settings(), msgspec.structs.replace(env, threads=self._threads)
        )

    async def tell(self, number: int) -> bool:
        fields = {
            "article": "ulga-2026",
            "me": self._me,
            "client": str(uuid.UUID(int=number, version=4)),
            "name": "Zofia Poufna",
            "email": "zofia.poufna@example.org",
            "text": f"Mój PESEL 44051401359, telefon 600 700 800 ({number})",
            "consent": "yes",
        }
        answer = await form_post(self.connector, "/embed/comments/test-inbox", fields)
        return answer.status == 303

    def fail(self, how: str) -> None:
        self._threads.shown, self._threads.away = None, how == AWAY


@contextlib.asynccontextmanager
async def _wired(env: Env) -> AsyncIterator[Wired]:
    yield _Section(env)


CASES = (
    Case(
        name="posted",
        wired=_wired,
        secrets=("Zofia", "zofia.poufna", "600 700 800", "44051401359"),
        sends={
            "public-answer": Outbound(
                delivery=1, inbox=InboxId("test-inbox"), message=7, to=(), text="Od stycznia."
            )
        },
        failures={"the answer has gone from the page": "permanent", AWAY: "temporary"},
    ),
)
