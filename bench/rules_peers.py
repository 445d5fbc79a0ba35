"""Other rule engines with the rules of :mod:`bench.rules_mix`, as far as each can say them.

Each peer is given what its language lacks, for nothing: the words of a message as a set, the offices of its postcodes,
the domains of its sender. A phrase with a gap cannot be said in any of them, a regular expression not in json-logic, a
negation not in business-rules (but by an operator that it lacks for most types); such rules are left out, and ours
then decides on the same ones. Words of the mix differ from each other in more than diacritics, so folded forms do.

The packages are the extra ``bench``; one that is missing is told, not measured.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Sequence
from typing import Any

from bench.plain_loop import Expand, View
from bench.rules_mix import Mapping
from rules import Facts
from rules.fold import fold

Run = Callable[[Facts], list[str]]
Peer = Callable[[Sequence[Mapping], Expand, dict[str, str]], tuple[list[int], Run | None]]


def atoms(when: Mapping, expand: Expand) -> tuple[list[tuple[str, Any]], list[list[tuple[str, Any]]]] | None:
    """A condition of the mix as (all of these, any of each of those); None where it has a phrase."""
    every: list[tuple[str, Any]] = []
    either: list[list[tuple[str, Any]]] = []
    for name, value in when.items():
        if name == "phrase":
            return None
        if name == "any":
            parts = [atoms(item, expand) for item in value]
            either.append([part for one in parts if one is not None for part in one[0]])
        elif name == "words":
            every.append((name, sorted({fold(form) for word in value for form in expand(word, "")})))
        elif name == "not":
            every.append(("not", value["channel"]))
        elif name == "hours":
            start, end = (int(part[:2]) * 60 for part in value.split("-"))
            every.append((name, (start, end)))
        else:
            every.append((name, value))
    return every, either


def view(facts: Facts, places: dict[str, str]) -> dict[str, Any]:
    """The facts as the peers read them. Made once for a message, and not counted."""
    seen = View(facts, places)
    return {
        "words": set(seen.folded),
        "text": facts.text,
        "channel": facts.channel,
        "inbox": facts.inbox,
        "article": facts.article,
        "sender": facts.sender_address,
        "domains": set(seen.domains),
        "places": set(seen.offices),
        "tags": set(facts.tags),
        "branch": facts.contact.get("branch", ""),
        "history": facts.history_count,
        "minutes": facts.local_minutes,
    }


class Seen:
    """Keeps the views of the messages, so that making them is nobody's time."""

    def __init__(self, places: dict[str, str], shape: Callable[[dict[str, Any]], Any]) -> None:
        self._places, self._shape = places, shape
        self._kept: dict[int, Any] = {}

    def of(self, facts: Facts) -> Any:
        if id(facts) not in self._kept:
            self._kept[id(facts)] = self._shape(view(facts, self._places))
        return self._kept[id(facts)]


