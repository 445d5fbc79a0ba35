"""One suite over every connector of the registry. How a connector joins it stands in :mod:`tests.contract.case`."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import json
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from connectors.contract import Channel, Connector, Event, Invites, Refused, SendError, Serves, ShowsPresence
from connectors.registry import CHANNELS, load
from tests.connectors.requests import post
from tests.contract import fixtures
from tests.contract.case import Case, Wired
from tests.contract.guard import LeftLoopback
from tests.contract.world import FixedClock, Ledger, Log, make_env, whole

KINDS = sorted(CHANNELS)


def cases(kind: str) -> tuple[Case, ...]:
    """The cases of a kind; none where its module does not exist, which fails the first test and no other."""
    if importlib.util.find_spec(f"tests.contract.cases.{kind}") is None:
        return ()
    found: tuple[Case, ...] = importlib.import_module(f"tests.contract.cases.{kind}").CASES
    return found


def _each(chosen: Callable[[Case], bool] = lambda case: True) -> list[object]:
    """Every case of every connector, as parameters ``kind`` and ``case``."""
    return [
        pytest.param(kind, case, id=f"{kind}-{case.name}")
        for kind in KINDS
        for case in cases(kind)
        if chosen(case)
    ]


each_case = pytest.mark.parametrize(("kind", "case"), _each())
each_taking_case = pytest.mark.parametrize(("kind", "case"), _each(lambda case: case.takes))
each_send = pytest.mark.parametrize(
    ("kind", "case", "name"),
    [
        pytest.param(kind, case, name, id=f"{kind}-{case.name}-{name}")
        for kind in KINDS
        for case in cases(kind)
        for name in case.sends
    ],
)
each_failure = pytest.mark.parametrize(
    ("kind", "case", "how"),
    [
        pytest.param(kind, case, how, id=f"{kind}-{case.name}-{how}")
        for kind in KINDS
        for case in cases(kind)
        for how in case.failures
    ],
)
each_fixture = pytest.mark.parametrize(
    ("channel", "raw"),
    [
        pytest.param(load(kind), raw, id=f"{kind}-{raw.stem}")
        for kind in KINDS
        if cases(kind)
        for raw in fixtures.raws(kind)
    ],
)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture(autouse=True)
def _no_secret_in_a_log(request: pytest.FixtureRequest, log: Log, caplog: pytest.LogCaptureFixture) -> object:
    """After every test that runs a connector: neither its own log nor a library's holds what must not be there."""
    caplog.set_level(logging.DEBUG)
    yield
    case = request.node.callspec.params.get("case") if hasattr(request.node, "callspec") else None
    if isinstance(case, Case):
        written = "\n".join([*log.lines, *(record.getMessage() for record in caplog.records)])
        leaked = [secret for secret in case.secrets if secret in written]
        assert not leaked, f"in a log: {leaked}"


@contextlib.asynccontextmanager
async def at_work(case: Case, log: Log, ledger: Ledger) -> AsyncIterator[tuple[Wired, asyncio.Task[None]]]:
    """The connector running beside its peer."""
    async with case.wired(make_env(log=log)) as wired:
        wired.connector.routes()
        task = asyncio.create_task(whole(wired.connector, ledger))
        try:
            await asyncio.sleep(0.01)
            if case.ready is not None:
                await asyncio.wait_for(case.ready(wired), 10)
            yield wired, task
        finally:
            task.cancel()
            await asyncio.wait({task})


@contextlib.asynccontextmanager
async def serving(connector: Connector) -> AsyncIterator[None]:
    """As in a process that sends, and does not read the inbox."""
    task = asyncio.create_task(connector.serve(Ledger())) if isinstance(connector, Serves) else None
    await asyncio.sleep(0)
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            await asyncio.wait({task})


@pytest.mark.parametrize("kind", KINDS)
def test_a_channel_says_what_it_is(kind: str) -> None:
    channel = load(kind)
    assert channel.kind == kind
    assert channel.config.__struct_config__.forbid_unknown_fields
    assert channel.config.__struct_config__.frozen
    assert len(fixtures.raws(kind)) >= 3, "a connector shows at least three inputs"
    assert cases(kind), "a connector has at least one case"


