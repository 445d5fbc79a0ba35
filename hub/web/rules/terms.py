"""What rules are called on screens: every predicate and action with its name and its sentence, events, days, units.

A sentence has ``{value}`` where the form's controls stand; the list of rules puts the values themselves there. A test
holds these tables against those of :mod:`rules.language`, so that nothing new appears without a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from hub.i18n import mark as N_
from rules.files.conditions import SCHEDULE_KEYS

Group = Literal["text", "message", "person", "desk", "time", "names"]

GROUP_NAMES: Mapping[Group, str] = {
    "text": N_("What it says"),
    "message": N_("How it came"),
    "person": N_("Who wrote"),
    "desk": N_("The desk and the conversation"),
    "time": N_("When"),
    "names": N_("Conditions with a name"),
}


class Term(NamedTuple):
    """``said`` with ``{value}``, or of a yes-or-no predicate the sentence for yes, and ``denied`` that for no."""

    group: Group
    name: str
    said: str
    denied: str = ""


PREDICATE_TERMS: Mapping[str, Term] = {
    "words": Term("text", N_("Words, in any form"), N_("the text has {value}")),
    "phrase": Term("text", N_("Words in this order"), N_("the text has near each other {value}")),
    "regex": Term("text", N_("Regular expression"), N_("the text fits the expression {value}")),
    "language": Term("text", N_("Language"), N_("the language is {value}")),
    "place": Term(
        "text",
        N_("Postcode or county of"),
        N_("the text names a place of an office"),
        N_("the text names no place of an office"),
    ),
    "length": Term("text", N_("Characters"), N_("the characters of the text are {value}")),
    "links": Term("text", N_("Links"), N_("the links in the text are {value}")),
    "pesel": Term(
        "text",
        N_("Holds a PESEL number"),
        N_("a PESEL number stands in the text"),
        N_("no PESEL number stands in the text"),
    ),
    "phone": Term(
        "text",
        N_("Holds a telephone number"),
        N_("a telephone number stands in the text"),
        N_("no telephone number stands in the text"),
    ),
    "account": Term(
        "text",
        N_("Holds an account number"),
        N_("a bank account number stands in the text"),
        N_("no bank account number stands in the text"),
    ),
    "email": Term(
        "text",
        N_("Holds an e-mail address"),
        N_("an e-mail address stands in the text"),
        N_("no e-mail address stands in the text"),
    ),
    "attachment": Term("text", N_("Attachment"), N_("it has an attachment"), N_("it has no attachment")),
    "channel": Term("message", N_("Channel"), N_("the channel is {value}")),
    "inbox": Term("message", N_("Inbox it came to"), N_("the inbox is {value}")),
    "office": Term("message", N_("Office"), N_("the inbox belongs to the office {value}")),
    "kind": Term("message", N_("Kind of event"), N_("the kind of event is {value}")),
    "direction": Term("message", N_("Direction"), N_("the message goes {value}")),
    "article": Term("message", N_("Article"), N_("the article is {value}")),
    "section": Term("message", N_("Section of the site"), N_("the section of the site is {value}")),
    "callback_topic": Term(
        "message", N_("Topic of the call"), N_("the topic of the ordered call is {value}")
    ),
    "button": Term("message", N_("Button pressed"), N_("the button {value} was pressed")),
    "fields": Term("message", N_("Field of the form"), N_("in the form {value}")),
    "automatic": Term(
        "message", N_("Written by a machine"), N_("a machine wrote it"), N_("no machine wrote it")
    ),
    "reply_to_automatic": Term(
        "message",
        N_("Answers an automatic answer"),
        N_("it answers an automatic answer of ours"),
        N_("it does not answer an automatic answer of ours"),
    ),
    "suspicious": Term(
        "message",
        N_("A person should look first"),
        N_("something about the sender is suspicious"),
        N_("nothing about the sender is suspicious"),
    ),
    "sender": Term("person", N_("Sender"), N_("the sender's address is {value}")),
    "domain": Term("person", N_("Domain of the sender"), N_("the domain of the sender is {value}")),
    "sender_kind": Term("person", N_("Kind of address"), N_("the kind of the sender's address is {value}")),
    "sender_verified": Term(
        "person",
        N_("Address is proven"),
        N_("the sender's address is proven"),
        N_("the sender's address is not proven"),
    ),
    "contact": Term("person", N_("Attribute of the person"), N_("of the person {value}")),
    "history": Term(
        "person", N_("Earlier conversations"), N_("earlier conversations of the person: {value}")
    ),
    "returning": Term(
        "person",
        N_("Wrote before"),
        N_("the person wrote before"),
        N_("the person writes for the first time"),
    ),
    "last_queue": Term(
        "person", N_("Queue of the last conversation"), N_("the person's last conversation was in {value}")
    ),
    "open_elsewhere": Term(
        "person", N_("Other open conversations"), N_("other open conversations of the person: {value}")
    ),
    "duplicates": Term(
        "person",
        N_("Open conversations of the last 7 days"),
        N_("open conversations of the sender from the last 7 days: {value}"),
    ),
    "join_candidates": Term(
        "person",
        N_("Conversations it could be joined to"),
        N_("conversations it could be joined to: {value}"),
    ),
    "previous_queue": Term("desk", N_("Queue before"), N_("before it was reopened it was in {value}")),
    "tags": Term("desk", N_("Tag"), N_("it has the tag {value}")),
    "tag_added": Term("desk", N_("Tag added"), N_("it has just got the tag {value}")),
    "tag_removed": Term("desk", N_("Tag removed"), N_("it has just lost the tag {value}")),
    "status": Term("desk", N_("Status"), N_("its status is {value}")),
    "status_from": Term("desk", N_("Status before"), N_("its status was {value}")),
    "queue_load": Term("desk", N_("Waiting in queue"), N_("conversations waiting in {value}")),
    "queue_waiting": Term("desk", N_("Longest wait in a queue"), N_("the longest wait in {value}")),
    "agents_on_duty": Term("desk", N_("Agents on duty in"), N_("agents on duty in {value}")),
    "waiting": Term("desk", N_("Minutes of waiting"), N_("its oldest message waits {value}")),
    "unanswered": Term("desk", N_("Without an answer"), N_("nobody has answered for {value}")),
    "timer": Term("desk", N_("Timer that ran out"), N_("the timer that ran out is {value}")),
    "hours": Term("time", N_("Time of day"), N_("the time is {value}")),
    "days": Term("time", N_("Day of the week"), N_("the day is {value}")),
    "dates": Term("time", N_("Date"), N_("the date is {value}")),
    "holiday": Term(
        "time", N_("Public holiday"), N_("it is a public holiday"), N_("it is no public holiday")
    ),
    "open_hours": Term("time", N_("Office is open"), N_("the office is open"), N_("the office is closed")),
    "schedule": Term("names", N_("Schedule"), N_("the time is in the schedule {value}")),
    "condition": Term("names", N_("Condition"), N_("the condition {value} holds")),
}

SCHEDULED = SCHEDULE_KEYS
"""Predicates that a schedule may have."""

ACTION_TERMS: Mapping[str, tuple[str, str]] = {
    "queue": (N_("Queue"), N_("put into the queue {value}")),
    "office": (N_("Office"), N_("give to the office {value}")),
    "suggest_office": (N_("Suggest the office"), N_("suggest the office {value}")),
    "tier": (N_("Tier"), N_("send to tier {value}")),
    "priority": (N_("Priority"), N_("set the priority {value}")),
    "tags": (N_("Tags"), N_("tag with {value}")),
    "assign": (N_("Assign to"), N_("assign to {value}")),
    "join": (N_("Join"), N_("to an open conversation: {value}")),
    "answer": (N_("Answer with the template"), N_("answer with the template {value}")),
    "hold": (N_("Hold for moderation"), N_("hold for moderation because of {value}")),
    "mask": (N_("Mask personal numbers"), N_("mask personal numbers")),
    "notify": (N_("Notify"), N_("notify {value}")),
    "webhook": (N_("Call the webhook"), N_("call the webhook {value}")),
    "spam": (N_("File as spam"), N_("file as spam")),
    "close": (N_("Resolve without a person"), N_("resolve without a person")),
    "topic": (N_("Topic"), N_("preset the topic {value}")),
    "distress": (N_("Protocol for distress"), N_("show the protocol for distress {value}")),
    "set_contact": (N_("Attributes of the person"), N_("note about the person {value}")),
    "split": (N_("Conversation of its own"), N_("open a conversation of its own for it")),
    "callback": (N_("Call back"), N_("order a call back {value}")),
    "timer": (N_("Start a timer"), N_("start the timer {value}")),
}

EVENT_NAMES: Mapping[str, str] = {
    "new": N_("new conversation"),
    "message": N_("every message"),
    "edit": N_("edit"),
    "status": N_("change of status"),
    "timer": N_("passing of time"),
}

THEN_NAMES: Mapping[str, str] = {
    "stop": N_("no further rule is tried"),
    "continue": N_("the next rules are tried too"),
    "next-section": N_("go on behind this section"),
    "stop-after-section": N_("the rest of this section, then no further rule"),
}

DAY_NAMES: Mapping[str, str] = {
    "mon": N_("Monday"),
    "tue": N_("Tuesday"),
    "wed": N_("Wednesday"),
    "thu": N_("Thursday"),
    "fri": N_("Friday"),
    "sat": N_("Saturday"),
    "sun": N_("Sunday"),
}

UNIT_NAMES: Mapping[str, str] = {"m": N_("minutes"), "h": N_("hours"), "d": N_("days")}

MODE_NAMES: Mapping[str, str] = {
    "least": N_("at least"),
    "most": N_("at most"),
    "exactly": N_("exactly"),
    "between": N_("between"),
    "some": N_("at least one"),
    "none": N_("none"),
}

PRIORITY_NAMES: Mapping[str, str] = {
    "low": N_("low"),
    "normal": N_("normal"),
    "high": N_("high"),
    "urgent": N_("urgent"),
    "top": N_("top (a person in distress)"),
}

JOIN_NAMES: Mapping[str, str] = {
    "suggest": N_("show it to the agent"),
    "join": N_("join it at once"),
}

TIER_NAMES: Mapping[str, str] = {
    "1": N_("1, front office"),
    "2": N_("2, back office"),
    "3": N_("3, county office"),
}

ROLE_NAMES: Mapping[str, str] = {
    "agent": N_("Agents"),
    "moderator": N_("Moderators"),
    "supervisor": N_("Supervisors"),
    "administrator": N_("Administrators"),
}
"""Everybody of a role, as a rule notifies them."""

LANGUAGE_NAMES: Mapping[str, str] = {
    "pl": N_("Polish"),
    "en": N_("English"),
    "uk": N_("Ukrainian"),
    "ru": N_("Russian"),
    "de": N_("German"),
    "ro": N_("Romanian"),
    "it": N_("Italian"),
    "be": N_("Belarusian"),
}

VALUE_NAMES: Mapping[str, Mapping[str, str]] = {
    "channel": {
        "email": N_("E-mail"),
        "sms": N_("SMS"),
        "comments": N_("Comment"),
        "form": N_("Form"),
        "callback": N_("Callback"),
        "chat": N_("Chat"),
        "phone": N_("Telephone"),
        "webhook": N_("Other system"),
    },
    "kind": {
        "message": N_("message"),
        "edit": N_("edit"),
        "report": N_("report"),
        "callback": N_("callback"),
    },
    "direction": {"in": N_("from the citizen"), "out": N_("from the office")},
    "automatic": {
        "no": N_("a person"),
        "auto-reply": N_("an automatic answer"),
        "bounce": N_("a failed delivery"),
        "list": N_("a mailing list"),
        "report": N_("a delivery report"),
        "complaint": N_("a complaint about spam"),
    },
    "sender_kind": {"email": N_("E-mail"), "phone": N_("Telephone"), "web": N_("Site")},
}
"""Words for values that mean the same everywhere; others are named by the configuration or stand for themselves."""
