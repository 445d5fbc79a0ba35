"""SMPP against a message centre on loopback that writes down every octet."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from connectors.contract import Connector, Env, Secret
from connectors.smpp import CHANNEL
from connectors.smpp import pdu as wire
from connectors.smpp.settings import Settings
from tests.connectors.smpp.wire_smpp import PASSWORD, FakeCentre, centre, short
from tests.connectors.sms.specimen import PRIVATE, outbound
from tests.contract.case import Case, Wired
from tests.contract.world import Ledger

_FAULTS: dict[str, int | str] = {
    "throttled": wire.THROTTLED,
    "queue full": wire.QUEUE_FULL,
    "bad number": wire.INVALID_DESTINATION,
    "bad sender": wire.INVALID_SOURCE,
    "system error": wire.SYSTEM_ERROR,
    "status of its own": 0x0412,
    "cut": "cut",
    "silence": "silence",
}


class _Smpp:
    def __init__(self, env: Env, fake: FakeCentre, port: int) -> None:
        settings = Settings(
            host="127.0.0.1",
            port=port,
            system_id="centrala",
            password=Secret(PASSWORD),
            sender="+48123123123",
            price=7,
            timeout_seconds=1,
            enquire_seconds=5,
        )
        self.connector: Connector = CHANNEL.create(settings, env)
        self.fake = fake

    async def tell(self, number: int) -> bool:
        text = f"Moj PESEL: 44051401359 ({number})".encode()
        return await self.fake.deliver(short(text)) == wire.OK

    def sent(self) -> bytes:
        return "".join(f"{pdu.hex()}\n" for pdu in self.fake.submitted).encode()

    def fail(self, how: str) -> None:
        self.fake.faults = [_FAULTS[how]]


@contextlib.asynccontextmanager
async def _wired(env: Env) -> AsyncIterator[Wired]:
    async with centre() as (fake, port):
        yield _Smpp(env, fake, port)


@contextlib.asynccontextmanager
async def _running(env: Env) -> AsyncIterator[Wired]:
    """It sends while it is bound, so it runs."""
    async with _wired(env) as wired:
        running = asyncio.create_task(wired.connector.run(Ledger()))
        try:
            await _bound(wired)
            yield wired
        finally:
            running.cancel()
            await asyncio.wait({running})


async def _bound(wired: Wired) -> None:
    """Until it can be told something."""
    for _ in range(500):
        if (await wired.connector.check()).state == "ok":
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not bind")


_SECRETS = (PASSWORD, *PRIVATE)

CASES = (
    Case(name="taking", wired=_wired, ready=_bound, secrets=_SECRETS, has_identity=False),
    Case(
        name="sending",
        wired=_running,
        secrets=_SECRETS,
        takes=False,
        sends={
            "polish": outbound(),
            "short-alphabet": outbound(text="Cena: 5 € [brutto]\nPozdrawiamy"),
            "without-diacritics": outbound(automatic=True),
            "long": outbound(text="Zażółć gęślą jaźń. " * 8),
            "long-short-alphabet": outbound(text="Abc 123456 " * 20),
        },
        failures={
            "throttled": "throttled",
            "queue full": "throttled",
            "bad number": "permanent",
            "bad sender": "permanent",
            "system error": "temporary",
            "status of its own": "temporary",
            "cut": "ambiguous",
            "silence": "ambiguous",
        },
    ),
)
