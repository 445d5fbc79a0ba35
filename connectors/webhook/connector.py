"""One generic webhook at work: signed JSON in at ``/in/INBOX``, signed JSON out to the configured address."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import msgspec

from connectors import _signing as signing
from connectors._failpoint import failpoint
from connectors._http import FETCH_SECONDS, INLINE, json_response, kept_json, later, status_error
from connectors._i18n import N_
from connectors._unbelieved import Unbelieved
from connectors._widget import Door
from connectors.contract import (
    Capabilities,
    Env,
    Fetched,
    Health,
    Inbound,
    Message,
    Outbound,
    Party,
    Receipt,
    Refused,
    Request,
    Response,
    Route,
    SendError,
    Sent,
    Sink,
)
from connectors.webhook.reading import AnyEvent, BadEvent, Place, decode, inbound
from connectors.webhook.settings import Settings

REMEMBERED = 10_000
"""Event ids of the last requests that are remembered with what they held."""

FETCH_BYTES = 25_000_000

_TYPES = {"send": "message", "edit": "edit", "delete": "deletion"}

NO_ADDRESS = N_("This inbox has no address to send to; an administrator has to configure it.")
NOT_UNDERSTOOD = N_("The other system does not understand changes of messages.")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the other side says when it took an answer of ours; every part may be missing."""

    id: str | None = None
    state: str = "accepted"


class Webhook:
    """See :class:`connectors.contract.Connector`. The kind of its addresses is the inbox's own id."""

    def __init__(self, settings: Settings, env: Env) -> None:
        edits = bool(settings.url) and settings.edits
        self.capabilities = Capabilities(
            reaches=(str(env.inbox),) if settings.url else (),
            max_length=settings.max_length,
            attachments=("*/*",) if settings.attachment_bytes else (),
            attachment_bytes=settings.attachment_bytes,
            subject=True,
            edits=edits,
            deletions=edits,
            send_limit=settings.timeout_seconds + 15,
            on_ambiguous="retry",
        )
        self._settings = settings
        self._env = env
        self._unbelieved = Unbelieved(env.log, env.clock, "signature")
        self._door = Door()
        self._seen: OrderedDict[str, bytes] = OrderedDict()
        self._health = Health(state="ok")

    def routes(self) -> Sequence[Route]:
        """Where the other system posts to."""
        return (
            Route(
                method="POST",
                path=f"/in/{self._env.inbox}",
                handler=self._take,
                max_body=self._settings.max_body,
                per_address=self._settings.per_address,
            ),
        )

    async def serve(self, sink: Sink) -> None:
        """Take events until cancelled."""
        await self._door.run(sink)

    async def run(self, sink: Sink) -> None:
        """There is no wire to read: the same as :meth:`serve`."""
        await self._door.run(sink)

    async def check(self) -> Health:
        """How the last sending went; nothing is sent to find out."""
        return self._health

    # --- in -------------------------------------------------------------------------------------------------------

    async def _take(self, request: Request) -> Response:
        try:
            # A large body takes longer than the event loop may be held.
            large = len(request.body) > INLINE
            read = await asyncio.to_thread(self._read, request) if large else self._read(request)
        except signing.Unsigned as error:
            self._unbelieved.came()
            return _refusal(401, str(error))
        except BadEvent as error:
            return _refusal(400, str(error))
        events, items, prints = read
        if other := self._reused(events, prints):
            return _refusal(409, f"The id of event {other} was used for an event with other content.")
        try:
            receipts = await self._accept(request, items)
        except Refused as refused:
            return _later(refused)
        self._remember(events, prints)
        return json_response(
            {"events": [_told(event, got) for event, got in zip(events, receipts, strict=True)]}
        )

    def _read(self, request: Request) -> tuple[tuple[AnyEvent, ...], list[Inbound], list[bytes]]:
        """The events of a request, what intake takes, and their fingerprints. Raises Unsigned, BadEvent."""
        settings = self._settings
        secrets = [secret for secret in (settings.secret, settings.previous_secret) if secret]
        now = self._env.clock.now()
        signing.check(request.headers, request.body, secrets, now, settings.window_seconds)
        events = decode(request.body)
        return events, self._items(events), [_fingerprint(event) for event in events]

    def _items(self, events: Sequence[AnyEvent]) -> list[Inbound]:
        env = self._env
        place = Place(inbox=env.inbox, kind=str(env.inbox), now=env.clock.now(), tokens=env.tokens)
        return [inbound(event, place) for event in events]

    async def _accept(self, request: Request, items: Sequence[Inbound]) -> list[Receipt]:
        raw = await kept_json(request.body, self._env.blobs)
        failpoint("webhook.received")
        receipts = await self._door.sink.accept(raw, [await self._with_blobs(item) for item in items])
        failpoint("webhook.committed")
        return receipts

    async def _with_blobs(self, item: Inbound) -> Inbound:
        """Large files outside the message, durable before the commit that refers to them."""
        if not isinstance(item, Message) or not item.attachments:
            return item
        kept = []
        for file in item.attachments:
            if file.content is not None and len(file.content) > INLINE:
                blob = await self._env.blobs.put(file.content)
                file = msgspec.structs.replace(file, content=None, blob=blob)
            kept.append(file)
        return msgspec.structs.replace(item, attachments=tuple(kept))

    def _reused(self, events: Sequence[AnyEvent], prints: Sequence[bytes]) -> int:
        """The position, from 1, of an event whose id stood for something else lately; 0 where there is none."""
        for position, (event, content) in enumerate(zip(events, prints, strict=True), 1):
            if self._seen.get(event.id, content) != content:
                return position
        return 0

    def _remember(self, events: Sequence[AnyEvent], prints: Sequence[bytes]) -> None:
        for event, content in zip(events, prints, strict=True):
            self._seen[event.id] = content
            self._seen.move_to_end(event.id)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)

    # --- out ------------------------------------------------------------------------------------------------------

    async def send(self, outbound: Outbound) -> Sent:
        """Post one delivery. The other side knows a repeated one by its ``id``, which never changes."""
        settings, kind = self._settings, _TYPES.get(outbound.operation)
        if not settings.url:
            raise SendError("permanent", NO_ADDRESS)
        if kind is None or (kind != "message" and not settings.edits):
            raise SendError("permanent", NOT_UNDERSTOOD)
        body = msgspec.json.encode(_event(outbound, kind))
        signed = signing.headers(settings.secret, self._env.clock.now(), body)
        failpoint("webhook.post.before")
        try:
            answer = await self._env.egress.request(
                "POST",
                settings.url,
                headers={"Content-Type": "application/json", "User-Agent": "Centrala", **signed},
                body=body,
                timeout=settings.timeout_seconds,
                max_bytes=1_000_000,
            )
            failpoint("webhook.post.after")
            sent = _sent(answer)
        except SendError as error:
            self._note(error)
            raise
        self._note(None)
        return sent

    def _note(self, error: SendError | None) -> None:
        """Remember how it went, for :meth:`check`."""
        now = self._env.clock.now()
        if error is None:
            self._health = Health(state="ok", last_seen=now)
        elif "HTTP 401" in error.private or "HTTP 403" in error.private:
            self._health = Health(state="wrong_credentials", detail=error.public, last_seen=now)
        elif error.kind in ("temporary", "ambiguous"):
            self._health = Health(state="unreachable", detail=error.public, last_seen=self._health.last_seen)

    async def fetch(self, ref: str) -> bytes:
        """The file at an address that the other side named; the egress client decides where that may lead."""
        answer = await self._env.egress.request("GET", ref, timeout=FETCH_SECONDS, max_bytes=FETCH_BYTES)
        if answer.status != 200:
            raise status_error(answer.status, answer.headers)
        return answer.body


