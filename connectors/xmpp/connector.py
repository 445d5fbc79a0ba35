"""One XMPP inbox at work: the connector that the hub sees."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET  # nosec: only the type
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from connectors._failpoint import failpoint
from connectors._http import FETCH_SECONDS, UPLOAD_SECONDS, status_error
from connectors._i18n import N_
from connectors.contract import (
    Capabilities,
    Env,
    Health,
    OutAttachment,
    Outbound,
    Presence,
    Route,
    SendError,
    Sent,
    Sink,
    fault,
)
from connectors.xmpp import answers, upload, writing
from connectors.xmpp.acks import Ticket
from connectors.xmpp.envelope import Place
from connectors.xmpp.files import is_web
from connectors.xmpp.identity import sent_id_of, target_id
from connectors.xmpp.intake import Intake, Remembered, Taken
from connectors.xmpp.link import Link, Standing, explained, made
from connectors.xmpp.names import bare
from connectors.xmpp.reading import thread_key
from connectors.xmpp.settings import Settings
from connectors.xmpp.stream import Lost, Misconfigured, NotSent, WrongCredentials
from connectors.xmpp.writing import Uploaded

NOT_CONNECTED = N_("The XMPP server cannot be reached at the moment.")
NO_ADDRESS = N_("This is no XMPP address.")
NOT_CHANGED = N_("What this message was called is not known any more; it cannot be changed.")
EMPTY = N_("The message is empty.")
UNSURE = N_("The connection broke while the message was on its way.")
GONE = N_("The file is not there any more.")

BEFORE = 300_000_000
"""Microseconds before its making from which the archive is asked for a message; clocks differ."""

AGAIN = 3.0
"""Seconds within which the same sign of presence is not sent to the same person twice."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Presence).decode


