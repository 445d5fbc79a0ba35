"""The real servers as pytest fixtures. Each starts once for a worker, on first use."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from playwright.async_api import Browser

from tests.servers.browser import chromium
from tests.servers.dovecot import Dovecot
from tests.servers.ejabberd import Ejabberd
from tests.servers.mailsink import MailSink
from tests.servers.opensmtpd import OpenSmtpd
from tests.servers.postgres import Postgres
from tests.servers.process import folder
from tests.servers.prosody import Prosody
from tests.servers.redis import RedisServer


@pytest.fixture(scope="session")
def _dovecot() -> Iterator[Dovecot]:
    with folder("dovecot") as path:
        server = Dovecot(path)
        server.start()
        yield server
        server.stop()


@pytest.fixture
def dovecot(_dovecot: Dovecot) -> Dovecot:
    """A running Dovecot, even when the test before left it dead. Take a user name of your own."""
    _dovecot.ensure_running()
    return _dovecot


@pytest.fixture(scope="session")
def _postgres() -> Iterator[Postgres]:
    with folder("postgres") as path:
        server = Postgres(path)
        server.start()
        yield server
        server.stop()


@pytest.fixture
def postgres(_postgres: Postgres) -> Postgres:
    """A running PostgreSQL; ``fresh_database()`` gives a database of one's own."""
    _postgres.ensure_running()
    return _postgres


@pytest.fixture
def mailsink() -> Iterator[MailSink]:
    """An SMTP server with an empty ledger."""
    sink = MailSink()
    sink.start()
    yield sink
    sink.stop()


@pytest.fixture
def opensmtpd() -> Iterator[Callable[[int], OpenSmtpd]]:
    """Start an OpenSMTPD that delivers to a given LMTP port."""
    with contextlib.ExitStack() as stack:

        def start(lmtp_port: int) -> OpenSmtpd:
            server = OpenSmtpd(stack.enter_context(folder("opensmtpd")), lmtp_port)
            server.start()
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture(scope="session")
def _prosody() -> Iterator[Prosody]:
    with folder("prosody") as path:
        server = Prosody(path)
        server.start()
        yield server
        server.stop()


@pytest.fixture
def prosody(_prosody: Prosody) -> Prosody:
    """A running Prosody, even when the test before left it dead. Take accounts of your own."""
    _prosody.ensure_running()
    return _prosody


@pytest.fixture(scope="session")
def ejabberd() -> Iterator[Ejabberd]:
    """A running ejabberd. Take accounts of your own."""
    with folder("ejabberd") as path:
        server = Ejabberd(path)
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="session")
def _redis() -> Iterator[RedisServer]:
    with folder("redis") as path:
        server = RedisServer(path)
        server.start()
        yield server
        server.stop()


@pytest.fixture
def redis(_redis: RedisServer) -> RedisServer:
    """A running, empty Redis, even when the test before left it dead."""
    _redis.ensure_running()
    _redis.ask("FLUSHALL")
    return _redis


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium."""
    async with chromium() as running:
        yield running
