"""Telling an author what became of their comment: by a notice where an address of theirs is known.

The page itself shows state and reason in any case. A notice waits as long as the decision can be undone.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec
from sqlalchemy import Row, select

from hub.house import House
from hub.i18n import is_translated
from hub.moderation.reasons import REFUSALS, shown_reason
from hub.notices import Where, notify_citizen
from hub.store import schema
from hub.store.tx import Reader, Tx


def section_link(
    tx: Reader, house: House, row: Row[Any], place: Row[Any], anchor: str = "", **params: str
) -> str:
    """The address of an article's section as the author of ``row`` sees it.

    ``/embed/CHANNEL/INBOX`` with ``article`` and ``me`` belongs to the hub's stable outside interface.
    """
    address = tx.scalar(select(schema.identity.c.address).where(schema.identity.c.id == row.author))
    values = {
        "article": place.key,
        "title": place.title,
        "url": place.url,
        "section": place.section,
        "me": house.tokens.sign("visitor", address) if address else "",
        **params,
    }
    query = urlencode({name: value for name, value in values.items() if value})
    base = f"{house.directory.config.hub.public_url}/embed/{house.channels[row.inbox]}/{row.inbox}"
    return f"{base}?{query}{anchor}"


def tell_author(
    tx: Tx,
    house: House,
    row: Row[Any],
    place: Row[Any],
    template: str,
    *,
    reason: str | None = None,
    words: str | None = None,
    text: str = "",
    key: str,
    due_at: int | None = None,
) -> None:
    """Order a notice to the author of a comment; ``reason`` and ``words`` are those of a refusal.

    Nothing is ordered for the office's own answers, and nothing for comments on platforms: their authors see there what
    became of them, and no page of ours could say more. Nor is there any page for those of an inbox that is not
    configured any more.
    """
    if row.author is None or row.standing is not None or row.inbox not in house.channels:
        return
    language = tx.scalar(
        select(schema.conversation.c.language).where(schema.conversation.c.id == row.conversation)
    )
    refusal = REFUSALS.get(reason or "")
    appeal = {"appeal": str(row.id)} if template in ("comment-rejected", "comment-hidden") else {}
    params = {
        "article": place.title or place.key,
        "reason": _spoken(house, language, refusal.name if refusal else ""),
        "explanation": _spoken(house, language, shown_reason(reason, words)),
        "text": text,
        "link": section_link(tx, house, row, place, f"#c{row.id}", **appeal),
    }
    where = Where(mail=address_given(tx, row.id))
    notify_citizen(tx, row.conversation, template, params, key=key, where=where, due_at=due_at)


def address_given(tx: Reader, number: int) -> str:
    """The e-mail address that the author left with this comment, or an empty text.

    Kept with the message, because an address that is somebody else's already does not become the author's own.
    """
    data = tx.scalar(select(schema.message.c.data).where(schema.message.c.id == number))
    kept = msgspec.json.decode(data or "{}", type=dict[str, Any]).get("reply_to") or [{}]
    return str(kept[0].get("address", ""))


def _spoken(house: House, language: str | None, msgid: str) -> str:
    """A text in the author's language where it exists, else in Polish; the moderator's own words as they are."""
    spoken = language if language and is_translated(language, msgid) else "pl"
    return house.translate(spoken, msgid) if msgid else ""
