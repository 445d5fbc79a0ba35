"""What no well-behaved server does: refused mails, odd answers, floods. Silent lines are in tests/chaos/network."""

from __future__ import annotations

import asyncio
import gc
import time
from pathlib import Path

import msgspec
import pytest
import uvloop

from connectors._failpoint import armed
from connectors.contract import Message, Secret, Unknown
from connectors.email import imap, imap_link
from connectors.email.config import EmailConfig, ImapAccount
from connectors.email.connector import EmailConnector
from connectors.email.imap_link import Lost, _literals, encode_folder, quoted
from hub.clock import SystemClock
from tests.connectors.email.wire_imap import Script, served
from tests.connectors.email.wire_mail import mail, parse_simply, running, subjects
from tests.connectors.email.wire_tls import certificate
from tests.contract.world import Blobs, Ledger, Log, make_env
from tests.waiting import until


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "FIRST_GAP", 0.02)
    monkeypatch.setattr(imap, "LONGEST_GAP", 0.1)


def inbox(port: int, log: Log | None = None, user: str = "u", poll_seconds: float = 60.0) -> EmailConnector:
    account = ImapAccount(host="127.0.0.1", port=port, tls=False, user=user, password=Secret("pw"))
    config = EmailConfig(address="kontakt@example.pl", imap=(account,), poll_seconds=poll_seconds)
    return EmailConnector(config, make_env(log=log or Log()), parse_simply)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["refused", "dropped", "unsized", "empty"])
async def test_a_mail_that_the_server_will_not_hand_out_is_shown_and_stops_nothing(fault: str) -> None:
    script, ledger, log = Script({uid: mail(uid) for uid in range(1, 6)}), Ledger(), Log()
    getattr(script, fault).add(3)
    async with served(script.serve) as port, running(inbox(port, log), ledger):
        events = await ledger.wait_for(5)
    assert subjects(ledger) == ["Sprawa 1", "Sprawa 2", "Sprawa 4", "Sprawa 5"]
    stand_in = next(event for event in events if isinstance(event, Unknown))
    assert "3" in stand_in.text
    assert log.count("could not be fetched") == 1
    assert next(iter(ledger.cursors.values())) == "7:5"


async def test_a_mail_that_an_answer_leaves_out_once_is_not_lost() -> None:
    class Forgetful(Script):
        def fetch(self, tag: str, command: str) -> bytes:
            answer = super().fetch(tag, command)
            self.unsized.clear()
            return answer

    script, ledger = Forgetful({uid: mail(uid) for uid in range(1, 6)}), Ledger()
    script.unsized, script.uidnext = {2, 4}, 6
    async with served(script.serve) as port, running(inbox(port), ledger):
        await ledger.wait_for(5)
    assert not [event for event in ledger.events if isinstance(event, Unknown)]


async def test_a_mail_that_was_deleted_is_looked_for_once() -> None:
    script, ledger = Script({uid: mail(uid) for uid in (1, 2, 5)}), Ledger()
    script.uidnext = 7
    async with served(script.serve) as port, running(inbox(port), ledger):
        await ledger.wait_for(3)
        await until(lambda: next(iter(ledger.cursors.values())) == "7:5")
    assert [command for command in script.commands if "SEARCH" in command] == ["UID SEARCH UID 3,4,6"]


async def test_uids_that_are_given_out_again_under_the_same_uidvalidity_are_read() -> None:
    """A mailbox brought back from last week's copy: what is new now bears numbers that were committed before."""
    script, ledger, log = Script({uid: mail(uid) for uid in range(1, 31)}), Ledger(), Log()
    script.uidnext = 31
    async with served(script.serve) as port, running(inbox(port, log, poll_seconds=0.1), ledger):
        await ledger.wait_for(30)
        script.mails = {uid: mail(uid) for uid in range(1, 21)} | {21: mail(121), 22: mail(122)}
        script.uidnext = 23
        await ledger.wait_for(32, seconds=5)
        script.mails[23], script.uidnext = mail(123), 24
        await ledger.wait_for(33, seconds=5)
    assert {"Sprawa 121", "Sprawa 122", "Sprawa 123"} < set(subjects(ledger))
    assert log.count("given out again") == 1


