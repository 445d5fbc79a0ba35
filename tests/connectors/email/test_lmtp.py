"""The listener that a mail server delivers to, spoken to by Python's own clients and by hand."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import socket
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors._failpoint import armed
from connectors.contract import Message
from connectors.email import lmtp
from connectors.email.config import EmailConfig, Listen
from connectors.email.connector import EmailConnector
from tests.connectors.email.wire_mail import mail, parse_simply, running, subjects
from tests.contract.world import Blobs, Ledger, Log, make_env
from tests.waiting import until


@contextlib.asynccontextmanager
async def door(
    ledger: Ledger, log: Log | None = None, blobs: Blobs | None = None, **settings: Any
) -> AsyncIterator[int]:
    """A listener at work; gives its port."""
    defaults: dict[str, Any] = {"port": 0, "recipients": ("urzad@example.pl", "@lomza.example.pl")}
    listen = Listen(**(defaults | settings))
    config = EmailConfig(address="kontakt@example.pl", listen=listen)
    connector = EmailConnector(config, make_env(log=log or Log(), blobs=blobs or Blobs()), parse_simply)
    async with running(connector, ledger):
        await until(lambda: connector.port is not None)
        yield connector.port or 0


def deliver(
    port: int,
    recipients: list[str],
    content: bytes,
    sender: str = "jan@example.org",
    host: str = "127.0.0.1",
) -> Any:
    with smtplib.LMTP(host, port, timeout=10) as client:
        return client.sendmail(sender, recipients, content)


async def talk(port: int, *lines: bytes) -> list[bytes]:
    """Say lines one by one; the replies, the greeting first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    replies = [await reader.readline()]
    for line in lines:
        writer.write(line)
        while True:
            reply = await asyncio.wait_for(reader.readline(), 5)
            replies.append(reply)
            if reply[3:4] != b"-":
                break
    writer.close()
    return replies


HELLO = (b"LHLO example.org\r\n", b"MAIL FROM:<jan@example.org>\r\n", b"RCPT TO:<kontakt@example.pl>\r\n")


async def test_the_envelope_arrives_with_the_mail() -> None:
    ledger = Ledger()
    async with door(ledger) as port:
        refused = await asyncio.to_thread(deliver, port, ["kontakt+42xabc@example.pl"], mail(1))
    assert refused == {}
    [event] = ledger.events
    assert isinstance(event, Message)
    assert [recipient.address for recipient in event.recipients] == [
        "kontakt+42xabc@example.pl",
        "kontakt@example.pl",
    ]
    raw = ledger.raws[0].content
    assert raw is not None
    assert raw.startswith(
        b"Return-Path: <jan@example.org>\r\nDelivered-To: kontakt+42xabc@example.pl\r\nFrom:"
    )
    assert raw.endswith("Dzień dobry 1\r\n".encode())


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
async def test_it_listens_on_addresses_of_both_families() -> None:
    ledger = Ledger()
    async with door(ledger, host="127.0.0.1, ::1") as port:
        for number, host in enumerate(("127.0.0.1", "::1")):
            sent = (port, ["kontakt@example.pl"], mail(number))
            assert await asyncio.to_thread(deliver, *sent, host=host) == {}
    assert len(ledger.events) == 2
    with pytest.raises(OSError, match=r"refused|No route"):
        socket.create_connection(("::1", port), 1)
    with pytest.raises(ValueError, match="no address to listen on"):
        Listen(port=0, host="[::1]")


async def test_the_null_sender_stays_null() -> None:
    ledger = Ledger()
    async with door(ledger) as port:
        await asyncio.to_thread(deliver, port, ["kontakt@example.pl"], mail(1), "")
    [event] = ledger.events
    assert isinstance(event, Message)
    assert event.automatic == "bounce"


async def test_an_odd_sender_stays_on_one_line() -> None:
    ledger = Ledger()
    async with door(ledger) as port:
        replies = await talk(
            port,
            HELLO[0],
            b'MAIL FROM:<"a\rX-Evil: 1"@example.org>\r\n',
            HELLO[2],
            b"DATA\r\n",
            mail(1) + b".\r\n",
        )
    assert replies[-1].startswith(b"250")
    content = ledger.raws[0].content or b""
    assert content.splitlines()[0].startswith(b"Return-Path: <") and b"X-Evil" in content.splitlines()[0]


