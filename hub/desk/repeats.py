"""A window that repeats a sending because its answer was lost: the same words are one message, others are refused.

The id belongs to a window's text until it is sent. Whoever goes on writing after a lost answer would else be told
"sent" while only the earlier words had gone.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, select

from hub.i18n import mark as N_
from hub.scope import Conflict, Scope
from hub.store.schema import message
from hub.store.tx import Reader

TAKEN_BEFORE = N_(
    "An earlier version of this text was taken already, without your later changes. "
    "Look at it, then send what is missing."
)


class TakenBefore(Conflict):
    """The window gave other words under this id before: those stand, these do not."""

    def __init__(self) -> None:
        super().__init__(TAKEN_BEFORE)


def written_before(tx: Reader, scope: Scope, client_id: str, words: str | None) -> Row[Any] | None:
    """The message that the actor's window wrote under this id, or None.

    ``words``: what it is asked to write now; None where they are not the person's own (an approved text). Raises
    TakenBefore when they are others.
    """
    mine = (message.c.author == scope.user, message.c.client_id == client_id)
    columns = (message.c.id, message.c.number, message.c.conversation, message.c.text, message.c.data)
    row = tx.row(select(*columns).where(*mine))
    if row is not None and words is not None and own_words(row).strip() != words.strip():
        raise TakenBefore
    return row


def own_words(row: Row[Any]) -> str:
    """The text of a message without the signature that was put below it."""
    signature = msgspec.json.decode(row.data).get("signature", "")
    return str(row.text.removesuffix(f"\n\n-- \n{signature}") if signature else row.text)
