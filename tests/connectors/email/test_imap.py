"""Mailboxes read from a real Dovecot: at once, exactly once, whatever happens to the line, the server or the hub."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

import pytest

from connectors.contract import Message, Secret, Unknown
from connectors.email.config import EmailConfig, ImapAccount
from connectors.email.connector import EmailConnector
from tests.connectors.email.wire_mail import mail, parse_simply, running, subjects
from tests.contract.world import Blobs, Ledger, Log, make_env
from tests.servers.dovecot import Dovecot
from tests.waiting import until

pytestmark = pytest.mark.servers


@pytest.fixture
def user() -> str:
    """A mailbox of the test's own."""
    return f"u{uuid.uuid4().hex[:12]}"


def account(dovecot: Dovecot, user: str, **changes: Any) -> ImapAccount:
    settings: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": dovecot.imap_port,
        "tls": False,
        "user": user,
        "password": Secret("pw"),
    }
    return ImapAccount(**(settings | changes))


def connector(*accounts: ImapAccount, log: Log | None = None, **changes: Any) -> EmailConnector:
    blobs = changes.pop("blobs", None) or Blobs()
    config = EmailConfig(address="kontakt@example.pl", imap=accounts, **changes)
    return EmailConnector(config, make_env(log=log or Log(), blobs=blobs), parse_simply)


async def deliver(dovecot: Dovecot, user: str, *numbers: int) -> None:
    for number in numbers:
        await asyncio.to_thread(dovecot.deliver, user, mail(number))


async def test_a_mail_is_there_at_once(dovecot: Dovecot, user: str) -> None:
    """The server tells of it; the next look would come after three quarters of a minute at the soonest."""
    ledger = Ledger()
    await deliver(dovecot, user, 1)
    async with running(connector(account(dovecot, user)), ledger):
        await ledger.wait_for(1)
        await asyncio.sleep(0.2)  # now it waits under IDLE
        began = time.monotonic()
        await deliver(dovecot, user, 2)
        await ledger.wait_for(2)
        assert time.monotonic() - began < 10
        await until(lambda: dovecot.count(user, query="seen") == 2)
    assert subjects(ledger) == ["Sprawa 1", "Sprawa 2"]
    assert ledger.told == 2


async def test_mails_that_come_while_others_are_fetched_do_not_wait_for_the_poll(
    dovecot: Dovecot, user: str
) -> None:
    ledger = Ledger()
    ledger.seconds = 0.05
    async with running(connector(account(dovecot, user)), ledger):
        for number in range(12):
            await deliver(dovecot, user, number)
            await asyncio.sleep(0.03)
        await ledger.wait_for(12, seconds=5)


async def test_a_backlog_is_taken_in_order_and_the_cursor_survives_a_restart(
    dovecot: Dovecot, user: str
) -> None:
    ledger = Ledger()
    await deliver(dovecot, user, *range(45))
    async with running(connector(account(dovecot, user)), ledger):
        await ledger.wait_for(45)
        await until(lambda: next(iter(ledger.cursors.values())).endswith(":45"))
    await deliver(dovecot, user, 45)
    async with running(connector(account(dovecot, user)), ledger):
        await ledger.wait_for(46)
    assert ledger.told == 46


async def test_large_and_small_mails_keep_the_order_of_the_mailbox(dovecot: Dovecot, user: str) -> None:
    """The large one is fetched in pieces, the small ones together: they are handed in as the mailbox has them."""
    ledger, ways = Ledger(), [mail(1), mail(2) + b"zdanie bez znaczenia\r\n" * 4_000, mail(3), mail(4)]
    for one in ways:
        await asyncio.to_thread(dovecot.deliver, user, one)
    async with running(connector(account(dovecot, user)), ledger):
        await ledger.wait_for(4)
    assert [event.subject for event in ledger.events if isinstance(event, Message)][:3] == [
        f"Sprawa {n}" for n in (1, 2, 3)
    ]


async def test_flags_of_other_readers_hide_nothing(dovecot: Dovecot, user: str) -> None:
    ledger = Ledger()
    await deliver(dovecot, user, 1, 2)
    await asyncio.to_thread(dovecot._run, "flags", "add", "-u", user, "\\Seen", "mailbox", "INBOX", "all")
    async with running(connector(account(dovecot, user)), ledger):
        await ledger.wait_for(2)


