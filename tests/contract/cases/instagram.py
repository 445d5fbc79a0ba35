"""Instagram direct messages: calls signed as Meta signs them, and the Graph API of the linked page on loopback."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import msgspec

from connectors.contract import Choice, Connector, Env, OutAttachment, Outbound, Party
from connectors.meta.instagram import CHANNEL, Settings
from hub.demo.peers.meta import payloads
from hub.demo.peers.meta.direct import DirectPeer
from hub.demo.peers.meta.platform import MetaPeer
from hub.egress import CheckedEgress
from tests.connectors.requests import post
from tests.contract.case import Case, Wired
from tests.contract.cases import messenger
from tests.contract.meta import (
    INSTAGRAM,
    PAGE,
    PAGE_TOKEN,
    VERIFY,
    make_peer,
    on_the_wire,
    served,
    settings,
    signed,
    with_egress,
)

PERSON = "17841400112233"
AT = messenger.AT


class _Instagram:
    def __init__(self, env: Env, meta: MetaPeer, egress: CheckedEgress) -> None:
        config = settings(meta, Settings, INSTAGRAM, page=PAGE, profiles=False, check_seconds=10)
        self.connector: Connector = CHANNEL.create(config, with_egress(env, egress))
        self._meta = meta

    async def tell(self, number: int) -> bool:
        message = {"mid": f"aWdftold{number}", "text": "Mój PESEL: 44051401359, tel. 600700800"}
        event = payloads.event(PERSON, INSTAGRAM, AT, message=message)
        body = msgspec.json.encode({"object": "instagram", "entry": [payloads.entry(INSTAGRAM, AT, event)]})
        answer = await post(self.connector, "/in/test-inbox", body, signed(self._meta, body))
        return answer.status == 200

    def sent(self) -> bytes:
        return on_the_wire(self._meta)

    def fail(self, how: str) -> None:
        self._meta.fail(how)


@contextlib.asynccontextmanager
async def _wired(env: Env) -> AsyncIterator[Wired]:
    meta = make_peer(env.clock.now)
    people = DirectPeer(meta)
    person = people.meet(PERSON, INSTAGRAM, "Zofia Poufna", platform="instagram", username="zofia.p")
    person.wrote_at = env.clock.now()
    async with served(meta) as egress:
        yield _Instagram(env, meta, egress)


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
