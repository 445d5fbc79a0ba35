"""The active rules, read-only, in words: what each asks for, what it does, and on which line of the file it stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from aiohttp import web

from hub.i18n import mark as N_
from hub.scope import require
from hub.web.desk import desk_of, scope_of
from hub.web.render import render, text
from rules import PRIORITIES, Actions, model

Say = Callable[..., str]

PREDICATE_NAMES: dict[str, str] = {
    "channel": N_("Channel"),
    "inbox": N_("Inbox"),
    "kind": N_("Kind of event"),
    "direction": N_("Direction"),
    "language": N_("Language"),
    "words": N_("Words, in any form"),
    "phrase": N_("Words in this order"),
    "regex": N_("Regular expression"),
    "sender": N_("Sender"),
    "domain": N_("Domain of the sender"),
    "sender_kind": N_("Kind of address"),
    "sender_verified": N_("Address is proven"),
    "contact": N_("Attribute of the person"),
    "history": N_("Conversations in the last 30 days"),
    "last_queue": N_("Queue of the last conversation"),
    "open_elsewhere": N_("Other open conversations"),
    "returning": N_("Wrote before"),
    "duplicates": N_("Open conversations of the last 7 days"),
    "join_candidates": N_("Conversations it could be joined to"),
    "previous_queue": N_("Queue before"),
    "place": N_("Postcode or county of"),
    "office": N_("Office"),
    "article": N_("Article"),
    "section": N_("Section of the site"),
    "attachment": N_("Attachment"),
    "length": N_("Characters"),
    "links": N_("Links"),
    "automatic": N_("Written by a machine"),
    "reply_to_automatic": N_("Answers an automatic answer"),
    "suspicious": N_("A person should look first"),
    "hours": N_("Time of day"),
    "days": N_("Day of the week"),
    "holiday": N_("Public holiday"),
    "open_hours": N_("Office is open"),
    "dates": N_("Date"),
    "queue_load": N_("Waiting in queue"),
    "agents_on_duty": N_("Agents on duty in"),
    "waiting": N_("Minutes of waiting"),
    "pesel": N_("Holds a PESEL number"),
    "phone": N_("Holds a telephone number"),
    "account": N_("Holds an account number"),
    "email": N_("Holds an e-mail address"),
    "callback_topic": N_("Topic of the call"),
    "fields": N_("Field of the form"),
    "tags": N_("Tag"),
    "status": N_("Status"),
}

ACTION_NAMES: dict[str, str] = {
    "queue": N_("Queue"),
    "office": N_("Office"),
    "suggest_office": N_("Suggest the office"),
    "tier": N_("Tier"),
    "priority": N_("Priority"),
    "tags": N_("Tags"),
    "assign": N_("Assign to"),
    "join": N_("Join"),
    "answer": N_("Answer with the template"),
    "hold": N_("Hold for moderation"),
    "mask": N_("Mask personal numbers"),
    "notify": N_("Notify"),
    "webhook": N_("Call the webhook"),
    "spam": N_("File as spam"),
    "close": N_("Resolve without a person"),
    "topic": N_("Topic"),
    "distress": N_("Protocol for distress"),
}

DAY_NAMES: tuple[str, ...] = (
    N_("Monday"),
    N_("Tuesday"),
    N_("Wednesday"),
    N_("Thursday"),
    N_("Friday"),
    N_("Saturday"),
    N_("Sunday"),
)

EVENT_NAMES: dict[str, str] = {
    "new": N_("new conversation"),
    "message": N_("every message"),
    "edit": N_("edit"),
    "status": N_("change of status"),
    "timer": N_("passing of time"),
}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a condition: a heading with ``items`` under it, or a name with its value."""

    label: str
    value: str = ""
    line: int = 0
    items: tuple[Line, ...] = ()


