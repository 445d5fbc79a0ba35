"""One Telegram bot at work: in by polling or by a webhook, out by the Bot API, and how both are."""

from __future__ import annotations

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import Coroutine, Sequence
from functools import partial

import msgspec

from connectors._failpoint import failpoint
from connectors._http import UPLOAD_SECONDS, kept_json
from connectors._i18n import N_
from connectors._pieces import Progress
from connectors._unbelieved import Unbelieved
from connectors._widget import Door
from connectors.contract import (
    Capabilities,
    Consent,
    Cursor,
    Env,
    Health,
    Outbound,
    ParseContext,
    Party,
    Presence,
    Raw,
    Receipt,
    Refused,
    Request,
    Response,
    Route,
    SendError,
    Sent,
    Sink,
)
from connectors.telegram import polling, wire
from connectors.telegram.api import Api, Declined, NotReached
from connectors.telegram.content import HANDED_OUT, KIND
from connectors.telegram.errors import blocked, send_error
from connectors.telegram.manners import Manners
from connectors.telegram.reading import read
from connectors.telegram.sending import BUTTONS, TEXT, UPLOAD, Sending
from connectors.telegram.settings import Settings

HEADER = "x-telegram-bot-api-secret-token"
"""Where Telegram puts the secret of a webhook."""

BODY = 1_000_000
"""Bytes of a posted update; none that Telegram makes comes near."""

TYPING_SECONDS = 4.0
"""Telegram shows "typing" for five; telling it more often changes nothing."""

_PEOPLE = 1000
"""People whose last "typing" is remembered."""

NOT_SET = N_("Telegram does not post to the hub: the webhook is not set, or leads elsewhere.")
POSTS_FAIL = N_(
    "Telegram could not post to the hub lately; see whether public_url can be reached from outside."
)
UNREACHABLE_FILE = N_("Telegram does not hand out the file any more, or it is larger than 20 MB.")


