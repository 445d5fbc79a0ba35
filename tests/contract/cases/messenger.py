"""Messenger: calls signed as Meta signs them, and a Graph API on loopback that checks what Meta checks."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import msgspec

from connectors.contract import (
    Choice,
    Env,
    InboxId,
    Micros,
    OutAttachment,
    Outbound,
    Party,
)
from connectors.meta.messenger import CHANNEL, Settings
from hub.demo.peers.meta import payloads
from hub.demo.peers.meta.direct import DirectPeer
from tests.contract.case import Case, Wired
from tests.contract.meta import (
    PAGE,
    PAGE_TOKEN,
    VERIFY,
    WiredMeta,
    make_peer,
    served,
    settings,
    with_egress,
)
from tests.contract.world import FixedClock

PERSON = "24691357802468"
AT = FixedClock().at

FAILURES = {
    "4": "throttled",
    "613": "throttled",
    "80007": "throttled",
    "190": "temporary",
    "10": "temporary",
    "200": "temporary",
    "10/2018278": "permanent",
    "551/1545041": "permanent",
    "100/2018001": "permanent",
    "100": "permanent",
    "1": "temporary",
    "1200": "temporary",
    "2635": "temporary",
    "http-503": "temporary",
    "http-429": "throttled",
    "cut": "ambiguous",
    "silence": "ambiguous",
    "nonsense": "ambiguous",
}


def _told(number: int) -> object:
    message = {"mid": f"m_told{number}", "text": "Mój PESEL: 44051401359, tel. 600700800"}
    event = payloads.event(PERSON, PAGE, AT, message=message)
    return {"object": "page", "entry": [payloads.entry(PAGE, AT, event)]}


@contextlib.asynccontextmanager
async def _wired(env: Env) -> AsyncIterator[Wired]:
    meta = make_peer(env.clock.now)
    people = DirectPeer(meta)
    people.meet(PERSON, PAGE, "Zofia Poufna").wrote_at = env.clock.now()
    async with served(meta) as egress:
        config = settings(meta, Settings, PAGE, profiles=False, check_seconds=10)
        yield WiredMeta(meta, CHANNEL.create(config, with_egress(env, egress)), _told)


def outbound(**more: object) -> Outbound:
    """An answer to the person within the window."""
    base = Outbound(
        delivery=41,
        inbox=InboxId("test-inbox"),
        message=17,
        to=(Party(kind="messenger", address=PERSON, name="Zofia Poufna"),),
        text="Dzień dobry,\nodpowiadamy.",
        reply_to="m_told1",
        created_at=Micros(1),
    )
    return msgspec.structs.replace(base, **more)


CASES = (
    Case(
        name="signed",
        wired=_wired,
        secrets=(
            PAGE_TOKEN,
            VERIFY,
            "app-secret-of-the-peer",
            "Zofia",
            "44051401359",
            "600700800",
            "odpowiadamy",
        ),
        sends={
            "answer": outbound(),
            "answer-with-file": outbound(
                attachments=(
                    OutAttachment(filename='pi"smo.pdf', content_type="application/pdf", content=b"%PDF"),
                )
            ),
            "picture-alone": outbound(
                text="",
                attachments=(OutAttachment(filename="a.png", content_type="image/png", content=b"P"),),
            ),
            "buttons": outbound(
                text="Czy pomogliśmy?",
                choices=(Choice(id="csat:5", label="Tak"), Choice(id="csat:1", label="Nie")),
            ),
        },
        failures=FAILURES,  # type: ignore[arg-type]
    ),
)
