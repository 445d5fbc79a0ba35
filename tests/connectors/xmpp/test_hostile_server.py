"""A server, or somebody between, that does what a real one does not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.contract import Refused, Secret, SendError, Unknown
from connectors.xmpp import link
from connectors.xmpp.names import MAX_BYTES
from connectors.xmpp.settings import Settings
from tests.connectors.xmpp.desk import Desk, a_desk
from tests.connectors.xmpp.wire_xmpp import FakeServer, served
from tests.waiting import until

NO_TLS = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>"
NO_LOGIN = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>X-OTHER</mechanism></mechanisms>"
ADDRESS = "kontakt@localhost"


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the gaps are is tried by hand; here they only cost time."""
    monkeypatch.setattr(link, "FIRST_GAP", 0.02)


@contextlib.asynccontextmanager
async def beside(server: FakeServer, **settings: Any) -> AsyncIterator[Desk]:
    async with served(server.serve) as port, a_desk(ADDRESS, port, **settings) as desk:
        yield desk


async def state(server: FakeServer, **settings: Any) -> str:
    async with beside(server, **settings) as desk:
        await desk.start(wait=False)
        await until(lambda: desk.connector._standing.health.state != "starting")
        found: str = (await desk.connector.check()).state
        return found


async def test_a_server_without_tls_gets_no_password() -> None:
    server = FakeServer("pw", features=NO_TLS)
    assert await state(server, tls="starttls") == "misconfigured"
    assert b"<auth" not in server.heard


async def test_a_server_with_strange_logins_is_a_matter_of_configuration() -> None:
    assert await state(FakeServer("pw", features=NO_LOGIN)) == "misconfigured"


async def test_a_wrong_password_is_not_tried_again_at_once() -> None:
    server = FakeServer("inne")
    async with beside(server) as desk:
        await desk.start(wait=False)
        await until(lambda: desk.connector._standing.health.state == "wrong_credentials")
        await asyncio.sleep(0.6)
        assert server.heard.count(b"<auth") == 1
        assert desk.log.count("xmpp is down") == 1


async def test_a_document_type_before_the_stream_ends_it() -> None:
    server = FakeServer("pw")
    server.preface = "<!DOCTYPE stream [<!ENTITY a 'aaaaaaaaaa'>]>"
    assert await state(server) == "unreachable"
    assert b"<auth" not in server.heard


async def test_a_stanza_without_end_ends_the_line_and_not_the_memory() -> None:
    server = FakeServer("pw")
    async with beside(server) as desk:
        await desk.start()
        server.write("<message from='jan@example.org' type='chat'><body>")
        for _ in range(4):
            server.write("x" * MAX_BYTES)
            await asyncio.sleep(0.01)
        await until(lambda: desk.log.count("too large") == 1)
        await until(lambda: desk.connector.connected, "the way back")


async def test_a_server_that_names_another_is_not_followed() -> None:
    server, other = FakeServer("pw"), FakeServer("pw")
    async with served(other.serve) as elsewhere, beside(server) as desk:
        await desk.start()
        space = "urn:ietf:params:xml:ns:xmpp-streams"
        there = f"<see-other-host xmlns='{space}'>127.0.0.1:{elsewhere}</see-other-host>"
        server.write(f"<stream:error>{there}</stream:error>")
        await until(lambda: server.heard.count(b"<auth") == 2, "the way back")
        await asyncio.sleep(0.1)
        assert not other.heard


@pytest.mark.parametrize("levels", [200, 5_000])
async def test_a_stanza_that_is_too_deep_stops_nobody(levels: int) -> None:
    server = FakeServer("pw")
    async with beside(server) as desk:
        await desk.start()
        server.deliver(
            "<message from='jan@example.org/x' id='deep-0123456789'>"
            + "<a>" * levels
            + "</a>" * levels
            + "</message>"
        )
        count = server.deliver(
            "<message from='jan@example.org/x' id='well-0123456789'><body>tak</body></message>"
        )
        await desk.ledger.wait_for(2)
        await until(lambda: server.acked >= count)
        shown = desk.ledger.events[0]
        assert isinstance(shown, Unknown)
        assert shown.sender.address == "jan@example.org"
        assert desk.texts == ["tak"]
        assert desk.log.count("stanza could not be read") == 1


@pytest.mark.parametrize(
    "junk",
    [
        "</stream:stream>",
        "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
        "\x00",
        "&bad;",
        "<a><b></a>",
    ],
)
async def test_a_stream_that_ends_badly_is_made_again(junk: str) -> None:
    server = FakeServer("pw")
    async with beside(server) as desk:
        await desk.start()
        first = server.heard.count(b"<auth")
        server.write(junk)
        await until(lambda: server.heard.count(b"<auth") > first, "a new login")
        await until(lambda: desk.connector.connected)
        server.deliver("<message from='jan@example.org/x' id='after-0123456789'><body>po</body></message>")
        await desk.ledger.wait_for(1)


