"""An intake over each store, fed as connectors feed it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from connectors.contract import Inbound, InboxId, Message, Party, Raw, Receipt, ThreadKey
from hub.house import House
from hub.intake.sink import Intake
from hub.logs import logger
from hub.store.store import Store
from tests.hub.conftest import FakeClock
from tests.hub.specimen import a_house

Feed = Callable[..., Awaitable[Receipt]]

LONG = "Dzień dobry, chciałbym zapytać o zasiłek dla bezrobotnych i termin wypłaty."


def mail(number: int | str, sender: str = "jan@example.pl", text: str = LONG, **more: Any) -> Message:
    """A mail as the e-mail connector would hand it over."""
    return Message(
        inbox=InboxId(more.pop("inbox", "kontakt")),
        external_id=f"id-{number}",
        sender=Party(kind="email", address=sender, name="Jan"),
        subject=more.pop("subject", "Pytanie"),
        text=text,
        full_text=text,
        thread_keys=tuple(ThreadKey(f"mid:{key}") for key in more.pop("answers", ())),
        adds_keys=(ThreadKey(f"mid:{number}"),),
        wire_id=f"<{number}@example.pl>",
        **more,
    )


@pytest.fixture
def house() -> House:
    return a_house()


@pytest.fixture
def intake(store: Store, house: House, clock: FakeClock) -> Intake:
    return Intake(store, lambda: house, clock.monotonic, logger("test"), lambda key, what: None)


@pytest.fixture
def feed(intake: Intake) -> Feed:
    async def one(item: Inbound, raw: bytes = b"raw") -> Receipt:
        receipts = await intake.sink(item.inbox).accept(Raw(content=raw), [item])
        return receipts[0]

    return one
