"""One Kannel at work: ``sendsms`` out, calls of its smsbox in."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Sequence
from urllib.parse import urlencode

import aiohttp
import msgspec
from yarl import URL

from connectors import _sms
from connectors._failpoint import failpoint
from connectors._http import later, status_error, text_response
from connectors._i18n import N_
from connectors._sms import Plan, paid, plan_sms
from connectors._sms_inlet import Inlet, reading_of
from connectors._sources import is_within, networks
from connectors._unbelieved import Unbelieved
from connectors._widget import Door
from connectors.contract import (
    DeliveryReport,
    Env,
    Health,
    Outbound,
    Raw,
    Refused,
    Request,
    Response,
    Route,
    SendError,
    Sent,
    Sink,
    Unknown,
)
from connectors.kannel.reading import Call, is_report, piece_of, read_post, read_query, remote_id, report_of
from connectors.kannel.settings import Settings

MASK = 1 | 2 | 4 | 8 | 16
"""Reports that are asked for: delivered, not delivered, buffered, taken, refused."""

_LONGEST_ANSWER = 10_000

NO_GATEWAY = N_("This inbox has no SMS gateway to send through; an administrator has to configure it.")
UNREACHABLE = N_("The SMS gateway could not be reached.")
BROKEN = N_("The connection to the SMS gateway broke before it answered.")
CREDENTIALS = N_("The SMS gateway refused our name or password; an administrator has to correct them.")
REFUSED = N_("The SMS gateway refused the message.")


class Kannel:
    """See :class:`connectors.contract.Connector`."""

    def __init__(self, settings: Settings, env: Env) -> None:
        capabilities = _sms.capabilities(settings, send_limit=settings.timeout_seconds + 15)
        if not settings.url:
            capabilities = msgspec.structs.replace(capabilities, reaches=(), starts=False)
        self.capabilities = capabilities
        self._settings = settings
        self._env = env
        self._unbelieved = Unbelieved(env.log, env.clock, "secret or address")
        self._sources = networks(settings.sources)
        self._door = Door()
        self._inlet = Inlet(reading_of(settings, env, settings.wait_minutes))

    def routes(self) -> Sequence[Route]:
        """Where Kannel calls, by ``get-url`` or ``post-url``, and for reports."""
        path, rate = f"/in/{self._env.inbox}", self._settings.per_address
        return (
            Route(method="GET", path=path, handler=self._get, max_body=0, per_address=rate),
            Route(method="POST", path=path, handler=self._post, max_body=60_000, per_address=rate),
        )

    async def serve(self, sink: Sink) -> None:
        """Take calls until cancelled."""
        await self._inlet.open(sink)
        try:
            await self._door.run(sink)
        finally:
            self._inlet.close(sink)

    async def run(self, sink: Sink) -> None:
        """Take calls until cancelled, and show long messages whose parts did not all come."""
        await self._inlet.open(sink)
        try:
            with self._door.held(sink):
                await self._inlet.watch()
        finally:
            self._inlet.close(sink)

    # --- in -------------------------------------------------------------------------------------------------------

    async def _get(self, request: Request) -> Response:
        return await self._take(request, read_query(request.query_string))

    async def _post(self, request: Request) -> Response:
        return await self._take(request, read_post(request.query_string, request.headers, request.body))

    async def _take(self, request: Request, call: Call) -> Response:
        if not self._is_kannel(request, call):
            self._unbelieved.came()
            return text_response("The secret or the address is not the configured one.", 403)
        if not call.sender and not is_report(call):
            return text_response("There is neither a sender (from) nor a report (delivery and type).", 400)
        try:
            await self._accept(call)
        except Refused as refused:
            return later(text_response("Nothing was taken; call again later.", 503), refused)
        # What stands in the body Kannel may send to the person as an SMS: nothing.
        return text_response("")

    def _is_kannel(self, request: Request, call: Call) -> bool:
        secret = self._settings.secret.reveal().encode()
        knows = hmac.compare_digest(call.secret.encode("latin-1", "replace"), secret)
        return knows and (not self._sources or is_within(request.remote, self._sources))

    async def _accept(self, call: Call) -> None:
        """Returns after the commit."""
        sink = self._door.sink
        inbox, now = self._env.inbox, self._env.clock.now()
        found = report_of(call, inbox, now) if is_report(call) else piece_of(call, inbox, now)
        if isinstance(found, DeliveryReport | Unknown):
            raw = Raw(content=call.raw.encode("latin-1", "replace"), content_type="text/plain")
            failpoint("kannel.report.received")
            await sink.accept(raw, [found])
            failpoint("kannel.report.committed")
        else:
            failpoint("kannel.received")
            await self._inlet.take(found)
            failpoint("kannel.committed")

    # --- out ------------------------------------------------------------------------------------------------------

    async def send(self, outbound: Outbound) -> Sent:
        """Hand one message to Kannel, which cuts it into segments and reports on it as one."""
        if not self._settings.url:
            raise SendError("permanent", NO_GATEWAY)
        plan = plan_sms(outbound, self._settings, self._env)
        async with paid(plan, self._settings, self._env):
            failpoint("kannel.send.before")
            status, text = await self._ask(self._query(plan, outbound.delivery))
            failpoint("kannel.send.after")
            if not 200 <= status < 300:
                raise _error(status, text)
        return Sent(remote_id=remote_id(str(outbound.delivery)))

    def _query(self, plan: Plan, delivery: int) -> dict[str, str]:
        settings = self._settings
        query = self._credentials() | {
            "from": plan.sender,
            "to": plan.to,
            "text": plan.text,
            "charset": "UTF-8",
            "coding": "0" if plan.segments.encoding == "gsm7" else "2",
            "smsc": settings.smsc,
            "validity": str(settings.validity_minutes or ""),
        }
        if settings.reports:
            query |= {"dlr-mask": str(MASK), "dlr-url": self._report_url(delivery)}
        return {name: value for name, value in query.items() if value}

    def _credentials(self) -> dict[str, str]:
        password = self._settings.password
        return {"username": self._settings.username, "password": password.reveal() if password else ""}

    def _report_url(self, delivery: int) -> str:
        """Kannel fills in what begins with ``%``."""
        base = (self._settings.callback_url or self._env.public_url).rstrip("/")
        ours = f"secret={self._settings.secret.reveal()}&delivery={delivery}"
        return f"{base}/in/{self._env.inbox}?{ours}&type=%d&reply=%A&at=%T"

    async def _ask(self, query: dict[str, str]) -> tuple[int, str]:
        """Status and body. Kannel is configured and stands in the office's own network, where the client for addresses
        from outside must not lead."""
        seconds = self._settings.timeout_seconds
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=seconds * 2 / 3)
        try:
            async with aiohttp.ClientSession(
                timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), middlewares=(_once,)
            ) as session:
                address = URL(f"{self._settings.url}?{urlencode(query)}", encoded=True)
                async with session.get(address, allow_redirects=False) as answer:
                    body = await answer.content.read(_LONGEST_ANSWER)
                    return answer.status, body.decode("utf-8", "replace")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise SendError("temporary", UNREACHABLE, type(error).__name__) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SendError("ambiguous", BROKEN, type(error).__name__) from None

    async def check(self) -> Health:
        """Ask Kannel to send to nobody: it says that the receiver is missing, or that the password is wrong."""
        if not self._settings.url:
            return Health(state="ok")
        try:
            async with asyncio.timeout(8):
                status, _ = await self._ask({**self._credentials(), "from": "0", "text": "0"})
        except (SendError, TimeoutError):
            return Health(state="unreachable", detail=UNREACHABLE)
        if status == 403:
            return Health(state="wrong_credentials", detail=CREDENTIALS)
        if status == 404 or 300 <= status < 400:
            return Health(
                state="misconfigured", detail=N_("At the configured address is no sendsms of a Kannel.")
            )
        if status >= 500:
            return Health(state="degraded", detail=N_("The SMS gateway takes no messages at the moment."))
        return Health(state="ok", last_seen=self._env.clock.now())

    async def fetch(self, ref: str) -> bytes:
        """SMS have no attachments."""
        raise SendError("permanent", _sms.NO_FILES)


def _error(status: int, text: str) -> SendError:
    """What a refusal of sendsms means. A 403 is a wrong password, or a number that no connection takes."""
    if status == 403 and "uthorization" in text:
        return SendError("temporary", CREDENTIALS, "HTTP 403: authorization failed")
    if status == 403:
        return SendError("permanent", REFUSED, "HTTP 403: not routable or denied")
    return status_error(status, {})


class _CutOff(aiohttp.ClientError):
    """The connection ended before the answer."""


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """aiohttp says a GET again on its own when the connection ends before the answer, and Kannel would send twice."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _CutOff(type(error).__name__) from error
