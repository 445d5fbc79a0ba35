"""Leading a person who wrote elsewhere into a channel in which the same conversation goes on: by a link to it.

Whoever opens the link takes part in the conversation, so it is never offered where an answer appears in public.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row

from connectors.contract import SendError
from hub.desk.ways import NOTHING, is_public, last_inbound
from hub.house import House
from hub.i18n import mark as N_
from hub.outbox.queue import outlets
from hub.store.tx import Reader

PATIENCE = 10.0
"""Seconds that a channel is waited for while it makes its link."""

SILENT = N_("The channel does not answer at the moment. Try again in a moment.")

Invite = Callable[[str, str], Awaitable[str]]
"""The link of an inbox for a token, as :meth:`connectors.contract.Invites.invitation` makes it. Raises SendError."""


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """Where a conversation can go on: the link, or the ``problem`` (a msgid) why there is none."""

    inbox: str
    link: str = ""
    problem: str = ""


def inviting(tx: Reader, house: House, row: Row[Any], kinds: Sequence[str]) -> list[str]:
    """The inboxes that a conversation's person can be led to. ``kinds`` are those of their addresses: where one of
    these is reached, or they wrote last, no link is needed."""
    able = {inbox: can.reaches for inbox, can in house.capabilities.items() if can.invites}
    here = house.capabilities.get(row.inbox or "", NOTHING)
    new = sorted({kind for reaches in able.values() for kind in reaches} - {*kinds, *here.reaches})
    if not new or row.channel == "comments" or row.status == "spam":
        return []
    if here.public_length is not None and is_public(last_inbound(tx, row.id)):
        return []
    return [inbox for kind in new for inbox in outlets(house, row.office, kind) if inbox in able]


async def invitations(
    house: House, invite: Invite, conversation: int, inboxes: Sequence[str]
) -> list[Invitation]:
    """The links of these inboxes into a conversation."""
    token = house.tokens.sign("conversation", conversation)
    return [await _invitation(invite, inbox, token) for inbox in inboxes]


async def _invitation(invite: Invite, inbox: str, token: str) -> Invitation:
    try:
        async with asyncio.timeout(PATIENCE):
            return Invitation(inbox=inbox, link=await invite(inbox, token))
    except TimeoutError:
        return Invitation(inbox=inbox, problem=SILENT)
    except SendError as error:
        return Invitation(inbox=inbox, problem=error.public)
