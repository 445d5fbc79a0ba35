"""Sending against real SMTP servers that fail as they are told to: what each failure means for the mail."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import InboxId, OutAttachment, Outbound, Party, Secret, SendError
from connectors.email import smtp
from connectors.email.config import EmailConfig, Smtp
from connectors.email.connector import EmailConnector
from tests.connectors.email.wire_mail import parse_simply, running
from tests.connectors.email.wire_tls import certificate
from tests.contract.world import Ledger, Log, make_env
from tests.servers.mailsink import MailSink

PASSWORD = "tajne-hasło-4711"


def outbound(**changes: Any) -> Outbound:
    values: dict[str, Any] = {
        "delivery": 17,
        "inbox": InboxId("kontakt"),
        "message": 4,
        "to": (Party(kind="email", address="jan@example.org", name="Jan"),),
        "subject": "Odpowiedź",
        "text": "Dzień dobry\n.\n..kropki\n",
        "token": "n5abc",
    }
    return Outbound(**(values | changes))


def connector(port: int, log: Log | None = None, **settings: Any) -> EmailConnector:
    values: dict[str, Any] = {"host": "127.0.0.1", "port": port, "security": "plain", "timeout_seconds": 2.0}
    config = EmailConfig(address="kontakt@example.pl", smtp=Smtp(**(values | settings)))
    return EmailConnector(config, make_env(log=log or Log()), parse_simply)


@contextlib.contextmanager
def sink(**settings: Any) -> Iterator[MailSink]:
    server = MailSink(**settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


async def failure(inbox: EmailConnector, mail: Outbound | None = None) -> SendError:
    with pytest.raises(SendError) as raised:
        await inbox.send(mail or outbound())
    return raised.value


async def test_a_mail_arrives_as_it_was_written(mailsink: MailSink) -> None:
    sent = await connector(mailsink.port).send(outbound(bcc=(Party(kind="email", address="b@example.org"),)))
    [mail] = mailsink.mails
    assert mail.sender == "kontakt@example.pl"
    assert mail.recipients == ("jan@example.org", "b@example.org")
    body = mail.message.get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == "Dzień dobry\n.\n..kropki\n"
    assert mail.message["Message-ID"] == "<d17.n5abc@example.pl>"
    assert sent.remote_id == "d17.n5abc@example.pl"
    assert sent.adds_keys == ("mid:d17.n5abc@example.pl",)
    assert sent.refused == ()


@pytest.mark.slow
async def test_ten_megabytes_of_dots_arrive(mailsink: MailSink) -> None:
    file = OutAttachment(
        filename="a.bin", content_type="application/octet-stream", content=b"\r\n." * 3_400_000
    )
    await connector(mailsink.port).send(outbound(text="." + ".\n" * 1000, attachments=(file,)))
    [received] = mailsink.mails[0].message.iter_attachments()
    assert received.get_payload(decode=True) == file.content


async def test_a_connection_is_used_again(mailsink: MailSink) -> None:
    inbox = connector(mailsink.port)
    async with running(inbox, Ledger()):
        for number in range(3):
            await inbox.send(outbound(delivery=number))
        assert inbox._sending is not None
        assert len(inbox._sending._idle) == 1
        await asyncio.to_thread(mailsink.stop)
        await asyncio.to_thread(mailsink.start)
        await inbox.send(outbound(delivery=4))  # the idle one is dead, which costs nothing
    assert len(mailsink.mails) == 4
    assert inbox._sending._idle == []


async def test_an_idle_connection_is_closed_after_a_while(
    mailsink: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "KEEP_SECONDS", 0.05)
    inbox = connector(mailsink.port)
    await inbox.send(outbound())
    assert inbox._sending is not None
    await asyncio.sleep(0.1)
    assert inbox._sending._idle == []


@pytest.mark.parametrize("at", ["mail", "rcpt", "data"])
@pytest.mark.parametrize(
    ("reply", "kind", "public"),
    [
        ("450 4.2.0 greylisted", "temporary", "again"),
        ("421 4.3.2 closing", "temporary", "again"),
        ("452 4.2.2 over quota", "temporary", "again"),
        ("550 5.1.1 no such user", "permanent", "does not exist"),
        ("552 5.2.2 mailbox full", "permanent", "full"),
        ("552 message too big", "permanent", "too large"),
        ("554 5.7.1 spam", "permanent", "refuses our mails"),
        ("553 nonsense", "permanent", "for good"),
    ],
)
async def test_what_an_answer_means(mailsink: MailSink, at: Any, reply: str, kind: str, public: str) -> None:
    log = Log()
    mailsink.fail(reply, at=at)
    error = await failure(connector(mailsink.port, log))
    assert error.kind == kind
    assert public in error.public
    assert "example.org" not in error.private
    assert mailsink.mails == []


async def test_one_refused_recipient_does_not_stop_the_others(mailsink: MailSink) -> None:
    mailsink.fail("550 5.1.1 unknown", address="zly@example.org")
    mailsink.fail("450 4.2.0 greylisted", address="pozniej@example.org")
    people = [Party(kind="email", address=f"{name}@example.org") for name in ("jan", "zly", "pozniej")]
    sent = await connector(mailsink.port).send(outbound(to=tuple(people)))
    assert [(refusal.address, refusal.permanent) for refusal in sent.refused] == [
        ("zly@example.org", True),
        ("pozniej@example.org", False),
    ]
    assert "5.1.1" in sent.refused[0].reason
    assert mailsink.mails[0].recipients == ("jan@example.org",)


async def test_all_refused_and_one_of_them_for_now_is_tried_again(mailsink: MailSink) -> None:
    mailsink.fail("550 5.1.1 unknown", address="zly@example.org")
    mailsink.fail("450 4.2.0 greylisted", address="jan@example.org")
    people = [Party(kind="email", address=f"{name}@example.org") for name in ("zly", "jan")]
    assert (await failure(connector(mailsink.port), outbound(to=tuple(people)))).kind == "temporary"


async def test_a_cut_after_the_mail_is_ambiguous_and_the_next_attempt_is_the_same_mail(
    mailsink: MailSink,
) -> None:
    mailsink.cut()
    inbox = connector(mailsink.port)
    assert (await failure(inbox)).kind == "ambiguous"
    await inbox.send(outbound())
    ids = [mail.message["Message-ID"] for mail in mailsink.mails]
    assert ids == ["<d17.n5abc@example.pl>"] * 2


async def test_a_server_that_is_away_is_temporary_and_logged_once(mailsink: MailSink) -> None:
    log = Log()
    inbox = connector(mailsink.port, log)
    await asyncio.to_thread(mailsink.stop)
    for _ in range(3):
        assert (await failure(inbox)).kind == "temporary"
    health = await inbox.check()
    assert (health.state, health.outgoing) == ("unreachable", True)
    assert health.detail.startswith("smtp 127.0.0.1: ")
    await asyncio.to_thread(mailsink.start)
    await inbox.send(outbound())
    health = await inbox.check()
    assert (health.state, health.outgoing) == ("ok", False)
    assert log.count("peer is down") == log.count("peer is back") == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
async def test_login() -> None:
    log = Log()
    with sink(user="hub", password=PASSWORD) as server:
        await connector(server.port, log, user="hub", password=Secret(PASSWORD)).send(outbound())
        wrong = connector(server.port, log, user="hub", password=Secret("inne-haslo"))
        error = await failure(wrong)
        assert error.kind == "temporary"
        assert (await wrong.check()).state == "wrong_credentials"
        missing = connector(server.port, log)
        assert (await failure(missing)).kind == "temporary"
        assert len(server.mails) == 1
    assert PASSWORD not in "".join(log.lines) + error.private
    assert "inne-haslo" not in "".join(log.lines) + error.private + error.public


async def test_starttls_is_demanded_and_certificates_are_checked(tmp_path: Path) -> None:
    chain, context = certificate(tmp_path)
    settings: dict[str, Any] = {"security": "starttls", "user": "hub", "password": Secret(PASSWORD)}
    with sink(tls=context, user="hub", password=PASSWORD) as server:
        await connector(server.port, ca_file=chain, **settings).send(outbound())
        assert (await failure(connector(server.port, **settings))).kind == "temporary"
        assert len(server.mails) == 1
    with sink() as plain:  # a server, or somebody in between, that offers no STARTTLS
        error = await failure(connector(plain.port, ca_file=chain, **settings))
        assert error.kind == "temporary"
        assert plain.mails == []
    missing = connector(1, ca_file="/nonexistent.pem", **settings)
    assert (await failure(missing)).kind == "temporary"
    assert (await missing.check()).state == "misconfigured"


async def test_what_cannot_be_sent_is_refused_before_anything_is(mailsink: MailSink) -> None:
    inbox = connector(mailsink.port)
    for mail in (
        outbound(subject="x\r\nBcc: evil@example.org"),
        outbound(to=()),
        outbound(to=(Party(kind="email", address="no address"),)),
        outbound(operation="edit"),
    ):
        assert (await failure(inbox, mail)).kind == "permanent"
    utf8 = outbound(to=(Party(kind="email", address="żółw@example.org"),))
    await inbox.send(utf8)
    assert mailsink.mails[0].recipients == ("żółw@example.org",)


async def test_an_inbox_without_a_server_says_so() -> None:
    config = EmailConfig(address="kontakt@example.pl", smtp=None, listen={"port": 0})  # type: ignore[arg-type]
    assert (await failure(EmailConnector(config, make_env(), parse_simply))).kind == "permanent"


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


@contextlib.asynccontextmanager
async def scripted(talk: Talk) -> AsyncIterator[int]:
    """A server that a test writes out line by line."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await talk(reader, writer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *lines: str) -> None:
    """The greeting, then one line for each command; afterwards silence until the peer goes."""
    for number, line in enumerate(lines):
        if number:
            await reader.readuntil(b"\r\n")
        writer.write(f"{line}\r\n".encode())
    await reader.read()


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ((), "temporary"),
        (("554 no service here",), "temporary"),
        (("421 too busy",), "temporary"),
        (("220 hello",), "temporary"),
        (("220 hello", "250 ok", "250 ok", "250 ok"), "temporary"),
        (("220 hello", "garbage"), "temporary"),
    ],
)
async def test_silence_and_nonsense_before_the_mail_are_temporary(lines: tuple[str, ...], kind: str) -> None:
    async with scripted(lambda reader, writer: answers(reader, writer, *lines)) as port:
        error = await failure(connector(port, timeout_seconds=0.2))
    assert error.kind == kind


