"""Comments on a Facebook page: signed calls in, Graph API orders out, against Meta's peer on loopback."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import msgspec

from connectors.contract import Env, InboxId, Micros, Outbound, Party
from connectors.meta.facebook_comments import CHANNEL, Settings
from hub.demo.peers.meta.comments import CommentsPeer, Thing
from tests.contract.case import Case, Wired
from tests.contract.meta import (
    PAGE,
    PAGE_TOKEN,
    WiredMeta,
    make_peer,
    served,
    settings,
    with_egress,
)

COMMENT = "9000001_501"
ANSWER = "9000001_503"
VISITORS = f"{PAGE}_9000044"


def _told(number: int) -> object:
    """A visitor's post; its title comes with it, so that nothing is asked afterwards."""
    value = {
        "from": {"id": "6123456789012345", "name": "Zofia Poufna"},
        "item": "status",
        "verb": "add",
        "post_id": f"{PAGE}_{number}",
        "created_time": 1_794_328_700,
        "message": f"Mój PESEL 44051401359, telefon 600 700 800 ({number})",
    }
    entry = {"id": PAGE, "time": 1_794_328_790, "changes": [{"field": "feed", "value": value}]}
    return {"object": "page", "entry": [entry]}


@contextlib.asynccontextmanager
async def _wired(env: Env) -> AsyncIterator[Wired]:
    meta = make_peer(env.clock.now)
    comments = CommentsPeer(meta)
    at = env.clock.now()
    for name, author, shown in ((COMMENT, "6123", "Zofia Poufna"), (ANSWER, PAGE, "Urząd Pracy")):
        comments.things[name] = Thing(name, PAGE, author, shown, "…", at, under=f"{PAGE}_9000001")
    comments.things[VISITORS] = Thing(VISITORS, PAGE, "6124", "Ewa", "…", at)
    async with served(meta) as egress:
        told = settings(meta, Settings, PAGE, list_seconds=0)
        yield WiredMeta(meta, CHANNEL.create(told, with_egress(env, egress)), _told)


def _outbound(**more: object) -> Outbound:
    base = Outbound(
        delivery=41,
        inbox=InboxId("test-inbox"),
        message=17,
        to=(Party(kind="messenger", address="6123", name="Zofia Poufna"),),
        operation="hide",
        target=COMMENT,
        created_at=Micros(1),
    )
    return msgspec.structs.replace(base, **more)


CASES = (
    Case(
        name="page",
        wired=_wired,
        secrets=(PAGE_TOKEN, "Zofia", "44051401359", "600 700 800", "odpowiadamy"),
        sends={
            "hide": _outbound(),
            "show": _outbound(operation="publish"),
            "delete": _outbound(operation="delete"),
            "delete-own-answer": _outbound(operation="delete", target=ANSWER),
            "public-answer": _outbound(operation="send", public=True, text="Dzień dobry,\nodpowiadamy."),
            "public-answer-to-a-visitor": _outbound(
                operation="send", public=True, target=VISITORS, text="Tak, do 15."
            ),
            "private-answer": _outbound(operation="send", text="Proszę podać numer sprawy."),
            "private-answer-to-a-visitor": _outbound(operation="send", target=VISITORS, text="Dzień dobry!"),
        },
        failures={
            "http-503": "temporary",
            "http-500": "temporary",
            "190/463": "temporary",
            "200": "temporary",
            "4": "throttled",
            "100/33": "permanent",
            "100": "permanent",
            "368": "temporary",
            "cut": "ambiguous",
            "silence": "ambiguous",
            "nonsense": "ambiguous",
        },
    ),
)
