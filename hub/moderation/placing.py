"""Where a new or changed comment is placed: shown or held, why, and at which place of its thread. Pure.

Intake calls :func:`place_comment` inside its transaction and writes what :func:`post_row` gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from connectors.contract import CommentPlace, Standing
from hub.moderation.masking import has_pesel, mask
from hub.moderation.states import State

Setting = Literal["pre", "post", "closed"]
"""What the editorial team set for an article; None elsewhere means: as the site says."""

WIDTH = 16
"""Digits of one id in a path: ids are below 2^53. Digits alone sort alike under every collation."""

LEVELS = 6
"""Deepest level of a thread; answers below it stand beside what they answer."""


class Parent(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed of the comment that is answered."""

    id: int
    article: int
    path: str


class Placing(msgspec.Struct, frozen=True, kw_only=True):
    """The decision about one comment. ``text`` and ``author_name`` are masked; ``reasons`` say why it is on the bench.

    ``standing``: how it stands on a platform, None for our own pages; ``parent_ref`` what it answers there and has not
    come yet.
    """

    state: State
    reasons: tuple[str, ...]
    path: str
    parent: int | None
    text: str
    author_name: str
    urgent: bool
    standing: Standing | None = None
    link: str = ""
    parent_ref: str | None = None


def path_of(post: int, parent_path: str = "") -> str:
    """The sort key of a comment within its article: the ids of its ancestors and its own, fixed width.

    The first id is counted down, so that the newest thread comes first while answers stand in order of time.
    """
    if not parent_path:
        return f"{10**WIDTH - 1 - post:0{WIDTH}d}"
    return parent_path[: WIDTH * (LEVELS - 1)] + f"{post:0{WIDTH}d}"


def depth_of(path: str) -> int:
    """0 for a comment that answers the article itself."""
    return len(path) // WIDTH - 1


def way(setting: str | None, site: str) -> Setting:
    """How an article is moderated: as the editorial team set it, else as the site says."""
    for known in ("pre", "post", "closed"):
        if known == (setting or site):
            return known
    return "pre"


def hold_reasons(
    *, way: Setting, text: str, hold: str | None, distress: bool, blocked: bool
) -> tuple[str, ...]:
    """Why a text must wait for a moderator, the gravest first; empty: it may be shown at once.

    A valid PESEL always waits, whatever the rules say: somebody's identity is at stake.
    """
    reasons = [
        "distress" if distress else "",
        hold or "",
        "personal-data" if has_pesel(text) else "",
        "blocked" if blocked else "",
        {"pre": "approval", "closed": "closed", "post": ""}[way],
    ]
    return tuple(dict.fromkeys(reason for reason in reasons if reason))


def look_reasons(
    *, way: Setting, text: str, hold: str | None, distress: bool, blocked: bool, standing: str = "published"
) -> tuple[str, ...]:
    """Why a moderator must look at a comment on a platform, where it stands already; empty: nobody needs to.

    Nothing can be masked there, so any personal number is a reason. What the platform itself holds waits for approval.
    """
    look = "approval" if standing == "held" else "unseen" if way != "post" else ""
    personal = mask(text) != text
    reasons = [
        "distress" if distress else "",
        "personal-data" if personal else "",
        hold or "",
        "blocked" if blocked else "",
        look,
    ]
    return tuple(dict.fromkeys(reason for reason in reasons if reason))


def place_comment(
    *,
    post: int,
    article: int,
    place: CommentPlace,
    setting: Setting | None,
    text: str,
    author_name: str,
    parent: Parent | None = None,
    hold: str | None = None,
    distress: bool = False,
    blocked: bool = False,
) -> Placing:
    """Decide about a new comment.

    ``post`` is its message's id; ``setting`` the article's own, if any; ``text`` and ``author_name`` as they were
    written; ``parent`` the row that ``place.parent`` names, if there is one; ``hold`` and ``distress`` what the rules
    said; ``blocked``: the author's identity is blocked.
    """
    if parent is not None and parent.article != article:
        parent = None
    both = f"{author_name}\n{text}"
    kept = way(setting, place.moderation)
    standing: Standing | None = None if place.ours else place.standing
    if standing is None:
        reasons = hold_reasons(way=kept, text=both, hold=hold, distress=distress, blocked=blocked)
    else:
        reasons = look_reasons(
            way=kept, text=both, hold=hold, distress=distress, blocked=blocked, standing=standing
        )
    return Placing(
        state=standing or ("held" if reasons else "published"),
        reasons=reasons,
        path=path_of(post, parent.path if parent else ""),
        parent=parent.id if parent else None,
        text=mask(text),
        author_name=mask(author_name),
        urgent=distress,
        standing=standing,
        link="" if place.ours else place.link,
        parent_ref=(place.parent_ref or None) if standing and parent is None else None,
    )


def post_row(
    placing: Placing,
    *,
    post: int,
    conversation: int,
    inbox: str,
    office: str,
    article: int,
    author: int,
    at: int,
) -> dict[str, Any]:
    """The whole row of ``schema.post`` for a new comment."""
    return {
        "id": post,
        "conversation": conversation,
        "inbox": inbox,
        "office": office,
        "article": article,
        "parent": placing.parent,
        "path": placing.path,
        "author": author,
        "author_name": placing.author_name,
        "state": placing.state,
        "version": 1,
        "revision": 1,
        "text": placing.text,
        "pending_text": None,
        "hold_reasons": encode_reasons(placing.reasons),
        "waiting_at": at if placing.reasons else None,
        "reason": None,
        "reason_text": None,
        "reports": 0,
        "urgent": placing.urgent,
        "claimed_by": None,
        "claimed_until": None,
        "decided_by": None,
        "created_at": at,
        "published_at": at if placing.state == "published" else None,
        "edited_at": None,
        "standing": placing.standing,
        "link": placing.link,
        "parent_ref": placing.parent_ref,
    }


def encode_reasons(reasons: Sequence[str]) -> str:
    """Reasons as they stand in ``post.hold_reasons``."""
    return msgspec.json.encode(list(reasons)).decode()


def decode_reasons(stored: str) -> tuple[str, ...]:
    """Reasons out of ``post.hold_reasons``."""
    return tuple(msgspec.json.decode(stored, type=list[str]))