@each_fixture
def test_a_wire_fixture_gives_what_stands_beside_it(channel: Channel, raw: Path) -> None:
    found = channel.parse(raw.read_bytes(), fixtures.context())
    assert found == fixtures.expected(raw, found)


@each_fixture
def test_a_replayed_fixture_has_the_same_identity(channel: Channel, raw: Path) -> None:
    first = channel.parse(raw.read_bytes(), fixtures.context())
    later = msgspec.structs.replace(fixtures.context(), now=fixtures.NOW + 3_600_000_000)
    again = channel.parse(raw.read_bytes(), later)
    assert [_identity(item) for item in first] == [_identity(item) for item in again]


def _identity(item: Event) -> tuple[str, str | None]:
    return type(item).__name__, item.external_id


def test_no_two_fixtures_of_a_channel_pass_for_the_same_message() -> None:
    for kind in KINDS:
        seen: dict[str, str] = {}
        for raw in fixtures.raws(kind):
            for item in json.loads(raw.with_suffix(".json").read_bytes()):
                identity = item.get("external_id")
                assert identity is None or seen.setdefault(identity, raw.name) == raw.name


@each_taking_case
async def test_what_is_told_arrives_once(kind: str, case: Case, log: Log) -> None:
    ledger = Ledger()
    async with at_work(case, log, ledger) as (wired, _):
        assert await wired.tell(1)
        assert await wired.tell(2)
        await ledger.wait_for(2)
        if case.told_again == "sender" and case.has_identity:
            assert await wired.tell(1), "what was taken already is acknowledged again"
    assert len(ledger.events) == 2
    assert ledger.raws, "the raw bytes are kept"


@each_taking_case
async def test_a_refusing_sink_leaves_the_message_on_the_wire(kind: str, case: Case, log: Log) -> None:
    ledger = Ledger()
    ledger.refuse(retry_after=0.05)
    async with at_work(case, log, ledger) as (wired, _):
        telling = asyncio.create_task(wired.tell(1))
        await asyncio.wait_for(ledger.refused.wait(), 20)
        # A sender is answered; a wire that is asked keeps the message, which takes a second to be sure of.
        await asyncio.wait({telling}, timeout=None if case.told_again == "sender" else 0.1)
        assert not telling.done() or not await telling, "acknowledged without a commit"
        assert not ledger.events
        ledger.take()
        if case.told_again == "sender":
            assert await wired.tell(1)
        await ledger.wait_for(1)
        await telling
    assert len(ledger.events) == 1


META = ("facebook_comments", "instagram", "instagram_comments", "messenger", "whatsapp")
SIGNED = {*META, "kannel", "phone", "smsapi", "telegram", "twilio", "webhook", "x"}
"""Kinds whose provider calls at an address of ours, and proves that it is the provider."""


@each_case
async def test_strangers_neither_get_in_nor_fill_the_log(kind: str, case: Case, log: Log) -> None:
    """What proves nothing is refused, and said once: a secret that is configured wrong looks the same."""
    ledger = Ledger()
    async with at_work(case, log, ledger) as (wired, _):
        doors = [
            route
            for route in wired.connector.routes()
            if route.path.startswith("/in/") and route.method == "POST"
        ]
        assert bool(doors) == (kind in SIGNED and case.name != "polling")
        for route in doors:
            answers = {(await post(wired.connector, route.path, b"{}")).status for _ in range(30)}
            assert answers <= {401, 403}
        assert log.count("calls are not believed") == len(doors)
    assert not ledger.events


async def _kept(connector: Connector, ledger: Ledger) -> None:
    """As the hub keeps an inbox, which is begun again at once where nothing but the hub's refusal ended it."""
    while True:
        try:
            await whole(connector, ledger)
        except* Refused:
            await asyncio.sleep(0.01)


