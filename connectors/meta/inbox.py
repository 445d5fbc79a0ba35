"""What every inbox of this family does alike: its callback, its health, the files that Meta only names.

A kind adds its capabilities, ``send`` and what it shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from urllib.parse import urlsplit

import msgspec

from connectors._http import FETCH_SECONDS, status_error
from connectors._i18n import N_
from connectors._widget import Door
from connectors.contract import Capabilities, Env, Health, Inbound, Message, Micros, Route, SendError, Sink
from connectors.meta.family import read
from connectors.meta.graph import Graph
from connectors.meta.settings import MetaSettings
from connectors.meta.webhook import Book, Callback

NOT_META = N_("The address of the file is not one of Meta's.")
STRANGERS = N_("Meta also calls for accounts that no inbox has; see the documentation of the channel.")
GONE = N_("Meta no longer has the file.")


class MetaInbox:
    """The shared half of a :class:`connectors.contract.Connector`."""

    kind = ""
    fields = "id,name"
    """Fields of the account that a check asks for."""
    capabilities: Capabilities

    def __init__(self, settings: MetaSettings, env: Env) -> None:
        self.env = env
        self.graph = Graph(settings, env, self.fields)
        self._meta = settings
        self._callback = Callback(settings, env, self.kind, self._read, self.heard)
        self._ways = {sibling.inbox: sibling.moderation for sibling in settings.siblings}
        self._background: set[asyncio.Task[None]] = set()

    def routes(self) -> Sequence[Route]:
        """Where Meta calls."""
        return self._callback.routes()

    async def serve(self, sink: Sink) -> None:
        """Take calls until cancelled."""
        try:
            await self.door.run(sink)
        finally:
            if not self.door.open:
                for task in self._background:
                    task.cancel()

    async def run(self, sink: Sink) -> None:
        """Take calls until cancelled; an inbox that also lists what it was not told adds that."""
        await self.serve(sink)

    @property
    def door(self) -> Door:
        """Where calls come in."""
        return self._callback.door

    async def check(self) -> Health:
        """The health of the credentials; a call for somebody else's account shows where all else is well."""
        health = await self.graph.check()
        if health.state == "ok" and self._callback.strangers:
            return msgspec.structs.replace(health, state="degraded", detail=STRANGERS)
        return health

    async def fetch(self, ref: str) -> bytes:
        """A file of a message, from one of Meta's hosts alone. Raises SendError."""
        self.require_host(ref)
        answer = await self.env.egress.request(
            "GET", ref, timeout=FETCH_SECONDS, max_bytes=self._meta.media_bytes
        )
        if answer.status in (403, 404, 410):
            # The address is signed and ends after some days; no waiting brings it back.
            raise SendError("permanent", GONE, f"HTTP {answer.status}")
        if answer.status != 200:
            raise status_error(answer.status, answer.headers)
        return answer.body

    def _read(self, body: bytes, book: Book, now: Micros, app_id: str) -> tuple[list[Inbound], list[str]]:
        items, strangers = read(body, book, now, app_id)
        return [self.prepared(item) for item in items], strangers

    def prepared(self, item: Inbound) -> Inbound:
        """An event as intake takes it: with what the settings say of the inbox that it is for."""
        if isinstance(item, Message) and item.comment is not None:
            place = msgspec.structs.replace(item.comment, moderation=self._ways.get(item.inbox, "pre"))
            return msgspec.structs.replace(item, comment=place)
        return item

    def in_background(self, work: Coroutine[None, None, None]) -> None:
        """Do something that nothing waits for, until the inbox stops."""
        task = asyncio.create_task(work, name=f"background-{self.env.inbox}")
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def heard(self, items: Sequence[Inbound]) -> None:
        """Told after each commit; what happens here never delays Meta's answer."""

    def require_host(self, url: str) -> None:
        """Raises SendError for an address that does not lead to one of the configured hosts."""
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".").lower()
        graph = urlsplit(self._meta.graph_url)
        same = (parts.scheme, parts.netloc) == (graph.scheme, graph.netloc)
        known = any(host == name or host.endswith(f".{name}") for name in self._meta.media_hosts)
        if not same and not (known and parts.scheme == "https"):
            raise SendError("permanent", NOT_META, "a file at an address that is not one of Meta's")
