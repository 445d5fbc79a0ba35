"""Why comments are held, reported and refused: the words on screens, and the polite texts to authors.

All are message ids. A reason that a rule invents (``hold: gambling``) has no entry here and is shown as it is written.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hub.i18n import mark as N_

HOLD: Mapping[str, str] = {
    "approval": N_("First approval"),
    "personal-data": N_("Personal data"),
    "distress": N_("Somebody may be in danger"),
    "blocked": N_("Author is blocked"),
    "closed": N_("Article is closed"),
    "edited": N_("Changed by its author"),
    "reported": N_("Reported by readers"),
    "reported-abuse": N_("Reported as insulting"),
    "reported-personal-data": N_("Reported for personal data"),
    "reported-threat": N_("Reported as a threat"),
    "reported-spam": N_("Reported as spam"),
    "reported-other": N_("Reported for another reason"),
    "appeal": N_("Author appeals"),
    "unseen": N_("Not looked at yet"),
    "not-done": N_("The platform did not do it"),
    "shown-there": N_("Shown again on the platform"),
    "abuse": N_("Insulting words"),
    "spam": N_("Looks like spam"),
    "link": N_("Contains a link"),
}
"""Why a comment waits on the bench."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A reason to refuse a comment: its key on the bench, its name for moderators, what its author is told."""

    key: str
    name: str
    polite: str


REFUSALS: Mapping[str, Refusal] = {
    "abuse": Refusal(
        key="1",
        name=N_("Insults somebody"),
        polite=N_(
            "The comment insults somebody. Please write it again without the insult; criticism itself is welcome."
        ),
    ),
    "personal-data": Refusal(
        key="2",
        name=N_("Gives away personal data"),
        polite=N_(
            "The comment gives away personal data. Please write it again without names, numbers and addresses."
        ),
    ),
    "threat": Refusal(
        key="3",
        name=N_("Threatens somebody"),
        polite=N_("The comment threatens somebody. We do not publish threats and may have to report them."),
    ),
    "spam": Refusal(
        key="4",
        name=N_("Advertising or spam"),
        polite=N_("The comment is an advertisement. We do not publish those."),
    ),
    "off-topic": Refusal(
        key="5",
        name=N_("Not about the article"),
        polite=N_(
            "The comment is not about the article. If it is a question about your own matter, "
            "please use the contact form."
        ),
    ),
    "other": Refusal(
        key="6",
        name=N_("Against the rules of the site"),
        polite=N_("The comment breaks the rules of the site."),
    ),
}
"""Reasons to reject or hide, in the order of their keys."""


def shown_reason(reason: str | None, text: str | None) -> str:
    """What an author is told: the moderator's own words, else the polite text of the reason (a msgid)."""
    known = REFUSALS.get(reason or "")
    return text or (known.polite if known else "")
