"""Instagram direct messages: calls signed as Meta signs them, and the Graph API of the linked page on loopback."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from connectors.contract import Choice, Env, OutAttachment, Outbound, Party
from connectors.meta.instagram import CHANNEL, Settings
from hub.demo.peers.meta import payloads
from hub.demo.peers.meta.direct import DirectPeer
from tests.contract.case import Case, Wired
from tests.contract.cases import messenger
from tests.contract.meta import (
    INSTAGRAM,
    PAGE,
    PAGE_TOKEN,
    VERIFY,
    WiredMeta,
    make_peer,
    served,
    settings,
    with_egress,
)

PERSON = "17841400112233"
AT = messenger.AT


def _told(number: int) -> object:
    message = {"mid": f"aWdftold{number}", "text": "Mój PESEL: 44051401359, tel. 600700800"}
    event = payloads.event(PERSON, INSTAGRAM, AT, message=message)
    return {"object": "instagram", "entry": [payloads.entry(INSTAGRAM, AT, event)]}


@contextlib.asynccontextmanager
async def _wired(env: Env) -> AsyncIterator[Wired]:
    meta = make_peer(env.clock.now)
    people = DirectPeer(meta)
    person = people.meet(PERSON, INSTAGRAM, "Zofia Poufna", platform="instagram", username="zofia.p")
    person.wrote_at = env.clock.now()
    async with served(meta) as egress:
        config = settings(meta, Settings, INSTAGRAM, page=PAGE, profiles=False, check_seconds=10)
        yield WiredMeta(meta, CHANNEL.create(config, with_egress(env, egress)), _told)


def outbound(**more: object) -> Outbound:
    """An answer to the person within the window."""
    to = (Party(kind="instagram", address=PERSON, name="Zofia Poufna"),)
    return messenger.outbound(to=to, reply_to="aWdfmid1", **more)


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
            "picture": outbound(
                attachments=(OutAttachment(filename="a.jpg", content_type="image/jpeg", content=b"J"),)
            ),
            "buttons": outbound(text="Czy pomogliśmy?", choices=(Choice(id="csat:5", label="Tak"),)),
        },
        failures={
            "80007": "throttled",
            "190": "temporary",
            "10/2534022": "permanent",
            "551/1545041": "permanent",
            "http-503": "temporary",
            "cut": "ambiguous",
            "silence": "ambiguous",
        },
    ),
)