@pytest.mark.slow
async def test_more_than_the_hub_can_take_waits_on_the_line() -> None:
    """Reading stops at a bound, and nothing of it is lost."""
    server = FakeServer("pw")
    async with beside(server) as desk:
        await desk.start()
        desk.ledger.refuse(0.02)
        for number in range(3_000):
            server.write(
                f"<message from='jan@example.org/x' id='flood-{number:012d}'><body>{number}</body></message>"
            )
            if number % 100 == 0:
                await asyncio.sleep(0)
        await until(lambda: desk.connector._intake.full)
        await asyncio.sleep(0.1)
        assert desk.connector._intake.waiting < 2_500
        desk.ledger.take()
        await desk.ledger.wait_for(3_000)
        assert desk.texts == [str(number) for number in range(3_000)]


async def test_what_the_hub_refuses_is_not_overtaken_by_the_next_of_the_same_person() -> None:
    server = FakeServer("pw")
    async with beside(server) as desk:
        await desk.start()
        desk.ledger.crowded = 1
        whose = ("jan", "jan", "ola", "jan", "ola")
        server.write(
            "".join(
                f"<message from='{who}@example.org/x' id='burst-{number:09d}'><body>{number}</body></message>"
                for number, who in enumerate(whose)
            )
        )
        await desk.ledger.wait_for(5)
    assert desk.ledger.refusals == 1
    assert desk.texts == ["2", "4", "0", "1", "3"]


@pytest.mark.slow
async def test_a_line_that_breaks_again_and_again_fills_no_memory() -> None:
    """While the hub takes nothing, each new connection brings more; at the bound there is none until there is room."""
    server = FakeServer("pw")
    async with beside(server) as desk:
        await desk.start()
        desk.ledger.refuse(0.02)
        for turn in range(6):
            for number in range(600):
                server.write(
                    f"<message from='jan@example.org/x' id='turn-{turn}-{number:09d}'><body>a</body></message>"
                )
            await asyncio.sleep(0.15)
            server.cut()
        assert desk.connector._intake.waiting < 3_000
        desk.ledger.take()
        for _ in range(100):  # the line may still be one that broke while nobody read it
            server.deliver("<message from='jan@example.org/x' id='last-0123456789'><body>po</body></message>")
            await asyncio.sleep(0.05)
            if "po" in desk.texts:
                break
        assert desk.texts[-1] == "po"


async def test_an_account_without_an_archive_is_told_of_once() -> None:
    server = FakeServer("pw")
    server.without_archive = True
    async with beside(server, archive_seconds=0.05) as desk:
        await desk.start()
        await asyncio.sleep(0.3)
        assert desk.log.count("keeps no archive") == 1
        assert (await desk.connector.check()).state == "ok"
        server.deliver("<message from='jan@example.org/x' id='live-0123456789'><body>tak</body></message>")
        await desk.ledger.wait_for(1)


def test_the_settings_refuse_what_can_never_work() -> None:
    good: dict[str, Any] = {"address": "kontakt@example.pl", "password": Secret("x")}
    assert Settings(**good).to_port == 5222
    for change in (
        {"address": "Kontakt@Example.pl"},
        {"address": "kontakt"},
        {"address": "kontakt@example.pl/dom"},
        {"tls": "none"},
        {"tls": "none", "host": "192.0.2.1"},
        {"way": "component"},
        {"upload_service": "a@b/c"},
    ):
        with pytest.raises(ValueError, match="xmpp"):
            Settings(**{**good, **change})


async def test_a_large_stanza_waits_for_the_storage_on_the_same_line(monkeypatch: pytest.MonkeyPatch) -> None:
    server = FakeServer("pw")
    async with beside(server) as desk:
        await desk.start()
        put = desk.env.blobs.put
        refused: list[Any] = []

        async def away(content: Any) -> Any:
            if len(refused) < 3:
                refused.append(content)
                raise Refused("the storage failed", retry_after=0.02)
            return await put(content)

        monkeypatch.setattr(desk.env.blobs, "put", away)
        body = "a" * 70_000
        count = server.deliver(
            f"<message from='jan@example.org/x' id='big-0123456789'><body>{body}</body></message>"
        )
        await desk.ledger.wait_for(1)
        await until(lambda: server.acked >= count)
        assert desk.texts == [body]
        assert server.heard.count(b"<auth") == 1
        assert not [line for line in desk.log.lines if line.startswith("error")]


@pytest.mark.parametrize(("how", "kind"), [("forgetful", "temporary"), ("silence", "ambiguous")])
async def test_what_is_being_sent_ends_with_the_connection(how: str, kind: str) -> None:
    """The inbox goes to another process while the archive is asked, or before the server took it: nobody waits for
    answers that cannot come any more, so that the delivery is free at once."""
    server = FakeServer("pw")
    async with beside(server) as desk:
        await desk.start()
        server.how = how
        created = 1 if how == "forgetful" else desk.env.clock.now()
        before = len(server.heard)
        sending = asyncio.create_task(
            desk.connector.send(desk.outbound("jan@example.org", "Dzień dobry", created_at=created))
        )
        await until(lambda: (b"mam:2" if how == "forgetful" else b"<message") in server.heard[before:])
        await desk.stop()
        with pytest.raises(SendError) as refused:
            await asyncio.wait_for(sending, 2)
        assert refused.value.kind == kind