class Telegram:
    """See :class:`connectors.contract.Connector`, :class:`connectors.contract.ShowsPresence` and
    :class:`connectors.contract.Invites`."""

    def __init__(self, settings: Settings, env: Env) -> None:
        self.capabilities = Capabilities(
            reaches=(KIND,),
            max_length=TEXT,
            splits=True,
            attachments=("*/*",),
            attachment_bytes=UPLOAD,
            edits=True,
            deletions=True,
            typing=True,
            choices=BUTTONS,
            invites=True,
            send_limit=UPLOAD_SECONDS + 20,
        )
        self._settings = settings
        self._env = env
        self._unbelieved = Unbelieved(env.log, env.clock, "secret token")
        self._api = Api(settings, env.egress, keep=True)
        self._reading = Api(settings, env.egress, keep=False)
        self._door = Door()
        self._sending = Sending(self._api, env.inbox, Progress(self._door, env.clock))
        self._manners = Manners(settings, env, self._reading)
        self._reader = polling.Reader()
        self._courtesies: set[asyncio.Task[None]] = set()
        self._username = ""
        self._typed: OrderedDict[str, float] = OrderedDict()

    def routes(self) -> Sequence[Route]:
        """Where Telegram posts to, if it does. No limit by address: all posts come from a few machines."""
        if self._settings.receive == "polling":
            return ()
        return (Route(method="POST", path=f"/in/{self._env.inbox}", handler=self._posted, max_body=BODY),)

    async def serve(self, sink: Sink) -> None:
        """Take what Telegram posts, and note what a sending finds out, until cancelled."""
        try:
            await self._door.run(sink)
        finally:
            self._leave()

    async def run(self, sink: Sink) -> None:
        """Read until cancelled."""
        try:
            with self._door.held(sink):
                if self._settings.receive == "polling":
                    take = partial(self._take, sink)
                    await polling.poll(self._reading, self._env, sink, take, self._reader)
                else:
                    await self._keep_webhook()
        finally:
            self._leave()

    def _leave(self) -> None:
        if not self._door.open:
            for task in self._courtesies:
                task.cancel()

    # --- in -------------------------------------------------------------------------------------------------------

    async def _posted(self, request: Request) -> Response:
        given = request.headers.get(HEADER, "").encode("utf-8", "replace")
        secret = self._settings.webhook_secret
        if secret is None or not hmac.compare_digest(given, secret.reveal().encode()):
            self._unbelieved.came()
            return _plain(401, "The secret token of the webhook is missing or wrong.")
        try:
            await self._take(self._door.sink, request.body, None)
        except wire.BadUpdate as error:
            return _plain(400, str(error))
        except Refused as refused:
            answer = _plain(503, "Nothing was taken; it has to come again.")
            return msgspec.structs.replace(answer, headers={"Retry-After": str(int(refused.retry_after) + 1)})
        return _plain(200, "")

    async def _take(self, sink: Sink, body: bytes, state: Cursor | None) -> None:
        """Commit one update, then do what it asks of the bot. Raises Refused, BadUpdate."""
        update = wire.decode(body)
        context = ParseContext(inbox=self._env.inbox, now=self._env.clock.now(), tokens=self._env.tokens)
        refused = self._manners.refused(update)
        items = [] if refused else self._manners.greeted(read(update, body, context))
        receipts: list[Receipt] = []
        if items or state is not None:
            receipts = await sink.accept(await kept_json(body, self._env.blobs), items, state)
        failpoint("telegram.accepted")
        if self._manners.needed(update, items):
            self._later(self._manners.after(update, items, receipts))

    def _later(self, courtesy: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(courtesy)
        self._courtesies.add(task)
        task.add_done_callback(self._courtesies.discard)

    async def _keep_webhook(self) -> None:
        """Tell Telegram where to post, until it knows; then hold the door open."""
        gap = polling.FIRST_GAP
        while True:
            try:
                await self._set_webhook()
            except (Declined, NotReached) as error:
                self._reader.down(*polling.fault(error))
                wait = error.retry_after if isinstance(error, Declined) else None
                await self._env.clock.sleep(wait or gap * (0.5 + self._env.random.random()))
                gap = min(gap * 2, polling.LONGEST_GAP)
            else:
                self._reader.up(self._env.clock.now())
                await asyncio.Event().wait()

    async def _set_webhook(self) -> None:
        secret = self._settings.webhook_secret
        await self._reading.bot.set_webhook(
            self._webhook,
            allowed_updates=list(wire.KNOWN),
            max_connections=self._settings.max_connections,
            secret_token=secret.reveal() if secret else None,
        )

    @property
    def _webhook(self) -> str:
        return f"{self._env.public_url.rstrip('/')}/in/{self._env.inbox}"

    # --- out ------------------------------------------------------------------------------------------------------

    async def send(self, outbound: Outbound) -> Sent:
        """Carry out one delivery; a person who has blocked the bot is not written to any more."""
        try:
            return await self._sending.send(outbound)
        except Declined as refusal:
            if blocked(refusal):
                await self._silence(outbound)
            raise send_error(refusal) from refusal
        except NotReached as missed:
            raise missed.error from missed

    async def _silence(self, outbound: Outbound) -> None:
        """A refusal tells of a block that happened while we were away."""
        if not self._door.open or not outbound.to:
            return
        event = Consent(
            inbox=self._env.inbox,
            external_id=f"blocked:{outbound.delivery}",
            received_at=self._env.clock.now(),
            sender=Party(kind=KIND, address=outbound.to[0].address, name=outbound.to[0].name, verified=True),
            allowed=False,
            text="blocked",
        )
        try:
            await self._door.sink.accept(Raw(content=b"", content_type="text/plain"), [event])
        except Refused:
            self._env.log.warning("a block was not taken down", inbox=self._env.inbox)

    async def show(self, presence: Presence) -> None:
        """ "typing" above the chat; Telegram lets bots show nothing else, and ends it by itself."""
        chat = presence.to.address.partition("/")[0]
        now = self._env.clock.monotonic()
        if presence.what != "typing" or now - self._typed.get(chat, -TYPING_SECONDS) < TYPING_SECONDS:
            return
        self._typed[chat] = now
        self._typed.move_to_end(chat)
        while len(self._typed) > _PEOPLE:
            self._typed.popitem(last=False)
        try:
            await self._api.bot.send_chat_action(chat, "typing")
        except (Declined, NotReached):
            self._env.log.info("typing was not shown", inbox=self._env.inbox)

    async def fetch(self, ref: str) -> bytes:
        """A file by its ``file_id``; Telegram hands out up to 20 MB."""
        try:
            return await self._api.download(ref, HANDED_OUT + 1_000_000)
        except Declined as refusal:
            if refusal.status in (400, 404):
                raise SendError("permanent", UNREACHABLE_FILE, refusal.description) from refusal
            raise send_error(refusal) from refusal
        except NotReached as missed:
            # Nothing was to be done at the other side, so nothing can have been done twice.
            raise SendError("temporary", missed.error.public, missed.error.private) from missed

    async def invitation(self, token: str) -> str:
        """See :class:`connectors.contract.Invites`. https://core.telegram.org/bots/features#deep-linking"""
        if not self._username:
            try:
                self._username = (await self._api.bot.get_me()).username or ""
            except Declined as refusal:
                raise send_error(refusal) from refusal
            except NotReached as missed:
                raise missed.error from missed
        return f"https://t.me/{self._username}?start={token}"

    # --- health ---------------------------------------------------------------------------------------------------

    async def check(self) -> Health:
        """``getMe`` tells a wrong token from no connection; ``getWebhookInfo`` what waits and what went wrong."""
        try:
            await self._api.bot.get_me()
            info = await self._api.bot.get_webhook_info()
        except (Declined, NotReached) as error:
            return self._health(*polling.fault(error))
        state, detail = self._reader.state, self._reader.detail
        if self._settings.receive == "webhook":
            failed = info.last_error_date is not None and info.pending_update_count > 0
            state, detail = self._posting(info.url, failed)
        elif state == "starting":
            state = "ok"
        return self._health(state, detail, info.pending_update_count)

    def _posting(self, url: str, failed: bool) -> tuple[polling.State, str]:
        """Whether posts arrive: the webhook is ours, and nothing waits behind one that failed."""
        if self._door.open and url != self._webhook:
            return "degraded", NOT_SET
        return ("degraded", POSTS_FAIL) if failed else ("ok", "")

    def _health(self, state: polling.State, detail: str, backlog: int | None = None) -> Health:
        words = self._env.translate(self._env.office.language, detail) if detail else ""
        return Health(state=state, detail=words, last_seen=self._reader.last_seen, backlog=backlog)


def _plain(status: int, text: str) -> Response:
    return Response(status=status, body=text.encode(), content_type="text/plain; charset=utf-8")