async def test_each_recipient_gets_an_answer() -> None:
    """By hand, because Python's own LMTP client reads one answer only."""
    ledger = Ledger()
    recipients = [b"kontakt@example.pl", b"obcy@example.pl", b"kto@lomza.example.pl", b"URZAD@Example.PL"]
    async with door(ledger) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"".join([*HELLO[:2], *(b"RCPT TO:<%b>\r\n" % to for to in recipients), b"DATA\r\n"]))
        said = await asyncio.wait_for(reader.readuntil(b"354 End with a dot on a line of its own\r\n"), 5)
        writer.write(mail(1) + b".\r\nQUIT\r\n")
        answers = (await asyncio.wait_for(reader.read(), 5)).splitlines()
        writer.close()
    assert [line[:3] for line in said.splitlines()[-6:-1]] == [b"250", b"250", b"550", b"250", b"250"]
    assert [line[:3] for line in answers] == [b"250", b"250", b"250", b"221"]
    assert subjects(ledger) == ["Sprawa 1"]


async def test_nothing_is_said_before_the_commit() -> None:
    ledger = Ledger()
    ledger.seconds = 0.3
    async with door(ledger) as port:
        began = time.monotonic()
        await asyncio.to_thread(deliver, port, ["kontakt@example.pl"], mail(1))
        assert time.monotonic() - began > 0.3
        assert len(ledger.events) == 1


@pytest.mark.parametrize("fault", ["refused", "broken"])
async def test_a_hub_that_takes_nothing_answers_451(fault: str) -> None:
    ledger, log = Ledger(), Log()
    ledger.refuse()
    if fault == "broken":
        ledger.refusing = RuntimeError("disk")
    async with door(ledger, log) as port:
        with pytest.raises(smtplib.SMTPDataError) as refusal:
            await asyncio.to_thread(deliver, port, ["kontakt@example.pl"], mail(1))
        assert refusal.value.smtp_code == 451
        ledger.take()
        await asyncio.to_thread(deliver, port, ["kontakt@example.pl"], mail(1))
    assert log.count("peer is down") == log.count("peer is back") == 1
    assert len(ledger.events) == 1


@pytest.mark.parametrize("place", ["email.lmtp.received", "email.lmtp.committed"])
async def test_a_fault_of_our_own_before_or_after_the_commit_makes_the_peer_try_again(place: str) -> None:
    ledger = Ledger()
    async with door(ledger) as port:
        with armed(f"{place}=error@1"):
            with pytest.raises(smtplib.SMTPDataError):
                await asyncio.to_thread(deliver, port, ["kontakt@example.pl"], mail(1))
            await asyncio.to_thread(deliver, port, ["kontakt@example.pl"], mail(1))
    assert subjects(ledger) == ["Sprawa 1"]


async def test_a_mail_that_is_too_large_is_refused_and_the_connection_goes_on() -> None:
    ledger = Ledger()
    large = b"A line of text.\r\n" * 2000
    async with door(ledger, max_bytes=20_000) as port:
        replies = await talk(
            port,
            *HELLO,
            b"DATA\r\n",
            large + b".\r\n",
            *HELLO[1:],
            b"DATA\r\n",
            mail(2) + b".\r\n",
        )
        with pytest.raises(smtplib.SMTPSenderRefused):  # told by SIZE before anything was sent
            await asyncio.to_thread(deliver, port, ["kontakt@example.pl"], large)
    assert [reply[:3] for reply in replies[-5:]] == [b"552", b"250", b"250", b"354", b"250"]
    assert subjects(ledger) == ["Sprawa 2"]


