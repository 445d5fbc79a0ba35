"""What the section's templates need beside the thread: addresses, times, the words for what happened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, cast
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_datetime

from connectors._i18n import N_
from connectors.comments.forms import REASONS, Where
from connectors.contract import Appeal, Deletion, Edit, Inbound, PublicPost, Receipt

NEWS: Mapping[str, str] = {
    "held": N_("Thank you. Your comment waits for approval; you can see it here with its state."),
    "published": N_("Thank you. Your comment is published."),
    "edited": N_("Your change is published."),
    "pending": N_("Your change waits for approval; until then readers see the earlier text."),
    "late": N_("This comment can no longer be changed."),
    "deleted": N_("Your comment is deleted."),
    "reported": N_("Thank you. A moderator will look at the comment; you will see the outcome here."),
    "appealed": N_(
        "Your appeal is with us. A moderator who has not decided about this comment yet will look at it."
    ),
}
"""Msgids of what a page says after a form was taken."""

STATES: Mapping[str, str] = {
    "held": N_("Waits for approval. Only you can see it."),
    "hidden": N_("Hidden by the moderators. Only you can see it."),
    "rejected": N_("Not published. Only you can see it."),
}
"""Msgids of what an author reads beside their own comment."""

TOMBSTONES: Mapping[str, str] = {
    "erased": N_("This comment was deleted by its author."),
    "hidden": N_("This comment was hidden by the moderators."),
    "rejected": N_("This comment was removed by the moderators."),
}

REPORTED: Mapping[str, str] = {
    "open": N_("You reported this comment. A moderator will look at it."),
    "kept": N_("You reported this comment. A moderator looked at it and found that it keeps to the rules."),
    "removed": N_("You reported this comment. A moderator removed it."),
}

_REASON_NAMES: Mapping[str, str] = {
    "abuse": N_("It insults or harasses somebody"),
    "personal-data": N_("It gives away personal data"),
    "threat": N_("It threatens somebody"),
    "spam": N_("It is advertising or spam"),
    "other": N_("Something else is wrong"),
}

WORDS = {"state_words": STATES, "tombstones": TOMBSTONES, "reported_words": REPORTED}
"""Tables that the templates look things up in."""


class Blank(dict[str, str]):
    """Field values for a template: a field that is not there is empty."""

    def __missing__(self, name: str) -> str:
        return ""


def reasons() -> list[tuple[str, str]]:
    """Why a comment can be reported: the word that the form carries and the msgid that people read."""
    return [(reason, _REASON_NAMES[reason]) for reason in REASONS]


class Doing(msgspec.Struct, frozen=True, kw_only=True):
    """A form that stands open at a comment."""

    deed: Literal["reply", "edit", "appeal"]
    post: PublicPost


def doing(deed: str, post: PublicPost) -> Doing | None:
    """The form that may stand open at ``post``, or None where it may not."""
    may = {"reply": post.state == "published", "edit": post.editable, "appeal": post.appealable}
    return Doing(deed=cast(Literal["reply", "edit", "appeal"], deed), post=post) if may.get(deed) else None


class News(msgspec.Struct, frozen=True, kw_only=True):
    """What just happened; ``post`` is the author's own comment where the page itself does not show it."""

    text: str
    post: PublicPost | None


def outcome(inbound: Inbound, receipt: Receipt) -> str:
    """What became of an edit, a deletion, a report or an appeal, as a word of :data:`NEWS`."""
    if isinstance(inbound, Edit):
        return {"published": "edited", "held": "pending"}.get(receipt.post_state, "late")
    if isinstance(inbound, Deletion):
        return "deleted"
    return "appealed" if isinstance(inbound, Appeal) else "reported"


def edited_before(post: PublicPost | None) -> str:
    """The same for an edit that was sent twice: what became of the first one, by how the comment stands now."""
    if post is None or not (post.edited or post.pending):
        return "late"
    return "edited" if post.state == "published" and not post.pending else "pending"


class Links:
    """Addresses of one article's section. ``token`` is carried where the reader's cookie may not come back."""

    def __init__(self, base: str, at: Where, language: str, token: str) -> None:
        self._base = base
        self._fixed = {
            "article": at.article,
            "title": at.title,
            "url": at.url,
            "section": at.section,
            "lang": language,
            "me": token,
        }

    def to(self, **more: str) -> str:
        """The section with further parameters."""
        values = {name: value for name, value in {**self._fixed, **more}.items() if value}
        return f"{self._base}?{urlencode(values)}"


class Times:
    """Times for people: in the office's zone and the reader's language."""

    def __init__(self, zone: str, language: str) -> None:
        self._zone = ZoneInfo(zone)
        self._language = language

    def words(self, at: int) -> str:
        """``16 listopada 2026, 09:00`` or the like."""
        return format_datetime(self._local(at), "d MMMM y, HH:mm", locale=self._language)

    def iso(self, at: int) -> str:
        """For ``<time datetime>``."""
        return self._local(at).isoformat(timespec="seconds")

    def _local(self, at: int) -> datetime:
        return datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(self._zone)
