"""Decisions of the rules and what single rules said, in the reader's words: for "why is this here?" and "what if"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from hub.desk.actions import STATUS_NAMES
from hub.i18n import mark as N_
from hub.ruleset.verdicts import Judged, set_by, wanted_alone
from hub.web.desk import desk_of, scope_of
from hub.web.render import text
from hub.web.rules import terms
from hub.web.words import MINUTE, span
from rules import DEFAULT_RULE, GUARD_RULE, PRIORITIES, Explanation, Fault
from rules.decision import CallbackOrder
from rules.files.durations import duration
from rules.language import PREDICATES
from rules.text import PREDICATE, Text

DEFAULT = N_("No rule said otherwise: the default of the rule set.")
GUARD = N_("A safeguard of the rules engine.")
UNTOLD = N_("Rule {rule} could not be evaluated: {why}")
UNDONE = N_("Rule {rule}: “{action}” was not carried out: {why}")

STATES: Mapping[str, tuple[str, str, str]] = {
    "matched": ("ok", "check", N_("matched")),
    "failed": ("", "close", N_("did not match")),
    "stopped": ("accent", "block", N_("would have matched")),
    "off": ("", "block", N_("was not asked")),
    "fault": ("warn", "warning", N_("could not be told")),
}
"""Tone, icon and name of what a rule said; never told by the colour alone."""

_PRIORITIES = {number: name for name, number in PRIORITIES.items()}


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a decision came to: which action, its value in words, and the rules that won it (id, name)."""

    action: str
    value: str
    rules: tuple[tuple[str, str], ...]


def teller(request: web.Request) -> Callable[[Text | None], str]:
    """Says a text of the rules in the reader's language, predicates and their values as screens call them."""

    def told(said: Text | None) -> str:
        return _called(request, said).said(lambda msgid: text(request, msgid)) if said is not None else ""

    return told


_CODES = frozenset({"value", "added", "removed"})
"""Placeholders in whose place values stand as rule files write them."""


def _called(request: web.Request, said: Text, condition: str = "") -> Text:
    """``said`` with words for the codes in it; ``condition`` is the predicate whose values it names."""
    name = said.values.get("name")
    if isinstance(name, Text) and name.msgid == PREDICATE:
        condition = str(name)

    def word(key: str, value: str | int | Text) -> str | int | Text:
        if isinstance(value, Text):
            return _called(request, value, condition)
        if key == "predicate":
            shown = condition_name(request, str(value))
            return shown[:1].lower() + shown[1:]
        return value_name(request, condition, str(value)) if condition and key in _CODES else value

    return Text(said.msgid, {key: word(key, value) for key, value in said.values.items()})


def words(request: web.Request) -> dict[str, Any]:
    """What the templates of verdicts need."""
    told = teller(request)

    def state(one: Explanation | None) -> tuple[str, str, str]:
        return STATES[one.state] if one is not None else ("", "block", N_("is not there"))

    def event(name: str) -> str:
        return text(request, terms.EVENT_NAMES.get(name, name))

    def fault(one: Fault, rule: str) -> str:
        """A rule that could not be told, or one of whose actions was left undone."""
        if not one.action:
            return text(request, UNTOLD, rule=rule, why=told(one.why))
        return text(request, UNDONE, rule=rule, action=action_name(request, one.action), why=told(one.why))

    return {
        "told": told,
        "fault_said": fault,
        "wanted_of": lambda one: told(wanted_alone(one)),
        "state_of": state,
        "states": STATES,
        "event_name": event,
        "condition_name": lambda name: condition_name(request, name),
        "value_name": lambda condition, value: value_name(request, condition, value),
    }


def condition_name(request: web.Request, name: str) -> str:
    """A predicate as people call it; ``not`` before it and the key behind it stay."""
    negated = name.startswith("not ")
    plain, dot, key = name.removeprefix("not ").partition(".")
    if plain == "enabled":
        return text(request, N_("Switched on"))
    if plain == "on":
        return text(request, N_("Asked at"))
    term = terms.PREDICATE_TERMS.get(plain)
    shown = (text(request, term.name) if term else plain) + (f": {key}" if dot else "")
    return text(request, N_("not {condition}"), condition=shown) if negated else shown


