"""E-mail: in by LMTP and by IMAP, out by SMTP, each against a peer that writes down every byte."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
from collections.abc import AsyncIterator

from connectors.contract import (
    Connector,
    Env,
    InboxId,
    Micros,
    OutAttachment,
    Outbound,
    Party,
    Secret,
)
from connectors.email import CHANNEL
from connectors.email.config import EmailConfig, ImapAccount, Listen, Smtp
from connectors.email.connector import EmailConnector
from tests.connectors.email.wire_imap import Script, served
from tests.contract.case import Case, Wired
from tests.waiting import until

PASSWORD = "hasło-do-skrzynki"
SMTP_PASSWORD = "hasło-do-wysyłki"
PESEL = "44051401359"
PHONE = "600700800"


def _mail(number: int) -> bytes:
    return (
        f"From: Zofia Poufna <zofia.poufna@example.org>\r\nTo: kontakt@example.pl\r\n"
        f"Subject: Zasiłek {PESEL}\r\nMessage-ID: <told-{number}@example.org>\r\n"
        f"Date: Tue, 10 Nov 2026 12:00:00 +0100\r\n\r\nProszę dzwonić: {PHONE} ({number})\r\n"
    ).encode()


class _Listening:
    """A mail server delivers by LMTP."""

    def __init__(self, env: Env) -> None:
        config = EmailConfig(address="kontakt@example.pl", listen=Listen(port=0))
        self.connector: Connector = CHANNEL.create(config, env)

    async def tell(self, number: int) -> bool:
        return await asyncio.to_thread(self._deliver, number)

    def _deliver(self, number: int) -> bool:
        assert isinstance(self.connector, EmailConnector)
        try:
            with smtplib.LMTP("127.0.0.1", self.connector.port or 0, timeout=5) as client:
                client.sendmail("zofia.poufna@example.org", ["kontakt@example.pl"], _mail(number))
        except smtplib.SMTPException:
            return False
        return True

    def sent(self) -> bytes:
        return b""

    def fail(self, how: str) -> None:
        raise AssertionError(how)


@contextlib.asynccontextmanager
async def _listening(env: Env) -> AsyncIterator[Wired]:
    yield _Listening(env)


async def _open(wired: Wired) -> None:
    connector = wired.connector
    assert isinstance(connector, EmailConnector)
    await until(lambda: connector.port is not None)


class _Polling:
    """A mailbox on an IMAP server; a mail is acknowledged when the server was told to flag it."""

    def __init__(self, env: Env, script: Script, port: int) -> None:
        self._script = script
        account = ImapAccount(
            host="127.0.0.1", port=port, tls=False, user="skrzynka", password=Secret(PASSWORD)
        )
        config = EmailConfig(address="kontakt@example.pl", imap=(account,), poll_seconds=0.05)
        self.connector: Connector = CHANNEL.create(config, env)

    async def tell(self, number: int) -> bool:
        self._script.mails[number] = _mail(number)
        with contextlib.suppress(TimeoutError):
            await until(
                lambda: f"UID STORE {number} +FLAGS.SILENT (\\Seen)" in self._script.commands, seconds=1.0
            )
            return True
        return False

    def sent(self) -> bytes:
        return b""

    def fail(self, how: str) -> None:
        raise AssertionError(how)


@contextlib.asynccontextmanager
async def _polling(env: Env) -> AsyncIterator[Wired]:
    script = Script({})
    async with served(script.serve) as port:
        yield _Polling(env, script, port)


class _Sending:
    """An SMTP server that answers as told and writes down all that it hears."""

    def __init__(self, env: Env) -> None:
        self._env = env
        self._heard = bytearray()
        self._fault = ""
        self.connector: Connector

    def connect(self, port: int) -> None:
        smtp = Smtp(
            host="127.0.0.1",
            port=port,
            security="plain",
            user="wysylka",
            password=Secret(SMTP_PASSWORD),
            from_name="Zielona Linia",
            timeout_seconds=1,
        )
        self.connector = CHANNEL.create(EmailConfig(address="kontakt@example.pl", smtp=smtp), self._env)

    async def tell(self, number: int) -> bool:
        raise AssertionError("it only sends")

    def sent(self) -> bytes:
        return bytes(self._heard)

    def fail(self, how: str) -> None:
        self._fault = how

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 fake\r\n")
        while line := await reader.readline():
            self._heard += line
            verb = line.split()[0].upper().decode()
            answer = self._answer(verb)
            if answer is None:
                return
            writer.write(answer)
            if verb == "DATA" and answer.startswith(b"354"):
                self._heard += await reader.readuntil(b"\r\n.\r\n")
                answer = self._answer("END")
                if answer is None:
                    return
                writer.write(answer)

    def _answer(self, verb: str) -> bytes | None:
        """None: the connection is cut. Nothing: the server falls silent."""
        usual = {
            "EHLO": b"250-fake\r\n250-SIZE 50000000\r\n250-SMTPUTF8\r\n250 AUTH PLAIN\r\n",
            "AUTH": b"235 welcome\r\n",
            "DATA": b"354 go on\r\n",
        }
        faults: dict[tuple[str, str], bytes | None] = {
            ("bad credentials", "AUTH"): b"535 5.7.8 no\r\n",
            ("greylisted", "RCPT"): b"450 4.2.0 greylisted zofia.poufna@example.org\r\n",
            ("unknown recipient", "RCPT"): b"550 5.1.1 <zofia.poufna@example.org> unknown\r\n",
            ("refused for now", "END"): b"451 4.3.0 later\r\n",
            ("refused for good", "END"): b"554 5.7.1 spam\r\n",
            ("silent", "MAIL"): b"",
            ("cut before the mail", "DATA"): None,
            ("cut after the mail", "END"): None,
        }
        return faults.get((self._fault, verb), usual.get(verb, b"250 ok\r\n"))


@contextlib.asynccontextmanager
async def _sending(env: Env) -> AsyncIterator[Wired]:
    wired = _Sending(env)
    async with served(wired.serve) as port:
        wired.connect(port)
        yield wired


_TO = Party(kind="email", address="zofia.poufna@example.org", name="Zofia Poufna")
_INBOX = InboxId("kontakt")

_REPLY = Outbound(
    delivery=17,
    inbox=_INBOX,
    message=3,
    to=(_TO,),
    cc=(Party(kind="email", address="jan@example.org", name="Nowak, Jan"),),
    bcc=(Party(kind="email", address="archiwum@example.org"),),
    subject="Re: Zasiłek dla bezrobotnych",
    text=f"Dzień dobry,\n\noddzwonimy pod {PHONE}.\n.\n\n-- \nUrząd Pracy",
    token="n3abcdefgh",
    reply_to="<told-1@example.org>",
    references=("<told-0@example.org>",),
    quoted="Proszę dzwonić.\n> wcześniejszy list",
    quoted_from="Zofia Poufna",
    quoted_at=Micros(1_794_308_400_000_000),
)

_WITH_FILE = Outbound(
    delivery=18,
    inbox=_INBOX,
    message=4,
    to=(_TO,),
    subject="Ваша заявка",
    text="Добрий день! Документ у вкладенні: https://example.pl/pomoc?a=1&b=2.",
    attachments=(
        OutAttachment(filename="Zaświadczenie.pdf", content_type="application/pdf", content=b"%PDF-1"),
    ),
    token="n3abcdefgh",
    language="uk",
)

_AUTOMATIC = Outbound(
    delivery=19,
    inbox=_INBOX,
    message=5,
    to=(_TO,),
    subject="Received",
    text="We have your message.",
    token="n3abcdefgh",
    reply_to="<told-1@example.org>",
    language="en",
    automatic=True,
)

_PRIVATE = (PESEL, PHONE, "zofia.poufna", "Poufna", PASSWORD, SMTP_PASSWORD)

CASES = (
    Case(name="lmtp", wired=_listening, secrets=_PRIVATE, ready=_open),
    Case(name="imap", wired=_polling, secrets=_PRIVATE, told_again="peer"),
    Case(
        name="smtp",
        wired=_sending,
        secrets=_PRIVATE,
        takes=False,
        sends={"reply": _REPLY, "with-file": _WITH_FILE, "automatic": _AUTOMATIC},
        failures={
            "bad credentials": "temporary",
            "greylisted": "temporary",
            "unknown recipient": "permanent",
            "refused for now": "temporary",
            "refused for good": "permanent",
            "silent": "temporary",
            "cut before the mail": "temporary",
            "cut after the mail": "ambiguous",
        },
    ),
)
