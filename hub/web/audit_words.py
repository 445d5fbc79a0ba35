"""The audit log in words: what somebody did, to what, and the details, each with a link where there is a page of it.

The log itself holds codes (``rules-published``, ``user:12``, JSON), so that its chain never depends on a translation;
the page shows them on hover and where no word is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Row

from hub.directory import Directory
from hub.i18n import mark as N_
from hub.moderation.reasons import REFUSALS
from hub.people.tokens import GRANT_NAMES
from hub.people.users import ROLE_NAMES

Say = Callable[..., str]
Names = Mapping[str, Mapping[int, str]]

ACTIONS: Mapping[str, str] = {
    "log-in": N_("Logged in"),
    "log-in-closed": N_("Closed the log-in for a while after too many wrong attempts"),
    "log-out": N_("Logged out of the console"),
    "password-changed": N_("Changed the own password"),
    "password-printed": N_("Printed a new password"),
    "password-set-by-command": N_("Set a password from the command line"),
    "password-set-by-link": N_("Set the password by a link"),
    "reset-link-made": N_("Made a link for a new password"),
    "second-factor-on": N_("Turned on the second factor"),
    "second-factor-off": N_("Turned off the second factor"),
    "second-factor-taken-away": N_("Took a second factor away"),
    "paper-codes-made": N_("Made new codes on paper"),
    "paper-code-used": N_("Used a code on paper"),
    "user-added": N_("Added an account"),
    "user-changed": N_("Changed an account"),
    "queues-set": N_("Set the queues of an account"),
    "token-made": N_("Made an API token"),
    "token-revoked": N_("Revoked an API token"),
    "comment-publish": N_("Published a comment"),
    "comment-reject": N_("Rejected a comment"),
    "comment-hide": N_("Hid a comment"),
    "comment-delete": N_("Deleted a comment"),
    "comment-taken-back": N_("Took back a decision about a comment"),
    "comment-mask": N_("Masked personal data in a comment"),
    "comment-answer": N_("Answered a comment in public"),
    "comment-private": N_("Opened a private conversation from a comment"),
    "text-added": N_("Added a canned response"),
    "text-changed": N_("Changed a canned response"),
    "text-deleted": N_("Deleted a canned response"),
    "contact-erased": N_("Erased the data of a person"),
    "contact-exported": N_("Handed out the data of a person"),
    "comments-imported": N_("Imported comments"),
    "article-moderation": N_("Changed how an article is moderated"),
    "conversation-opened": N_("Opened a conversation of another office"),
    "quarantine-released": N_("Released from quarantine"),
    "raw-downloaded": N_("Downloaded an original message"),
    "raw-parsed-again": N_("Had a message read again"),
    "rules-imported": N_("Took the rules over from the file"),
    "rules-published": N_("Published new rules"),
    "rules-rolled-back": N_("Went back to earlier rules"),
    "rules-publish-scheduled": N_("Set a time for publishing rules"),
    "rules-publish-called-off": N_("Called off the publishing of rules"),
    "rules-publish-refused": N_("Rules were not published at their time"),
    "rules-draft-opened": N_("Opened a draft of the rules"),
    "rules-draft-changed": N_("Changed a draft of the rules"),
    "rules-draft-submitted": N_("Asked for approval of a draft"),
    "rules-draft-approved": N_("Approved a draft of the rules"),
    "rules-draft-sent-back": N_("Sent a draft of the rules back"),
    "rules-draft-discarded": N_("Discarded a draft of the rules"),
    "rules-replay-started": N_("Started a replay of a draft"),
    "rules-replay-stopped": N_("Stopped a replay of a draft"),
    "rules-shadow-started": N_("Started a draft in the shadow"),
    "rules-shadow-stopped": N_("Stopped a draft in the shadow"),
}
"""Codes of ``hub.audit.record`` to msgids."""

THINGS: Mapping[str, tuple[str, str]] = {
    "user": (N_("Account: {name}"), "/admin/users/{id}"),
    "token": (N_("API token {id}"), "/admin/tokens"),
    "post": (N_("Comment {id}"), "/moderation/{id}"),
    "text": (N_("Canned response {id}"), "/texts"),
    "contact": (N_("Person {id}"), "/contacts/{id}"),
    "draft": (N_("Drafts"), ""),
    "article": (N_("Article {id}"), "/moderation/articles"),
    "conversation": (N_("Conversation {n}"), "/conversations/{id}"),
    "raw": (N_("Original message {id}"), ""),
    "inbox": (N_("Inbox {id}"), "/inboxes"),
    "rules": (N_("Rules, version {n}"), "/admin/rules/versions/{id}"),
    "rule-draft": (N_("Draft {n}"), "/admin/rules/drafts"),
    "rule-run": (N_("Replay {id}"), "/admin/rules/runs/{id}"),
}
"""Kinds of subjects to a msgid and the address of their page."""

FIELDS: Mapping[str, str] = {
    "queues": N_("Queues"),
    "queue": N_("Queue"),
    "office": N_("Office"),
    "role": N_("Role"),
    "grants": N_("May"),
    "fields": N_("Changed"),
    "reason": N_("Reason"),
    "shortcut": N_("Shortcut"),
    "why": N_("Why"),
    "failed": N_("Wrong attempts before it"),
}
"""Details that people want to know; all others are for programs."""

CHANGED: Mapping[str, str] = {
    "name": N_("Name"),
    "role": N_("Role"),
    "office": N_("Office"),
    "language": N_("Language"),
    "skills": N_("Skills"),
    "extension": N_("Telephone extension"),
    "active": N_("May log in"),
}


_WORDS: Mapping[str, Mapping[str, str]] = {
    "role": {str(role): name for role, name in ROLE_NAMES.items()},
    "grants": {str(grant): name for grant, name in GRANT_NAMES.items()},
    "fields": CHANGED,
}


COMMANDS = frozenset(
    {
        "comments-imported",
        "contact-erased",
        "contact-exported",
        "password-set-by-command",
        "queues-set",
        "second-factor-taken-away",
        "user-added",
    }
)
"""What somebody at the command line did if no user did it: the hub does none of it by itself."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One row in words; ``link`` is "" where there is no page, ``details`` are pairs of name and value.

    ``otherwise`` says who did it where that is no user.
    """

    otherwise: str
    action: str
    thing: str
    link: str
    details: tuple[tuple[str, str], ...]


def told(row: Row[Any], names: Names, directory: Directory, language: str, say: Say) -> Told:
    """A row of the log in words. ``names``: what people call things, by their kind and number."""
    kind, _, number = row.subject.partition(":")
    msgid, link = THINGS.get(kind, (row.subject, ""))
    name = names.get(kind, {}).get(int(number), "") if number.isdecimal() else ""
    found = msgspec.json.decode(row.detail, type=dict[str, Any])
    details = [
        (say(FIELDS[key]), _value(key, found[key], directory, language, say))
        for key in FIELDS
        if key in found
    ]
    return Told(
        otherwise=say(N_("the command line")) if row.action in COMMANDS else say(N_("the hub")),
        action=say(ACTIONS[row.action]) if row.action in ACTIONS else row.action,
        thing=name
        if kind == "rule-draft" and name
        else say(msgid, id=number, n=name or number, name=name or number),
        link=link.format(id=number),
        details=tuple((name, value) for name, value in details if value),
    )


def _value(key: str, value: Any, directory: Directory, language: str, say: Say) -> str:
    if isinstance(value, list):
        return ", ".join(_value(key, one, directory, language, say) for one in value)
    word = str(value or "")
    if key in ("queue", "queues"):
        return directory.queue_name(word, language)
    if key == "office":
        found = directory.offices.get(word)
        return found.name if found else word
    if key == "reason":
        return say(REFUSALS[word].name) if word in REFUSALS else word
    words = _WORDS.get(key, {})
    return say(words[word]) if word in words else word
