"""Values that nothing ever has, though they can be written: ``language: ua``, ``status: closed``, ``domain: "@wp.pl"``,
a timer that no rule starts.

The reader lets them pass, because what is in force must stay readable; here they are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import NamedTuple

from rules import model
from rules.decision import Actions
from rules.language import STATUSES
from rules.lint.finding import Finding, Values, called, finding
from rules.lint.names import walk
from rules.text import Text, mark

_CODES = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz
ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik
io is it iu iw ja jv jw ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi
mk ml mn mo mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw
sa sc sd se sg sh si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk
ur uz ve vi vo wa wo xh yi yo za zh zu
"""
"""ISO 639-1, with the older codes that language detection still gives."""

_MEANT: Mapping[str, str] = {
    **{
        "ua": "uk",
        "ukr": "uk",
        "cz": "cs",
        "ces": "cs",
        "gr": "el",
        "dk": "da",
        "jp": "ja",
        "cn": "zh",
        "by": "be",
    },
    **{"bel": "be", "vn": "vi", "vie": "vi", "pol": "pl", "rus": "ru", "eng": "en", "deu": "de", "ger": "de"},
    **{
        "ron": "ro",
        "rum": "ro",
        "ita": "it",
        "gb": "en",
        "us": "en",
        "md": "ro",
        "ge": "ka",
        "uz-cyrl": "uz",
    },
}
"""Codes of countries and of three letters that are taken for those of languages."""

_YES_OR_NO = ("true", "false", "yes", "no", "on", "off")

_Told = tuple[str, str, Values]


class Place(NamedTuple):
    """A condition, with what uses it and its line."""

    rule: str
    line: int
    node: model.Condition


def values(ruleset: model.RuleSet) -> Iterator[Finding]:
    """Findings on values that no message and no conversation has."""
    started = {name.lower(): name for actions in _actions(ruleset) for name in actions.timer}
    for place in places(ruleset):
        for text, advice, more in (*_misfits(place.node), *_timers(place.node, started)):
            filled: Values = {"rule": called(place.rule), **more}
            yield finding("mistyped", place.rule, place.line, Text(text, filled), Text(advice, filled))


def _actions(ruleset: model.RuleSet) -> Iterator[Actions]:
    yield from (rule.actions for rule in ruleset.rules)
    yield ruleset.default


def places(ruleset: model.RuleSet) -> Iterator[Place]:
    """Every condition with the first rule or section that uses it; those that none uses with their own name."""
    seen: set[int] = set()
    users: list[model.Section | model.Rule] = [*ruleset.sections, *ruleset.rules]
    for item in users:
        for node in walk(item.when, seen):
            yield Place(item.id, node.line or item.line, node)
    for name, node in (*ruleset.conditions.items(), *ruleset.schedules.items()):
        for inner in walk(node, seen):
            yield Place(name, inner.line, inner)


def _misfits(node: model.Condition) -> Iterator[_Told]:
    match node:
        case model.Language():
            yield from map(_no_language, (code for code in node.values if _is_no_language(code)))
        case model.Words() if any("*" in word for word in node.words):
            for word in dict.fromkeys(word for word in node.words if "*" in word):
                yield (
                    mark(
                        "{rule}: the * in {value} stands for nothing: a word is found as it is, in all its forms"
                    ),
                    mark("Write whole words without *; for any ending there is `regex`."),
                    {"value": word},
                )
        case model.OneOf():
            yield from _of_values(node)


def _of_values(node: model.OneOf) -> Iterator[_Told]:
    if node.name in ("status", "status_from"):
        for value in node.values:
            if value.lower() not in STATUSES and not value.endswith("*"):
                yield (
                    mark("{rule}: no conversation ever has the status {value}"),
                    mark("Write one of: {known}."),
                    {"value": value, "known": ", ".join(STATUSES)},
                )
    elif node.name == "domain":
        yield from map(_no_domain, (value for value in node.values if set(value) & set("@/: ")))
    elif node.name == "suspicious":
        for value in node.values:
            if value.lower() in _YES_OR_NO:
                yield (
                    mark("{rule}: {value} is taken for a reason here, and no message is suspicious for that"),
                    mark("Write true or false, without quotation marks."),
                    {"value": value},
                )


def _timers(node: model.Condition, started: Mapping[str, str]) -> Iterator[_Told]:
    """Timers by names under which no rule starts one."""
    if not isinstance(node, model.OneOf) or node.name != "timer":
        return
    for value in node.values:
        if value.lower() not in started and not value.endswith("*"):
            near = get_close_matches(value.lower(), started, n=1)
            text = mark("{rule}: no rule starts a timer {value}, so it never runs out")
            if near:
                yield text, mark("Write {near}."), {"value": value, "near": started[near[0]]}
            else:
                yield text, mark("Let a rule start it with `timer:`."), {"value": value}


def _is_no_language(code: str) -> bool:
    return code in _MEANT or (len(code) == 2 and code not in _CODES.split())


def _no_language(code: str) -> _Told:
    text = mark("{rule}: {value} is no code of a language, so no message is in it")
    if code in _MEANT:
        return text, mark("Write {near}."), {"value": code, "near": _MEANT[code]}
    return text, mark("Write a code of ISO 639-1, such as pl, uk or en."), {"value": code}


def _no_domain(value: str) -> _Told:
    host = value.partition("://")[2] or value
    host = host.rpartition("@")[2].partition("/")[0].partition(":")[0].strip()
    return (
        mark("{rule}: {value} is no domain, so no sender has it"),
        mark("Write only what stands behind the @, such as {near}."),
        {"value": value, "near": host or "praca.gov.pl"},
    )
