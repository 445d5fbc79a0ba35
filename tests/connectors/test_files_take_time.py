"""Files are waited for as long as their size wants, not as long as for a short answer: else large ones never pass."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connectors._http import FETCH_SECONDS, UPLOAD_SECONDS
from connectors.contract import (
    Connector,
    Fetched,
    InboxId,
    Micros,
    OutAttachment,
    Outbound,
    Party,
    SendError,
    decode_secret,
)
from connectors.registry import load
from hub.outbox.errands import LONGEST
from tests.connectors.x.world import keys
from tests.contract.world import FixedClock, make_env

MEDIA = "https://media.example/film.mp4"
META = {
    "account": "104212345678901",
    "app_id": "1234567890",
    "app_secret": "a" * 32,
    "verify_token": "b" * 32,
    "access_token": "c" * 32,
    "media_hosts": ("media.example",),
}
TWILIO = {"account_sid": "AC" + "0" * 32, "auth_token": "d" * 32, "sender": "+48221234567"}
GOOGLE = {"channel_id": "UC" + "x" * 22, "client_id": "e", "client_secret": "f", "refresh_token": "g"}

FETCHES = [
    ("messenger", META, MEDIA),
    ("whatsapp", META, MEDIA),
    ("twilio", {**TWILIO, "media_hosts": ("media.example",)}, MEDIA),
    ("webhook", {"secret": "s" * 40}, MEDIA),
    ("xmpp", {"address": "kontakt@example.pl", "password": "pw"}, MEDIA),
    ("youtube", GOOGLE, MEDIA),
    ("x", {"account_id": "1"}, MEDIA),
    ("x", {"account_id": "1"}, "https://ton.x.com/i/ton/data/dm/1/2/film.mp4"),
]


class Away:
    """Nobody answers; how long each request would have been waited for."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def request(self, method: str, url: str, *, timeout: float = 15.0, **_: Any) -> Fetched:
        self.waits.append(timeout)
        raise SendError("temporary", "The other side cannot be reached.")


def connector(kind: str, settings: dict[str, Any]) -> tuple[Connector, Away]:
    """A connector with nobody on the other side."""
    egress, channel = Away(), load(kind)
    given = {**settings, **(keys() if kind == "x" else {})}
    made = (
        channel.config(**given)
        if kind == "x"
        else msgspec.convert(given, channel.config, dec_hook=decode_secret)
    )
    return channel.create(made, make_env(egress=egress, clock=FixedClock())), egress


@pytest.mark.parametrize(("kind", "settings", "ref"), FETCHES)
async def test_a_file_of_somebody_is_waited_for(kind: str, settings: dict[str, Any], ref: str) -> None:
    made, egress = connector(kind, settings)
    with pytest.raises(SendError):
        await made.fetch(ref)
    assert egress.waits == [FETCH_SECONDS]
    assert FETCH_SECONDS < LONGEST, "else the hub ends it before, and a second file has no chance"


@pytest.mark.parametrize(
    ("kind", "settings"), [("messenger", META), ("whatsapp", META), ("x", {"account_id": "1"})]
)
async def test_a_file_of_ours_is_waited_for(kind: str, settings: dict[str, Any]) -> None:
    made, egress = connector(kind, settings)
    picture = OutAttachment(filename="a.png", content_type="image/png", content=b"\x89PNG")
    person = Party(kind="phone" if kind == "whatsapp" else kind, address="48600700800")
    now = Micros(FixedClock().at)
    sending = Outbound(
        delivery=1, inbox=InboxId("a"), message=1, to=(person,), attachments=(picture,), inbound_at=now
    )
    with pytest.raises(SendError):
        await made.send(sending)
    assert egress.waits == [UPLOAD_SECONDS]
    assert made.capabilities.send_limit > UPLOAD_SECONDS
