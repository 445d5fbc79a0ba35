"""Two thousand mangled mails through parser, intake and both stores: none crashes, is lost, or is there twice."""

from __future__ import annotations

import asyncio
import random

import pytest
from sqlalchemy import func, select

from connectors.contract import InboxId, Micros, ParseContext, Raw
from connectors.email.normalise import parse
from hub.house import House
from hub.intake.sink import Intake
from hub.store import schema
from hub.store.store import Store
from tests.connectors.email.reading import SPECIMENS, mutated
from tests.hub.conftest import FakeClock

pytestmark = pytest.mark.slow

COUNT = 2000


async def test_every_mangled_mail_is_somewhere(
    store: Store, intake: Intake, house: House, clock: FakeClock
) -> None:
    draw = random.Random(7)
    specimens = [path.read_bytes() for path in SPECIMENS]
    raws = [mutated(draw.choice(specimens), draw) for _ in range(COUNT)]
    context = ParseContext(inbox=InboxId("kontakt"), now=Micros(clock.now()), tokens=house.tokens)
    parsed = [parse(raw, context) for raw in raws]
    sink = intake.sink("kontakt")
    told = [sink.accept(Raw(content=raw), items) for raw, items in zip(raws, parsed, strict=True)]
    receipts = await asyncio.gather(*told)
    assert not any(receipt.quarantined for result in receipts for receipt in result)
    events = {item.external_id for items in parsed for item in items}
    seen = select(func.count()).select_from(schema.seen)
    assert await store.read(lambda tx: tx.scalar(seen)) == len(events)
    fresh = [receipt for result in receipts for receipt in result if not receipt.duplicate]
    assert len(fresh) == len(events)
    assert all(receipt.message or receipt.conversation or receipt.parked for receipt in fresh)
    kept = select(func.count()).select_from(schema.raw)
    assert await store.read(lambda tx: tx.scalar(kept)) == COUNT
