"""Sends mails by SMTP and says exactly what became of each.

Until the final dot of DATA is on its way nothing has left, so every failure before it may be tried again. When the
line is cut after it, the mail may have been taken: *ambiguous*. Each recipient is refused or taken alone; a mail that
somebody got is sent, with the others named in :attr:`Sent.refused`.

Source: RFC 5321, RFC 3463 (enhanced status codes), RFC 6531 (SMTPUTF8), RFC 4954 (login).
"""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import Literal

import aiosmtplib
import msgspec

from connectors._failpoint import failpoint
from connectors._i18n import N_
from connectors.contract import Env, Micros, Outbound, Refusal, SendError, Sent, Translate
from connectors.email.compose import Composed, Sender, compose
from connectors.email.compose_mime import BadField
from connectors.email.config import EmailConfig, Smtp
from connectors.email.headers import message_key
from connectors.email.peers import Peer

SEND_SECONDS = 700.0
"""Longest that a sending takes in all."""

KEEP_SECONDS = 15.0
"""An idle connection is used again within this time, then closed."""

KEEP = 2
"""Most idle connections."""

ENVELOPE_SECONDS = 90.0
"""Longest time for all that comes before the mail itself."""

DATA_SECONDS = 600.0
"""Longest wait for the answer to a whole mail (RFC 5321 section 4.5.3.2.6). A server may look through a large one for
minutes before it says that it has it; whoever does not wait for that sends it again and again."""


_UNREACHABLE = N_("The mail server cannot be reached now. The mail will be tried again.")
_LOGIN = N_("The mail server refuses our login. An administrator has to look; the mail will be tried again.")
_LATER = N_("The mail server takes no mail now. The mail will be tried again.")
_MAYBE = N_("The line to the mail server broke after the mail was sent. It may have been delivered.")
_UNFIT = N_("This mail cannot be sent as it is: an address, the subject or a name is not valid.")
_UTF8 = N_("The mail server cannot carry an address with these letters.")
_REFUSED = N_("The mail server refused the mail for good.")
_REASONS = {
    "5.1": N_("The recipient's address does not exist."),
    "5.2.2": N_("The recipient's mailbox is full."),
    "5.2.3": N_("The mail is too large for the recipient."),
    "5.3.4": N_("The mail is too large for the recipient."),
    "5.7": N_("The recipient's mail server refuses our mails."),
}
"""By enhanced status code, the longest beginning that fits."""