@each_taking_case
async def test_a_storage_that_is_away_ends_nothing_for_good(kind: str, case: Case, log: Log) -> None:
    """Places on the wire cannot be read then either; once it is back, the next message comes at once."""
    ledger = Ledger()
    ledger.lose_storage()
    async with case.wired(make_env(log=log)) as wired:
        wired.connector.routes()
        task = asyncio.create_task(_kept(wired.connector, ledger))
        try:
            await asyncio.sleep(0.15)
            ledger.take()
            await asyncio.sleep(0.05)
            if case.ready is not None:
                await asyncio.wait_for(case.ready(wired), 10)
            assert await wired.tell(1)
            await ledger.wait_for(1, seconds=5.0)
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.wait({task})
    assert not [line for line in log.lines if line.startswith("error")]


@each_taking_case
async def test_nothing_is_acknowledged_before_the_commit(kind: str, case: Case, log: Log) -> None:
    ledger = Ledger()
    ledger.open.clear()
    async with at_work(case, log, ledger) as (wired, _):
        telling = asyncio.create_task(wired.tell(1))
        await asyncio.wait_for(ledger.begun.wait(), 20)
        await asyncio.sleep(0.05)  # an acknowledgement on loopback takes a tenth of that
        assert not telling.done(), "acknowledged before the commit"
        ledger.open.set()
        assert await telling
    assert len(ledger.events) == 1


def _sockets() -> set[int]:
    """The inodes of this process's network sockets."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError, ValueError):
            target = os.readlink(f"/proc/self/fd/{name}")
            if target.startswith("socket:"):
                found.add(int(target[8:-1]))
    return found


@each_case
async def test_cancelling_closes_every_socket_at_once(kind: str, case: Case, log: Log) -> None:
    async with case.wired(make_env(log=log)) as wired:
        before = _sockets()
        task = asyncio.create_task(whole(wired.connector, Ledger()))
        await asyncio.sleep(0.01)
        if case.ready is not None:
            await asyncio.wait_for(case.ready(wired), 10)
        if case.takes:
            await wired.tell(1)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 2, "it takes its time"
        while left := _sockets() - before:
            assert time.monotonic() - began < 30, f"{len(left)} sockets stay open"
            await asyncio.sleep(0.01)


@each_send
async def test_a_send_is_exactly_what_is_expected(kind: str, case: Case, name: str, log: Log) -> None:
    async with case.wired(make_env(log=log, clock=FixedClock())) as wired, serving(wired.connector):
        await wired.connector.send(case.sends[name])
        found = wired.sent()
    assert found == fixtures.expected_wire(kind, name, found)


@each_failure
async def test_a_failure_is_told_for_what_it_is(kind: str, case: Case, how: str, log: Log) -> None:
    mail = next(iter(case.sends.values()))
    async with case.wired(make_env(log=log)) as wired, serving(wired.connector):
        wired.fail(how)
        with pytest.raises(SendError) as raised:
            await wired.connector.send(mail)
    error = raised.value
    assert error.kind == case.failures[how]
    assert error.public
    told = f"{error.public} {error.private}"
    assert not [secret for secret in case.secrets if secret in told], "in the error"
    if error.kind == "throttled":
        assert error.retry_after is not None and error.retry_after > 0


@each_case
async def test_what_is_declared_is_there(kind: str, case: Case, log: Log) -> None:
    """What capabilities promise besides sending is a method of its own, and nobody keeps such a method to himself."""
    async with case.wired(make_env(log=log)) as wired:
        connector, can = wired.connector, wired.connector.capabilities
        assert isinstance(connector, ShowsPresence) == (can.typing or can.read_receipts)
        assert isinstance(connector, Invites) == can.invites


@each_case
async def test_checking_never_raises(kind: str, case: Case, log: Log) -> None:
    async with case.wired(make_env(log=log)) as wired:
        health = await asyncio.wait_for(wired.connector.check(), 10)
    assert health.state in ("ok", "starting")
    assert not [secret for secret in case.secrets if secret in health.detail]


async def test_the_guard_sees_a_connection_to_elsewhere() -> None:
    """Addresses of RFC 5737, which lead nowhere."""
    with pytest.raises(LeftLoopback):
        await asyncio.open_connection("192.0.2.1", 80)
    with pytest.raises(LeftLoopback):
        await asyncio.open_connection("mail.example.org", 25)
    with pytest.raises(LeftLoopback), socket.socket() as probe:
        probe.connect_ex(("198.51.100.1", 443))
