"""Comments on an Instagram account: signed calls in, Graph API orders out, against Meta's peer on loopback."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import msgspec

from connectors.contract import Env, InboxId, Micros, Outbound, Party
from connectors.meta.instagram_comments import CHANNEL, Settings
from hub.demo.peers.meta.comments import CommentsPeer, Thing
from tests.contract.case import Case, Wired
from tests.contract.meta import (
    INSTAGRAM,
    PAGE,
    PAGE_TOKEN,
    WiredMeta,
    make_peer,
    served,
    settings,
    with_egress,
)

COMMENT = "17858893269000001"
ANSWER = "17858893269000003"
MEDIUM = "17905555555555555"
MENTION = "17858893269000006"
ELSEWHERE = "17908888888888888"


def _told(number: int) -> object:
    """Under an advertisement, whose title comes with it, so that nothing is asked afterwards."""
    value = {
        "id": f"178588932690{number:05d}",
        "from": {"id": "1789000001234", "username": "zofia.poufna"},
        "text": f"Mój PESEL 44051401359, telefon 600 700 800 ({number})",
        "media": {"id": MEDIUM, "media_product_type": "AD", "ad_title": "Szkolenia"},
    }
    entry = {
        "id": INSTAGRAM,
        "time": 1_794_328_790,
        "changes": [{"field": "comments", "value": value}],
    }
    return {"object": "instagram", "entry": [entry]}


@contextlib.asynccontextmanager
async def _wired(env: Env) -> AsyncIterator[Wired]:
    meta = make_peer(env.clock.now)
    comments = CommentsPeer(meta)
    at = env.clock.now()
    for name, author, under in (
        (COMMENT, "1789", MEDIUM),
        (ANSWER, INSTAGRAM, MEDIUM),
        (MENTION, "1790", ELSEWHERE),
    ):
        thing = Thing(name, INSTAGRAM, author, "zofia.poufna", "…", at, under=under)
        thing.foreign = name == MENTION
        comments.things[name] = thing
    async with served(meta) as egress:
        told = settings(meta, Settings, INSTAGRAM, page=PAGE, list_seconds=0)
        yield WiredMeta(meta, CHANNEL.create(told, with_egress(env, egress)), _told)


def _outbound(**more: object) -> Outbound:
    base = Outbound(
        delivery=41,
        inbox=InboxId("test-inbox"),
        message=17,
        to=(Party(kind="instagram", address="1789", name="zofia.poufna"),),
        operation="hide",
        target=COMMENT,
        created_at=Micros(1),
    )
    return msgspec.structs.replace(base, **more)


CASES = (
    Case(
        name="account",
        wired=_wired,
        secrets=(PAGE_TOKEN, "zofia.poufna", "44051401359", "600 700 800", "odpowiadamy"),
        sends={
            "hide": _outbound(),
            "show": _outbound(operation="publish"),
            "delete": _outbound(operation="delete"),
            "delete-own-answer": _outbound(operation="delete", target=ANSWER),
            "public-answer": _outbound(operation="send", public=True, text="Dzień dobry,\nodpowiadamy."),
            "answer-to-a-mention": _outbound(
                operation="send", public=True, target=f"mention:{ELSEWHERE}:{MENTION}", text="Dziękujemy!"
            ),
            "private-answer": _outbound(operation="send", text="Proszę podać numer sprawy."),
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