def _installed(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _written(
    made: Sequence[Mapping], expand: Expand, say: Callable[[str, Any], str | None], both: str, one: str
) -> dict[int, str]:
    """Each rule as an expression, by its number, for languages that write ``and`` and ``or`` between conditions."""
    out = {}
    for number, rule in enumerate(made):
        parts = atoms(rule["when"], expand)
        if parts is not None:
            said = [say(*atom) for atom in parts[0]]
            said += ["(" + one.join(say(*atom) or "" for atom in group) + ")" for group in parts[1]]
            out[number] = both.join(part or "" for part in said)
    return out


_QUOTED = json.dumps


def _rule_engine(
    made: Sequence[Mapping], expand: Expand, places: dict[str, str]
) -> tuple[list[int], Run | None]:
    engine = _installed("rule_engine")
    if engine is None:
        return [], None

    def say(name: str, value: Any) -> str:
        match name:
            case "words":
                return "(words & {" + ", ".join(map(_QUOTED, value)) + "})"
            case "regex":
                return f"(text =~~ {_QUOTED(value)})"
            case "not":
                return f"(channel != {_QUOTED(value)})"
            case "hours":
                return f"(minutes >= {value[0]} and minutes < {value[1]})"
            case "history":
                return f"(history >= {value['min']})"
            case "contact":
                return f"(branch == {_QUOTED(value['branch'])})"
            case "domain" | "place" | "tags":
                return f"({_QUOTED(value)} in {_LISTS[name]})"
        return f"({name} == {_QUOTED(value)})"

    context = engine.Context(regex_flags=2)
    texts = _written(made, expand, say, " and ", " or ")
    rules = [(f"r{number}", engine.Rule(text, context=context)) for number, text in texts.items()]
    seen = Seen(places, lambda facts: facts)
    return list(texts), lambda facts: [name for name, rule in rules if rule.matches(seen.of(facts))]


_LISTS = {"domain": "domains", "place": "places", "tags": "tags"}


def _cel(made: Sequence[Mapping], expand: Expand, places: dict[str, str]) -> tuple[list[int], Run | None]:
    engine = _installed("cel")
    if engine is None:
        return [], None

    def say(name: str, value: Any) -> str:
        match name:
            case "words":
                return "[" + ", ".join(map(_QUOTED, value)) + "].exists(form, form in words)"
            case "regex":
                return f"text.matches({_QUOTED('(?i)' + value)})"
            case "not":
                return f"channel != {_QUOTED(value)}"
            case "hours":
                return f"minutes >= {value[0]} && minutes < {value[1]}"
            case "history":
                return f"history >= {value['min']}"
            case "contact":
                return f"branch == {_QUOTED(value['branch'])}"
            case "domain" | "place" | "tags":
                return f"{_QUOTED(value)} in {_LISTS[name]}"
        return f"{name} == {_QUOTED(value)}"

    texts = _written(made, expand, say, " && ", " || ")
    rules = [(f"r{number}", engine.compile(text)) for number, text in texts.items()]
    seen = Seen(
        places, lambda facts: engine.Context(variables={key: _cel_value(v) for key, v in facts.items()})
    )
    return list(texts), lambda facts: [name for name, rule in rules if rule.execute(seen.of(facts)) is True]


def _cel_value(value: Any) -> Any:
    """Sets as maps, in which a key is found without going through all."""
    return dict.fromkeys(value, True) if isinstance(value, set) else value


def _json_logic(
    made: Sequence[Mapping], expand: Expand, places: dict[str, str]
) -> tuple[list[int], Run | None]:
    engine = _installed("json_logic")
    if engine is None:
        return [], None

    def say(name: str, value: Any) -> Any:
        match name:
            case "words":
                return {"some": [{"var": "words"}, {"in": [{"var": ""}, value]}]}
            case "not":
                return {"!=": [{"var": "channel"}, value]}
            case "hours":
                return {
                    "and": [{">=": [{"var": "minutes"}, value[0]]}, {"<": [{"var": "minutes"}, value[1]]}]
                }
            case "history":
                return {">=": [{"var": "history"}, value["min"]]}
            case "contact":
                return {"==": [{"var": "branch"}, value["branch"]]}
            case "domain" | "place" | "tags":
                return {"in": [value, {"var": _LISTS[name]}]}
        return {"==": [{"var": name}, value]}

    rules = {}
    for number, rule in enumerate(made):
        parts = atoms(rule["when"], expand)
        if parts is not None and not parts[1] and "regex" not in rule["when"]:
            rules[number] = {"and": [say(*atom) for atom in parts[0]]}
    named = [(f"r{number}", rule) for number, rule in rules.items()]
    seen = Seen(places, lambda facts: {k: sorted(v) if isinstance(v, set) else v for k, v in facts.items()})
    run = engine.jsonLogic
    return list(rules), lambda facts: [name for name, rule in named if run(rule, seen.of(facts))]


def _business_rules(
    made: Sequence[Mapping], expand: Expand, places: dict[str, str]
) -> tuple[list[int], Run | None]:
    engine, variables = _installed("business_rules.engine"), _installed("business_rules.variables")
    if engine is None:
        return [], None
    message = _business_variables(variables)
    rules = {}
    for number, rule in enumerate(made):
        parts = atoms(rule["when"], expand)
        if parts is not None:
            every = [_business_condition(*atom) for atom in parts[0]]
            every += [{"any": [_business_condition(*atom) for atom in group]} for group in parts[1]]
            rules[number] = {"all": every}
    named = [(f"r{number}", rule) for number, rule in rules.items()]
    seen = Seen(places, lambda facts: message(facts))
    check = engine.check_conditions_recursively
    return list(rules), lambda facts: [name for name, rule in named if check(rule, seen.of(facts))]


def _business_variables(variables: Any) -> Any:
    """The class in which that engine wants its facts."""

    def reader(name: str) -> Callable[[Any], Any]:
        return lambda self: self.facts[name]

    def keep(self: Any, facts: dict[str, Any]) -> None:
        self.facts = {key: sorted(v) if isinstance(v, set) else v for key, v in facts.items()}
        # A selection is a list; "does not contain" is the only negation there is.
        self.facts["channel"] = [facts["channel"]]

    kinds = {
        variables.select_multiple_rule_variable: ("words", "domains", "places", "tags"),
        variables.string_rule_variable: ("text", "inbox", "article", "sender", "branch"),
        variables.select_rule_variable: ("channel",),
        variables.numeric_rule_variable: ("history", "minutes"),
    }
    fields: dict[str, Any] = {"__init__": keep}
    for kind, names in kinds.items():
        for name in names:
            read = reader(name)
            read.__name__ = name
            fields[name] = kind()(read)
    return type("Message", (variables.BaseVariables,), fields)


def _business_condition(name: str, value: Any) -> dict[str, Any]:
    def one(variable: str, operator: str, wanted: Any) -> dict[str, Any]:
        return {"name": variable, "operator": operator, "value": wanted}

    match name:
        case "words":
            return one("words", "shares_at_least_one_element_with", value)
        case "regex":
            return one("text", "matches_regex", value)
        case "channel":
            return one("channel", "contains", value)
        case "not":
            return one("channel", "does_not_contain", value)
        case "hours":
            start = one("minutes", "greater_than_or_equal_to", value[0])
            return {"all": [start, one("minutes", "less_than", value[1])]}
        case "history":
            return one("history", "greater_than_or_equal_to", value["min"])
        case "contact":
            return one("branch", "equal_to", value["branch"])
        case "domain" | "place" | "tags":
            return one(_LISTS[name], "shares_at_least_one_element_with", [value])
    return one(name, "equal_to", value)


PEERS: dict[str, Peer] = {
    "rule-engine": _rule_engine,
    "common-expression-language": _cel,
    "json-logic": _json_logic,
    "business-rules": _business_rules,
}
