"""PDUs, ids of messages and faults of a message centre, without a server of its own process."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from connectors._gsm import Place, header
from connectors.contract import InboxId, Message, Micros, Outbound, ParseContext, Party, Secret, SendError
from connectors.smpp import pdu as wire
from connectors.smpp.connector import Smpp
from connectors.smpp.ids import Ids, canonical, converted
from connectors.smpp.pdu import Address, BadPdu, Pdu, Short, address_of, read_short, write_short
from connectors.smpp.reading import parse
from connectors.smpp.session import INBOUND, LinkLost, opened
from connectors.smpp.settings import Settings
from hub.clock import SystemClock
from tests.connectors.email.wire_tls import certificate
from tests.connectors.smpp.wire_smpp import PASSWORD, FakeCentre, centre, receipt, short
from tests.contract.world import Clock, Ledger, Log, make_env

CONTEXT = ParseContext(inbox=InboxId("sms"), now=Micros(1))

# --- PDUs ----------------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=20)
ADDRESSES = st.builds(Address, digits=TEXTS, ton=st.integers(0, 255), npi=st.integers(0, 255))


@given(
    st.builds(
        Short,
        source=ADDRESSES,
        destination=ADDRESSES,
        esm_class=st.integers(0, 255),
        data_coding=st.integers(0, 255),
        registered_delivery=st.integers(0, 255),
        validity=st.just("000007000000000R"),
        service_type=st.just("CMT"),
        message=st.binary(max_size=600),
        options=st.dictionaries(st.integers(1, 0x0423), st.binary(max_size=20), max_size=4),
    )
)
def test_what_is_written_is_read(written: Short) -> None:
    found = read_short(Pdu(command=wire.DELIVER_SM, body=write_short(written)))
    found_options = {tag: value for tag, value in found.options.items() if tag != wire.MESSAGE_PAYLOAD}
    assert msgspec.structs.replace(found, options=found_options) == written


@given(st.binary(max_size=200), st.sampled_from([wire.DELIVER_SM, wire.DATA_SM, wire.SUBMIT_SM]))
def test_no_octets_break_the_reader(body: bytes, command: int) -> None:
    line = Pdu(command=command, sequence=1, body=body).encoded().hex().encode()
    assert len(parse(line, CONTEXT)) == 1, "everything is shown as something"


@given(st.integers(0, 150), st.data())
def test_a_real_one_cut_anywhere_is_still_shown(cut: int, data: st.DataObject) -> None:
    whole = write_short(short(b"\x05\x00\x03\x01\x02\x01Halo", esm=0x40))
    body = whole[: max(0, len(whole) - cut)]
    assert len(parse(Pdu(command=wire.DELIVER_SM, body=body).encoded().hex().encode(), CONTEXT)) == 1


@pytest.mark.parametrize("line", [b"zz", b"00", b"0000001100000015000000000000000100ff"])
def test_what_is_no_pdu_is_refused(line: bytes) -> None:
    with pytest.raises(BadPdu):
        parse(line, CONTEXT)


def test_lengths_that_cannot_be() -> None:
    for length in (0, 15, wire.LONGEST + 1, 0xFFFFFFFF):
        with pytest.raises(BadPdu):
            wire.announced(length.to_bytes(4, "big") + bytes(12))


@pytest.mark.parametrize(
    ("number", "ton", "npi", "digits"),
    [("+48600700800", 1, 1, "48600700800"), ("7055", 0, 1, "7055"), ("URZAD", 5, 0, "URZAD"), ("", 0, 0, "")],
)
def test_types_of_numbers(number: str, ton: int, npi: int, digits: str) -> None:
    assert address_of(number) == Address(digits=digits, ton=ton, npi=npi)


# --- ids -----------------------------------------------------------------------------------------------------------


@given(st.integers(1, 2**63))
def test_all_ways_of_writing_an_id_lead_back(number: int) -> None:
    for written in (f"{number:x}", f"{number:X}", f"0x{number:x}", f"{number:020x}"):
        assert canonical(written) == f"{number:x}"
    assert converted(f"{number:020d}", "hex-then-decimal") == f"{number:x}"
    assert converted(f"{number:X}", "decimal-then-hex") == str(number)
    assert converted(f"00{number}", "same") == str(number)


@given(
    st.lists(st.integers(0x10000000, 0xFFFFFFFF), min_size=1, max_size=30, unique=True), st.sampled_from("xd")
)
def test_reports_find_what_was_sent(numbers: list[int], answer: str) -> None:
    ids = Ids("auto")
    names = {number: ids.sent([f"{number:{answer}}"]) for number in numbers}
    other = "d" if answer == "x" else "x"
    for number in numbers:
        if f"{number:{other}}" not in names.values():
            assert ids.target(f"{number:{other}}") == (names[number], True)


def test_what_was_learned_counts_for_what_nobody_remembers() -> None:
    ids = Ids("auto")
    ids.sent(["1A2B3C"])
    assert ids.target("0001715004") == ("1a2b3c", True)
    assert ids.learned == "hex-then-decimal"
    later = Ids("auto")
    later.recall(ids.learned)
    assert later.target("0001715005") == ("1a2b3d", True)
    assert Ids("auto").target("0001715005") == ("1715005", True)
    assert Ids("hex-then-decimal").target("1715005") == ("1a2b3d", True)


def test_a_wrong_lesson_is_corrected() -> None:
    ids = Ids("auto")
    ids.recall("same")
    ids.sent(["1A2B3C"])
    assert ids.target("1715004") == ("1a2b3c", True)
    assert ids.learned == "hex-then-decimal"


def test_what_is_configured_is_stronger_than_what_was_learned() -> None:
    ids = Ids("same")
    ids.recall("hex-then-decimal")
    assert ids.target("1715005") == ("1715005", True)
    unknown = Ids("auto")
    unknown.recall("something of a later version")
    assert unknown.learned == "auto"


def test_parts_lead_to_the_last_one() -> None:
    ids = Ids("same")
    assert ids.sent(["a1", "a2", "a3"]) == "a3"
    assert ids.target("a1") == ("a3", False)
    assert ids.target("a3") == ("a3", True)


def test_an_id_of_zeros_stays_one() -> None:
    assert canonical("000") == "0"
    assert Ids("auto").target("") == ("", True)


# --- the link ------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def bound(
    tls_context: ssl.SSLContext | None = None, **settings: Any
) -> AsyncIterator[tuple[Smpp, FakeCentre, Ledger]]:
    """A connector that is bound, or was refused."""
    ledger = Ledger()
    async with centre(tls_context) as (fake, port):
        fields: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": port,
            "system_id": "centrala",
            "password": Secret(PASSWORD),
            "timeout_seconds": 0.4,
        }
        connector = Smpp(Settings(**fields | settings), make_env(log=Log()))
        running = asyncio.create_task(connector.run(ledger))
        try:
            for _ in range(200):
                if (await connector.check()).state != "starting":
                    break
                await asyncio.sleep(0.01)
            yield connector, fake, ledger
        finally:
            running.cancel()
            await asyncio.wait({running})


def outbound(text: str = "Halo", delivery: int = 1) -> Outbound:
    to = (Party(kind="phone", address="+48600700800"),)
    return Outbound(delivery=delivery, inbox=InboxId("sms"), message=1, to=to, text=text)


async def test_a_centre_with_latin1_gets_and_sends_latin1() -> None:
    async with bound(default_alphabet="latin1") as (connector, fake, ledger):
        await connector.send(outbound("Grüße @ $"))
        await connector.send(outbound("5 €"))
        first, second = (read_short(wire.decode(pdu)) for pdu in fake.submitted)
        assert (first.data_coding, first.message) == (0, "Grüße @ $".encode("latin-1"))
        assert (second.data_coding, second.message) == (8, "5 €".encode("utf-16-be"))
        assert await fake.deliver(short("Füße @".encode("latin-1"))) == wire.OK
        assert isinstance(ledger.events[0], Message)
        assert ledger.events[0].text == "Füße @"


async def test_an_emoji_that_a_handset_cut_in_two_is_one() -> None:
    data = ("a" * 66 + "😀 dziękuję").encode("utf-16-be")
    async with bound() as (_, fake, ledger):
        for number, cut in enumerate((data[:134], data[134:]), 1):
            head = header(Place(reference=9, total=2, number=number))
            assert await fake.deliver(short(head + cut, coding=8, esm=0x40)) == wire.OK
        assert ledger.events[0].text == "a" * 66 + "😀 dziękuję"  # type: ignore[union-attr]


async def test_tls_is_spoken_and_the_certificate_looked_at(tmp_path: Path) -> None:
    chain, context = certificate(tmp_path)
    async with bound(context, tls=True, ca_file=chain, timeout_seconds=5.0) as (connector, fake, _):
        await connector.send(outbound())
        assert len(fake.submitted) == 1
    async with bound(context, tls=True, timeout_seconds=5.0) as (connector, fake, _):
        assert (await connector.check()).state == "unreachable"
        assert fake.binds == 0


async def test_a_full_window_is_throttling_and_nothing_is_lost() -> None:
    async with bound(window=1) as (connector, fake, _):
        fake.faults = ["silence"]
        outcomes = await asyncio.gather(
            *(connector.send(outbound(delivery=n)) for n in range(2)), return_exceptions=True
        )
        assert [getattr(outcome, "kind", "sent") for outcome in outcomes] in (
            ["ambiguous", "throttled"],
            ["ambiguous", "sent"],
        )


async def test_per_second_spreads_segments() -> None:
    async with bound(per_second=20) as (connector, fake, _):
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(connector.send(outbound(delivery=n)) for n in range(5)))
        assert asyncio.get_running_loop().time() - began >= 0.19
        assert len(fake.submitted) == 5


async def test_settings_reach_the_wire() -> None:
    async with bound(validity_minutes=1500, reports=False, service_type="VMA", sender="7055") as (
        connector,
        fake,
        _,
    ):
        await connector.send(outbound("abcdefghij" * 17))
        assert len(fake.submitted) == 2
        for pdu in fake.submitted:
            found = read_short(wire.decode(pdu))
            assert found.validity == "000001010000000R"
            assert (found.registered_delivery, found.service_type, found.source.digits) == (0, "VMA", "7055")


async def test_a_sink_that_breaks_is_an_error_for_the_centre_and_not_the_end_of_the_link() -> None:
    async with bound() as (_, fake, ledger):
        ledger.refusing = RuntimeError("disk")
        assert await fake.deliver(short(b"Halo")) == wire.SYSTEM_ERROR
        ledger.take()
        assert await fake.deliver(short(b"Halo")) == wire.OK
        assert len(ledger.events) == 1
        assert fake.binds == 1


async def test_what_is_unknown_is_kept_and_acknowledged() -> None:
    async with bound() as (_, fake, ledger):
        assert await fake.deliver(short(b"\x01\x02", coding=4)) == wire.OK
        assert await fake.deliver(short(b"no id here", esm=4)) == wire.OK
        assert [event.__struct_config__.tag for event in ledger.events] == ["unknown", "unknown"]
        assert len(ledger.raws) == 2


async def test_the_same_report_twice_is_one_event() -> None:
    async with bound() as (connector, fake, ledger):
        sent = await connector.send(outbound())
        for _ in range(2):
            assert await fake.deliver(receipt(str(int(str(sent.remote_id), 16)))) == wire.OK
        assert [event.target for event in ledger.events] == [sent.remote_id]


async def test_an_unknown_report_is_handed_on_for_the_hub_to_park() -> None:
    async with bound() as (_, fake, ledger):
        assert await fake.deliver(receipt("00424242")) == wire.OK
        assert [event.target for event in ledger.events] == ["424242"]


class Hurried(Clock):
    """The time of the machine, in which nobody sleeps for long."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0.001)