@pytest.mark.parametrize("last", ["", "garbage", "2"])
async def test_silence_and_nonsense_after_the_mail_are_ambiguous(
    last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "DATA_SECONDS", 0.2)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, line in enumerate(("220 hello", "250 ok", "250 ok", "250 ok", "354 go on")):
            if number:
                await reader.readuntil(b"\r\n")
            writer.write(f"{line}\r\n".encode())
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(f"{last}\r\n".encode() if last else b"")
        await reader.read()

    async with scripted(talk) as port:
        assert (await failure(connector(port))).kind == "ambiguous"


def test_a_server_has_the_ten_minutes_of_the_standard_to_take_a_mail() -> None:
    """RFC 5321, 4.5.3.2.6. The hub's own limit must not come first, or it would be sent again all the same."""
    limit = connector(1).capabilities.send_limit
    assert smtp.DATA_SECONDS >= 600
    assert limit > smtp.ENVELOPE_SECONDS + smtp.DATA_SECONDS


async def test_a_crawling_server_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "ENVELOPE_SECONDS", 0.3)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(100):
            writer.write(b"220 hello\r\n" if number == 0 else b"250 ok\r\n")
            await reader.readuntil(b"\r\n")
            await asyncio.sleep(0.15)

    async with scripted(talk) as port:
        assert (await failure(connector(port))).kind == "temporary"
