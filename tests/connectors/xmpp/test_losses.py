"""Nothing lost and nothing twice, whatever ends: the ledger of whoever wrote beside what the other side holds.

Each test runs against Prosody and ejabberd. The sender behaves as programs do: what got no receipt is sent again under
the same id after a broken line. The hub's side may end at any moment and begins anew with nothing but its ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import uuid
from collections.abc import AsyncIterator
from typing import Any, Protocol

import pytest

from connectors.contract import Secret, SendError
from tests.connectors.xmpp.desk import Desk, a_desk
from tests.connectors.xmpp.person import Person, somebody
from tests.servers.ejabberd import Ejabberd
from tests.servers.fault_proxy import FaultProxy, fault_proxy
from tests.servers.process import folder
from tests.servers.prosody import COMPONENT, SECRET, Prosody
from tests.waiting import until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(120)]


class Server(Protocol):
    """What both servers can."""

    port: int
    component_port: int

    def start(self) -> None: ...
    def kill(self) -> None: ...
    def account(self, user: str) -> str: ...


@pytest.fixture(params=["prosody", "ejabberd"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each of the two."""
    found: Prosody | Ejabberd = request.getfixturevalue(request.param)
    return found


def new_name(what: str) -> str:
    """An account that no other test has."""
    return f"{what}{uuid.uuid4().hex[:10]}"


@pytest.fixture
async def zofia(server: Server) -> AsyncIterator[Person]:
    async with somebody(server.account(new_name("zofia")), server.port) as person:
        yield person


@pytest.fixture
async def line(server: Server) -> AsyncIterator[FaultProxy]:
    """A line between the hub and the server that can be cut."""
    async with fault_proxy(server.port) as made:
        yield made


async def back(server: Server, *people: Person) -> None:
    """Start a dead server, and everybody enters again."""
    await asyncio.to_thread(server.start)
    for person in people:
        await person.enter()


def assert_each_once(zofia: Person, desk: Desk) -> None:
    written = sorted(zofia.sent.values())
    assert sorted(desk.texts) == written, _difference(written, desk.texts)
    names = [event.external_id for event in desk.ledger.events]
    assert len(names) == len(set(names))


def _difference(written: list[str], held: list[str]) -> str:
    twice = {text for text in held if held.count(text) > 1}
    return f"lost: {sorted(set(written) - set(held))[:10]}, twice: {sorted(twice)[:10]}"


async def everything_came(zofia: Person, desk: Desk) -> None:
    """Wait until all of it is there, and a little longer for what would be too much."""
    with contextlib.suppress(TimeoutError):
        await until(lambda: set(zofia.sent.values()) <= set(desk.texts), seconds=30)
    await asyncio.sleep(0.3)
    assert_each_once(zofia, desk)


async def test_the_server_is_killed_while_messages_come(server: Server, zofia: Person) -> None:
    async with a_desk(server.account(new_name("kontakt")), server.port) as desk:
        await desk.start()
        for _ in range(2 if isinstance(server, Prosody) else 1):
            for _ in range(40):
                zofia.write(desk.settings.address, f"wiadomość {len(zofia.sent)}")
                await asyncio.sleep(0.002)
            server.kill()
            await back(server, zofia)
            zofia.again(desk.settings.address)
        await until(lambda: desk.connector.connected, seconds=40)
        await everything_came(zofia, desk)
        await until(lambda: zofia.receipted >= set(zofia.sent), "a receipt for each", seconds=30)
        assert desk.log.count("xmpp is down") <= 2 >= desk.log.count("xmpp is back")


async def test_the_hub_is_killed_while_messages_come(server: Server, zofia: Person) -> None:
    """The sender sends nothing again: the server has it all, and the archive repairs what was read but not kept."""
    async with a_desk(server.account(new_name("kontakt")), server.port) as desk:
        desk.ledger.seconds = 0.01
        await desk.start()
        for part in range(3):
            for number in range(40):
                zofia.write(desk.settings.address, f"wiadomość {part}.{number}")
                await asyncio.sleep(0.002)
            await desk.crash()
            zofia.write(desk.settings.address, f"wiadomość {part} gdy nikogo nie ma")
            await desk.start(wait=False)
        await until(lambda: desk.connector.connected, seconds=40)
        await everything_came(zofia, desk)


@pytest.mark.parametrize("dies", ["before", "after"])
async def test_the_hub_dies_at_a_commit(server: Server, zofia: Person, dies: Any) -> None:
    """Of a message, of a page of the archive, of the place behind it; before it or just after."""
    async with a_desk(server.account(new_name("kontakt")), server.port) as desk:
        await desk.start()
        desk.ledger.dies = dies
        for commits in (1, 3):
            desk.ledger.dies_in = commits
            for _ in range(5):
                zofia.write(desk.settings.address, f"wiadomość {len(zofia.sent)}")
            await desk.died()
            desk.ledger.dies_in = commits
            await desk.start(wait=False)
            await desk.died()
            await desk.start()
        await everything_came(zofia, desk)


async def test_the_line_is_cut_and_the_session_goes_on(
    server: Server, zofia: Person, line: FaultProxy
) -> None:
    """Stream management: what the hub had not committed comes again, by itself and without the archive."""
    async with a_desk(server.account(new_name("kontakt")), line.port, archive_seconds=3600) as desk:
        await desk.start()
        draw = random.Random(5)
        for _ in range(2):
            for number in range(30):
                zofia.write(desk.settings.address, f"wiadomość {len(zofia.sent)}")
                if number == 15:
                    await asyncio.sleep(draw.random() / 20)
                    line.cut()
                    await until(lambda: not desk.connector.connected)
            await until(lambda: desk.connector.connected, seconds=30)
        await everything_came(zofia, desk)