async def test_a_replica_that_is_late_once_starts_nothing_anew() -> None:
    class Late(Script):
        def answer(self, tag: str, command: str) -> bytes:
            self.uidnext = 28 if sum("SELECT" in known for known in self.commands) == 3 else 31
            return super().answer(tag, command)

    script, ledger, log = Late({uid: mail(uid) for uid in range(1, 31)}), Ledger(), Log()
    async with served(script.serve) as port, running(inbox(port, log, poll_seconds=0.05), ledger):
        await until(lambda: sum("SELECT" in known for known in script.commands) > 6)
    assert ledger.told == 30


async def test_a_server_that_gives_shorter_pieces_than_asked_for_cuts_nothing_off() -> None:
    large = mail(1) + b"x" * 150_000 + b"\r\n"
    script, ledger, blobs = Script({1: large}), Ledger(), Blobs()
    script.longest = 40_000
    account = ImapAccount(host="127.0.0.1", port=1, tls=False, user="u", password=Secret("pw"))
    async with served(script.serve) as port:
        config = EmailConfig(address="k@example.pl", imap=(msgspec.structs.replace(account, port=port),))
        async with running(EmailConnector(config, make_env(blobs=blobs), parse_simply), ledger):
            await ledger.wait_for(1)
    assert large in blobs.kept.values()


@pytest.mark.parametrize("place", ["email.imap.fetched", "email.imap.committed", "email.imap.flagged"])
async def test_a_fault_of_our_own_at_any_place_loses_and_repeats_nothing(place: str) -> None:
    script, ledger, log = Script({uid: mail(uid) for uid in range(1, 31)}), Ledger(), Log()
    with armed(f"{place}=error@2") as passed:
        async with served(script.serve) as port, running(inbox(port, log), ledger):
            await ledger.wait_for(30)
            await until(lambda: log.count("peer is back") == 1)
    assert passed[place] >= 2
    assert len(ledger.events) == 30
    assert log.count("mailbox reader failed") == 1


async def test_a_server_without_idle_is_polled() -> None:
    script, ledger = Script({1: mail(1)}), Ledger()
    async with served(script.serve) as port, running(inbox(port, poll_seconds=0.1), ledger):
        await ledger.wait_for(1)
        script.mails[2] = mail(2)
        await ledger.wait_for(2, seconds=3)
    assert "IDLE" not in script.commands


async def test_an_idle_that_is_never_granted_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap_link.Link.race, "__defaults__", (0.3,))

    class Mute(Script):
        def answer(self, tag: str, command: str) -> bytes:
            return b"" if command == "IDLE" else super().answer(tag, command)

    script, ledger, log = Mute({1: mail(1)}), Ledger(), Log()
    script.capabilities = "IMAP4rev1 IDLE"
    async with served(script.serve) as port, running(inbox(port, log), ledger):
        await ledger.wait_for(1)
        await until(lambda: "IDLE" in script.commands)
        script.mails[2] = mail(2)
        await ledger.wait_for(2, seconds=20)


async def test_nothing_overtakes_a_mail_that_could_not_be_had() -> None:
    """The large one is fetched by itself, when the small ones behind it are there already; then the line breaks."""

    class Breaking(Script):
        broken = False

        def fetch(self, tag: str, command: str) -> bytes:
            if "<0." in command and not self.broken:
                self.broken = True
                raise ConnectionError
            return super().fetch(tag, command)

    large = mail(2) + b"zdanie bez znaczenia\r\n" * 4_000
    script, ledger, log = Breaking({1: mail(1), 2: large, 3: mail(3), 4: mail(4)}), Ledger(), Log()
    async with served(script.serve) as port, running(inbox(port, log), ledger):
        await ledger.wait_for(4)
    assert script.broken
    came = [event.subject for event in ledger.events if isinstance(event, Message)]
    assert came == ["Sprawa 1", "Sprawa 2", "Sprawa 3", "Sprawa 4"]


