"""The vocabulary of rule files: every predicate and every action, with its shape, in two tables.

The reader, the JSON Schema, the documentation's test and the editor all go by these tables, so a predicate
exists in one place. A *shape* says what may stand behind the colon.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from rules.decision import PRIORITIES, Join
from rules.facts import On
from rules.model import Then

FROM_TEXT = "from-text"
"""As ``office`` or ``suggest_office``: the office whose postcode or county stands in the message."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVENTS: tuple[str, ...] = get_args(On)
JOINS: tuple[str, ...] = get_args(Join)
THENS: tuple[str, ...] = get_args(Then)
LANGUAGES = ("pl", "en", "uk", "ru", "de", "ro", "it")
"""Languages whose words are inflected on request; see ``Words.language``."""

TYPOS_FROM = 5
"""Letters from which on a form of a word may be misspelt; below, one letter makes another word."""

RECENT_DAYS = 90
RECENT_COUNT = 50
"""How far back, and how many, earlier conversations are known by their age (``Facts.history_ages``)."""

STATUSES = ("open", "waiting-citizen", "waiting-office", "snoozed", "resolved", "spam")
"""What a conversation may be."""

AUTOMATIC = ("no", "auto-reply", "bounce", "list", "report", "complaint")

Shape = Literal[
    "values",
    "flag",
    "flag_or_values",
    "number",
    "keyed_values",
    "keyed_number",
    "duration",
    "keyed_duration",
    "history",
    "returning",
    "unanswered",
    "language",
    "words",
    "phrase",
    "regex",
    "hours",
    "days",
    "dates",
    "place",
    "attachment",
    "named",
]


class Predicate(msgspec.Struct, frozen=True):
    """One predicate: its shape, what it looks at in a sentence, and the only values allowed (none: any)."""

    shape: Shape
    help: str
    choices: tuple[str, ...] = ()


PREDICATES: Mapping[str, Predicate] = {
    "channel": Predicate("values", "The channel the message came on."),
    "inbox": Predicate("values", "The configured account it came to."),
    "kind": Predicate("values", "What sort of event it is (message, edit, report, callback, …)."),
    "direction": Predicate("values", "Whether a citizen wrote (in) or the office (out).", ("in", "out")),
    "language": Predicate("language", "The language, known with at least the given confidence."),
    "words": Predicate("words", "Words in subject or text, in any inflected form."),
    "phrase": Predicate("phrase", "Words in this order, near each other."),
    "regex": Predicate("regex", "A regular expression (RE2 syntax) found in subject or text."),
    "sender": Predicate("values", "The sender's address; a * at the end stands for any rest."),
    "domain": Predicate("values", "The domain of the sender's mail address, or one above it."),
    "sender_kind": Predicate("values", "The kind of the sender's address (email, phone, web, …)."),
    "sender_verified": Predicate("flag", "Whether the channel itself proves the address."),
    "contact": Predicate("keyed_values", "Attributes of the contact."),
    "history": Predicate("history", "Conversations of the contact in the last 30 days, or as many as given."),
    "last_queue": Predicate("values", "The queue of the contact's latest conversation."),
    "open_elsewhere": Predicate("number", "Open conversations of the contact besides this one."),
    "returning": Predicate("returning", "Whether the contact wrote before, within the days given."),
    "duplicates": Predicate("number", "Open conversations of the same sender from the last 7 days."),
    "join_candidates": Predicate("number", "Conversations this one could be joined to."),
    "previous_queue": Predicate("values", "Where a reopened conversation was."),
    "place": Predicate("place", "The office by a postcode or county in subject or text."),
    "office": Predicate("values", "The office that the inbox belongs to."),
    "article": Predicate("values", "The article under which a comment stands."),
    "section": Predicate("values", "The section of that article."),
    "attachment": Predicate("attachment", "An attachment by kind, file name or size."),
    "length": Predicate("number", "Characters of the text."),
    "links": Predicate("number", "Links in the text."),
    "automatic": Predicate("flag_or_values", "Whether a machine wrote it, or which kind.", AUTOMATIC),
    "reply_to_automatic": Predicate("flag", "Whether it answers an automatic answer of ours."),
    "suspicious": Predicate("flag_or_values", "Whether a person should look first, or for which reason."),
    "hours": Predicate("hours", "The time of day at the office."),
    "days": Predicate("days", "The day of the week at the office."),
    "holiday": Predicate("flag", "Whether it is a public holiday."),
    "open_hours": Predicate("flag", "Whether the office is open now."),
    "dates": Predicate("dates", "The date at the office."),
    "queue_load": Predicate("keyed_number", "Conversations waiting in a queue."),
    "queue_waiting": Predicate("keyed_duration", "How long the oldest conversation of a queue has waited."),
    "agents_on_duty": Predicate("keyed_number", "Agents on duty in a queue."),
    "waiting": Predicate("duration", "How long the oldest message that waits has waited."),
    "unanswered": Predicate(
        "unanswered", "For how long nobody has answered; asked again when it comes true."
    ),
    "timer": Predicate("values", "The timer that ran out, by its name."),
    "pesel": Predicate("flag", "Whether a valid PESEL number stands in the text."),
    "phone": Predicate("flag", "Whether a phone number stands in the text."),
    "account": Predicate("flag", "Whether a bank account number stands in the text."),
    "email": Predicate("flag", "Whether an e-mail address stands in the text."),
    "button": Predicate("values", "The button that was pressed instead of writing: its label, or its name."),
    "callback_topic": Predicate("values", "The topic chosen when a callback was ordered."),
    "fields": Predicate("keyed_values", "Fields of a form as filled in."),
    "tags": Predicate("values", "A tag that the conversation has."),
    "tag_added": Predicate("values", "A tag that the conversation has just got."),
    "tag_removed": Predicate("values", "A tag that the conversation has just lost."),
    "status": Predicate("values", "The status of the conversation."),
    "status_from": Predicate("values", "The status it had before it changed."),
    "schedule": Predicate("named", "A time defined by name under `schedules`."),
    "condition": Predicate("named", "A condition defined by name under `conditions`."),
}