class Sending:
    """The way out of one inbox: settings, idle connections, and how the server is."""

    def __init__(self, config: EmailConfig, settings: Smtp, env: Env, peer: Peer) -> None:
        self._settings = settings
        self._env = env
        self._peer = peer
        self._context: ssl.SSLContext | None = None
        self._idle: list[tuple[aiosmtplib.SMTP, asyncio.TimerHandle]] = []
        self.sender = Sender(
            address=settings.from_address or config.address,
            name=settings.from_name,
            reply_address=config.address,
            subaddressing=config.subaddressing,
            zone=env.office.zone,
        )

    def close(self) -> None:
        """Close the idle connections now."""
        while self._idle:
            client, timer = self._idle.pop()
            timer.cancel()
            _abort(client)

    async def check(self) -> None:
        """Connect, log in and leave again; the peer's state says how it went. Raises :class:`SendError`."""
        _abort(await self._connected())

    async def send(self, outbound: Outbound) -> Sent:
        """One mail. Raises :class:`SendError`."""
        mail = await self._composed(outbound)
        client: aiosmtplib.SMTP | None = None
        try:
            async with asyncio.timeout(ENVELOPE_SECONDS):
                client = await self._awake() or await self._connected()
                refused = await self._envelope(client, mail)
            await self._data(client, mail)
        except BaseException as error:
            if client is not None:
                _abort(client)
            if isinstance(error, TimeoutError):
                raise self._unreachable("envelope", error) from None
            raise
        self._keep(client)
        self._peer.up(self._env)
        return Sent(
            remote_id=mail.message_id, adds_keys=(message_key(mail.message_id),), refused=tuple(refused)
        )

    async def _composed(self, outbound: Outbound) -> Composed:
        """In a thread, because encoding attachments takes its time."""
        try:
            return await asyncio.to_thread(
                _ready, outbound, self.sender, self._env.clock.now(), self._env.translate
            )
        except BadField as error:
            raise SendError("permanent", _UNFIT, str(error)) from error

    def _keep(self, client: aiosmtplib.SMTP) -> None:
        """Put a connection aside for the next mail, for a while."""
        if client.is_connected and len(self._idle) < KEEP:
            timer = asyncio.get_running_loop().call_later(KEEP_SECONDS, self._expire, client)
            self._idle.append((client, timer))
        else:
            _abort(client)

    def _expire(self, client: aiosmtplib.SMTP) -> None:
        self._idle = [entry for entry in self._idle if entry[0] is not client]
        _abort(client)

    async def _awake(self) -> aiosmtplib.SMTP | None:
        """An idle connection that still answers."""
        while self._idle:
            client, timer = self._idle.pop()
            timer.cancel()
            try:
                await client.rset()
                return client
            except (aiosmtplib.SMTPException, OSError):
                _abort(client)
        return None

    async def _connected(self) -> aiosmtplib.SMTP:
        """A new connection, logged in. Raises :class:`SendError` (temporary) and notes how the server is."""
        settings = self._settings
        client = await self._new_client()
        try:
            await client.connect()
            failpoint("email.smtp.connected")
            if settings.user is not None and settings.password is not None:
                await client.login(settings.user, settings.password.reveal())
            await _greet(client)
        except aiosmtplib.SMTPAuthenticationError as refusal:
            _abort(client)
            if 500 <= refusal.code < 600:
                self._peer.down(
                    self._env, "wrong_credentials", f"the server refused the login ({refusal.code})"
                )
                raise SendError("temporary", _LOGIN, _code("AUTH", refusal.code, refusal.message)) from None
            raise self._unreachable("AUTH", refusal) from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            _abort(client)
            raise self._unreachable("connect", error) from None
        except BaseException:
            _abort(client)
            raise
        self._peer.up(self._env)
        return client

    async def _new_client(self) -> aiosmtplib.SMTP:
        settings = self._settings
        if settings.security != "plain" and self._context is None:
            try:
                self._context = await asyncio.to_thread(ssl.create_default_context, cafile=settings.ca_file)
            except OSError as error:
                self._peer.down(self._env, "misconfigured", "ca_file cannot be read")
                raise SendError("temporary", _UNREACHABLE, "ca_file cannot be read") from error
        return aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            local_hostname=self.sender.address.rpartition("@")[2],
            timeout=settings.timeout_seconds,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=self._context,
        )

    def _unreachable(self, step: str, error: Exception) -> SendError:
        """Whatever fails before the mail's own dialogue says nothing about the mail."""
        private = f"{step}: {_told(error)}"
        self._peer.down(self._env, "unreachable", private)
        return SendError("temporary", _UNREACHABLE, private)

    async def _envelope(self, client: aiosmtplib.SMTP, mail: Composed) -> list[Refusal]:
        """MAIL and RCPT. Returns who was refused while others were taken."""
        if mail.utf8 and not client.supports_extension("smtputf8"):
            raise SendError("permanent", _UTF8, "no SMTPUTF8")
        encoding = "utf-8" if mail.utf8 else "ascii"
        options = ["SMTPUTF8"] if mail.utf8 else []
        if client.supports_extension("size"):
            options.append(f"SIZE={len(mail.content)}")
        try:
            await client.mail(mail.sender, options=options, encoding=encoding)
            refused = [
                refusal
                for recipient in mail.recipients
                if (refusal := await _recipient(client, recipient, encoding)) is not None
            ]
        except aiosmtplib.SMTPSenderRefused as refusal:
            raise self._refused("MAIL", refusal) from None
        except ValueError:
            # The library finds an address unsafe that we let through; its words would repeat it.
            raise SendError("permanent", _UNFIT, "an address cannot be sent") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise self._unreachable("envelope", error) from None
        if len(refused) == len(mail.recipients):
            worst = next((refusal for refusal in refused if not refusal.permanent), refused[0])
            raise _all_refused(worst)
        return refused

    async def _data(self, client: aiosmtplib.SMTP, mail: Composed) -> None:
        failpoint("email.smtp.before-data")
        protocol = client.protocol
        try:
            answer = await client.execute_command(b"DATA")
            if answer.code != 354 or protocol is None:
                raise self._refused("DATA", aiosmtplib.SMTPDataError(answer.code, answer.message))
            protocol.write(mail.content)
        except (aiosmtplib.SMTPException, OSError) as error:
            raise self._unreachable("DATA", error) from None
        failpoint("email.smtp.after-data")
        try:
            answer = await protocol.read_response(timeout=DATA_SECONDS)
        except aiosmtplib.SMTPResponseException as error:  # an answer that nobody can read
            raise SendError("ambiguous", _MAYBE, _told(error)) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            self._peer.down(self._env, "unreachable", f"after DATA: {_told(error)}")
            raise SendError("ambiguous", _MAYBE, f"after DATA: {_told(error)}") from None
        failpoint("email.smtp.answered")
        if 400 <= answer.code < 600:
            raise self._refused("DATA", aiosmtplib.SMTPDataError(answer.code, answer.message))
        if not 200 <= answer.code < 300:
            raise SendError("ambiguous", _MAYBE, f"after DATA: answer {answer.code}")

    def _refused(self, step: str, refusal: aiosmtplib.SMTPResponseException) -> SendError:
        """An answer to the mail as a whole."""
        private = _code(step, refusal.code, refusal.message)
        if refusal.code == 530:  # it wants a login that the configuration does not have
            self._peer.down(self._env, "misconfigured", "the server demands a login")
            return SendError("temporary", _LOGIN, private)
        return _send_error(refusal.code, refusal.message, private)


