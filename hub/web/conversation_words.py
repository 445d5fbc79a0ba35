"""A conversation's bookkeeping in words: system lines, states of a sending, and why it stands in its queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from hub.callbacks.texts import LINES as CALLBACK_LINES
from hub.callbacks.texts import OUTCOMES
from hub.desk.actions import STATUS_NAMES
from hub.desk.why import Reason
from hub.directory import Directory
from hub.i18n import mark as N_
from hub.i18n import translate
from hub.web.rules.terms import ACTION_TERMS
from hub.web.verdict_words import DEFAULT, GUARD
from hub.web.words import exact
from rules import DEFAULT_RULE, GUARD_RULE, Fault, Seen

LINES: Mapping[str, str] = {
    **CALLBACK_LINES,
    "assigned": N_("{who} gave it to {name}."),
    "assigned-own": N_("{who} took it."),
    "unassigned": N_("{who} gave it back to the queue."),
    "status": N_("{who} set the status to “{status}”."),
    "snoozed": N_("{who} snoozed it."),
    "snoozed-until": N_("{who} snoozed it until {until}."),
    "woken": N_("It woke: the time has come."),
    "woken-failed-delivery": N_("It woke: a reply could not be delivered."),
    "tagged": N_("{who} changed the tags."),
    "tagged-add": N_("{who} added tags: {add}."),
    "tagged-remove": N_("{who} took away tags: {remove}."),
    "priority": N_("{who} set the priority to “{priority}”."),
    "language": N_("{who} set the language to {language}."),
    "resolved": N_("{who} resolved it."),
    "resolved-topic": N_("{who} resolved it: {topic}."),
    "spam": N_("{who} filed it as spam."),
    "transferred": N_("{who} handed it to the queue “{queue}”."),
    "office-silent": N_("{office} did not answer in time."),
    "owner-check": N_("The office answered two working days ago. May this be closed?"),
    "merged": N_("{who} merged {reference} into this conversation."),
    "unmerged": N_("{who} took the merge with {reference} apart."),
    "moved-away": N_("{who} moved a message to {reference}."),
    "moved-here": N_("{who} moved this message here from {reference}."),
    "silent": N_("The person asked not to be written to at {address} any more."),
    "speaks-again": N_("The person may be written to at {address} again."),
    "blocked": N_("{who} blocked this address until {until}: {reason}"),
    "unblocked": N_("{who} let this address write again."),
    "undone": N_("{who} undid the last change."),
    "sent-again": N_("{who} sent message {number} again."),
    "delivery-failed": N_("A reply could not be delivered: {reason}"),
    "bounced": N_("The mail came back: {recipients}"),
    "delayed": N_("The mail is delayed: {recipients}"),
    "agent-left": N_("{agent} has been away; it went back to the queue."),
    "opened-with-reason": N_("{who} of another office opened it: {reason}"),
    "quarantined": N_("This message could not be read. It is kept as it came."),
    "parsed-again": N_("The message was read again."),
    "released": N_("{who} released it from quarantine to the queue “{queue}”."),
    "transferred-rule": N_("Rule “{rule}” handed it to the queue “{queue}”."),
    "assigned-rule": N_("Rule “{rule}” gave it to {name}."),
    "tagged-rule": N_("Rule “{rule}” added tags: {add}."),
    "priority-rule": N_("Rule “{rule}” set the priority to “{priority}”."),
    "resolved-rule": N_("Rule “{rule}” resolved it."),
    "spam-rule": N_("Rule “{rule}” filed it as spam."),
    "joined": N_("Rule “{rule}” joined message {number} to this conversation. It can be moved out again."),
    "split-away": N_("Rule “{rule}” gave a message a conversation of its own: {reference}."),
    "split-here": N_("Rule “{rule}” opened this conversation with a message from {reference}."),
    "contact-noted": N_("Rule “{rule}” noted about the person: {noted}."),
    "chat-ended-visitor": N_("The visitor ended the chat."),
    "chat-ended-silence": N_("The chat was closed: the visitor said nothing more."),
    "chat-handed-over-email": N_("The visitor has left; what they had not read went by e-mail to {address}."),
    "chat-handed-over-phone": N_(
        "The visitor has left; what they had not read went by text message to {address}."
    ),
    "survey-answered": N_("The person rated our help {score} of 5."),
    "survey-changed": N_("The person changed their rating of our help to {score} of 5."),
    "callback-wanted": N_("Rule “{rule}” asked for a call."),
    "callback-offered-form": N_("Rule “{rule}” sent the person the form on which a call can be ordered."),
    "callback-impossible": N_(
        "Rule “{rule}” asked for a call, but no number is known and no form for calls is set up."
    ),
    "continued-from-comment": N_("{who} opened this conversation from a comment."),
    "continued-in-private": N_("{who} opened a private conversation from this comment."),
}
"""Texts of system lines by their ``what``. A variant ``what-detail`` is used when that detail is there."""

UNKNOWN = N_("Something was noted here ({what}).")
HUB = N_("The hub")

STATES: Mapping[str, tuple[str, str, str]] = {
    "held": (N_("Can be taken back"), "undo", ""),
    "queued": (N_("Queued"), "clock", ""),
    "sending": (N_("Being sent"), "send", ""),
    "accepted": (N_("Accepted"), "check", "ok"),
    "delivered": (N_("Delivered"), "check-all", "ok"),
    "read": (N_("Read"), "eye", "ok"),
    "failed": (N_("Failed"), "warning", "danger"),
    "possibly-sent": (N_("Possibly sent"), "question", "warn"),
    "cancelled": (N_("Taken back"), "undo", ""),
}
"""Name, icon and colour of a delivery's state; the state is never told by the colour alone."""

