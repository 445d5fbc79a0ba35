"""What changed between two rule sets, in sentences and as a unified diff. Pure.

By the ids of rules: a renamed or moved rule is the same rule. A changed word list is told once, as a list, and not
again at every rule that uses it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from rules import model
from rules.calling import names_in
from rules.decision import DEFAULT_RULE, Actions
from rules.describe import describe
from rules.diff_values import actions_of, changed_actions, changed_values, names_of, under
from rules.editing.merge import longest_rising
from rules.language import DAYS
from rules.text import Text, mark, predicate, verbatim

Kind = Literal["added", "removed", "moved", "changed"]
About = Literal["rule", "section", "words", "condition", "schedule", "default", "test"]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change. ``about`` and ``name`` say of what, ``text`` is the sentence."""

    kind: Kind
    about: About
    name: str
    text: Text


def diff(before: model.RuleSet, after: model.RuleSet) -> tuple[Change, ...]:
    """Every change that makes a difference or that people wrote: not comments, layout or lines."""
    places = _moved(before, after)
    return (
        *_lists(before.words, after.words),
        *_conditions("condition", before.conditions, after.conditions),
        *_conditions("schedule", before.schedules, after.schedules),
        *_sections(before, after, places),
        *_rules(before, after, places),
        *_default(before.default, after.default),
        *_samples(before.samples, after.samples),
    )