async def _greet(client: aiosmtplib.SMTP) -> None:
    """Ask what the server can do, where neither TLS nor a login did so already."""
    if client.is_ehlo_or_helo_needed:
        try:
            await client.ehlo()
        except aiosmtplib.SMTPHeloError:
            await client.helo()


def _ready(outbound: Outbound, sender: Sender, now: Micros, translate: Translate) -> Composed:
    """The mail as it goes on the wire: lines that begin with a dot get a second one (RFC 5321 section 4.5.2)."""
    mail = compose(outbound, sender, now, translate)
    content = re.sub(rb"^\.", b"..", mail.content, flags=re.MULTILINE) + b".\r\n"
    return msgspec.structs.replace(mail, content=content)


async def _recipient(client: aiosmtplib.SMTP, recipient: str, encoding: str) -> Refusal | None:
    try:
        await client.rcpt(recipient, encoding=encoding)
    except aiosmtplib.SMTPRecipientRefused as refusal:
        if refusal.code == 421:  # the server closes the connection, whoever the recipient is
            raise
        return Refusal(
            address=recipient,
            reason=f"{refusal.code} {' '.join(refusal.message.split())}"[:300],
            permanent=_kind(refusal.code) == "permanent",
        )
    return None


def _kind(code: int) -> Literal["temporary", "permanent"]:
    return "permanent" if 500 <= code < 600 else "temporary"


def _all_refused(worst: Refusal) -> SendError:
    code, _, message = worst.reason.partition(" ")
    return _send_error(int(code), message, _code("RCPT", int(code), message))


def _send_error(code: int, message: str, private: str) -> SendError:
    if _kind(code) == "temporary":
        return SendError("temporary", _LATER, private)
    return SendError("permanent", _reason(code, message), private)


def _reason(code: int, message: str) -> str:
    """Why a mail was refused, as a msgid for agents."""
    status = _status(message)
    fitting = [known for known in _REASONS if status == known or status.startswith(f"{known}.")]
    if fitting:
        return _REASONS[max(fitting, key=len)]
    return _REASONS["5.3.4"] if code == 552 else _REFUSED


def _status(message: str) -> str:
    found = re.match(r"[245]\.\d{1,3}\.\d{1,3}", message)
    return found[0] if found else ""


def _code(step: str, code: int, message: str) -> str:
    """What the log may hold of an answer: servers like to repeat addresses in the rest."""
    return f"{step} {code} {_status(message)}".rstrip()


def _told(error: Exception) -> str:
    """A failure without what the server said beyond its code."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _code(type(error).__name__, error.code, error.message)
    cause = error.__cause__
    detail = cause.strerror if isinstance(cause, OSError) and cause.strerror else ""
    return f"{type(error).__name__} {detail}".rstrip()


def _abort(client: aiosmtplib.SMTP) -> None:
    """Close the socket now, without QUIT."""
    if isinstance(client.transport, asyncio.WriteTransport):
        client.transport.abort()
    client.close()
