"""Meta's callback: the verification GET, the signature over the raw body, the whole call committed before the 200.

A call of one app may hold events of several accounts and of several kinds (a page's messages beside comments under its
posts). It is committed as a whole and then answered 200; anything else makes Meta repeat it for up to 36 hours
(WhatsApp: seven days).

By https://developers.facebook.com/docs/graph-api/webhooks/getting-started (2026-03).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence

from connectors._failpoint import failpoint
from connectors._http import INLINE, json_response, kept_json, later
from connectors._unbelieved import Unbelieved
from connectors._widget import Door
from connectors.contract import Env, Inbound, InboxId, Micros, Refused, Request, Response, Route, Secret
from connectors.meta.parts import NotACall
from connectors.meta.settings import MetaSettings

SIGNATURE = "x-hub-signature-256"

TRUST = 50
"""Strangers' accounts that are remembered for the health of the inbox."""


def signed(headers: Mapping[str, str], body: bytes, secrets: Sequence[Secret]) -> bool:
    """Whether ``X-Hub-Signature-256`` is ours over these very bytes; every secret is tried, in constant time.

    ``headers`` have lower-case names.
    """
    given = headers.get(SIGNATURE, "").strip().encode("ascii", "replace")
    found = False
    for secret in secrets:
        digest = hmac.new(secret.reveal().encode(), body, hashlib.sha256).hexdigest()
        found |= hmac.compare_digest(f"sha256={digest}".encode(), given)
    return found


def challenge(query: Mapping[str, str], verify_token: Secret) -> Response:
    """The answer to Meta's verification: its ``hub.challenge`` if it knows our token, else 403."""
    known = hmac.compare_digest(query.get("hub.verify_token", "").encode(), verify_token.reveal().encode())
    if query.get("hub.mode") != "subscribe" or not known:
        return Response(
            status=403, body=b"The verify token does not fit.", content_type="text/plain; charset=utf-8"
        )
    echo = query.get("hub.challenge", "")[:500]
    return Response(body=echo.encode(), content_type="text/plain; charset=utf-8")


Book = Mapping[tuple[str, str], InboxId]
"""Whose an event is: (kind, account) to inbox."""

Read = Callable[[bytes, Book, Micros, str], tuple[list[Inbound], list[str]]]
"""``read(body, book, now, app_id)``: what intake takes, and the accounts that no inbox has."""


def address_book(settings: MetaSettings, inbox: InboxId, kind: str) -> Book:
    """The inbox itself and its siblings."""
    book: dict[tuple[str, str], InboxId] = {
        (sibling.kind, sibling.account): sibling.inbox for sibling in settings.siblings
    }
    return book | {(kind, account): inbox for account in settings.accounts}


class Callback:
    """The routes of one inbox, and the sink that its calls go to. ``heard`` is told after each commit."""

    def __init__(
        self,
        settings: MetaSettings,
        env: Env,
        kind: str,
        read: Read,
        heard: Callable[[Sequence[Inbound]], None],
    ) -> None:
        self.strangers: dict[str, None] = {}
        self.door = Door()
        self._settings = settings
        self._env = env
        self._read = read
        self._heard = heard
        self._book = address_book(settings, env.inbox, kind)
        self._unbelieved = Unbelieved(env.log, env.clock, "signature")
        self._secrets = [secret for secret in (settings.app_secret, settings.previous_app_secret) if secret]

    def routes(self) -> Sequence[Route]:
        """``/in/INBOX``: GET to verify, POST for calls."""
        path, limit = f"/in/{self._env.inbox}", self._settings.per_address
        return (
            Route(method="GET", path=path, handler=self._verify, max_body=0, per_address="60/minute"),
            Route(
                method="POST",
                path=path,
                handler=self._take,
                max_body=self._settings.max_body,
                per_address=limit,
            ),
        )

    async def _verify(self, request: Request) -> Response:
        return challenge(request.query, self._settings.verify_token)

    async def _take(self, request: Request) -> Response:
        large = len(request.body) > INLINE  # a large body takes longer than the event loop may be held
        if not (await asyncio.to_thread(self._signed, request) if large else self._signed(request)):
            self._unbelieved.came()
            return _told("The signature does not fit.", 401)
        try:
            items, strangers = (
                await asyncio.to_thread(self._items, request) if large else self._items(request)
            )
        except NotACall as error:
            return _told(str(error), 400)
        self._note(strangers)
        if items:
            try:
                failpoint("meta.webhook.received")
                await self.door.sink.accept(await kept_json(request.body, self._env.blobs), items)
                failpoint("meta.webhook.committed")
            except Refused as refused:
                return _later(refused)
            self._heard(items)
        return _told("EVENT_RECEIVED", 200)

    def _signed(self, request: Request) -> bool:
        return signed(request.headers, request.body, self._secrets)

    def _items(self, request: Request) -> tuple[list[Inbound], list[str]]:
        return self._read(request.body, self._book, self._env.clock.now(), self._settings.app_id)

    def _note(self, strangers: Sequence[str]) -> None:
        """Remember accounts that nobody configured, and say so once for each."""
        for account in strangers:
            if account in self._settings.foreign_accounts or account in self.strangers:
                continue
            if len(self.strangers) < TRUST:
                self.strangers[account] = None
                self._env.log.warning("a call for an account that no inbox has", account=account)


def _told(what: str, status: int) -> Response:
    return json_response({"status": what}, status)


def _later(refused: Refused) -> Response:
    """Nothing was taken; Meta keeps it and calls again."""
    return later(_told("Nothing was taken; send it again later.", 503), refused)