async def test_only_cr_lf_dot_cr_lf_ends_a_mail() -> None:
    """No smuggling: what looks like an end with bare line feeds, and commands behind it, is text."""
    ledger = Ledger()
    smuggled = b"MAIL FROM:<x@example.org>\nRCPT TO:<kontakt@example.pl>\nDATA\n"
    tricky = mail(1) + b"one\n.\n" + smuggled + b"two\r\n.\nthree\n.\r\nfour\r.\rfive\r\n"
    async with door(ledger) as port:
        replies = await talk(port, *HELLO, b"DATA\r\n", tricky + b".\r\n", b"NOOP\r\n")
    assert [reply[:3] for reply in replies[-2:]] == [b"250", b"250"]
    [raw] = ledger.raws
    assert raw.content is not None
    assert raw.content.endswith(b"\r\n\nthree\n.\r\nfour\r.\rfive\r\n")


@pytest.mark.slow
@pytest.mark.parametrize("pieces", [1, 3, 1000])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        b"Subject: x\r\n\r\n.leading dot\r\n..two\r\nthe end.\r\n",
        b"Subject: long\r\n\r\n" + b"x" * 300_000 + b"\r\n",
        b"Subject: sentences\r\n\r\n" + b"It ends.\r\n" * 20_000,
    ],
)
async def test_a_mail_comes_through_byte_for_byte(body: bytes, pieces: int) -> None:
    ledger, blobs = Ledger(), Blobs()
    stuffed = (b"\r\n" + body).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"
    async with door(ledger, blobs=blobs) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for line in (*HELLO, b"DATA\r\n"):
            writer.write(line)
            while not (await reader.readline()).startswith((b"250 ", b"354 ")):
                pass
        step = max(1, len(stuffed) // pieces)
        for start in range(0, len(stuffed), step):
            writer.write(stuffed[start : start + step])
            await writer.drain()
        assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"250 ")
        writer.close()
    content = ledger.raws[0].content or next(iter(blobs.kept.values()))
    head = b"Return-Path: <jan@example.org>\r\nDelivered-To: kontakt@example.pl\r\n"
    assert content == head + body


async def test_a_flood_of_mails_is_told_to_wait() -> None:
    ledger, blobs = Ledger(), Blobs()
    ledger.seconds = 0.3
    body = mail(1) + b"x" * 60_000 + b"\r\n"
    async with door(ledger, blobs=blobs, memory_bytes=100_000) as port:
        outcomes = await asyncio.gather(
            *(asyncio.to_thread(deliver, port, ["kontakt@example.pl"], body) for _ in range(4)),
            return_exceptions=True,
        )
        busy = [outcome for outcome in outcomes if isinstance(outcome, smtplib.SMTPDataError)]
        assert busy and {outcome.smtp_code for outcome in busy} == {452}
        assert any(outcome == {} for outcome in outcomes)
        await asyncio.to_thread(deliver, port, ["kontakt@example.pl"], body)  # and afterwards there is room


async def test_too_many_connections_are_told_to_wait() -> None:
    async with door(Ledger(), connections=1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert (await reader.readline()).startswith(b"220 ")
        assert (await talk(port))[0].startswith(b"421 ")
        writer.close()
        await asyncio.sleep(0.05)
        assert (await talk(port))[0].startswith(b"220 ")


async def test_a_utf8_recipient_is_taken() -> None:
    ledger = Ledger()
    async with door(ledger) as port:
        replies = await talk(
            port,
            b"LHLO example.org\r\n",
            "MAIL FROM:<józef@example.org> SMTPUTF8\r\n".encode(),
            "RCPT TO:<żółć@lomza.example.pl>\r\n".encode(),
            b"DATA\r\n",
            mail(1) + b".\r\n",
        )
    assert replies[-1].startswith(b"250 ")
    [event] = ledger.events
    assert isinstance(event, Message)
    assert event.recipients[0].address == "żółć@lomza.example.pl"


@pytest.mark.parametrize(
    "recipient", [b"<a b@example.pl>", b"<\xff\xfe@lomza.example.pl>", b"<@example.pl>", b"<x@y@example.pl>"]
)
async def test_a_recipient_that_cannot_be_read_is_refused(recipient: bytes) -> None:
    async with door(Ledger()) as port:
        replies = await talk(port, *HELLO[:2], b"RCPT TO:" + recipient + b"\r\n")
    assert replies[-1].startswith(b"55")


async def test_smtp_gives_one_answer_and_relays_nothing() -> None:
    ledger = Ledger()

    def send(port: int) -> Any:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            recipients = ["kontakt@example.pl", "urzad@example.pl", "ktos@gdzie-indziej.example"]
            return client.sendmail("jan@example.org", recipients, mail(1))

    async with door(ledger, protocol="smtp") as port:
        refused = await asyncio.to_thread(send, port)
    assert list(refused) == ["ktos@gdzie-indziej.example"]
    assert len(ledger.events) == 1


async def test_neither_login_nor_xclient_is_offered() -> None:
    async with door(Ledger()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HELLO[0])
        offered = b""
        while b"\r\n250 " not in offered:
            offered += await reader.readline()
        writer.close()
        refused = await talk(port, HELLO[0], b"XCLIENT ADDR=1.2.3.4\r\n")
    assert b"SMTPUTF8" in offered and b"SIZE" in offered
    assert b"AUTH" not in offered and b"XCLIENT" not in offered
    assert refused[-1].startswith(b"500")


async def test_a_peer_that_goes_away_in_the_middle_leaves_nothing() -> None:
    ledger = Ledger()
    async with door(ledger) as port:
        for cut in (b"From: x", mail(1)[:-5], mail(1) + b"."):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"".join(HELLO) + b"DATA\r\n" + cut)
            await asyncio.sleep(0.05)
            writer.close()
        await asyncio.to_thread(deliver, port, ["kontakt@example.pl"], mail(2))
    assert subjects(ledger) == ["Sprawa 2"]


