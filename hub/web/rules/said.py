"""Rules as sentences: "When the channel is E-mail and the text has „zasiłek” or „renta” …" from the parts of a form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from markupsafe import Markup, escape

from hub.i18n import mark as N_
from hub.web.rules import terms
from hub.web.rules.parts import Part
from rules.language import FROM_TEXT

Say = Callable[..., str]
Plural = Callable[[str, str, int], str]

MANY = 5
"""Values of one condition that a sentence names."""


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """How values are called: ``say`` translates, ``plural`` with a number (one, many, how many), ``known`` gives the
    configured names by kind of thing."""

    say: Say
    plural: Plural
    known: Mapping[str, Mapping[str, str]]

    def of(self, kind: str, value: str) -> str:
        """The name of a value of a predicate or action."""
        word = terms.VALUE_NAMES.get(kind, {}).get(value)
        if word is not None:
            return self.say(word)
        return self.known.get(THINGS.get(kind, ""), {}).get(value, value)

    def choices(self, kind: str) -> list[tuple[str, str]]:
        """Values that a form offers, with their names."""
        words = terms.VALUE_NAMES.get(kind, {})
        things = self.known.get(THINGS.get(kind, ""), {})
        return [(value, self.of(kind, value)) for value in {**dict.fromkeys(words), **dict.fromkeys(things)}]


THINGS: Mapping[str, str] = {
    "channel": "channels",
    "inbox": "inboxes",
    "office": "offices",
    "suggest_office": "offices",
    "place": "offices",
    "queue": "queues",
    "last_queue": "queues",
    "previous_queue": "queues",
    "queue_load": "queues",
    "queue_waiting": "queues",
    "agents_on_duty": "queues",
    "assign": "users",
    "notify": "notified",
    "answer": "answers",
    "webhook": "webhooks",
    "distress": "protocols",
    "topic": "topics",
    "status": "statuses",
    "status_from": "statuses",
    "tags": "tags",
    "tag_added": "tags",
    "tag_removed": "tags",
    "hold": "holds",
    "words": "lists",
    "schedule": "schedules",
    "condition": "conditions",
    "language": "languages",
    "timer": "timers",
    "contact": "attributes",
    "set_contact": "attributes",
    "fields": "fields",
}
"""Which of the configured names a predicate or action takes."""


# --- sentences ----------------------------------------------------------------------------------------------------


def condition_said(part: Part, names: Names) -> Markup:
    """A condition in one sentence, without a capital letter."""
    if not part.group:
        return predicate_said(part, names)
    if part.kind == "not":
        return Markup("{} {}").format(names.say(N_("it is not so that")), _joined(part, names, N_("and")))
    return _joined(part, names, N_("or") if part.kind == "any" else N_("and"))


def _joined(part: Part, names: Names, word: str) -> Markup:
    link = Markup(" <i>{}</i> ").format(names.say(word))
    said = [_inner(item, names, len(part.items) > 1) for item in part.items[:MANY]]
    if len(part.items) > MANY:
        said.append(escape(names.say(N_("{n} more"), n=len(part.items) - MANY)))
    return link.join(said)


def _inner(item: Part, names: Names, among: bool) -> Markup:
    said = condition_said(item, names)
    several = item.group and (item.kind == "not" or len(item.items) > 1)
    return Markup("({})").format(said) if among and several else said


def predicate_said(part: Part, names: Names) -> Markup:
    """One predicate in a sentence."""
    term = terms.PREDICATE_TERMS.get(part.kind)
    if term is None or part.raw:
        name = names.say(term.name) if term else part.kind
        return _with(f"{name}: {{value}}", Markup("<code>{}</code>").format(part.value("raw")))
    if part.value("is") == "no":
        return escape(names.say(term.denied))
    return _with(names.say(term.said), value_said(part, names)) + _more(part, names)


def _more(part: Part, names: Names) -> Markup:
    """What a yes-or-no sentence is followed by when it is narrowed down."""
    if "{value}" in terms.PREDICATE_TERMS[part.kind].said:
        return Markup("")
    match part.value("is"):
        case "one":
            return Markup(": ") + _either(part.kind, part.values("values"), names)
        case "days":
            return _lately(part.value("days"), names)
        case "such":
            return Markup(": ") + _attachment(part, names)
    return Markup("")


def _with(sentence: str, value: Markup) -> Markup:
    """A sentence with its value; nothing else in it is ever replaced."""
    before, found, after = sentence.partition("{value}")
    return escape(before) + value + escape(after) if found else escape(sentence)


def _strong(text: str) -> Markup:
    return Markup("<b>{}</b>").format(text)


def _either(kind: str, values: Iterable[str], names: Names, word: str = N_("or")) -> Markup:
    return _some([names.of(kind, value) for value in values], names, word)


def _some(shown: Sequence[str], names: Names, word: str = N_("or")) -> Markup:
    """Values side by side, the many cut."""
    said = [_strong(text) for text in shown[:MANY]]
    if len(shown) > MANY:
        said.append(escape(names.say(N_("{n} more"), n=len(shown) - MANY)))
    if len(said) < 2:
        return Markup("").join(said) or _strong("…")
    last = Markup(" {} ").format(names.say(word)) + said[-1]
    return Markup(", ").join(said[:-1]) + last


def value_said(part: Part, names: Names, word: str = N_("or")) -> Markup:
    """The value of a predicate or action; ``word`` stands between several values."""
    kind = part.kind
    if kind in ("words", "phrase"):
        return _words_said(part, names)
    if part.values("mode") and not part.values("key"):
        return _strong(range_said(dict(part.fields), names)) + _aside(part, names)
    if part.values("key"):
        return _rows_said(part, names)
    if part.values("from") or part.values("until"):
        return _span_said(part, names)
    if part.values("days"):
        return _some([names.say(terms.DAY_NAMES.get(day, day)) for day in _week(part)], names)
    values = part.values("values") or tuple(filter(None, (part.value("value"),)))
    return _either(kind, values, names, word)


def _week(part: Part) -> list[str]:
    return [day for day in terms.DAY_NAMES if day in part.values("days")]


def _aside(part: Part, names: Names) -> Markup:
    if part.value("days"):
        return _lately(part.value("days"), names)
    if part.value("hours"):
        return Markup(" ") + escape(names.say(N_("of opening hours")))
    return Markup("")


def _lately(days: str, names: Names) -> Markup:
    """Of how many days a condition asks; what is still being typed need not be a number."""
    number = int(days) if days.isdecimal() else 0
    said = names.plural("in the last {value} day", "in the last {value} days", number)
    return _with(f" {said}", _strong(days))


def range_said(fields: Mapping[str, tuple[str, ...]], names: Names, at: int = 0) -> str:
    """A range in words: "at least 4 hours"."""

    def get(name: str) -> str:
        values = fields.get(name, ())
        return values[at] if at < len(values) else ""

    low, high = (duration_said(get(end), get(f"{end}_unit"), names) for end in ("low", "high"))
    mode = get("mode")
    if mode == "between":
        return names.say(N_("between {low} and {high}"), low=low, high=high)
    said = names.say(terms.MODE_NAMES.get(mode, mode))
    return said if mode in ("some", "none") else f"{said} {low}"


def duration_said(amount: str, unit: str, names: Names) -> str:
    """A span of time, or a plain number where there is no unit."""
    if not amount.isdecimal() or unit not in terms.UNIT_NAMES:
        return amount
    number = int(amount)
    match unit:
        case "m":
            return names.plural("{n} minute", "{n} minutes", number)
        case "h":
            return names.plural("{n} hour", "{n} hours", number)
    return names.plural("{n} day", "{n} days", number)


def _words_said(part: Part, names: Names) -> Markup:
    quoted = [f"„{line}”" for line in part.value("any").split("\n") if line]
    lists = [names.say(N_("a word of the list {name}"), name=name) for name in part.values("list")]
    said = _some([*lists, *quoted], names)
    if part.value("at_least") not in ("", "1"):
        said = _with(names.say(N_("at least {value} of")), _strong(part.value("at_least"))) + " " + said
    return said


def _rows_said(part: Part, names: Names) -> Markup:
    fields = dict(part.fields)
    found = []
    for i, key in enumerate(part.values("key")):
        if not key:
            continue
        shown = names.of(part.kind, key)
        if "said" in fields or part.kind in ("contact", "fields"):
            found.append(_strong(f"{shown}: {_row_values(fields, i, names)}"))
        elif "mode" in fields:
            found.append(_strong(f"{shown}: {range_said(fields, names, i)}"))
        elif "low" in fields:
            span = duration_said(fields["low"][i], fields["low_unit"][i], names)
            found.append(_strong(f"{shown} ({span})"))
        else:
            found.append(_strong(f"{shown}: {(fields.get('value', ()) + ('',) * (i + 1))[i]}"))
    return Markup(" {} ").format(names.say(N_("and"))).join(found)


def _row_values(fields: Mapping[str, tuple[str, ...]], at: int, names: Names) -> str:
    mode = (fields.get("mode", ()) + ("one",) * (at + 1))[at]
    if mode != "one":
        return names.say(N_("filled in") if mode == "some" else N_("not filled in"))
    values = (fields.get("said", ()) + ("",) * (at + 1))[at]
    return f" {names.say(N_('or'))} ".join(line for line in values.split("\n") if line)


def _span_said(part: Part, names: Names) -> Markup:
    if part.kind == "hours":
        spans = zip(part.values("from"), part.values("to"), strict=False)
        return _some([f"{first}–{last}" for first, last in spans if first], names)
    first, last = part.value("from"), part.value("until")
    if first and last:
        return _strong(f"{first} – {last}")
    if first:
        return _strong(names.say(N_("from {date}"), date=first))
    return _strong(names.say(N_("until {date}"), date=last))


def _attachment(part: Part, names: Names) -> Markup:
    """One file must be all of it: of one of the types, with one of the endings, and so large."""
    asked = [[line for line in part.value(name).split("\n") if line] for name in ("type", "name")]
    if part.value("min_size"):
        asked.append([names.say(N_("at least {size}"), size=part.value("min_size"))])
    return Markup(" {} ").format(names.say(N_("and"))).join(_some(shown, names) for shown in asked if shown)


def action_said(part: Part, names: Names) -> Markup:
    """One action in a sentence."""
    name, said = terms.ACTION_TERMS.get(part.kind, (part.kind, f"{part.kind} {{value}}"))
    if part.raw:
        return _with(f"{names.say(name)}: {{value}}", Markup("<code>{}</code>").format(part.value("raw")))
    value = part.value("value")
    words: Mapping[str, Mapping[str, str]] = {
        "priority": {**terms.PRIORITY_NAMES},
        "join": terms.JOIN_NAMES,
        "tier": terms.TIER_NAMES,
    }
    if value in words.get(part.kind, {}):
        return _with(names.say(said), _strong(names.say(words[part.kind][value])))
    if value == FROM_TEXT:
        return _with(names.say(said), _strong(names.say(N_("that the text names"))))
    if part.kind == "callback":
        return _with(names.say(said), _callback(part, names))
    return _with(names.say(said), value_said(part, names, N_("and")))


def _callback(part: Part, names: Names) -> Markup:
    said = [_strong(part.value("topic"))] if part.value("topic") else []
    if part.value("low"):
        span = duration_said(part.value("low"), part.value("low_unit"), names)
        said.append(_with(names.say(N_("in {value} at the earliest")), _strong(span)))
    return Markup(", ").join(said)