def condition_lines(node: model.Condition, say: Say) -> Line:
    """A condition as a tree of sentences."""
    match node:
        case model.All():
            items = tuple(condition_lines(item, say) for item in node.items)
            label = say(N_("All of these")) if items else say(N_("Always"))
            return Line(label=label, items=items, line=node.line)
        case model.Any():
            items = tuple(condition_lines(item, say) for item in node.items)
            return Line(label=say(N_("One of these")), items=items, line=node.line)
        case model.Not():
            return Line(label=say(N_("Not")), items=(condition_lines(node.item, say),), line=node.line)
    name, value = _named(node, say)
    label = say(PREDICATE_NAMES[name]) if name in PREDICATE_NAMES else name
    return Line(label=label, value=value, line=node.line)


def _named(node: model.Condition, say: Say) -> tuple[str, str]:
    """The predicate's name and its value in words."""
    match node:
        case model.OneOf(name="days"):
            return "days", ", ".join(say(DAY_NAMES[int(value) - 1]) for value in node.values)
        case model.OneOf():
            return node.name, ", ".join(node.values)
        case model.Flag():
            return node.name, say(N_("yes")) if node.value else say(N_("no"))
        case model.Between():
            return node.name, _range(node.low, node.high, say)
        case model.Keyed():
            return node.name, f"{node.key}: " + (", ".join(node.values) or say(N_("filled in")))
        case model.KeyedBetween():
            return node.name, f"{node.key}: {_range(node.low, node.high, say)}"
        case model.Language():
            return "language", ", ".join(node.values)
        case _:
            return _of_text(node, say)


def _of_text(node: model.Condition, say: Say) -> tuple[str, str]:
    match node:
        case model.Words():
            least = say(N_("at least {n} of"), n=node.at_least) + ": " if node.at_least > 1 else ""
            return "words", least + ", ".join(node.words)
        case model.Phrase():
            return "phrase", ", ".join(f"„{' '.join(words)}”" for words in node.phrases)
        case model.Pattern():
            return "regex", node.pattern
        case model.Hours():
            return "hours", ", ".join(f"{_time(start)}–{_time(end)}" for start, end in node.spans)
        case model.Dates():
            return "dates", f"{node.first or '…'} – {node.last or '…'}"
        case model.Place():
            return "place", ", ".join(node.offices) or say(N_("any office"))
        case model.Attachment():
            return "attachment", ", ".join((*node.types, *node.names)) or say(N_("any"))
        case _:
            return type(node).__name__, ""


def _range(low: int | None, high: int | None, say: Say) -> str:
    if low == high:
        return str(low)
    if high is None:
        return say(N_("{n} or more"), n=low)
    return say(N_("{n} or fewer"), n=high) if low is None else f"{low}–{high}"


def _time(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def action_lines(actions: Actions, say: Say, queue_name: Callable[[str], str]) -> list[Line]:
    """What a rule does, one line for each action."""
    found = []
    for name in actions.__struct_fields__:
        value = getattr(actions, name)
        if value not in (None, False, ()):
            found.append(
                Line(label=say(ACTION_NAMES.get(name, name)), value=_action(name, value, queue_name))
            )
    return found


_PRIORITY_NAMES = {number: name for name, number in PRIORITIES.items()}


def _action(name: str, value: object, queue_name: Callable[[str], str]) -> str:
    if value is True:
        return ""
    if name == "queue":
        return queue_name(str(value))
    if name == "priority" and isinstance(value, int):
        return _PRIORITY_NAMES.get(value, str(value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(part) for part in value)
    return str(value)


async def rules_page(request: web.Request) -> web.StreamResponse:
    """The published rule set."""
    desk, scope = desk_of(request), scope_of(request)
    require(scope, "administer")
    house = desk.house()

    def say(msgid: str, **placeholders: object) -> str:
        return text(request, msgid, **placeholders)

    def named(queue: str) -> str:
        return house.directory.queue_name(queue, scope.language)

    ruleset = house.rules.ruleset
    shown = [
        (rule, condition_lines(rule.when, say), action_lines(rule.actions, say, named))
        for rule in ruleset.rules
    ]
    default = action_lines(ruleset.default, say, named)
    return render(
        request,
        "admin/rules.html",
        ruleset=ruleset,
        number=house.rules_version,
        rules=shown,
        default=default,
        events=EVENT_NAMES,
    )


ROUTES = [web.get("/admin/rules", rules_page)]
