"""A telephone line at work: signed or authorised events in at ``/in/INBOX``; it sends nothing."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import Any

from connectors import _signing as signing
from connectors._http import json_response, later, raw_of
from connectors._i18n import N_
from connectors._unbelieved import Unbelieved
from connectors._widget import Door
from connectors.contract import (
    Call,
    Capabilities,
    Env,
    Health,
    Inbound,
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
from connectors.phone.reading import BadEvent, Place, decode, inbound
from connectors.phone.settings import Settings

NOTHING_LEAVES = N_("Nothing is sent through a telephone line; answer by another channel or call.")
NO_SECRET = N_("No exchange is connected: agents note their calls by hand.")
MAX_BODY = 65_536


class Phone:
    """See :class:`connectors.contract.Connector`."""

    capabilities = Capabilities()

    def __init__(self, settings: Settings, env: Env) -> None:
        self._settings = settings
        self._env = env
        self._door = Door()
        self._secrets = [secret for secret in (settings.secret, settings.previous_secret) if secret]
        self._health = Health(state="ok", detail="" if self._secrets else NO_SECRET)
        self._unbelieved = Unbelieved(env.log, env.clock, "secret or signature")
        # Whose events were believed last: from elsewhere a stranger may knock, which says nothing about the exchange.
        self._exchange = ""

    def routes(self) -> Sequence[Route]:
        """Where the exchange tells of calls; none without a secret."""
        if not self._secrets:
            return ()
        return (
            Route(
                method="POST",
                path=f"/in/{self._env.inbox}",
                handler=self._take,
                max_body=MAX_BODY,
                per_address=self._settings.per_address,
            ),
        )

    async def serve(self, sink: Sink) -> None:
        """Take events until cancelled."""
        await self._door.run(sink)

    async def run(self, sink: Sink) -> None:
        """There is no wire to read: the same as :meth:`serve`."""
        await self._door.run(sink)

    async def send(self, outbound: Outbound) -> Sent:
        """Nothing leaves by telephone. Raises SendError."""
        raise SendError("permanent", NOTHING_LEAVES)

    async def fetch(self, ref: str) -> bytes:
        """A call has no files. Raises SendError."""
        raise SendError("permanent", NOTHING_LEAVES)

    async def check(self) -> Health:
        """When the exchange told something last; ``wrong_credentials`` when what it told last was not believed, or what
        somebody told before it ever did."""
        return self._health

    async def _take(self, request: Request) -> Response:
        env = self._env
        now = env.clock.now()
        try:
            self._believe(request)
            fields = decode(request.body, request.headers.get("content-type", ""))
            items = self._items(fields)
        except signing.Unsigned as error:
            self._unbelieved.came()
            if self._exchange in ("", request.remote):
                self._health = Health(
                    state="wrong_credentials", detail=str(error), last_seen=self._health.last_seen
                )
            return _refusal(401, str(error))
        except BadEvent as error:
            return _refusal(400, str(error))
        self._health, self._exchange = Health(state="ok", last_seen=now), request.remote
        try:
            receipts = await self._door.sink.accept(raw_of(request), items) if items else []
        except Refused as refused:
            return later(_refusal(503, "Nothing was taken; send it again later."), refused)
        return json_response({"events": [_told(*pair) for pair in zip(items, receipts, strict=True)]})

    def _items(self, fields: Sequence[dict[str, Any]]) -> list[Inbound]:
        settings = self._settings
        place = Place(
            inbox=self._env.inbox,
            now=self._env.clock.now(),
            country=settings.country,
            fields=settings.fields,
            events=settings.events,
        )
        return [item for item in (inbound(event, place) for event in fields) if item is not None]

    def _believe(self, request: Request) -> None:
        """A bearer token, a password, or a signature over the raw body. Raises Unsigned."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            given = _password(given)
        if scheme.lower() in ("bearer", "basic"):
            known = [hmac.compare_digest(given.strip().encode(), s.reveal().encode()) for s in self._secrets]
            if not any(known):
                raise signing.Unsigned("The Authorization header does not hold the secret of this line.")
            return
        if signing.SIGNATURE.lower() not in request.headers:
            raise signing.Unsigned(
                f"Nothing proves who sent this: add an Authorization header or {signing.SIGNATURE}."
            )
        now, window = self._env.clock.now(), self._settings.window_seconds
        signing.check(request.headers, request.body, self._secrets, now, window)


def _password(given: str) -> str:
    """The password of Basic credentials (RFC 7617)."""
    try:
        return base64.b64decode(given, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _refusal(status: int, why: str) -> Response:
    return json_response({"error": why}, status)


def _told(item: Inbound, receipt: Receipt) -> dict[str, Any]:
    """What became of an event: ids as strings, because they may be larger than a JavaScript number holds."""
    return {
        "call": item.call if isinstance(item, Call) else None,
        "conversation": str(receipt.conversation) if receipt.conversation else None,
        "reference": receipt.reference or None,
        "duplicate": receipt.duplicate,
    }
