"""One account at Twilio at work: the Messages API out, signed webhooks in."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from connectors import _sms, _sms_in
from connectors._http import FETCH_SECONDS, later, status_error, text_response
from connectors._i18n import N_
from connectors._sms import Plan, paid, plan_sms
from connectors._unbelieved import Unbelieved
from connectors._widget import Door
from connectors.contract import (
    Capabilities,
    Cursor,
    Env,
    Fetched,
    Health,
    Message,
    Outbound,
    Raw,
    Refused,
    Request,
    Response,
    Route,
    SendError,
    Sent,
    Sink,
)
from connectors.twilio import repair, signing
from connectors.twilio.errors import ABOUT_ACCOUNT, CREDENTIALS, error_of, why_failed
from connectors.twilio.reading import BadCall, inbound, pairs_of, remote_id
from connectors.twilio.settings import Settings

VERSION = "2010-04-01"
REPAIRED = "repaired"
"""Cursor: when the inbox began, and when the API was asked last for messages whose webhook did not come, in
microseconds."""

LONGEST = 1600
"""Characters of one message (error 21617)."""

UNREADABLE = N_("Twilio's answer could not be read.")
CLOSED = N_("The account at Twilio is suspended or closed.")
ELSEWHERE = N_("The file is not at Twilio; it is not fetched.")
NOT_THERE = N_("Twilio does not have the file any more.")

NOTHING = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
"""TwiML that answers nothing."""


class Answer(msgspec.Struct, frozen=True):
    """What the Messages API says: the message that it took, or why it took none (``code``, ``status`` a number)."""

    sid: str = ""
    status: str | int = ""
    error_code: int | None = None
    code: int | None = None


class Account(msgspec.Struct, frozen=True):
    """What it says of the account."""

    status: str = "active"


class Twilio:
    """See :class:`connectors.contract.Connector`."""

    def __init__(self, settings: Settings, env: Env) -> None:
        self.capabilities = _capabilities(settings)
        self._settings = settings
        self._env = env
        self._unbelieved = Unbelieved(env.log, env.clock, "signature")
        self._door = Door()
        self._words = _sms_in.words_of(settings.stop_words, settings.start_words)
        self._repeats = _sms_in.Repeats(settings.repeat_minutes, env)
        self._tokens = [token for token in (settings.auth_token, settings.previous_auth_token) if token]
        self._hosts = {urlsplit(settings.base_url).hostname, *settings.media_hosts}
        self._trouble = ""

    def routes(self) -> Sequence[Route]:
        """Where Twilio calls, by either method."""
        path, rate = f"/in/{self._env.inbox}", self._settings.per_address
        return (
            Route(method="GET", path=path, handler=self._get, max_body=0, per_address=rate),
            Route(method="POST", path=path, handler=self._post, max_body=60_000, per_address=rate),
        )

    async def serve(self, sink: Sink) -> None:
        """Take calls until cancelled."""
        await self._door.run(sink)

    async def run(self, sink: Sink) -> None:
        """Take calls until cancelled, and ask for those that did not come."""
        async with asyncio.TaskGroup() as group:
            if self._settings.repair_minutes:
                group.create_task(self._keep_repairing(sink))
            await self._door.run(sink)

    # --- in -------------------------------------------------------------------------------------------------------

    async def _get(self, request: Request) -> Response:
        return await self._take(request, request.query_string, signed=())

    async def _post(self, request: Request) -> Response:
        fields = request.body.decode("utf-8", "replace")
        return await self._take(request, fields, signed=None)

    async def _take(
        self, request: Request, fields: str, *, signed: Sequence[tuple[str, str]] | None
    ) -> Response:
        """``signed``: the fields that the signature covers besides the address; None: all."""
        try:
            pairs = pairs_of(fields)
            given = request.headers.get(signing.HEADER, "")
            covered = pairs if signed is None else signed
            if not signing.is_signed(given, self._tokens, self._address(request), covered):
                why = "X-Twilio-Signature does not fit the address, the fields and our token."
                self._unbelieved.came()
                return text_response(why, 403)
            await self._accept(fields, dict(pairs))
        except BadCall as error:
            return text_response(str(error), 400)
        except Refused as refused:
            return later(text_response("Nothing was taken; call again later.", 503), refused)
        return Response(status=200, body=NOTHING, content_type="text/xml; charset=utf-8")

    def _address(self, request: Request) -> str:
        """The address that Twilio called, as it is configured there."""
        query = f"?{request.query_string}" if request.query_string else ""
        return f"{self._base()}/in/{self._env.inbox}{query}"

    def _base(self) -> str:
        return (self._settings.callback_url or self._env.public_url).rstrip("/")

    async def _accept(self, fields: str, call: dict[str, str]) -> None:
        """Returns after the commit."""
        env = self._env
        item = inbound(call, env.inbox, env.clock.now(), self._settings.country, self._words)
        marked = self._repeats.marked(item) if isinstance(item, Message) else item
        raw = Raw(content=fields.encode(), content_type="application/x-www-form-urlencoded")
        await self._door.sink.accept(raw, [marked])
        if isinstance(item, Message):
            self._repeats.note(item)

    async def _keep_repairing(self, sink: Sink) -> None:
        while True:
            try:
                await self._repair(sink)
            except (SendError, Refused) as error:
                self._env.log.info("missed messages not asked for", why=type(error).__name__)
            except repair.NoList as error:
                self._env.log.info("missed messages not asked for", why=str(error))
            await self._env.clock.sleep(self._settings.repair_minutes * 60)

    async def _repair(self, sink: Sink) -> None:
        """Take what came since the last look; on the very first one, nothing: what is old was answered elsewhere."""
        env = self._env
        now, known = env.clock.now(), await sink.cursor(REPAIRED)
        account = f"/{VERSION}/Accounts/{quote(self._settings.account_sid)}"
        began, _, last = (known or str(now)).partition(" ")
        if known is not None:
            since = repair.begin(int(began), int(last or began))
            base = self._settings.base_url.rstrip("/")
            found = [m async for m in repair.missed(self._get_api, account, since, now)]
            for message in reversed(found):
                call = await repair.call_of(self._get_api, account, base, message)
                item = inbound(call, env.inbox, now, self._settings.country, self._words)
                if isinstance(item, Message):
                    item = msgspec.structs.replace(item, sent_at=repair.moment(message.date_sent))
                raw = Raw(content=urlencode(call).encode(), content_type="application/x-www-form-urlencoded")
                await sink.accept(raw, [item])
        await sink.accept(Raw(content=b""), [], Cursor(key=REPAIRED, value=f"{began} {now}"))

    async def _get_api(self, path: str) -> Fetched:
        return await self._env.egress.request(
            "GET",
            self._settings.base_url.rstrip("/") + path,
            headers=self._headers(),
            timeout=self._settings.timeout_seconds,
            max_bytes=2_000_000,
        )

    # --- out ------------------------------------------------------------------------------------------------------

    async def send(self, outbound: Outbound) -> Sent:
        """Hand one message to Twilio, which knows no idempotency: one whose answer was lost is held for a person."""
        plan = plan_sms(outbound, self._settings, self._env)
        async with paid(plan, self._settings, self._env):
            try:
                sid = _taken(await self._create(plan))
            except SendError as error:
                self._trouble = error.public if error.public in ABOUT_ACCOUNT else ""
                raise
        self._trouble = ""
        return Sent(remote_id=remote_id(sid))

    async def _create(self, plan: Plan) -> Fetched:
        return await self._env.egress.request(
            "POST",
            self._api("Messages.json"),
            headers={**self._headers(), "Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode(self._form(plan)).encode(),
            timeout=self._settings.timeout_seconds,
            max_bytes=200_000,
        )

    def _form(self, plan: Plan) -> dict[str, str]:
        form = {
            "To": plan.to,
            "From": plan.sender,
            "MessagingServiceSid": self._settings.messaging_service,
            "Body": plan.text,
            "StatusCallback": f"{self._base()}/in/{self._env.inbox}" if self._settings.reports else "",
        }
        return {name: value for name, value in form.items() if value}

    def _api(self, rest: str = "") -> str:
        """An address of the account; ``rest`` after it."""
        account = (
            f"{self._settings.base_url.rstrip('/')}/{VERSION}/Accounts/{quote(self._settings.account_sid)}"
        )
        return f"{account}/{rest}" if rest else f"{account}.json"

    def _headers(self) -> dict[str, str]:
        settings = self._settings
        name = settings.api_key_sid or settings.account_sid
        secret = settings.api_secret or settings.auth_token
        login = base64.b64encode(f"{name}:{secret.reveal()}".encode()).decode()
        return {"Authorization": f"Basic {login}", "User-Agent": "Centrala"}

    async def fetch(self, ref: str) -> bytes:
        """A file of a message, from the account's own host or one that the configuration names. Raises SendError."""
        address = urlsplit(ref)
        if address.hostname not in self._hosts:
            raise SendError("permanent", ELSEWHERE, "the host is not configured")
        ours = address.netloc == urlsplit(self._settings.base_url).netloc
        answer = await self._env.egress.request(
            "GET",
            ref,
            headers=self._headers() if ours else {},
            timeout=FETCH_SECONDS,
            max_bytes=self._settings.media_bytes,
        )
        if answer.status in (404, 410):
            raise SendError("permanent", NOT_THERE, f"HTTP {answer.status}")
        if answer.status != 200:
            raise status_error(answer.status, answer.headers)
        return answer.body

    async def check(self) -> Health:
        """Ask for the account; also what the last sending met."""
        try:
            answer = await self._env.egress.request("GET", self._api(), headers=self._headers(), timeout=8.0)
        except SendError as error:
            return Health(state="unreachable", detail=error.public)
        seen = self._env.clock.now()
        if answer.status in (401, 403, 404):
            return Health(state="wrong_credentials", detail=CREDENTIALS)
        if answer.status != 200:
            return Health(state="unreachable", detail=status_error(answer.status).public)
        try:
            account = msgspec.json.decode(answer.body, type=Account)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Health(state="misconfigured", detail=UNREADABLE, last_seen=seen)
        if account.status != "active":
            return Health(state="wrong_credentials", detail=CLOSED, last_seen=seen)
        return Health(state="degraded" if self._trouble else "ok", detail=self._trouble, last_seen=seen)


def _capabilities(settings: Settings) -> Capabilities:
    can = _sms.capabilities(settings, send_limit=settings.timeout_seconds + 15)
    return msgspec.structs.replace(can, max_length=min(can.max_length or LONGEST, LONGEST))


def _taken(answer: Fetched) -> str:
    """The SID of an accepted message. Raises SendError."""
    try:
        told = msgspec.json.decode(answer.body, type=Answer, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError):
        told = Answer()
    if not 200 <= answer.status < 300:
        raise error_of(told.code, answer.status, answer.headers)
    if not told.sid:
        raise SendError("ambiguous", UNREADABLE, "no JSON of the documented form")
    if told.status in ("failed", "undelivered", "canceled"):
        raise SendError(
            "permanent", why_failed(str(told.error_code or "")), f"Twilio error {told.error_code}"
        )
    return told.sid