async def test_a_refusing_hub_leaves_the_mail_on_the_server(dovecot: Dovecot, user: str) -> None:
    ledger, log = Ledger(), Log()
    ledger.refuse(retry_after=0.1)
    inbox = connector(account(dovecot, user), log=log)
    await deliver(dovecot, user, 1, 2, 3)
    async with running(inbox, ledger):
        await until(lambda: ledger.refusals >= 3)
        health = await inbox.check()
        assert health.state == "degraded"
        assert health.backlog == 3
        assert dovecot.count(user, query="unseen") == 3
        assert ledger.cursors == {}
        ledger.take()
        await ledger.wait_for(3)
        await until(lambda: dovecot.count(user, query="seen") == 3)
        await until(lambda: log.count("peer is back") == 1)
        assert (await inbox.check()).state == "ok"
    assert subjects(ledger) == ["Sprawa 1", "Sprawa 2", "Sprawa 3"]
    assert log.count("peer is down") == log.count("peer is back") == 1


@pytest.mark.slow
async def test_a_kicked_connection_loses_and_repeats_nothing(dovecot: Dovecot, user: str) -> None:
    ledger, log = Ledger(), Log()
    async with running(connector(account(dovecot, user), log=log), ledger):
        for number in range(2):
            await deliver(dovecot, user, number)
            await ledger.wait_for(number + 1)
            await asyncio.to_thread(dovecot.kick, user)
        await until(lambda: log.count("peer is back") == log.count("peer is down") >= 1)
        await deliver(dovecot, user, 2)
        await ledger.wait_for(3)
    assert len(subjects(ledger)) == 3


@pytest.mark.slow
async def test_a_killed_server_is_found_again(dovecot: Dovecot, user: str) -> None:
    ledger, log = Ledger(), Log()
    inbox = connector(account(dovecot, user), log=log)
    async with running(inbox, ledger):
        await deliver(dovecot, user, 1)
        await ledger.wait_for(1)
        await asyncio.to_thread(dovecot.kill)
        await until(lambda: log.count("peer is down") == 1)
        await asyncio.sleep(1)  # several attempts, and no further line
        assert (await inbox.check()).state == "unreachable"
        await asyncio.to_thread(dovecot.start)
        await deliver(dovecot, user, 2)
        await ledger.wait_for(2)
        await until(lambda: log.count("peer is back") == 1)
    assert log.count("peer is down") == 1
    assert subjects(ledger) == ["Sprawa 1", "Sprawa 2"]


async def test_another_uidvalidity_reads_all_again_and_takes_nothing_twice(
    dovecot: Dovecot, user: str
) -> None:
    ledger, log = Ledger(), Log()
    await deliver(dovecot, user, 1, 2, 3)
    async with running(connector(account(dovecot, user), log=log), ledger):
        await ledger.wait_for(3)
        await until(lambda: len(ledger.cursors) == 1)
        validity = await asyncio.to_thread(dovecot.change_uidvalidity, user)
        await deliver(dovecot, user, 4)
        await ledger.wait_for(4)
        await until(lambda: next(iter(ledger.cursors.values())).startswith(f"{validity}:"))
    assert log.count("uidvalidity changed") == 1
    assert ledger.told > 4
    assert subjects(ledger) == ["Sprawa 1", "Sprawa 2", "Sprawa 3", "Sprawa 4"]


async def test_a_poison_mail_is_kept_and_stops_nothing(dovecot: Dovecot, user: str) -> None:
    ledger = Ledger()
    await asyncio.to_thread(dovecot.deliver, user, mail(1, text="poison"))
    await deliver(dovecot, user, 2)
    async with running(connector(account(dovecot, user)), ledger):
        events = await ledger.wait_for(2)
    kept = next(event for event in events if isinstance(event, Unknown))
    assert kept.sender.address == "jan1@example.org"
    assert any(b"poison" in (raw.content or b"") for raw in ledger.raws)
    assert subjects(ledger) == ["Sprawa 2"]


