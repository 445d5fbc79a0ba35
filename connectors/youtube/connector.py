"""The comments of one channel at work: asked for, answered, moderated."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from connectors._http import FETCH_SECONDS, status_error
from connectors._i18n import N_
from connectors._widget import Door
from connectors.contract import (
    Capabilities,
    Env,
    Health,
    Outbound,
    Raw,
    Refused,
    Route,
    SendError,
    Sent,
    Sink,
)
from connectors.youtube import sending
from connectors.youtube.api import GONE, SECOND, Api
from connectors.youtube.memory import Memory, deleted
from connectors.youtube.payloads import Named
from connectors.youtube.polling import Reader
from connectors.youtube.reading import Place, decode_page
from connectors.youtube.settings import Settings

LONGEST = 10_000
"""Characters of a comment."""

PICTURE_BYTES = 10_000_000

FRESH = 600 * SECOND
"""Microseconds for which the last answer of YouTube says how the channel is; asking costs a unit."""

OTHER_CHANNEL = N_("The token belongs to another channel than channel_id.")

_MADE = {"hide": "hidden", "publish": "published"}

_named = msgspec.json.Decoder(Named)


class YouTube:
    """See :class:`connectors.contract.Connector`."""

    def __init__(self, settings: Settings, env: Env) -> None:
        self._settings = settings
        self._env = env
        self._api = Api(settings, env)
        self._memory = Memory()
        self._door = Door()
        self.capabilities = Capabilities(
            platform="YouTube",
            public_replies=True,
            hides=True,
            deletions=True,
            max_length=LONGEST,
            send_limit=4 * settings.timeout_seconds + 15,
            on_ambiguous="hold",
        )

    def routes(self) -> Sequence[Route]:
        """None: YouTube is asked."""
        return ()

    async def serve(self, sink: Sink) -> None:
        """Note what a decision finds out about a comment, until cancelled."""
        await self._door.run(sink)

    async def run(self, sink: Sink) -> None:
        """Look for comments until cancelled."""
        with self._door.held(sink):
            await Reader(self._settings, self._env, self._api, self._memory, sink).run()

    async def send(self, outbound: Outbound) -> Sent:
        """An answer in public, or how a comment stands from now on."""
        now = self._env.clock.now()
        try:
            sent = await sending.send(self._api, outbound, self._settings.hide_as, now)
        except SendError as error:
            if error.public == GONE and outbound.target:
                await self._tell_gone(outbound.target)
            raise
        if outbound.target and outbound.operation in _MADE:
            self._memory.stands(outbound.target, self._standing(outbound.operation))
        if outbound.target and outbound.operation == "delete":
            self._memory.forget(outbound.target)
        return sent

    def _standing(self, operation: str) -> str:
        if operation == "hide" and self._settings.hide_as == "heldForReview":
            return "held"
        return _MADE[operation]

    async def _tell_gone(self, comment: str) -> None:
        """YouTube said on the way that a comment is deleted; where the hub takes nothing now, the next look says it."""
        if not self._door.open:
            return
        place = Place(inbox=self._env.inbox, now=self._env.clock.now())
        try:
            await self._door.sink.accept(Raw(content=b""), [deleted(comment, place)])
        except Refused:
            return
        self._memory.forget(comment)

    async def fetch(self, ref: str) -> bytes:
        """A picture of a comment, as anybody gets it."""
        answer = await self._env.egress.request("GET", ref, timeout=FETCH_SECONDS, max_bytes=PICTURE_BYTES)
        if answer.status != 200:
            raise status_error(answer.status, answer.headers)
        return answer.body

    async def check(self) -> Health:
        """Whose token it is; what YouTube answered shortly before says enough."""
        health, now = self._api.health, self._env.clock.now()
        if health.last_seen is not None and now - health.last_seen < FRESH:
            return health
        try:
            answer = await self._api.list("channels", {"part": "id", "mine": "true"})
        except SendError:
            return self._api.health
        page = decode_page(answer.body) if answer else None
        mine = {_named.decode(raw).id for raw in page.items} if page else set()
        if self._settings.channel_id not in mine:
            return Health(state="misconfigured", detail=OTHER_CHANNEL, last_seen=now)
        return self._api.health
