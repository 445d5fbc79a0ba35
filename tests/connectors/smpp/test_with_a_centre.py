"""The connector against somebody else's SMPP server: both ways, long messages, reports, faults, restarts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors._gsm import Place, header
from connectors.contract import DeliveryReport, InboxId, Message, Outbound, Party, Secret, SendError
from connectors.smpp.connector import Smpp
from connectors.smpp.settings import Settings
from tests.contract.world import Ledger, Log, make_env
from tests.servers.smpp import PASSWORD, SmppCentre, smpp_centre
from tests.waiting import until

pytestmark = [pytest.mark.servers, pytest.mark.slow]

CITIZEN = "+48600700800"


class Wire:
    """A connector that runs, the centre, and what the hub would have got."""

    def __init__(self, connector: Smpp, centre: SmppCentre, ledger: Ledger) -> None:
        self.connector = connector
        self.centre = centre
        self.ledger = ledger

    async def send(self, text: str, **more: Any) -> str:
        """Send to the citizen; the remote id."""
        to = (Party(kind="phone", address=CITIZEN),)
        sent = await self.connector.send(
            Outbound(delivery=1, inbox=InboxId("test-inbox"), message=1, to=to, text=text, **more)
        )
        assert sent.remote_id
        return sent.remote_id

    async def refused(self, text: str) -> SendError:
        """Send what does not go."""
        with pytest.raises(SendError) as raised:
            await self.send(text)
        return raised.value

    async def reported(self, count: int = 1) -> list[tuple[str | None, str]]:
        """Target and state of the reports, once there are so many."""
        await until(lambda: len(self._reports()) >= count)
        return self._reports()

    def _reports(self) -> list[tuple[str | None, str]]:
        events = [event for event in self.ledger.events if isinstance(event, DeliveryReport)]
        return [(event.target, event.state) for event in events]

    def texts(self) -> list[str]:
        """What citizens wrote."""
        return [event.text for event in self.ledger.events if isinstance(event, Message)]

    async def bound(self) -> None:
        """Until it is."""
        await until(lambda: self.connector._session is not None)


@contextlib.asynccontextmanager
async def running(centre: SmppCentre, ledger: Ledger, log: Log, **settings: Any) -> AsyncIterator[Wire]:
    """A connector of the centre that runs until the end of the block, as after a start of the hub."""
    fields: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": centre.port,
        "system_id": "centrala",
        "password": Secret(PASSWORD),
        "sender": "URZAD",
        "timeout_seconds": 2.0,
        "throttle_seconds": 0.3,
        "repeat_minutes": 0,
    }
    connector = Smpp(Settings(**fields | settings), make_env(log=log))
    task = asyncio.create_task(connector.run(ledger))
    try:
        yield Wire(connector, centre, ledger)
    finally:
        task.cancel()
        await asyncio.wait({task})
        assert not [line for line in log.lines if PASSWORD in line or "600700800" in line]


@contextlib.asynccontextmanager
async def wire(**settings: Any) -> AsyncIterator[Wire]:
    """A bound connector and a centre."""
    async with smpp_centre() as centre, running(centre, Ledger(), Log(), **settings) as working:
        await working.bound()
        yield working


def part(number: int, total: int = 3, reference: int = 7, *, wide: bool = False) -> bytes:
    return header(Place(reference=reference, total=total, number=number, wide=wide))


async def test_messages_both_ways_with_reports() -> None:
    async with wire() as w:
        w.centre.writes("Kiedy bedzie zasilek?")
        w.centre.writes("Zażółć 😀", sender="48600700801")
        events = await w.ledger.wait_for(2)
        assert w.texts() == ["Kiedy bedzie zasilek?", "Zażółć 😀"]
        assert [event.sender.address for event in events if isinstance(event, Message)] == [
            CITIZEN,
            "+48600700801",
        ]
        await w.centre.wait_for("acknowledged", 2)
        first, second = await w.send("Dzień dobry"), await w.send("Cena 5 € [brutto] @")
        got = await w.centre.wait_for("submit", 2)
        assert [(one["text"], one["coding"]) for one in got] == [
            ("Dzień dobry", 8),
            ("Cena 5 € [brutto] @", 0),
        ]
        assert (got[0]["source"], got[0]["source_ton"]) == ("URZAD", 5)
        assert (got[0]["destination"], got[0]["destination_ton"]) == ("48600700800", 1)
        # The answer named it in hexadecimal, the report in decimal.
        assert await w.reported(2) == [(first, "delivered"), (second, "delivered")]
        assert (await w.connector.check()).state == "ok"


@pytest.mark.parametrize("way", ["udh", "udh16", "sar", "payload"])
async def test_long_messages_go_out_each_way(way: str) -> None:
    async with wire(long_messages=way) as w:
        for text, parts in (("Zażółć gęślą jaźń! " * 10, 3), ("€bcdefghij" * 40, 3)):
            before = w.centre.count("submit")
            name = await w.send(text)
            count = 1 if way == "payload" else parts
            got = (await w.centre.wait_for("submit", before + count))[before:]
            assert "".join(one["text"] for one in got) == text.strip()
            if way.startswith("udh"):
                assert [one["udh"][0][-4:] for one in got] == [f"03{n:02x}" for n in range(1, count + 1)]
                assert {one["esm_class"] for one in got} == {0x40}
            if way == "sar":
                assert [one["sar"][1:] for one in got] == [[3, 1], [3, 2], [3, 3]]
            reports = await w.reported(1 if before == 0 else 2)
            assert reports[-1] == (name, "delivered")
        assert w.centre.count("submit") == 2 * count


@pytest.mark.parametrize("wide", [False, True])
async def test_long_messages_come_in_whatever_the_order(wide: bool) -> None:
    async with wire() as w:
        for number, text in ((3, "trzecia"), (1, "pierwsza, "), (2, "druga, ")):
            w.centre.writes(text, udh=part(number, reference=0x1234 if wide else 7, wide=wide))
        for number, text in ((2, "gęślą 😀"), (1, "Zażółć ")):
            w.centre.writes(
                text,
                sender="48600700801",
                sar_msg_ref_num=300,
                sar_total_segments=2,
                sar_segment_seqnum=number,
            )
        w.centre.order(
            "deliver",
            fields={"source_addr": "48600700802", "data_coding": 0},
            payload=(b"Caly tekst. " * 40).hex(),
        )
        await w.ledger.wait_for(3)
        assert sorted(w.texts()) == sorted(
            ["pierwsza, druga, trzecia", "Zażółć gęślą 😀", "Caly tekst. " * 40]
        )


async def test_parts_survive_a_restart_because_they_were_kept_before_they_were_acknowledged() -> None:
    async with smpp_centre() as centre:
        ledger, log = Ledger(), Log()
        async with running(centre, ledger, log) as first:
            await first.bound()
            centre.writes("pierwsza, ", udh=part(1))
            centre.writes("druga, ", udh=part(2))
            await centre.wait_for("acknowledged", 2)
        assert not ledger.events
        async with running(centre, ledger, log) as second:
            await second.bound()
            centre.writes("trzecia", udh=part(3))
            await ledger.wait_for(1)
            assert second.texts() == ["pierwsza, druga, trzecia"]


async def test_what_never_becomes_whole_is_shown_with_what_there_is() -> None:
    async with wire(wait_minutes=0.01) as w:
        w.centre.writes("pierwsza", udh=part(1))
        w.centre.writes("trzecia", udh=part(3))
        await w.ledger.wait_for(1)
        assert w.texts() == ["pierwsza […] trzecia"]
        event = w.ledger.events[0]
        assert isinstance(event, Message)
        assert [field.name for field in event.fields] == ["incomplete"]


async def test_a_refusing_hub_leaves_it_at_the_centre() -> None:
    async with wire() as w:
        w.ledger.refuse()
        w.centre.writes("Halo")
        refused = await w.centre.wait_for("acknowledged", 2)
        assert {one["status"] for one in refused} == {0x64}
        w.ledger.take()
        await w.ledger.wait_for(1)
        assert w.texts() == ["Halo"]


@pytest.mark.parametrize(
    ("answer", "report"),
    [("hex", "decimal"), ("decimal", "hex"), ("hex", "hex"), ("decimal", "decimal")],
)
async def test_reports_find_their_message_however_ids_are_written(answer: str, report: str) -> None:
    async with wire() as w:
        await w.centre.set(answer=answer, report=report)
        names = [await w.send(f"Numer {n}") for n in range(3)]
        assert await w.reported(3) == [(name, "delivered") for name in names]
        await w.centre.set(stat="UNDELIV")
        last = await w.send("Ostatni")
        assert (await w.reported(4))[-1] == (last, "failed")


async def test_a_report_before_the_answer_waits_for_it() -> None:
    async with wire() as w:
        await w.centre.set(reports="before")
        name = await w.send("Szybki")
        assert await w.reported() == [(name, "delivered")]


async def test_how_ids_are_written_is_known_after_a_restart() -> None:
    async with smpp_centre() as centre:
        ledger, log = Ledger(), Log()
        async with running(centre, ledger, log) as first:
            await first.bound()
            await first.send("Pierwszy")
            await first.reported()
            await centre.set(reports="none")
            name = await first.send("Drugi")
        async with running(centre, ledger, log) as second:
            await second.bound()
            text = f"id:{int(name, 16):012d} stat:DELIVRD err:000".encode()
            centre.order("deliver", fields={"source_addr": "1", "esm_class": 4}, octets=text.hex())
            assert (await second.reported(2))[-1] == (name, "delivered")


async def test_a_failed_part_fails_the_message_and_an_arrived_one_says_nothing_yet() -> None:
    async with wire() as w:
        await w.centre.set(reports="none")
        name = await w.send("abcdefghij" * 40)
        first, last = int(name, 16) - 2, int(name, 16)
        for number, stat in ((first, "DELIVRD"), (first + 1, "UNDELIV")):
            text = f"id:{number:012d} stat:{stat} err:000".encode()
            w.centre.order("deliver", fields={"source_addr": "1", "esm_class": 4}, octets=text.hex())
        await w.centre.wait_for("acknowledged", 2)
        assert await w.reported() == [(name, "failed")]
        assert last


async def test_throttling_rests_and_then_goes_on() -> None:
    async with wire() as w:
        await w.centre.set(faults=[0x58])
        error = await w.refused("Za szybko")
        assert (error.kind, error.retry_after) == ("throttled", 0.3)
        assert (await w.refused("Jeszcze za szybko")).kind == "throttled"
        assert w.centre.count("submit") == 1, "while it rests nothing is sent"
        await asyncio.sleep(0.35)
        await w.send("Teraz")
        await w.centre.set(faults=[0x00, 0x14])
        await w.send("abcdefghij" * 40)
        assert w.centre.count("submit") == 2 + 4, "a further part is sent again"


async def test_what_may_have_left_is_ambiguous() -> None:
    async with wire(timeout_seconds=0.5) as w:
        await w.centre.set(faults=["silence"])
        assert (await w.refused("Cisza")).kind == "ambiguous"
        await w.centre.set(faults=[0x00, 0x0B])
        assert (await w.refused("abcdefghij" * 40)).kind == "ambiguous"
        await w.centre.set(faults=["cut"])
        assert (await w.refused("Przerwane")).kind == "ambiguous"
        assert (await w.refused("Nie ma dokad")).kind == "temporary"


async def test_it_binds_again_after_every_kind_of_loss() -> None:
    async with wire(enquire_seconds=0.2, timeout_seconds=0.3) as w:
        await w.centre.wait_for("enquire", 2)
        for loss in ("drop", "unbind"):
            binds = w.centre.count("bind")
            w.centre.order(loss)
            await w.centre.wait_for("bind", binds + 1)
        binds = w.centre.count("bind")
        await w.centre.set(mute=True)
        await w.centre.wait_for("bind", binds + 1)
        await w.centre.set(mute=False)
        await w.bound()
        await w.centre.kill()
        await until(lambda: w.connector._health.state == "unreachable")
        await w.centre.start()
        await w.bound()
        w.centre.writes("Po przerwie")
        await w.ledger.wait_for(1)
        await w.send("Tez po przerwie")


async def test_octets_that_are_no_smpp_end_the_link_and_a_strange_command_does_not() -> None:
    async with wire() as w:
        w.centre.order(
            "raw", octets="00000010000000220000000000000009"
        )  # broadcast_sm_cancel, of version 5.0
        w.centre.writes("Nadal")
        await w.ledger.wait_for(1)
        w.centre.order("raw", octets="ffffffff" + "00" * 12)
        await w.centre.wait_for("bind", 2)


async def test_a_wrong_password_is_told_for_what_it_is() -> None:
    async with smpp_centre() as centre:
        async with running(centre, Ledger(), Log(), password=Secret("zle")) as w:
            await until(lambda: w.connector._health.state == "wrong_credentials")
            assert (await w.refused("Halo")).kind == "temporary"
            await centre.set(password="zle")
            await w.bound()
            assert (await w.connector.check()).state == "ok"


async def test_the_window_bounds_what_is_on_its_way() -> None:
    async with wire(window=3) as w:
        await w.centre.set(delay=100)
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(w.send(f"Numer {n}") for n in range(9)))
        assert 0.29 < asyncio.get_running_loop().time() - began < 2