ActionShape = Literal[
    "name", "names", "tier", "priority", "join", "flag", "text", "attributes", "callback", "timers"
]


class Action(msgspec.Struct, frozen=True):
    """One action: its shape, and what it does in a sentence."""

    shape: ActionShape
    help: str


ACTIONS: Mapping[str, Action] = {
    "queue": Action("name", "Put the conversation into this queue."),
    "office": Action(
        "name", f"Give it to this office, or `{FROM_TEXT}`: the one whose postcode or county it names."
    ),
    "suggest_office": Action("name", "Suggest handing over to this office; nothing moves by itself."),
    "tier": Action("tier", "1 front office, 2 back office, 3 territorial office."),
    "priority": Action("priority", f"{', '.join(PRIORITIES)}, or the number behind it (-1 to 3)."),
    "tags": Action("names", "Add these tags; tags of all matching rules add up."),
    "assign": Action("name", "Assign to this user."),
    "join": Action("join", "Join to the best candidate (verified senders only), or suggest it."),
    "answer": Action("name", "Answer with this template, under the loop rules of automatic answers."),
    "hold": Action("text", "Hold a comment for moderation, for this reason."),
    "mask": Action("flag", "Mask personal numbers where the public reads."),
    "notify": Action("names", "Notify these users, roles (supervisor), teams or queues; they add up."),
    "webhook": Action("names", "Call these webhooks; they add up."),
    "spam": Action("flag", "File as spam."),
    "close": Action("flag", "Resolve without a person."),
    "topic": Action("name", "Preset the topic."),
    "distress": Action("name", "Show this protocol; top priority, never an automatic answer or close."),
    "set_contact": Action("attributes", "Set these attributes of the contact; they add up by name."),
    "split": Action("flag", "A further message opens a conversation of its own, linked to the old one."),
    "callback": Action("callback", "Order a call, or send the link to the form where no number is known."),
    "timer": Action("timers", "Start these timers; when one runs out, rules with `on: timer` see it."),
}

ACCUMULATING = ("tags", "notify", "webhook")
"""Actions whose values add up over all matching rules."""

MERGED = ("set_contact", "timer")
"""Actions whose entries add up over all matching rules; for each key the first matching rule wins."""

_FOR_A_NEW_ONE = ("queue", "office", "tier", "assign", "close", "join")
_FOR_A_MESSAGE = ("join", "hold", "mask", "split")
LEFT_UNDONE: Mapping[On, tuple[str, ...]] = {
    "new": ("split",),
    "message": _FOR_A_NEW_ONE,
    "edit": (*_FOR_A_NEW_ONE, "split"),
    "status": _FOR_A_MESSAGE,
    "timer": _FOR_A_MESSAGE,
}
"""By event: the actions that are not carried out then, so that no work is torn from anybody's hands. ``spam`` is not
among them: a conversation is filed only when it is new, but a comment is held whenever it comes or changes."""
