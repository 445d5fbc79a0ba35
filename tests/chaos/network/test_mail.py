"""Faults of the network between the hub and its mail servers: a real Dovecot, and an SMTP server with a ledger."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable

import pytest

from connectors.contract import Secret, SendError
from connectors.email import imap
from connectors.email.config import EmailConfig, ImapAccount, Smtp
from connectors.email.connector import EmailConnector
from tests.connectors.email.test_smtp import outbound
from tests.connectors.email.wire_mail import mail, parse_simply, running, subjects
from tests.contract.world import Ledger, Log, make_env
from tests.hub.conftest import FakeClock
from tests.servers.dovecot import Dovecot
from tests.servers.fault_proxy import FaultProxy, fault_proxy
from tests.servers.mailsink import MailSink
from tests.waiting import until

NOTICED = 90.0
"""Seconds after which a mailbox whose line is dead must have been given up."""


class Mailbox:
    """A mailbox of Dovecot, read through a line that can fail, by a clock that moves when told."""

    def __init__(self, dovecot: Dovecot, line: FaultProxy) -> None:
        self.user = f"u{uuid.uuid4().hex[:12]}"
        self.dovecot, self.line = dovecot, line
        self.clock, self.log, self.ledger = FakeClock(), Log(), Ledger()
        account = ImapAccount(
            host="127.0.0.1", port=line.port, tls=False, user=self.user, password=Secret("pw")
        )
        config = EmailConfig(address="kontakt@example.pl", imap=(account,))
        self.connector = EmailConnector(config, make_env(clock=self.clock, log=self.log), parse_simply)

    async def deliver(self, number: int) -> None:
        await asyncio.to_thread(self.dovecot.deliver, self.user, mail(number))

    async def idles(self) -> None:
        """Until the reader waits for news: the line has been quiet for a moment."""
        passed = None
        while passed != self.line.passed:
            passed = dict(self.line.passed)
            await asyncio.sleep(0.15)

    async def seconds_until(self, condition: Callable[[], bool], most: float) -> float:
        """How much of the passed-in clock goes by until it holds."""
        began = self.clock.monotonic()
        while not condition():
            assert self.clock.monotonic() - began < most, f"not within {most:.0f} s by the clock"
            self.clock.move(1)
            await asyncio.sleep(0.005)
        return self.clock.monotonic() - began


@pytest.fixture
async def mailbox(dovecot: Dovecot) -> AsyncIterator[Mailbox]:
    async with fault_proxy(dovecot.imap_port) as line:
        made = Mailbox(dovecot, line)
        async with running(made.connector, made.ledger):
            await made.deliver(1)
            await made.seconds_until(lambda: len(made.ledger.events) == 1, 200)
            await made.idles()
            yield made


@pytest.mark.slow
@pytest.mark.servers
@pytest.mark.parametrize("fault", ["black_hole", "half_open"])
async def test_an_idle_that_died_in_silence_is_noticed_within_90_seconds(
    mailbox: Mailbox, fault: str
) -> None:
    getattr(mailbox.line, fault)()
    await mailbox.deliver(2)
    noticed = await mailbox.seconds_until(lambda: mailbox.log.count("peer is down") == 1, NOTICED)
    print(f"noticed after {noticed:.0f} s")
    mailbox.line.heal()
    again = await mailbox.seconds_until(lambda: len(mailbox.ledger.events) == 2, 300)
    assert again < imap.LONGEST_GAP * 1.5 + 1
    assert subjects(mailbox.ledger) == ["Sprawa 1", "Sprawa 2"]


@pytest.mark.slow
@pytest.mark.servers
async def test_a_cut_while_mails_are_fetched_loses_and_repeats_nothing(mailbox: Mailbox) -> None:
    for words in (b"BODY[]", b"FETCH", b"SELECT"):
        mailbox.line.when("down" if words == b"BODY[]" else "up", words, mailbox.line.cut)
        number = len(mailbox.ledger.events) + 1
        await mailbox.deliver(number)
        await mailbox.seconds_until(lambda n=number: len(mailbox.ledger.events) == n, 400)  # type: ignore[misc]
        await mailbox.idles()
    assert subjects(mailbox.ledger) == ["Sprawa 1", "Sprawa 2", "Sprawa 3", "Sprawa 4"]
    assert mailbox.line.connections >= 4


# --- SMTP --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def line(mailsink: MailSink) -> AsyncIterator[FaultProxy]:
    async with fault_proxy(mailsink.port) as made:
        yield made


def sender(line: FaultProxy) -> EmailConnector:
    smtp = Smtp(host="127.0.0.1", port=line.port, security="plain", timeout_seconds=0.5)
    return EmailConnector(
        EmailConfig(address="kontakt@example.pl", smtp=smtp), make_env(log=Log()), parse_simply
    )


async def kind_of_failure(connector: EmailConnector) -> str:
    async with asyncio.timeout(5):
        with pytest.raises(SendError) as raised:
            await connector.send(outbound())
    return raised.value.kind


END = b"\r\n.\r\n"


async def test_smtp_cut_after_data_is_ambiguous_and_the_mail_is_there(
    line: FaultProxy, mailsink: MailSink
) -> None:
    line.when("up", END, line.cut)
    assert await kind_of_failure(sender(line)) == "ambiguous"
    await until(lambda: len(mailsink.mails) == 1)


async def test_smtp_cut_in_the_middle_of_the_mail_is_ambiguous_though_nothing_arrived(
    line: FaultProxy, mailsink: MailSink
) -> None:
    """Whoever wrote any of it cannot know how much was read."""
    line.when("up", b"Subject:", line.cut)
    assert await kind_of_failure(sender(line)) == "ambiguous"


@pytest.mark.parametrize(
    ("words", "fault"),
    [(b"EHLO", "black_hole"), (b"MAIL FROM", "cut"), (b"RCPT TO", "half_open"), (b"DATA", "black_hole")],
)
async def test_smtp_that_fails_before_the_mail_is_tried_again(
    line: FaultProxy, mailsink: MailSink, words: bytes, fault: str
) -> None:
    line.when("up", words, getattr(line, fault))
    connector = sender(line)
    assert await kind_of_failure(connector) == "temporary"
    assert mailsink.mails == []
    line.heal()
    await connector.send(outbound())
    assert len(mailsink.mails) == 1


async def test_smtp_that_answers_late_is_waited_for(line: FaultProxy, mailsink: MailSink) -> None:
    line.delay(0.05)
    await sender(line).send(outbound())
    assert len(mailsink.mails) == 1


async def test_smtp_that_drips_is_given_up_in_time(line: FaultProxy, mailsink: MailSink) -> None:
    line.slow(0.2)
    assert await kind_of_failure(sender(line)) == "temporary"
    assert mailsink.mails == []
