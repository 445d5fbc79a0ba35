"""An SMTP server that keeps a ledger of what it received and fails as a test tells it to.

It runs in a thread of its own, so that the hub may be this process or another. What it took is told by its own
ledger, never by the hub's tables.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import functools
import ssl
import threading
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers.process import free_port

At = Literal["mail", "rcpt", "data"]

CUT = "cut"
"""In the place of a reply: take the mail, then cut the connection."""


@dataclass(frozen=True, kw_only=True)
class Received:
    """One mail as it came. ``acknowledged`` is false when the connection was cut before the answer."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    acknowledged: bool

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        return email.message_from_bytes(self.content, policy=email.policy.default)


@dataclass(kw_only=True)
class _Fault:
    """What to do instead of accepting; ``left`` is how often still, None for ever."""

    at: At
    address: str
    reply: str
    left: int | None

    def meets(self, at: At, address: str) -> bool:
        return self.at == at and self.address in ("*", address.lower()) and self.left != 0

    def use(self) -> str:
        if self.left is not None:
            self.left -= 1
        return self.reply


@dataclass
class _Ledger:
    """What the server thread writes and the test reads."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    mails: list[Received] = field(default_factory=list)
    faults: list[_Fault] = field(default_factory=list)

    def fault(self, at: At, address: str) -> str | None:
        with self.lock:
            return next((fault.use() for fault in self.faults if fault.meets(at, address)), None)

    def add(self, envelope: Envelope, *, cut: bool) -> None:
        received = Received(
            sender=envelope.mail_from or "",
            recipients=tuple(envelope.rcpt_tos),
            content=envelope.original_content or b"",
            acknowledged=not cut,
        )
        with self.lock:
            self.mails.append(received)


class _Handler:
    """aiosmtpd's hooks; the names are its own."""

    def __init__(self, ledger: _Ledger) -> None:
        self._ledger = ledger

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = self._ledger.fault("mail", address)
        if reply:
            return reply
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = self._ledger.fault("rcpt", address)
        if reply:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        for address in envelope.rcpt_tos:
            reply = self._ledger.fault("data", address)
            if reply == CUT:
                self._ledger.add(envelope, cut=True)
                _cut(server)
                return "421 cut"
            if reply:
                return reply
        self._ledger.add(envelope, cut=False)
        return "250 OK"


def _cut(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()


class MailSink:
    """The server. Accepts everything for everybody until told otherwise."""

    host = "127.0.0.1"

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, user: str | None = None, password: str | None = None
    ) -> None:
        self.port = free_port()
        self._ledger = _Ledger()
        self._login = (user, password)
        # A controller closes its event loop when it stops, so each start needs a new one.
        self._new_controller = functools.partial(
            Controller,
            _Handler(self._ledger),
            hostname=self.host,
            port=self.port,
            ready_timeout=20,
            enable_SMTPUTF8=True,
            tls_context=tls,
            require_starttls=tls is not None,
            auth_required=user is not None,
            auth_require_tls=tls is not None,
            authenticator=self._authenticate,
        )

    def start(self) -> None:
        """Listen, for the first time or again on the same port."""
        self._controller = self._new_controller()
        self._controller.start()

    def stop(self) -> None:
        """Stop listening: a sender's connection is refused."""
        self._controller.stop(no_assert=True)

    @property
    def mails(self) -> list[Received]:
        """Everything received so far, in order."""
        with self._ledger.lock:
            return list(self._ledger.mails)

    def to(self, address: str) -> list[Received]:
        """What one recipient received."""
        return [mail for mail in self.mails if address.lower() in (to.lower() for to in mail.recipients)]

    def fail(self, reply: str, *, at: At = "rcpt", address: str = "*", times: int | None = None) -> None:
        """Answer ``reply`` (``"451 4.3.0 later"``, ``"550 5.1.1 unknown"``) instead of accepting."""
        self._add(_Fault(at=at, address=address.lower(), reply=reply, left=times))

    def cut(self, *, address: str = "*", times: int = 1) -> None:
        """Take the mail and then cut the connection instead of answering: the sender cannot know."""
        self._add(_Fault(at="data", address=address.lower(), reply=CUT, left=times))

    def heal(self) -> None:
        """Accept everything again."""
        with self._ledger.lock:
            self._ledger.faults.clear()

    def clear(self) -> None:
        """Forget what was received."""
        with self._ledger.lock:
            self._ledger.mails.clear()

    async def wait_for(self, count: int, seconds: float = 30.0) -> list[Received]:
        """The mails, once there are at least ``count``. Raises TimeoutError."""
        end = time.monotonic() + seconds
        while len(self.mails) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(self.mails)} of {count} mails came within {seconds} s")
            await asyncio.sleep(0.01)
        return self.mails

    def _add(self, fault: _Fault) -> None:
        with self._ledger.lock:
            self._ledger.faults.append(fault)

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        given = (data.login.decode(), data.password.decode()) if isinstance(data, LoginPassword) else None
        return AuthResult(success=given == self._login, handled=False)
