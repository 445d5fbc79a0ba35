"""One account on X at work: webhooks in, polling behind them, direct messages and public answers out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

import msgspec

from connectors._failpoint import failpoint
from connectors._http import (
    FETCH_SECONDS,
    INLINE,
    UPLOAD_SECONDS,
    json_response,
    kept_json,
    later,
    status_error,
)
from connectors._i18n import N_
from connectors._unbelieved import Unbelieved
from connectors._weight import LONGEST
from connectors._widget import Door
from connectors.contract import (
    Capabilities,
    Env,
    Health,
    Inbound,
    Message,
    Micros,
    Outbound,
    Receipt,
    Refused,
    Request,
    Response,
    Route,
    SendError,
    Sent,
    Sink,
)
from connectors.x import sending, signing
from connectors.x.api import SECOND, Api
from connectors.x.common import Place
from connectors.x.echoes import Echoes
from connectors.x.polling import Reading, poll_all
from connectors.x.reading import BadBody, Read, is_withdrawal, read, unreadable
from connectors.x.settings import Settings

LONGEST_DIRECT = 10_000
"""Characters of a direct message."""

MAX_BODY = 2_000_000

FRESH = 60 * SECOND
"""Microseconds for which the last answer of X says how the account is; then a check asks again."""

LATE = 60 * SECOND
"""Microseconds after which a webhook should have told of a message."""

MISSED_FOR = 3600 * SECOND
"""Microseconds for which a message that no webhook told of is a reason to worry."""

NOT_POSTED = N_(
    "X does not post to the hub: messages come later, from lists. See whether the webhook is valid."
)

OTHER_ACCOUNT = N_("The keys belong to another account than account_id.")

_DIRECT_FILE = re.compile(
    r"https://ton\.(?:twitter|x)\.com/(?:1\.1|i)/ton/data/dm/([0-9]+)/([0-9]+)/([\w.-]+)"
)
"""Where the file of a direct message is said to be; the API hands it out under the same three names."""


class _Me(msgspec.Struct, frozen=True, kw_only=True):
    id: str = ""


class _MeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    data: _Me


class X:
    """See :class:`connectors.contract.Connector`."""

    def __init__(self, settings: Settings, env: Env) -> None:
        self._settings = settings
        self._env = env
        self._unbelieved = Unbelieved(env.log, env.clock, "signature")
        self._api = Api(settings, env)
        self._door = Door()
        self._echoes = Echoes()
        self._started = env.clock.now()
        self._missed_at = Micros(-MISSED_FOR)
        rotating = settings.refresh_token is not None
        self.capabilities = Capabilities(
            reaches=("x",),
            max_length=LONGEST_DIRECT,
            splits=True,
            attachments=sending.PICTURES,
            attachment_bytes=sending.PICTURE_BYTES,
            deletions=True,
            # Each new access token makes the refresh token void: two nodes would take it from each other.
            sends_from="lease" if rotating else "anywhere",
            send_limit=4 * settings.timeout_seconds + 2 * UPLOAD_SECONDS,
            on_ambiguous="hold",
            public_length=LONGEST if settings.mentions == "public" else None,
            public_counts="weighted",
        )

    # --- in -------------------------------------------------------------------------------------------------------

    def routes(self) -> Sequence[Route]:
        """Where X posts to, and where it asks whether the address is ours."""
        if not self._settings.webhook:
            return ()
        path, per_address = f"/in/{self._env.inbox}", self._settings.per_address
        return (
            Route(method="GET", path=path, handler=self._challenge, max_body=0, per_address=per_address),
            Route(method="POST", path=path, handler=self._take, max_body=MAX_BODY, per_address=per_address),
        )

    async def serve(self, sink: Sink) -> None:
        """Take webhooks until cancelled."""
        await self._door.run(sink)

    async def run(self, sink: Sink) -> None:
        """Take webhooks and poll, until cancelled."""
        settings = self._settings
        readings = []
        if settings.poll_seconds:
            readings.append(self._reading("directs"))
            if settings.mentions != "off":
                readings.append(self._reading("mentions"))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(poll_all(readings, sink))
            await self._door.run(sink)

    def _reading(self, name: str) -> Reading:
        return Reading(
            name="directs" if name == "directs" else "mentions",
            api=self._api,
            env=self._env,
            echoes=self._echoes,
            compare=self._compare,
            place=self._place(),
            poll_seconds=self._settings.poll_seconds,
            look_back_hours=self._settings.look_back_hours,
        )

    def _place(self) -> Place:
        env, language = self._env, self._env.office.language
        return Place(
            inbox=env.inbox,
            now=env.clock.now(),
            me=self._settings.account_id,
            ignore=self._settings.ignore,
            words=lambda msgid: env.translate(language, msgid),
            siblings={sibling.account: sibling.inbox for sibling in self._settings.siblings},
        )

    def _compare(self, items: Sequence[Inbound], receipts: Sequence[Receipt]) -> None:
        """What a list tells first, a while after it was written, no webhook has told."""
        now = self._env.clock.now()
        if self._settings.webhook and any(
            isinstance(item, Message)
            and not (item.ours or receipt.duplicate)
            and self._started < (item.sent_at or now) < now - LATE
            for item, receipt in zip(items, receipts, strict=True)
        ):
            self._missed_at = now

    async def _challenge(self, request: Request) -> Response:
        token = request.query.get("crc_token", "")
        if not token:
            return json_response({"error": "crc_token is missing."}, 400)
        settings = self._settings
        return json_response(
            signing.challenge_answer(token, settings.client_secret, settings.consumer_secret)
        )

    async def _take(self, request: Request) -> Response:
        settings = self._settings
        believed = signing.believed(
            request.headers, request.body, settings.client_secret, settings.consumer_secret
        )
        if not believed:
            self._unbelieved.came()
            return json_response({"error": "No signature of X fits the body."}, 401)
        try:
            await self._accept(request.body, await self._read(request.body))
        except Refused as refused:
            return later(json_response({"error": "Nothing was taken; send it again later."}, 503), refused)
        return json_response({})

    async def _read(self, body: bytes) -> Read:
        place = self._place()
        try:
            # A large body takes longer than the event loop may be held.
            return await asyncio.to_thread(read, body, place) if len(body) > INLINE else read(body, place)
        except BadBody:
            # X would not send it again in another form.
            return Read([unreadable(body, place)], [])

    async def _accept(self, body: bytes, found: Read) -> None:
        sink = self._door.sink
        for key in found.typing:
            sink.signal(key, "typing")
        items = await self._echoes.told([item for item in found.items if self._wanted(item)])
        if items:
            failpoint("x.webhook.received")
            await sink.accept(await kept_json(body, self._env.blobs), items)
            failpoint("x.webhook.committed")
        if is_withdrawal(items, self._env.inbox):
            self._api.withdrawn()

    def _wanted(self, item: Inbound) -> bool:
        return self._settings.mentions != "off" or not (item.external_id or "").startswith("post:")

    # --- out ------------------------------------------------------------------------------------------------------

    async def send(self, outbound: Outbound) -> Sent:
        """A direct message, or an answer under a public post."""
        with self._echoes.sending():
            sent = await sending.send(self._api, outbound, self._place(), self._settings.mentions)
            self._echoes.sent(sent.remote_id)
        return sent

    async def fetch(self, ref: str) -> bytes:
        """A file of a message: of a direct one through the API, with our authorisation; that of a public post as
        anybody gets it, so that no key of ours goes anywhere but to X."""
        if match := _DIRECT_FILE.match(ref):
            return await self._api.get("media", "/2/dm_conversations/media/{}/{}/{}".format(*match.groups()))
        answer = await self._env.egress.request(
            "GET", ref, timeout=FETCH_SECONDS, max_bytes=self._settings.max_file_bytes
        )
        if answer.status != 200:
            raise status_error(answer.status, answer.headers)
        return answer.body

    async def check(self) -> Health:
        """Whose keys these are; what X answered shortly before says enough."""
        health, now = self._api.health, self._env.clock.now()
        if health.last_seen is not None and now - health.last_seen < FRESH:
            return self._with_webhook(health)
        try:
            body = await self._api.get("me", "/2/users/me")
            mine = msgspec.json.decode(body, type=_MeAnswer).data.id == self._settings.account_id
        except (SendError, msgspec.DecodeError, UnicodeDecodeError):
            return self._api.health
        if not mine:
            return Health(state="misconfigured", detail=OTHER_ACCOUNT, last_seen=now)
        return self._with_webhook(self._api.health)

    def _with_webhook(self, health: Health) -> Health:
        """X answers, and does not post: messages come, only later."""
        if health.state == "ok" and self._env.clock.now() - self._missed_at < MISSED_FOR:
            return msgspec.structs.replace(health, state="degraded", detail=NOT_POSTED)
        return health
