"""One account at SMSAPI at work: ``sms.do`` out, its callbacks in."""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec

from connectors import _sms, _sms_in
from connectors._http import later, status_error, text_response
from connectors._i18n import N_
from connectors._sms import MONEY, Plan, paid, plan_sms
from connectors._sources import is_within, networks
from connectors._unbelieved import Unbelieved
from connectors._widget import Door
from connectors.contract import (
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
from connectors.smsapi.errors import ABOUT_ACCOUNT, ALREADY_SENT, CREDENTIALS, error_of
from connectors.smsapi.reading import BadCall, inbound, read, remote_id
from connectors.smsapi.settings import Settings

UNREADABLE = N_("SMSAPI's answer could not be read.")
LOW = N_("The account at SMSAPI has only {points} points left.")
NO_LIMIT = 2**53


class Item(msgspec.Struct, frozen=True):
    """One message of an answer; ``points`` is what it costs, if told."""

    id: str = ""
    points: float | None = None
    error: int | None = None


class Answer(msgspec.Struct, frozen=True):
    """What ``sms.do`` says with ``format=json``: messages that it took, or why it took none."""

    list: tuple[Item, ...] = ()
    error: int | None = None


class Profile(msgspec.Struct, frozen=True):
    """What ``/profile`` says of the account."""

    payment_type: str = ""
    points: float | None = None


class SmsApi:
    """See :class:`connectors.contract.Connector`."""

    def __init__(self, settings: Settings, env: Env) -> None:
        limit = settings.timeout_seconds * len(settings.base_urls) + 15
        # Each message carries an idx of ours that SMSAPI takes only once, so trying again is harmless.
        can = _sms.capabilities(settings, send_limit=limit)
        self.capabilities = msgspec.structs.replace(can, on_ambiguous="retry")
        self._settings = settings
        self._env = env
        self._unbelieved = Unbelieved(env.log, env.clock, "secret or address")
        self._door = Door()
        self._words = _sms_in.words_of(settings.stop_words, settings.start_words)
        self._repeats = _sms_in.Repeats(settings.repeat_minutes, env)
        self._sources = networks(settings.sources)
        self._trouble: SendError | None = None

    def routes(self) -> Sequence[Route]:
        """Where SMSAPI calls: a POST for an SMS, a GET for reports."""
        path, rate = f"/in/{self._env.inbox}", self._settings.per_address
        return (
            Route(method="GET", path=path, handler=self._get, max_body=0, per_address=rate),
            Route(method="POST", path=path, handler=self._post, max_body=60_000, per_address=rate),
        )

    async def serve(self, sink: Sink) -> None:
        """Take calls until cancelled."""
        await self._door.run(sink)

    async def run(self, sink: Sink) -> None:
        """There is no wire to read: the same as :meth:`serve`."""
        await self._door.run(sink)

    # --- in -------------------------------------------------------------------------------------------------------

    async def _get(self, request: Request) -> Response:
        return await self._take(request, request.query_string)

    async def _post(self, request: Request) -> Response:
        return await self._take(request, request.body.decode("utf-8", "replace"))

    async def _take(self, request: Request, fields: str) -> Response:
        """``OK`` after the commit; SMSAPI repeats what was answered otherwise."""
        if not self._is_smsapi(request):
            self._unbelieved.came()
            return text_response("The secret or the address is not the configured one.", 403)
        call = read(fields)
        try:
            await self._accept(call)
        except BadCall as error:
            return text_response(str(error), 400)
        except Refused as refused:
            return later(text_response("Nothing was taken; call again later.", 503), refused)
        return text_response("OK")

    def _is_smsapi(self, request: Request) -> bool:
        given = request.query.get("secret", "").encode()
        knows = hmac.compare_digest(given, self._settings.secret.reveal().encode())
        return knows and (not self._sources or is_within(request.remote, self._sources))

    async def _accept(self, call: Mapping[str, str]) -> None:
        """Returns after the commit."""
        env = self._env
        items = inbound(call, env.inbox, env.clock.now(), self._settings.country, self._words)
        marked = [self._repeats.marked(item) if isinstance(item, Message) else item for item in items]
        raw = Raw(content=urlencode(call).encode(), content_type="application/x-www-form-urlencoded")
        await self._door.sink.accept(raw, marked)
        for item in items:
            if isinstance(item, Message):
                self._repeats.note(item)

    # --- out ------------------------------------------------------------------------------------------------------

    async def send(self, outbound: Outbound) -> Sent:
        """Hand one message to SMSAPI, which cuts it into segments and reports on it as one."""
        plan = plan_sms(outbound, self._settings, self._env)
        idx = self._idx(outbound)
        async with paid(plan, self._settings, self._env):
            try:
                taken = _taken(await self._post_form("sms.do", self._form(plan, idx)))
            except SendError as error:
                self._trouble = error
                raise
        self._trouble = None
        await self._correct(plan, taken)
        return Sent(remote_id=remote_id(idx))

    def _idx(self, outbound: Outbound) -> str:
        """Our name of a sending, the same on every attempt; with its time, so that a restored copy of the database does
        not use it for something else."""
        return f"{self._env.inbox}-{outbound.delivery}-{outbound.created_at // 1_000_000}"[:255]

    def _form(self, plan: Plan, idx: str) -> dict[str, str]:
        form = {
            "to": plan.to.lstrip("+"),
            "from": plan.sender,
            "message": plan.text,
            "encoding": "utf-8",
            "format": "json",
            "details": "1",
            "idx": idx,
            "check_idx": "1",
            "allow_duplicates": "1",
            "max_parts": str(self._settings.max_segments),
            "notify_url": self._report_url() if self._settings.reports else "",
        }
        return {name: value for name, value in form.items() if value}

    def _report_url(self) -> str:
        base = (self._settings.callback_url or self._env.public_url).rstrip("/")
        return f"{base}/in/{self._env.inbox}?secret={self._settings.secret.reveal()}"

    async def _post_form(self, path: str, form: Mapping[str, str]) -> Fetched:
        """The answer of the first address that can be connected to. Raises SendError."""
        last = len(self._settings.base_urls) - 1
        for place, base in enumerate(self._settings.base_urls):
            try:
                return await self._env.egress.request(
                    "POST",
                    f"{base.rstrip('/')}/{path}",
                    headers={**self._headers(), "Content-Type": "application/x-www-form-urlencoded"},
                    body=urlencode(form).encode(),
                    timeout=self._settings.timeout_seconds,
                    max_bytes=100_000,
                )
            except SendError as error:
                if error.kind != "temporary" or place == last:
                    raise
        raise SendError("temporary", UNREADABLE)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._settings.token.reveal()}", "User-Agent": "Centrala"}

    async def _correct(self, plan: Plan, taken: Item | None) -> None:
        """Count what SMSAPI charged instead of what we expected; nothing for what an earlier attempt paid.

        The message has left, and nothing here may say otherwise: what cannot be counted now stays as it was expected.
        """
        price = self._settings.point_price
        more = 0
        if taken is None:
            more = -plan.cost
        elif taken.points is not None and price:
            more = round(taken.points * price) - plan.cost
        if more:
            with contextlib.suppress(Refused):
                await self._env.budget.spend(MONEY, more, NO_LIMIT, zone=self._env.office.zone)

    async def check(self) -> Health:
        """Ask for the account's profile; also what the last sending met."""
        url = f"{self._settings.base_urls[0].rstrip('/')}/profile"
        try:
            answer = await self._env.egress.request("GET", url, headers=self._headers(), timeout=8.0)
        except SendError as error:
            return Health(state="unreachable", detail=error.public)
        if answer.status in (401, 403):
            return Health(state="wrong_credentials", detail=CREDENTIALS)
        if answer.status != 200:
            return Health(state="unreachable", detail=status_error(answer.status).public)
        return self._healthy(answer)

    def _healthy(self, answer: Fetched) -> Health:
        env = self._env
        trouble, seen = self._trouble, env.clock.now()
        if trouble is not None and trouble.private in {f"SMSAPI error {code}" for code in ABOUT_ACCOUNT}:
            return Health(state="degraded", detail=trouble.public, last_seen=seen)
        try:
            profile = msgspec.json.decode(answer.body, type=Profile)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Health(state="misconfigured", detail=UNREADABLE, last_seen=seen)
        low = profile.points is not None and profile.points < max(self._settings.low_points, 0.01)
        if low and profile.payment_type != "postpaid":
            detail = env.translate(env.office.language, LOW, points=f"{profile.points:g}")
            return Health(state="degraded", detail=detail, last_seen=seen)
        return Health(state="ok", last_seen=seen)

    async def fetch(self, ref: str) -> bytes:
        """SMS have no attachments. Raises SendError."""
        raise SendError("permanent", _sms.NO_FILES)


def _taken(answer: Fetched) -> Item | None:
    """The message that was accepted; None for one that an earlier attempt brought. Raises SendError."""
    try:
        told = msgspec.json.decode(answer.body, type=Answer, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError):
        if 200 <= answer.status < 300:
            raise SendError("ambiguous", UNREADABLE, "no JSON of the documented form") from None
        raise status_error(answer.status, answer.headers) from None
    code = told.error or next((item.error for item in told.list if item.error), None)
    if code == ALREADY_SENT:
        return None
    if code:
        raise error_of(code)
    if not 200 <= answer.status < 300:
        raise status_error(answer.status, answer.headers)
    if not told.list:
        raise SendError("ambiguous", UNREADABLE, "neither a message nor an error")
    return told.list[0]