def _refusal(status: int, why: str) -> Response:
    return json_response({"error": why}, status)


def _later(refused: Refused) -> Response:
    """Nothing was taken; the other side keeps it and tries again."""
    return later(_refusal(503, "Nothing was taken; send it again later."), refused)


def _told(event: AnyEvent, receipt: Receipt) -> dict[str, Any]:
    """What became of an event: ids as strings, because they may be larger than a JavaScript number holds."""
    return {
        "id": event.id,
        "conversation": str(receipt.conversation) if receipt.conversation else None,
        "reference": receipt.reference or None,
        "duplicate": receipt.duplicate,
        "parked": receipt.parked,
    }


def _fingerprint(event: AnyEvent) -> bytes:
    """The content of an event, however its JSON was written."""
    return hashlib.sha256(msgspec.json.encode(event)).digest()


def _event(outbound: Outbound, kind: str) -> dict[str, Any]:
    """The JSON of a delivery; empty parts are left out."""
    everything = {
        "type": kind,
        "id": f"{outbound.delivery}-{outbound.part}",
        "message": str(outbound.message),
        "target": outbound.target,
        "to": [_address(party) for party in outbound.to],
        "cc": [_address(party) for party in outbound.cc],
        "from_name": outbound.from_name,
        "subject": outbound.subject,
        "text": outbound.text,
        "language": outbound.language,
        "files": [
            {
                "filename": file.filename,
                "content_type": file.content_type,
                "content": base64.b64encode(file.content).decode(),
            }
            for file in outbound.attachments
        ],
        "reply_to": outbound.reply_to,
        "reply_token": outbound.token,
        "reference": outbound.reference,
        "automatic": outbound.automatic,
    }
    return {name: value for name, value in everything.items() if value or name in ("text", "automatic")}


def _address(party: Party) -> dict[str, str]:
    return {"address": party.address, "name": party.name} if party.name else {"address": party.address}


def _sent(answer: Fetched) -> Sent:
    """What a 2xx means; one without the JSON that we know is taken all the same. Raises SendError for the rest."""
    if not 200 <= answer.status < 300:
        raise status_error(answer.status, answer.headers)
    try:
        told = msgspec.json.decode(answer.body, type=Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        told = Answer()
    state = "delivered" if told.state == "delivered" else "accepted"
    remote = told.id if told.id and len(told.id) <= 400 else None
    return Sent(remote_id=remote, state="delivered" if state == "delivered" else "accepted")