async def test_cancelling_closes_every_socket_at_once() -> None:
    ledger = Ledger()
    ledger.seconds = 60.0
    config = EmailConfig(address="kontakt@example.pl", listen=Listen(port=0))
    connector = EmailConnector(config, make_env(), parse_simply)
    async with running(connector, ledger) as task:
        await until(lambda: connector.port is not None)
        port = connector.port or 0
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"".join(HELLO) + b"DATA\r\n")
        await asyncio.sleep(0.05)
        writer.write(mail(1) + b".\r\n")
        await asyncio.sleep(0.05)
        task.cancel()
        said = await asyncio.wait_for(reader.read(), 30)
        assert b"250 2.0.0" not in said
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", port)
        writer.close()


async def test_a_port_that_is_taken_is_shown_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.email.connector.LISTEN_AGAIN", 0.05)
    other = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = other.sockets[0].getsockname()[1]
    config = EmailConfig(address="kontakt@example.pl", listen=Listen(port=port))
    connector = EmailConnector(config, make_env(), parse_simply)
    async with running(connector, Ledger()):
        await asyncio.sleep(0.1)
        assert (await connector.check()).state == "misconfigured"
        other.close()
        await other.wait_closed()
        await until(lambda: connector.port is not None)
        assert (await connector.check()).state == "ok"


@pytest.mark.slow
async def test_a_large_mail_does_not_block_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client is a process of its own, and only this thread's own work counts: other programs are busy too."""
    ledger, longest, pieces, most = Ledger(), 0.0, 0, 0
    read = lmtp._Connection._piece

    async def counted(connection: Any) -> bytes:
        nonlocal pieces
        pieces += 1
        return await read(connection)

    async def watch() -> None:
        nonlocal longest, pieces, most
        while True:
            before, pieces = time.thread_time(), 0
            await asyncio.sleep(0)
            longest, most = max(longest, time.thread_time() - before), max(most, pieces)

    monkeypatch.setattr(lmtp._Connection, "_piece", counted)

    client = (
        "import smtplib, sys\n"
        "body = b'Subject: poison\\r\\n\\r\\n' + b'A sentence that ends with a dot.\\r\\n' * 150_000\n"
        "with smtplib.LMTP('127.0.0.1', int(sys.argv[1])) as server:\n"
        "    server.sendmail('jan@example.org', ['kontakt@example.pl'], body)"
    )
    async with door(ledger) as port:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", client, str(port))
        watcher = asyncio.create_task(watch())
        assert await process.wait() == 0
        watcher.cancel()
    assert len(ledger.events) == 1
    assert 1 < most < 300, f"{most} pieces were read in one go"
    assert longest < 0.25, f"the loop was held up for {longest:.3f} s"