class Xmpp:
    """See :class:`connectors.contract.Connector`."""

    def __init__(self, settings: Settings, env: Env) -> None:
        files = settings.attachment_bytes > 0
        self.capabilities = Capabilities(
            reaches=("xmpp",),
            max_length=settings.max_length,
            splits=True,
            attachments=("*/*",) if files else (),
            attachment_bytes=settings.attachment_bytes,
            starts=True,
            edits=True,
            deletions=True,
            read_receipts=True,
            typing=True,
            sends_from="lease",
            send_limit=UPLOAD_SECONDS + 120.0,
            # The same id on every attempt, and the archive is asked first.
            on_ambiguous="retry",
        )
        self._settings = settings
        self._env = env
        self._standing = Standing(env)
        self._link: Link | None = None
        self._intake: Intake | None = None
        self._service: upload.Service | None = None
        self._attempted: Remembered[str, None] = Remembered()
        self._shown: Remembered[tuple[str, str], float] = Remembered()
        self._notices: set[asyncio.Task[None]] = set()

    def routes(self) -> Sequence[Route]:
        """None: XMPP comes by its own protocol."""
        return ()

    async def run(self, sink: Sink) -> None:
        """Be connected until cancelled."""
        stream = await made(self._settings, self._settings.resource)
        link = self._link = Link(self._settings, self._env, stream, self._standing)
        stream.prepare(self._message, self._presence)
        intake = self._intake = Intake(
            self._env,
            sink,
            self._place,
            on_taken=self._taken,
            on_done=self._done,
            on_refused=lambda why: self._standing.down("degraded", f"the hub takes nothing now: {why}"),
            on_flow=stream.flow,
        )
        leave = self._env.siblings.hear(self._told)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(intake.run())
                tasks.create_task(link.keep(intake))
        finally:
            leave()
            self._link = self._intake = None
            for task in self._notices:
                task.cancel()
            await stream.close()

    @property
    def connected(self) -> bool:
        """Whether stanzas can leave just now."""
        return self._link is not None and self._link.up

    def _place(self) -> Place:
        archived = self._link is not None and self._link.archive is not None
        return Place(
            inbox=self._env.inbox, now=self._env.clock.now(), own=self._settings.address, archived=archived
        )

    # --- in -----------------------------------------------------------------------------------------------------------

    def _message(self, stanza: ET.Element, ticket: Ticket) -> None:
        """A message of the wire: the archive's answers are collected, everything else is committed in its turn."""
        link, intake = self._link, self._intake
        if link is None or intake is None:
            return
        if link.archive is not None and link.archive.collect(stanza):
            link.stream.handled(ticket)
        elif self._settings.way == "component" and bare(stanza.get("to")) != self._settings.address:
            self._not_here(link, stanza)
        else:
            intake.put(stanza, ticket)

    def _not_here(self, link: Link, stanza: ET.Element) -> None:
        """A component gets what is sent to any address of its domain; only one of them is ours."""
        if stanza.get("type") != "error":
            link.stream.put(answers.nobody(stanza))

    def _presence(self, presence: ET.Element) -> None:
        if self._link is not None:
            for answer in answers.subscription(presence, self._settings.subscriptions, self._link.sender):
                self._link.stream.put(answer)

    def _done(self, tickets: Sequence[Ticket]) -> None:
        """After a batch: the server may forget it, and a hub that took nothing does so again."""
        if self._link is not None:
            self._link.stream.handled(*tickets)
            if self._link.up and self._standing.health.state == "degraded":
                self._standing.up()

    def _taken(self, taken: Taken) -> None:
        """After a commit: tell the sender that it arrived, and what we cannot read."""
        if (receipt := answers.receipt(taken, self._place())) is not None:
            self._put(receipt)
        if any(map(answers.asks_for_notice, taken.items)):
            task = asyncio.create_task(self._notice(taken))
            self._notices.add(task)
            task.add_done_callback(self._notices.discard)

    async def _notice(self, taken: Taken) -> None:
        try:
            for notice in await answers.notices(taken, self._place(), self._env, self._settings.address):
                self._put(notice)
        except Exception as error:  # it is committed; that nobody was told is a smaller evil
            self._env.log.warning("notice could not be sent", inbox=self._env.inbox, **fault(error))

    # --- out ----------------------------------------------------------------------------------------------------------

    def _put(self, element: ET.Element) -> None:
        link = self._link
        if link is not None and link.up:
            link.stream.put(self._from_us(element))

    def _from_us(self, element: ET.Element) -> ET.Element:
        if self._link is not None and self._link.sender:
            element.set("from", self._link.sender)
        return element

    async def send(self, outbound: Outbound) -> Sent:
        """One delivery out. Raises :class:`SendError`."""
        to = bare(outbound.to[0].address) if outbound.to else ""
        if not to:
            raise SendError("permanent", NO_ADDRESS, "the address cannot be read")
        if outbound.operation in ("edit", "delete") and not sent_id_of(outbound.target or ""):
            raise SendError("permanent", NOT_CHANGED, "the target has no id")
        link = self._link
        if link is None or not link.up:
            raise SendError("temporary", NOT_CONNECTED, "not connected")
        try:
            return await self._deliver(link, outbound, to)
        except (
            Lost,
            NotSent,
        ) as error:  # while files were uploaded or the archive was asked; the message did not leave
            raise SendError("temporary", NOT_CONNECTED, str(error)) from error

    async def _deliver(self, link: Link, outbound: Outbound, to: str) -> Sent:
        name = writing.stanza_id(outbound)
        remote = target_id(to, name)
        sent = Sent(remote_id=remote, adds_keys=(thread_key(self._env.inbox, remote),))
        if not (outbound.text or outbound.attachments or outbound.operation == "delete"):
            raise SendError("permanent", EMPTY, "neither text nor files")
        there = await self._there(link, outbound, to, name)
        if writing.last_id(outbound) in there:
            return sent
        files = [await self._upload(link, file) for file in outbound.attachments]
        self._attempted.put(name, None)
        for message in writing.messages(outbound, to, tuple(files)):
            if message.get("id") not in there:
                await self._hand_over(link, self._from_us(message))
        return sent

    async def _there(self, link: Link, outbound: Outbound, to: str, name: str) -> frozenset[str]:
        """The ids of what an earlier attempt, of which nobody knows the end, brought to the server."""
        if link.archive is None or (outbound.created_at >= link.since and name not in self._attempted):
            return frozenset()
        return await link.archive.sent(to, name, max(outbound.created_at - BEFORE, 1))

    async def _hand_over(self, link: Link, message: ET.Element) -> None:
        """Send one stanza; returns when the server has it. Raises SendError (``ambiguous``: nobody can say), Lost."""
        try:
            if link.stream.acks is None:
                link.stream.put_surely(message)
                await link.flush()
            else:
                failpoint("xmpp.send.before")
                arrived = link.stream.put_acked(message)
                failpoint("xmpp.send.written")
                async with asyncio.timeout(self._settings.timeout_seconds):
                    await asyncio.shield(arrived)  # an ack that comes late still counts for the next attempt
                failpoint("xmpp.send.acknowledged")
        except (Lost, TimeoutError) as error:
            raise SendError("ambiguous", UNSURE, "no answer of the server to the message") from error

    async def _upload(self, link: Link, file: OutAttachment) -> Uploaded:
        settings = self._settings
        if self._service is None:
            self._service = await upload.find(
                link.stream, settings.domain, settings.upload_service, settings.timeout_seconds, link.sender
            )
        if self._service is None:
            raise SendError("permanent", upload.NO_SERVICE, "no upload service")
        egress, seconds = self._env.egress, settings.timeout_seconds
        return await upload.put(link.stream, self._service, file, egress, seconds, link.sender)

    async def show(self, presence: Presence) -> None:
        """Pass on that an agent writes, stopped, or has read: here, or where the connection is. See
        :class:`connectors.contract.ShowsPresence`."""
        if self.connected:
            self._show(presence)
        else:
            self._env.siblings.tell(_encode(presence))

    def _told(self, what: bytes) -> None:
        """Another process has no connection, and an agent there did something."""
        with suppress(msgspec.MsgspecError):
            self._show(_decode(what))

    def _show(self, presence: Presence) -> None:
        to = bare(presence.to.address)
        if not to:
            return
        if presence.what == "read":
            if sent_id := sent_id_of((presence.target or "").rpartition("~")[0] or presence.target or ""):
                self._put(writing.displayed(to, sent_id))
            return
        now, key = self._env.clock.monotonic(), (to, presence.what)
        if now - self._shown.get(key, -AGAIN) >= AGAIN:
            self._shown.put(key, now)
            self._put(writing.state(to, "composing" if presence.what == "typing" else "paused"))

    # --- files and health ---------------------------------------------------------------------------------------------

    async def fetch(self, ref: str) -> bytes:
        """A file that somebody shared, by its address. Raises :class:`SendError`."""
        if not is_web(ref):
            raise SendError("permanent", GONE, "not an address that can be fetched")
        most = self._settings.fetch_bytes
        answer = await self._env.egress.request("GET", ref, timeout=FETCH_SECONDS, max_bytes=most)
        if answer.status != 200:
            raise status_error(answer.status, answer.headers)
        return answer.body

    async def check(self) -> Health:
        """How the running connection is; where none runs, log in for a moment under another name."""
        if self._link is None:
            await self._probe()
        return self._standing.health

    async def _probe(self) -> None:
        try:
            stream = await made(self._settings, f"check-{self._env.random.getrandbits(32):08x}")
        except Misconfigured as error:
            self._standing.down(*explained(error))
            return
        stream.prepare(lambda *_: None, lambda _: None)
        try:
            await stream.open(
                self._settings.host, self._settings.to_port, min(self._settings.timeout_seconds, 8.0)
            )
            self._standing.up()
        except (WrongCredentials, Misconfigured, Lost, OSError) as error:
            self._standing.down(*explained(error))
        finally:
            await stream.close()