async def test_a_centre_that_ends_each_link_at_once_is_not_stormed() -> None:
    clock = Hurried()
    async with centre() as (fake, port):
        fake.throws_out = True
        settings = Settings(
            host="127.0.0.1", port=port, system_id="a", password=Secret(PASSWORD), enquire_seconds=0.001
        )
        running = asyncio.create_task(Smpp(settings, make_env(clock=clock, log=Log())).run(Ledger()))
        for _ in range(1000):
            if fake.binds >= 9:
                break
            await asyncio.sleep(0.005)
        running.cancel()
        await asyncio.wait({running})
    assert max(clock.slept) > 40


async def test_a_backlog_of_reports_keeps_no_answer_from_what_is_being_sent() -> None:
    """After a restart: the centre has reports of messages that nobody here remembers, and the answer stands behind."""
    async with bound() as (connector, fake, ledger):
        fake.backlog = [receipt(f"{5_000_000 + number}") for number in range(3 * INBOUND)]
        sent = await connector.send(outbound())
        assert sent.remote_id
        await ledger.wait_for(3 * INBOUND)
        assert await fake.deliver(receipt(str(int(sent.remote_id, 16)))) == wire.OK
        assert ledger.events[-1].target == sent.remote_id


@pytest.mark.parametrize(
    ("status", "state"), [(0x0E, "wrong_credentials"), (0x0F, "wrong_credentials"), (0x64, "unreachable")]
)
async def test_a_refused_bind_says_why(status: int, state: str) -> None:
    async with centre() as (fake, port):
        fake.bind_status = status
        settings = Settings(host="127.0.0.1", port=port, system_id="a", password=Secret(PASSWORD))
        connector = Smpp(settings, make_env(log=Log()))
        running = asyncio.create_task(connector.run(Ledger()))
        for _ in range(3000):
            if (health := await connector.check()).state != "starting":
                break
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait({running})
        assert health.state == state
        assert health.detail
        with pytest.raises(SendError) as raised:
            await connector.send(outbound())
        assert raised.value.kind == "temporary"


def test_on_a_link_that_is_gone_nothing_is_sent_and_that_is_certain() -> None:
    """The hub's event loop refuses to write to it, with an error that is no error of a connection."""

    async def gone() -> None:
        async with centre() as (fake, port):
            settings = Settings(host="127.0.0.1", port=port, system_id="a", password=Secret(PASSWORD))
            async with opened(settings, SystemClock()) as session:
                session._writer.transport.abort()
                await asyncio.sleep(0.05)
                with pytest.raises(LinkLost) as lost:
                    await session.ask(wire.SUBMIT_SM, write_short(short(b"Halo")))
                assert not lost.value.sent
            assert not fake.submitted

    uvloop.run(gone())
