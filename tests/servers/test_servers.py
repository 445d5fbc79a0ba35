"""The test servers themselves do what other tests rely on."""

from __future__ import annotations

import imaplib
import smtplib
import time
import uuid
from collections.abc import Callable, Iterator

import asyncpg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session
from playwright.async_api import Browser

from tests.servers.browser import axe_violations
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.mailsink import MailSink
from tests.servers.opensmtpd import OpenSmtpd
from tests.servers.postgres import Postgres
from tests.servers.process import free_port, need, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]

MAIL = b"From: a@example.org\r\nTo: kontakt@example.pl\r\nSubject: proba\r\n\r\nDzien dobry\r\n"


def logged_in(dovecot: Dovecot, user: str) -> imaplib.IMAP4:
    client = imaplib.IMAP4("127.0.0.1", dovecot.imap_port, timeout=10)
    client.login(user, PASSWORD)
    return client


@pytest.fixture
def user() -> str:
    """A mailbox that no other test has."""
    return f"u{uuid.uuid4().hex[:12]}"


def test_dovecot_takes_mail_by_lmtp_and_shows_it_by_imap(dovecot: Dovecot, user: str) -> None:
    dovecot.deliver(user, MAIL)
    dovecot.deliver(user, MAIL, sender="")
    assert dovecot.count(user) == 2
    with logged_in(dovecot, user) as client:
        client.select("INBOX")
        client.store("1", "+FLAGS", "\\Seen")
    assert dovecot.count(user, query="unseen") == 1
    dovecot.empty(user)
    assert dovecot.count(user) == 0


def test_dovecot_kicks_a_user(dovecot: Dovecot, user: str) -> None:
    client = logged_in(dovecot, user)
    dovecot.kick(user)
    with pytest.raises((imaplib.IMAP4.abort, OSError)):
        for _ in range(100):
            client.noop()
            time.sleep(0.02)


def test_dovecot_keeps_its_mail_over_a_kill(dovecot: Dovecot, user: str) -> None:
    dovecot.deliver(user, MAIL)
    client = logged_in(dovecot, user)
    dovecot.kill()
    with pytest.raises((imaplib.IMAP4.abort, OSError)):
        client.noop()
    dovecot.start()
    assert dovecot.count(user) == 1


def test_dovecot_changes_uidvalidity(dovecot: Dovecot, user: str) -> None:
    dovecot.deliver(user, MAIL)
    new = dovecot.change_uidvalidity(user)
    with logged_in(dovecot, user) as client:
        assert client.status("INBOX", "(UIDVALIDITY MESSAGES)")[1] == [
            f"INBOX (MESSAGES 1 UIDVALIDITY {new})".encode()
        ]


async def test_postgres_gives_fresh_databases_and_survives_a_kill(postgres: Postgres) -> None:
    first, second = postgres.fresh_database(), postgres.fresh_database()
    assert first != second
    connection = await asyncpg.connect(first)
    await connection.execute("CREATE TABLE t (x int); INSERT INTO t VALUES (1)")
    postgres.kill()
    postgres.start()
    assert postgres.psql("SELECT x FROM t", first) == "1"
    connection.terminate()


def test_the_sink_keeps_a_ledger_and_fails_as_told(mailsink: MailSink) -> None:
    def send() -> None:
        with smtplib.SMTP(mailsink.host, mailsink.port, timeout=10) as client:
            client.sendmail("a@example.org", ["b@example.org"], MAIL)

    send()
    mailsink.fail("451 4.3.0 later", times=1)
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="later"):
        send()
    mailsink.fail("554 5.7.1 no", at="data", address="B@example.org", times=1)
    with pytest.raises(smtplib.SMTPDataError, match="no"):
        send()
    mailsink.cut()
    with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
        send()
    send()
    assert [mail.acknowledged for mail in mailsink.to("b@example.org")] == [True, False, True]
    assert mailsink.mails[0].message["Subject"] == "proba"


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_the_sink_asks_for_a_password() -> None:
    sink = MailSink(user="hub", password="pw")
    sink.start()
    try:
        with smtplib.SMTP(sink.host, sink.port, timeout=10) as client:
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("hub", "wrong")
        with smtplib.SMTP(sink.host, sink.port, timeout=10) as client:
            client.login("hub", "pw")
            client.sendmail("a@example.org", ["b@example.org"], MAIL)
    finally:
        sink.stop()
    assert len(sink.mails) == 1


class Lmtp:
    """What OpenSMTPD delivers to."""

    def __init__(self) -> None:
        self.received: list[bytes] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.received.append(envelope.original_content or b"")
        return "250 OK"


class LmtpController(Controller):
    def factory(self) -> SMTP:
        return LMTP(self.handler)


@pytest.fixture
def lmtp() -> Iterator[tuple[Lmtp, int]]:
    handler, port = Lmtp(), free_port()
    controller = LmtpController(handler, hostname="127.0.0.1", port=port, ready_timeout=20)
    controller.start()
    yield handler, port
    controller.stop()


def test_opensmtpd_hands_mail_on_by_lmtp(
    opensmtpd: Callable[[int], OpenSmtpd], lmtp: tuple[Lmtp, int]
) -> None:
    handler, port = lmtp
    server = opensmtpd(port)
    server.send("kontakt", MAIL)
    wait_until(lambda: bool(handler.received), f"OpenSMTPD did not deliver: {server.output()}")
    assert b"Dzien dobry" in handler.received[0]


@pytest.mark.browser
async def test_chromium_shows_a_page_and_axe_judges_it(browser: Browser) -> None:
    page = await browser.new_page()
    await page.set_content(
        "<html lang='pl'><title>t</title><main><h1>Witaj</h1><img src='x.png'></main></html>"
    )
    assert await page.inner_text("h1") == "Witaj"
    found = await axe_violations(page)
    assert [line.split()[0] for line in found] == ["image-alt"]


def test_a_missing_server_skips_here_and_fails_on_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install sendmail-nine"):
        need("no-such-program", "sendmail-nine")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-program is missing"):
        need("no-such-program", "sendmail-nine")