async def test_without_an_archive_the_server_still_has_what_was_not_committed() -> None:
    """Because only commits are acknowledged: it hands the rest to the next connection."""
    with folder("prosody") as path:
        server = Prosody(path, archive=False)
        server.start()
        try:
            async with somebody(server.account("zofia"), server.port) as zofia:
                async with a_desk(server.account("kontakt"), server.port) as desk:
                    await desk.start()
                    desk.ledger.seconds = 0.02
                    for part in range(3):
                        for number in range(30):
                            zofia.write(desk.settings.address, f"wiadomość {part}.{number}")
                        await asyncio.sleep(0.03)
                        await desk.crash()
                        await desk.start()
                    await everything_came(zofia, desk)
                    assert 1 <= desk.log.count("keeps no archive") <= 4, "at most once for each start"
        finally:
            server.stop()


async def test_a_hub_that_takes_nothing_loses_nothing(
    server: Server, zofia: Person, line: FaultProxy
) -> None:
    async with a_desk(server.account(new_name("kontakt")), line.port) as desk:
        await desk.start()
        desk.ledger.refuse(0.05)
        for number in range(60):
            zofia.write(desk.settings.address, f"wiadomość {number}")
        await until(lambda: desk.ledger.refusals > 0)
        assert not zofia.receipted
        line.cut()
        await until(lambda: desk.connector.connected)
        await desk.stop()
        desk.ledger.take()
        await desk.start()
        await everything_came(zofia, desk)


async def test_every_answer_reaches_the_person_once(server: Server, zofia: Person, line: FaultProxy) -> None:
    """The hub tries again what nobody knows about; the archive says what has left already."""
    address = server.account(new_name("kontakt"))
    async with a_desk(address, line.port, timeout_seconds=3.0) as desk:
        await desk.start()
        draw = random.Random(9)

        async def disturb() -> None:
            for _ in range(3):
                await asyncio.sleep(0.1 + draw.random() / 5)
                line.cut()
                await until(lambda: desk.connector.connected, seconds=30)

        async def answer(start: int) -> None:
            for number in range(start, start + 25):
                await desk.insist(desk.outbound(zofia.address, f"odpowiedź {number}"))

        await asyncio.gather(disturb(), answer(0), answer(100))
        await desk.stop()
        await desk.start()
        lost = desk.outbound(zofia.address, "po ponownym starcie")
        await desk.insist(lost)
        await desk.stop()
        await desk.start()
        await desk.insist(lost)  # a process that died before it could note the outcome
        await zofia.settled()
        await asyncio.sleep(0.3)
        expected = [f"odpowiedź {n}" for n in (*range(25), *range(100, 125))] + ["po ponownym starcie"]
        assert sorted(zofia.texts) == sorted(expected), _difference(expected, zofia.texts)


async def test_a_component_commits_before_it_says_so(server: Server, zofia: Person) -> None:
    """XEP-0114 knows no acknowledgement; the receipt is one, and a program without it sends again."""
    address = f"{new_name('kontakt')}@{COMPONENT}"
    way: dict[str, Any] = {"way": "component", "password": Secret(SECRET)}
    async with a_desk(address, server.component_port, **way) as desk:
        await desk.start()
        for part in range(3):
            for number in range(30):
                zofia.write(address, f"wiadomość {part}.{number}")
                await asyncio.sleep(0.002)
            if part == 1:
                server.kill()
                await back(server, zofia)
            else:
                await desk.stop()
                await desk.start()
            await until(lambda: desk.connector.connected, seconds=40)
            zofia.again(address)
        for _ in range(20):
            if zofia.receipted >= set(zofia.sent):
                break
            await asyncio.sleep(0.5)
            zofia.again(address)
        await everything_came(zofia, desk)


async def test_the_archive_has_forgotten_our_place(server: Server, zofia: Person) -> None:
    """A server that was set up anew knows none of its old ids."""
    async with a_desk(server.account(new_name("kontakt")), server.port) as desk:
        await desk.start()
        zofia.write(desk.settings.address, "przed")
        await everything_came(zofia, desk)
        await desk.stop()
        at = desk.ledger.cursors["archive"].partition(" ")[0]
        desk.ledger.cursors["archive"] = f"{at} 1000000000000001"
        zofia.write(desk.settings.address, "w czasie przerwy")
        await zofia.settled()
        await desk.start()
        zofia.write(desk.settings.address, "po")
        await everything_came(zofia, desk)


async def test_what_is_given_in_the_moment_the_line_breaks_is_not_called_sent(
    server: Server, zofia: Person, line: FaultProxy
) -> None:
    """Before the reader of the line knows of it, the library takes a stanza and drops it, and asks the next line
    whether it arrived."""
    async with a_desk(server.account(new_name("kontakt")), line.port) as desk:
        await desk.start()
        link = desk.connector._link
        link.stream.cut()
        await link.stream.ended.wait()
        assert link.up, "the moment is over"
        outbound = desk.outbound(zofia.address, "W tej chwili.")
        with pytest.raises(SendError) as refused:
            await desk.connector.send(outbound)
        assert refused.value.kind == "temporary"
        await desk.insist(outbound)
        await until(lambda: "W tej chwili." in zofia.texts)