async def test_large_mails_are_streamed_and_huge_ones_bounded(
    dovecot: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.email.imap_link.CHUNK_BYTES", 100_000)
    ledger, blobs = Ledger(), Blobs()
    line = "To jest długi list. " * 3 + "\r\n"
    await asyncio.to_thread(dovecot.deliver, user, mail(1, text=line * 3_000))
    await asyncio.to_thread(dovecot.deliver, user, mail(2, text=line * 12_000))
    await deliver(dovecot, user, 3)
    async with running(connector(account(dovecot, user), blobs=blobs, max_bytes=300_000), ledger):
        events = await ledger.wait_for(3)
    whole, shortened = sorted(blobs.kept.values(), key=len)
    assert len(whole) > 180_000
    assert len(shortened) > 700_000
    assert whole.count(b"\n") > 3_000
    assert blobs.largest_chunk == 100_000
    by_subject = {event.subject: event for event in events if isinstance(event, Message)}
    assert len(by_subject["Sprawa 1"].text) > 100_000
    assert "MB" in by_subject["Sprawa 2"].text.partition("\n")[0]
    assert len(by_subject["Sprawa 2"].text) < 100_000
    assert {raw.blob is None for raw in ledger.raws} == {True, False}


async def test_done_mails_are_moved_where_the_configuration_says(dovecot: Dovecot, user: str) -> None:
    ledger = Ledger()
    await asyncio.to_thread(dovecot._run, "mailbox", "create", "-u", user, "Załatwione")
    await deliver(dovecot, user, 1, 2)
    async with running(connector(account(dovecot, user, on_done="move:Załatwione")), ledger):
        await ledger.wait_for(2)
        await until(lambda: dovecot.count(user) == 0)
    assert dovecot.count(user, "Załatwione") == 2


async def test_failing_to_mark_loses_nothing(dovecot: Dovecot, user: str) -> None:
    ledger, log = Ledger(), Log()
    await deliver(dovecot, user, 1)
    async with running(connector(account(dovecot, user, on_done="move:Nigdzie"), log=log), ledger):
        await ledger.wait_for(1)
        await deliver(dovecot, user, 2)
        await ledger.wait_for(2)
    assert log.count("cannot be marked") == 1
    assert dovecot.count(user) == 2


async def test_many_mailboxes_in_one_inbox(dovecot: Dovecot) -> None:
    ledger = Ledger()
    users = [f"u{uuid.uuid4().hex[:12]}" for _ in range(20)]
    async with running(connector(*(account(dovecot, user) for user in users)), ledger):
        for number, user in enumerate(users):
            await deliver(dovecot, user, number)
        await ledger.wait_for(20)
    assert len(ledger.cursors) == 20


async def test_only_new_mails_where_the_configuration_says_so(dovecot: Dovecot, user: str) -> None:
    ledger = Ledger()
    await deliver(dovecot, user, 1)
    async with running(connector(account(dovecot, user, first_scan="new")), ledger):
        await until(lambda: len(ledger.cursors) == 1)
        await deliver(dovecot, user, 2)
        await ledger.wait_for(1)
    assert subjects(ledger) == ["Sprawa 2"]


async def test_cancelling_closes_every_socket_at_once(dovecot: Dovecot, user: str) -> None:
    ledger = Ledger()
    inbox = connector(account(dovecot, user))
    async with running(inbox, ledger) as task:
        await deliver(dovecot, user, 1)
        await ledger.wait_for(1)
        task.cancel()
        began = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 3
    await until(lambda: user not in dovecot._run("who"), seconds=3)


@pytest.mark.slow
async def test_a_wrong_password_is_told_from_a_server_that_is_away(dovecot: Dovecot, user: str) -> None:
    log = Log()
    inboxes = (
        connector(account(dovecot, user, password=Secret("hasło-sekretne")), log=log),
        connector(account(dovecot, user, port=1)),
        connector(account(dovecot, user, folder="Nie ma")),
        connector(account(dovecot, user)),
    )
    found = await asyncio.gather(*(inbox.check() for inbox in inboxes))
    assert [health.state for health in found] == ["wrong_credentials", "unreachable", "misconfigured", "ok"]
    assert log.count("hasło") == 0