OUTCOME_NAMES: Mapping[str, str] = {
    "accepted": N_("accepted"),
    "delivered": N_("delivered"),
    "temporary": N_("failed for the time being"),
    "permanent": N_("failed for good"),
    "throttled": N_("asked to wait"),
    "ambiguous": N_("broke off; it may have arrived"),
}

PRIORITY_NAMES: Mapping[str, str] = {
    "low": N_("Low"),
    "normal": N_("Normal"),
    "high": N_("High"),
    "urgent": N_("Urgent"),
    "top": N_("Top"),
}

PRIORITY_BY_RANK = {-1: "low", 0: "normal", 1: "high", 2: "urgent", 3: "top"}

PRIORITY_OF_RANK: Mapping[int, str] = {rank: PRIORITY_NAMES[name] for rank, name in PRIORITY_BY_RANK.items()}


def line(data: Mapping[str, Any], who: str, language: str, zone: str, directory: Directory) -> str:
    """A system line as a sentence."""
    say = _speaker(language)
    what = str(data.get("what", ""))
    msgid = LINES.get(_variant(what, data), UNKNOWN)
    details = {name: _detail(name, value, language, directory) for name, value in data.items()}
    for name in ("until", "at"):
        if isinstance(data.get(name), int):
            details[name] = exact(data[name], language, zone)
    details |= {"who": who or say(HUB), "when": details.get("at", "")}
    return say(msgid, **details)


def _speaker(language: str) -> Callable[..., str]:
    def say(msgid: str, **details: Any) -> str:
        return translate(language, msgid, **details)

    return say


def _variant(what: str, data: Mapping[str, Any]) -> str:
    """The most telling text for the details that are there."""
    for name, value in data.items():
        if value and f"{what}-{name}" in LINES:
            return f"{what}-{name}"
    return "woken-failed-delivery" if what == "woken" and data.get("why") == "failed-delivery" else what


def _detail(name: str, value: Any, language: str, directory: Directory) -> str:
    say = _speaker(language)
    if name == "queue":
        return directory.queue_name(str(value), language)
    if name == "office":
        found = directory.offices.get(str(value))
        return found.name if found else str(value)
    if name == "status" and value in STATUS_NAMES:
        return say(STATUS_NAMES[value])
    if name == "priority" and value in PRIORITY_NAMES:
        return say(PRIORITY_NAMES[value])
    if name == "outcome" and value in OUTCOMES:
        return say(OUTCOMES[value])
    if name == "reason":
        return say(str(value)) if value else ""
    if isinstance(value, list):
        return ", ".join(_listed(item) for item in value)
    return "" if value is None else str(value)


def _listed(item: Any) -> str:
    """One entry of a list: a word, or a bounced recipient."""
    if isinstance(item, dict):
        return " ".join(str(item[key]) for key in ("address", "status", "diagnostic") if item.get(key))
    return str(item)


# --- why is this here? -----------------------------------------------------------------------------------------


class Because(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that took part in a decision: its name, what it saw, what it decided."""

    rule: str
    name: str
    seen: tuple[Seen, ...]
    decided: str


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """One decision in words; ``on`` is what made the rules be asked."""

    id: int
    at: int
    on: str
    number: int | None
    version: int
    because: tuple[Because, ...]
    faults: tuple[Fault, ...]
    more: int


def decided(reasons: Sequence[Reason], names: Mapping[str, str], language: str) -> list[Decided]:
    """Decisions in words; ``names`` are those of the rules that are published now, by id."""
    return [_decided(reason, names, _speaker(language)) for reason in reasons]


def _decided(reason: Reason, names: Mapping[str, str], say: Callable[..., str]) -> Decided:
    trace = reason.trace
    wins: dict[str, list[str]] = {}
    for field, winners in trace.winners.items():
        for rule in winners.split(","):
            wins.setdefault(rule, []).append(say(ACTION_TERMS[field][0]) if field in ACTION_TERMS else field)
    matched = {match.rule: match.seen for match in trace.matched}
    rules = [*matched, *(rule for rule in wins if rule not in matched)]
    return Decided(
        id=reason.id,
        at=reason.at,
        on=reason.on,
        number=reason.number,
        version=reason.version,
        because=tuple(
            Because(
                rule=rule,
                name=_rule_name(rule, names, say),
                seen=matched.get(rule, ()),
                decided=", ".join(wins.get(rule, ())),
            )
            for rule in rules
        ),
        faults=trace.faults,
        more=trace.more,
    )


def _rule_name(rule: str, names: Mapping[str, str], say: Callable[..., str]) -> str:
    if rule == DEFAULT_RULE:
        return say(DEFAULT)
    if rule == GUARD_RULE:
        return say(GUARD)
    return names.get(rule) or rule