_TRUTHS: Mapping[str, str] = {"yes": N_("yes"), "no": N_("no")}
_VALUES: Mapping[str, Mapping[str, str]] = {
    "on": terms.EVENT_NAMES,
    "days": terms.DAY_NAMES,
    "language": terms.LANGUAGE_NAMES,
    "status": {str(status): name for status, name in STATUS_NAMES.items()},
    "status_from": {str(status): name for status, name in STATUS_NAMES.items()},
    **terms.VALUE_NAMES,
}
"""What predicates see, by predicate; a code that is not among them stands for itself."""

_DURATIONS = frozenset(
    name
    for name, predicate in PREDICATES.items()
    if predicate.shape in ("duration", "keyed_duration", "unanswered")
)
"""Predicates that see minutes."""

_QUEUES = frozenset({"last_queue", "previous_queue"})
"""Predicates that see queues."""

_QUOTED = frozenset(
    name
    for name, predicate in PREDICATES.items()
    if predicate.shape in ("values", "keyed_values", "words", "phrase", "regex")
)
"""Predicates that see what people wrote, be it "yes"."""


def value_name(request: web.Request, condition: str, value: str) -> str:
    """What a condition saw or wanted, as people call it; several stand with commas between."""
    plain = condition.removeprefix("not ").partition(".")[0]
    known, directory = _VALUES.get(plain, {}), desk_of(request).house().directory

    def said(one: str) -> str:
        word = known.get(one) or (None if plain in _QUOTED else _TRUTHS.get(one))
        if word is not None:
            return text(request, word)
        if plain in _DURATIONS:
            return time_seen(one, scope_of(request).language)
        if plain == "office" and one in directory.offices:
            return directory.offices[one].name
        if plain in _QUEUES and one in directory.queues:
            return directory.queue_name(one, scope_of(request).language)
        return one

    return ", ".join(said(one) for one in value.split(", "))


def time_seen(minutes: str, language: str) -> str:
    """Minutes as a condition saw them, as a length of time: "960" is 16 hours."""
    return span(int(minutes) * MINUTE, language) if minutes.isdecimal() else minutes


def action_name(request: web.Request, name: str) -> str:
    """An action as people call it."""
    return text(request, terms.ACTION_TERMS[name][0]) if name in terms.ACTION_TERMS else name


def rule_name(request: web.Request, judged: Judged, rule: str) -> str:
    """A rule as it was called in that version."""
    if rule == DEFAULT_RULE:
        return text(request, DEFAULT)
    return text(request, GUARD) if rule == GUARD_RULE else judged.named(rule)


def deeds(request: web.Request, judged: Judged) -> list[Deed]:
    """What a decision came to, in the order of the actions' description."""
    winners = judged.decision.trace.winners
    return [
        Deed(
            action=action_name(request, name),
            value=_value(request, name, value),
            rules=tuple(
                (rule, rule_name(request, judged, rule)) for rule in winners.get(name, "").split(",") if rule
            ),
        )
        for name, value in set_by(judged.decision.actions).items()
    ]


def _notified(request: web.Request, one: str) -> str:
    """A role, a queue, or a login as it is."""
    directory = desk_of(request).house().directory
    if one in terms.ROLE_NAMES:
        return text(request, terms.ROLE_NAMES[one])
    return directory.queue_name(one, scope_of(request).language) if one in directory.queues else one


def _value(request: web.Request, name: str, value: Any) -> str:
    directory, language = desk_of(request).house().directory, scope_of(request).language
    if value is True:
        return text(request, N_("yes"))
    if name == "queue":
        return directory.queue_name(value, language)
    if name == "notify" and isinstance(value, tuple):
        return ", ".join(_notified(request, one) for one in value)
    if name in ("office", "suggest_office") and value in directory.offices:
        return str(directory.offices[value].name)
    if name == "priority" and value in _PRIORITIES:
        return text(request, terms.PRIORITY_NAMES[_PRIORITIES[value]])
    if isinstance(value, CallbackOrder):
        return ", ".join(
            filter(None, (value.topic, duration(value.minutes) if value.minutes else ""))
        ) or text(request, N_("yes"))
    if isinstance(value, Mapping):
        shown = duration if name == "timer" else str
        return ", ".join(f"{key}: {shown(item)}" for key, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