async def test_a_mail_that_the_hub_refuses_is_not_overtaken_by_the_next_of_the_same_person() -> None:
    mails = {uid: mail(uid).replace(b"jan%d@" % uid, b"jan@") for uid in range(1, 5)}
    script, ledger = Script(mails | {5: mail(5), 6: mail(6)}), Ledger()
    ledger.crowded = 1
    async with served(script.serve) as port, running(inbox(port), ledger):
        await ledger.wait_for(6)
    assert ledger.refusals == 1
    came = [event.subject for event in ledger.events if isinstance(event, Message)]
    assert came == ["Sprawa 5", "Sprawa 1", "Sprawa 2", "Sprawa 3", "Sprawa 4", "Sprawa 6"]


async def test_tls_checks_the_certificate_and_notices_a_lost_line(tmp_path: Path) -> None:
    chain, context = certificate(tmp_path)
    script, ledger = Script({1: mail(1)}), Ledger()

    def tls_inbox(port: int, ca_file: str | None) -> EmailConnector:
        account = ImapAccount(host="127.0.0.1", port=port, user="u", password=Secret("pw"), ca_file=ca_file)
        return EmailConnector(EmailConfig(address="k@example.pl", imap=(account,)), make_env(), parse_simply)

    async with served(script.serve, context) as port:
        assert (await tls_inbox(port, None).check()).state == "unreachable"
        assert (await tls_inbox(port, "/nonexistent.pem").check()).state == "misconfigured"
        inbox = tls_inbox(port, chain)
        assert (await inbox.check()).state == "ok"
        async with running(inbox, ledger):
            await ledger.wait_for(1)
            script.hang_up()
            script.mails[2] = mail(2)
            await ledger.wait_for(2, seconds=5)  # by a new connection: the next poll is a minute away


async def test_a_flood_of_news_is_read() -> None:
    """Somebody deletes five thousand mails while we wait: one packet, thousands of lines."""

    class Flooding(Script):
        waiting = ""

        def answer(self, tag: str, command: str) -> bytes:
            if command == "IDLE":
                self.waiting = tag
                return b"+ idling\r\n" + b"* 1 EXPUNGE\r\n" * 5_000
            return f"{self.waiting} OK done\r\n".encode() if tag == "DONE" else super().answer(tag, command)

    script, ledger, log = Flooding({1: mail(1)}), Ledger(), Log()
    script.capabilities = "IMAP4rev1 IDLE"
    async with served(script.serve) as port, running(inbox(port, log), ledger):
        await ledger.wait_for(1)
        script.mails[2] = mail(2)
        await ledger.wait_for(2, seconds=5)
    assert log.lines == []


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("NO [AUTHENTICATIONFAILED] no", "wrong_credentials"),
        ("NO no such user", "wrong_credentials"),
        ("NO [UNAVAILABLE] later", "unreachable"),
        ("BAD LOGIN disabled", "wrong_credentials"),
    ],
)
async def test_what_a_refused_login_means(answer: str, state: str) -> None:
    class Refusing(Script):
        def answer(self, tag: str, command: str) -> bytes:
            return (
                f"{tag} {answer}\r\n".encode()
                if command.startswith("LOGIN")
                else super().answer(tag, command)
            )

    async with served(Refusing({}).serve) as port:
        assert (await inbox(port).check()).state == state


