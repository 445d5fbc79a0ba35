"""The e-mail connector: one inbox with its mailboxes, its listener and its way out."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Sequence

from connectors.contract import (
    Capabilities,
    Env,
    Health,
    Outbound,
    Route,
    SendError,
    Sent,
    Sink,
)
from connectors.email.config import EmailConfig, Listen
from connectors.email.imap import Mailbox, Reader, mailboxes, tls_context, watch
from connectors.email.imap_link import Lost, NotDone, WrongCredentials, connect
from connectors.email.intake import Parser, Taker
from connectors.email.lmtp import listening
from connectors.email.peers import Peer, summary
from connectors.email.smtp import SEND_SECONDS, Sending

LISTEN_AGAIN = 5.0
"""Seconds between attempts to get the listener's port."""

CHECKS = 8
"""Mailboxes that a check logs in to at once."""


class EmailConnector:
    """See :class:`connectors.contract.Connector`. ``port`` is the listener's, None while it is not open."""

    def __init__(self, config: EmailConfig, env: Env, parse: Parser) -> None:
        self._config = config
        self._env = env
        self._parse = parse
        self._boxes = mailboxes(config)
        self._door = Peer("listener")
        self._server = Peer(f"smtp {config.smtp.host}" if config.smtp else "smtp", outgoing=True)
        self._sending = Sending(config, config.smtp, env, self._server) if config.smtp else None
        self._running = False
        self.port: int | None = None
        # A mail with the same Message-ID twice is a smaller evil than one that never came.
        self.capabilities = Capabilities(
            reaches=("email",),
            formatting="plain",
            attachments=("*/*",),
            attachment_bytes=20_000_000,
            subject=True,
            copies=True,
            starts=True,
            send_limit=SEND_SECONDS,
            on_ambiguous="retry",
        )

    def routes(self) -> Sequence[Route]:
        """None: mail comes by its own protocols."""
        return ()

    async def run(self, sink: Sink) -> None:
        """Read all mailboxes and listen, until cancelled."""
        taker = Taker(self._env, sink, self._parse, self._config.authserv_id, self._config.owns)
        reader = Reader(taker=taker, config=self._config)
        self._running = True
        try:
            async with asyncio.TaskGroup() as tasks:
                for box in self._boxes:
                    tasks.create_task(watch(box, reader))
                if self._config.listen is not None:
                    tasks.create_task(self._listen(self._config.listen, taker))
                await asyncio.Event().wait()  # an inbox that only sends has nothing else to do here
        finally:
            self._running = False
            if self._sending is not None:
                self._sending.close()

    async def _listen(self, settings: Listen, taker: Taker) -> None:
        """Keep the listener open; a port that somebody else still has is tried again."""
        while True:
            try:
                async with listening(self._config, settings, taker, self._door) as self.port:
                    await asyncio.Event().wait()
            except OSError as error:
                reason = f"port {settings.port} cannot be opened: {error.strerror}"
                self._door.down(self._env, "misconfigured", reason)
            finally:
                self.port = None
            await self._env.clock.sleep(LISTEN_AGAIN)

    async def send(self, outbound: Outbound) -> Sent:
        """One mail out. Raises :class:`SendError`."""
        if self._sending is None:
            raise SendError("permanent", "This inbox has no mail server to send through.", "no smtp settings")
        if outbound.operation != "send":
            raise SendError(
                "permanent", "A mail cannot be changed or taken back once it was sent.", outbound.operation
            )
        return await self._sending.send(outbound)

    async def fetch(self, ref: str) -> bytes:
        """Mails bring their attachments along; there is nothing to fetch."""
        raise SendError("permanent", "This file is not available.", "mail has no remote attachments")

    async def check(self) -> Health:
        """Ask every server now, except for mailboxes that are being read, whose state is at most a poll old."""
        if self._sending is not None:
            with contextlib.suppress(SendError):  # the peer's state says it
                await self._sending.check()
        if not self._running:
            await self._check_mailboxes()
        peers = [box.peer for box in self._boxes]
        if self._config.listen is not None and self._running:
            peers.append(self._door)
        if self._config.smtp is not None:
            peers.append(self._server)
        return summary(peers, self._env.clock.now())

    async def _check_mailboxes(self) -> None:
        contexts: dict[str | None, ssl.SSLContext] = {}
        for start in range(0, len(self._boxes), CHECKS):
            row = self._boxes[start : start + CHECKS]
            await asyncio.gather(*(self._check_mailbox(box, contexts) for box in row))

    async def _check_mailbox(self, box: Mailbox, contexts: dict[str | None, ssl.SSLContext]) -> None:
        try:
            link = await connect(box.account, await tls_context(box.account, contexts), self._env.clock)
        except WrongCredentials as refusal:
            box.peer.down(self._env, "wrong_credentials", f"the server refused the login: {refusal}")
        except FileNotFoundError:
            box.peer.down(self._env, "misconfigured", "ca_file does not exist")
        except (Lost, OSError) as error:
            box.peer.down(self._env, "unreachable", type(error).__name__)
        else:
            try:
                await link.select(box.account.folder)
                box.peer.up(self._env)
            except NotDone as refusal:
                box.peer.down(self._env, "misconfigured", f"the folder cannot be opened: {refusal}")
            except Lost as error:
                box.peer.down(self._env, "unreachable", str(error))
            finally:
                link.close()
