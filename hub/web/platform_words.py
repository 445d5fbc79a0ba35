"""What screens say of a comment on a platform that is not ours: how it stands there, what became of the last order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.contract import Capabilities
from hub.house import House
from hub.i18n import mark as N_
from hub.moderation.answers import LONGEST_ANSWER
from hub.moderation.platform import Remote

STANDS: Mapping[str, str] = {
    "published": N_("In public on {platform}"),
    "hidden": N_("Hidden on {platform}"),
    "held": N_("Waits for approval on {platform}"),
    "deleted": N_("Deleted on {platform}"),
    "unsent": N_("Not on {platform} yet"),
}
"""By ``post.standing``."""

PENDING: Mapping[str, str] = {
    "hide": N_("It is about to be hidden on {platform}."),
    "publish": N_("It is about to be shown on {platform}."),
    "delete": N_("It is about to be deleted on {platform}."),
    "send": N_("It is about to appear on {platform}."),
}

FAILED: Mapping[str, str] = {
    "hide": N_("It could not be hidden on {platform} and still stands there in public: {reason}"),
    "publish": N_("It could not be shown on {platform}: {reason}"),
    "delete": N_("It could not be deleted on {platform} and still stands there: {reason}"),
    "send": N_("It did not certainly appear on {platform}: {reason}"),
}

AGAIN = N_("The last attempt failed: {reason}")
NO_REASON = N_("no reason was given")


def order_words(remote: Remote | None) -> tuple[str, str]:
    """The msgid and its tone (``warn``, ``danger``) for an order that is not carried out; empty for everything else."""
    if remote is None:
        return "", ""
    if remote.failed:
        return FAILED.get(remote.operation, ""), "danger"
    return (PENDING.get(remote.operation, ""), "warn") if remote.pending else ("", "")


def vocabulary(house: House) -> dict[str, Any]:
    """For templates: ``can_of(inbox)``, ``stands``, ``order_words`` and what stands beside them."""
    nothing = Capabilities()

    def can_of(inbox: str) -> Capabilities:
        return house.capabilities.get(inbox, nothing)

    def platform_of(inbox: str) -> str:
        """The platform's name; of an inbox that does not run, the inbox's own."""
        shown = house.directory.inboxes.get(inbox)
        return can_of(inbox).platform or (shown.name if shown is not None else inbox)

    return {
        "can_of": can_of,
        "longest_answer": LONGEST_ANSWER,
        "platform_of": platform_of,
        "stands": STANDS,
        "order_words": order_words,
        "order_again": AGAIN,
        "no_reason": NO_REASON,
    }