def unified(before: str, after: str, names: tuple[str, str], *, around: int = 3) -> str:
    """The texts as a unified diff, "" when they are the same."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="", n=around)
    return "".join(f"{line}\n" for line in lines)


# --- lists, conditions, schedules -------------------------------------------------------------------------------


_NAMED: Mapping[About, Mapping[Kind, str]] = {
    "words": {
        "added": mark("Word list “{name}” added: {words}"),
        "removed": mark("Word list “{name}” removed"),
        "changed": mark("Word list “{name}”: {what}"),
    },
    "condition": {
        "added": mark("Condition “{name}” added: {condition}"),
        "removed": mark("Condition “{name}” removed"),
        "changed": mark("Condition “{name}”: {what}"),
    },
    "schedule": {
        "added": mark("Schedule “{name}” added: {condition}"),
        "removed": mark("Schedule “{name}” removed"),
        "changed": mark("Schedule “{name}”: {what}"),
    },
    "section": {
        "added": mark("Section “{name}” added"),
        "removed": mark("Section “{name}” removed"),
        "moved": mark("Section “{name}” moved {where}"),
        "changed": mark("Section “{name}”: {what}"),
    },
    "test": {
        "added": mark("Test “{name}” added"),
        "removed": mark("Test “{name}” removed"),
        "changed": mark("Test “{name}” changed"),
    },
    "rule": {
        "added": mark("Rule “{name}” added {where}: {condition} → {actions}"),
        "removed": mark("Rule “{name}” removed"),
        "moved": mark("Rule “{name}” moved {where}"),
        "changed": mark("Rule “{name}”: {what}"),
    },
    "default": {"changed": mark("When no rule decides: {what}")},
}


def _change(kind: Kind, about: About, name: str, called: str = "", **values: Text | str) -> Change:
    said = {"name": called or name, **values}
    return Change(kind=kind, about=about, name=name, text=Text(_NAMED[about][kind], said))


def _lists(before: Mapping[str, Sequence[str]], after: Mapping[str, Sequence[str]]) -> Iterator[Change]:
    for name in dict.fromkeys((*before, *after)):
        if name not in before:
            yield _change("added", "words", name, words=names_of(after[name]))
        elif name not in after:
            yield _change("removed", "words", name)
        else:
            for what in changed_values(before[name], after[name]):
                yield _change("changed", "words", name, what=what)


def _conditions(
    about: About, before: Mapping[str, model.Condition], after: Mapping[str, model.Condition]
) -> Iterator[Change]:
    for name in dict.fromkeys((*before, *after)):
        if name not in before:
            yield _change("added", about, name, condition=describe(after[name]))
        elif name not in after:
            yield _change("removed", about, name)
        else:
            for what in _condition(before[name], after[name]):
                yield _change("changed", about, name, what=what)


# --- rules and sections -----------------------------------------------------------------------------------------


def _sections(before: model.RuleSet, after: model.RuleSet, places: _Places) -> Iterator[Change]:
    was, now = ({section.id: section for section in found.sections} for found in (before, after))
    called = {**names_in(after), **names_in(before)}
    for name in dict.fromkeys((*was, *now)):
        if name not in was:
            yield _change("added", "section", name, called[name])
        elif name not in now:
            yield _change("removed", "section", name, called[name])
        else:
            if name in places.sections:
                yield _change(
                    "moved", "section", name, called[name], where=_where_section(after, called, name)
                )
            for what in (*_labels(was[name], now[name]), *_condition(was[name].when, now[name].when)):
                yield _change("changed", "section", name, called[name], what=what)


def _rules(before: model.RuleSet, after: model.RuleSet, places: _Places) -> Iterator[Change]:
    was, now = ({rule.id: rule for rule in found.rules} for found in (before, after))
    # Of what was renamed, the reader knows the old name.
    called = {**names_in(after), **names_in(before)}
    yield from (_change("removed", "rule", name, called[name]) for name in was if name not in now)
    for place, rule in enumerate(after.rules):
        old = was.get(rule.id)
        if old is None:
            asked = {"condition": describe(rule.when), "actions": actions_of(rule.actions)}
            yield _change(
                "added", "rule", rule.id, called[rule.id], where=_where(after, called, place), **asked
            )
            continue
        if rule.id in places.rules:
            yield _change("moved", "rule", rule.id, called[rule.id], where=_where(after, called, place))
        for what in _rule(old, rule):
            yield _change("changed", "rule", rule.id, called[rule.id], what=what)


class _Places(NamedTuple):
    """What stands elsewhere than before: whole sections, and rules by themselves."""

    sections: frozenset[str]
    rules: frozenset[str]


def _moved(before: model.RuleSet, after: model.RuleSet) -> _Places:
    """A section was moved when none of its rules stayed where it was; then only those are told besides that changed
    places inside it."""
    was, now = ({rule.id: rule.section for rule in found.rules} for found in (before, after))
    stayed = _stayed(list(was), list(now))
    inside: dict[str, list[str]] = {}
    for name, section in now.items():
        if section and was.get(name) == section:
            inside.setdefault(section, []).append(name)
    sections = {section: names for section, names in inside.items() if stayed.isdisjoint(names)}
    for names in sections.values():
        kept = set(names)
        stayed |= _stayed([name for name in was if name in kept], names)
    common = [name for name in now if name in was]
    rules = [name for name in common if name not in stayed or was[name] != now[name]]
    return _Places(frozenset(sections), frozenset(rules))


def _stayed(was: Sequence[str], now: Sequence[str]) -> set[str]:
    places = {name: place for place, name in enumerate(was)}
    common = [name for name in now if name in places]
    return {common[i] for i in longest_rising([places[name] for name in common])}


def _where(after: model.RuleSet, called: Mapping[str, str], place: int) -> Text:
    rule = after.rules[place]
    follower = after.rules[place + 1] if place + 1 < len(after.rules) else None
    if follower is not None and follower.section == rule.section:
        return Text(mark("before “{name}”"), {"name": called[follower.id]})
    if rule.section:
        return Text(mark("at the end of section “{name}”"), {"name": called[rule.section]})
    if follower is not None:
        return Text(mark("before section “{name}”"), {"name": called[follower.section]})
    return Text(mark("at the end"))


def _where_section(after: model.RuleSet, called: Mapping[str, str], name: str) -> Text:
    last = max(place for place, rule in enumerate(after.rules) if rule.section == name)
    follower = after.rules[last + 1] if last + 1 < len(after.rules) else None
    if follower is None:
        return Text(mark("at the end"))
    if follower.section:
        return Text(mark("before section “{name}”"), {"name": called[follower.section]})
    return Text(mark("before “{name}”"), {"name": called[follower.id]})


def _rule(old: model.Rule, new: model.Rule) -> Iterator[Text]:
    yield from _labels(old, new)
    yield from _field(mark("events"), _events(old.on), _events(new.on))
    yield from _condition(old.when, new.when)
    yield from changed_actions(old.actions, new.actions)
    yield from _field(mark("afterwards"), Text(_THEN[old.then]), Text(_THEN[new.then]))


_THEN: Mapping[model.Then, str] = {
    "stop": mark("no further rule"),
    "continue": mark("the next rule"),
    "next-section": mark("on behind this section"),
    "stop-after-section": mark("the rest of this section and no more"),
}


def _events(on: Sequence[str]) -> Text:
    return verbatim(", ".join(on))


def _labels(old: model.Rule | model.Section, new: model.Rule | model.Section) -> Iterator[Text]:
    """Name, note, switch and dates."""
    yield from _field(mark("name"), verbatim(old.name), verbatim(new.name))
    if old.note != new.note:
        yield Text(mark("note changed"))
    if old.enabled != new.enabled:
        yield Text(mark("switched on") if new.enabled else mark("switched off"))
    yield from _field(mark("valid"), _span(old.first, old.last), _span(new.first, new.last))


def _span(first: str, last: str) -> Text:
    if not first and not last:
        return Text(mark("always"))
    if not first:
        return Text(mark("until {last}"), {"last": last})
    return Text(mark("{first} to {last}"), {"first": first, "last": last or "…"})


def _field(what: str, old: Text, new: Text) -> Iterator[Text]:
    if old != new:
        yield Text(mark("{what} changed from {old} to {new}"), {"what": Text(what), "old": old, "new": new})


# --- conditions -------------------------------------------------------------------------------------------------


def _condition(old: model.Condition, new: model.Condition) -> Iterator[Text]:
    """What changed in a condition tree: at the smallest place where it differs."""
    before, after = _bare(old), _bare(new)
    if before == after:
        return
    if isinstance(before, model.All | model.Any) and type(before) is type(after):
        yield from _items(before.items, after.items)
    elif isinstance(before, model.Not) and isinstance(after, model.Not):
        for what in _condition(before.item, after.item):
            yield Text(mark("in the exception, {what}"), {"what": what})
    elif isinstance(before, model.Words) and isinstance(after, model.Words) and _only_words(before, after):
        yield from under(predicate("words"), changed_values(before.words, after.words))
    elif isinstance(before, model.OneOf) and isinstance(after, model.OneOf) and before.name == after.name:
        yield from under(predicate(before.name), changed_values(_named_days(before), _named_days(after)))
    else:
        yield _replaced(describe(old), describe(new))


def _named_days(node: model.OneOf) -> tuple[str, ...]:
    """The values as the file writes them."""
    return tuple(DAYS[int(day) - 1] for day in node.values) if node.name == "days" else node.values


def _replaced(old: Text, new: Text) -> Text:
    if old == new:
        return Text(mark("condition changed in its details: {new}"), {"new": new})
    return Text(mark("condition changed from {old} to {new}"), {"old": old, "new": new})


def _items(before: Sequence[model.Condition], after: Sequence[model.Condition]) -> Iterator[Text]:
    gone = [item for item in before if item not in after]
    new = [item for item in after if item not in before]
    for old in list(gone):
        partner = next((item for item in new if _alike(old, item)), None)
        if partner is not None:
            gone.remove(old)
            new.remove(partner)
            yield from _condition(old, partner)
    yield from (Text(mark("condition removed: {condition}"), {"condition": describe(item)}) for item in gone)
    yield from (Text(mark("condition added: {condition}"), {"condition": describe(item)}) for item in new)
    if not gone and not new and sorted(map(repr, before)) == sorted(map(repr, after)):
        yield Text(mark("conditions put in another order"))


def _alike(one: model.Condition, other: model.Condition) -> bool:
    """Whether one is likely the other one changed."""
    same = ("name", "key", "kind")
    return type(one) is type(other) and all(getattr(one, f, "") == getattr(other, f, "") for f in same)


def _only_words(one: model.Words, other: model.Words) -> bool:
    """Whether two differ in their words and in nothing else."""
    return msgspec.structs.replace(one, words=other.words) == other


def _bare(node: model.Condition) -> model.Condition:
    """A condition without its lines and without what it takes from lists and names, which are told by themselves."""
    match node:
        case model.All() | model.Any():
            return msgspec.structs.replace(node, line=0, items=tuple(map(_bare, node.items)))
        case model.Not():
            return msgspec.structs.replace(node, line=0, item=_bare(node.item))
        case model.Named():
            return msgspec.structs.replace(node, line=0, item=model.All(items=()))
        case model.Words() if node.listed:
            own = node.words[: len(node.words) - node.listed]
            return msgspec.structs.replace(node, line=0, words=own, listed=0)
    return msgspec.structs.replace(node, line=0)


# --- default, tests -----------------------------------------------------------------------------------------------


def _default(old: Actions, new: Actions) -> Iterator[Change]:
    for what in changed_actions(old, new):
        yield _change("changed", "default", DEFAULT_RULE, what=what)


def _samples(old: Sequence[model.Sample], new: Sequence[model.Sample]) -> Iterator[Change]:
    was, now = (
        {sample.name: msgspec.structs.replace(sample, line=0) for sample in found} for found in (old, new)
    )
    for name in dict.fromkeys((*was, *now)):
        if was.get(name) != now.get(name):
            kind: Kind = "added" if name not in was else "changed" if name in now else "removed"
            yield _change(kind, "test", name)