async def test_a_wrong_password_is_not_tried_in_a_hurry() -> None:
    class Refusing(Script):
        def answer(self, tag: str, command: str) -> bytes:
            return (
                f"{tag} NO no\r\n".encode() if command.startswith("LOGIN") else super().answer(tag, command)
            )

    script, log = Refusing({}), Log()
    async with served(script.serve) as port, running(inbox(port, log), Ledger()):
        await until(lambda: log.count("wrong_credentials") == 1)
        await asyncio.sleep(0.5)  # a refused connection would be tried many times by now
    assert sum(command.startswith("LOGIN") for command in script.commands) == 1


async def test_a_server_that_says_goodbye_at_once_is_unreachable(caplog: pytest.LogCaptureFixture) -> None:
    script = Script({})
    script.greeting = "* BYE too many connections"
    async with served(script.serve) as port:
        began = time.monotonic()
        assert (await inbox(port).check()).state == "unreachable"
        assert time.monotonic() - began < 5
    gc.collect()
    assert not caplog.records, "an error that nobody fetched"


def test_a_server_that_says_goodbye_while_we_wait_is_lost() -> None:
    """What it says is news, and by the time we answer the line is closed: the hub's event loop then refuses to write,
    with an error that is no error of a connection."""

    class Leaving(Script):
        def answer(self, tag: str, command: str) -> bytes:
            return b"+ idling\r\n" if command == "IDLE" else super().answer(tag, command)

    async def waited() -> None:
        script = Leaving({})
        script.capabilities = "IMAP4rev1 IDLE"
        async with served(script.serve) as port:
            account = ImapAccount(host="127.0.0.1", port=port, tls=False, user="u", password=Secret("pw"))
            link = await imap_link.connect(account, None, SystemClock())
            await link.select("INBOX")
            waiting = asyncio.create_task(link.idle(5.0))
            await asyncio.sleep(0.1)
            script.hang_up(b"* BYE shutting down\r\n")
            with pytest.raises(Lost):
                await waiting
            link.close()

    uvloop.run(waited())


def test_bodies_are_found_in_every_form_of_answer() -> None:
    lines: list[bytes | bytearray] = [
        b"1 FETCH (UID 4 BODY[] {3}",
        bytearray(b"abc"),
        b")",
        b"2 FETCH (FLAGS (\\Seen) BODY[] {2}",
        bytearray(b"de"),
        b" UID 5)",
        b"3 FETCH (FLAGS (\\Seen))",
        b"4 FETCH (UID 6 BODY[] NIL)",
        b'5 FETCH (UID 7 BODY[]<0> "a \\"b\\"")',
        b"Fetch completed.",
    ]
    assert _literals(lines) == {4: b"abc", 5: b"de", 6: b"", 7: b'a "b"'}


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("INBOX", "INBOX"),
        ("Wysłane", "Wys&AUI-ane"),
        ("A&B", "A&-B"),
        ("Załatwione/2026", "Za&AUI-atwione/2026"),
        ("台北", "&U,BTFw-"),
    ],
)
def test_folder_names_on_the_wire(name: str, wire: str) -> None:
    assert encode_folder(name) == wire


def test_quotes_and_backslashes_in_a_login_name() -> None:
    assert quoted('urząd\\"x"') == '"urząd\\\\\\"x\\""'


async def test_a_mail_of_that_name_is_one_message() -> None:
    """Two accounts that hold the same mail give one event: its identity is its content."""
    script, ledger = Script({1: mail(1)}), Ledger()
    async with served(script.serve) as one, served(Script({9: mail(1)}).serve) as two:
        accounts = tuple(
            ImapAccount(host="127.0.0.1", port=port, tls=False, user="u", password=Secret("pw"))
            for port in (one, two)
        )
        config = EmailConfig(address="kontakt@example.pl", imap=accounts)
        async with running(EmailConnector(config, make_env(), parse_simply), ledger):
            await until(lambda: ledger.told == 2)
    assert [event.subject for event in ledger.events if isinstance(event, Message)] == ["Sprawa 1"]
