"""Compiling: a rule set becomes an immutable value that decisions are made with, swapped whole when rules change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from rules import model
from rules.decision import Actions
from rules.facts import On
from rules.index import Index
from rules.language import ACTIONS, EVENTS
from rules.needs import all_of, need
from rules.probes import Branch, Check, Tree, build
from rules.scan import Expand, Lexicon


@dataclass(frozen=True, slots=True)
class CompiledSection:
    """A section ready to run: its dates and its guard in ``tree``."""

    section: model.Section
    tree: Tree


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule ready to run. ``asks`` holds only the actions that the rule names.

    ``tree`` is all that must hold besides the guard of its section; ``check`` leaves out the event (``on``), which the
    choice of the index has settled. ``then`` is what its place makes of it: outside sections only stop and continue.
    """

    rule: model.Rule
    tree: Tree
    check: Check
    asks: tuple[tuple[str, Any], ...]
    then: model.Then
    section: CompiledSection | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rules for one event in order, and the index over them."""

    rules: tuple[CompiledRule, ...]
    index: Index


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule set ready to run: share it freely between threads and decisions.

    ``rules`` are the enabled ones in order; ``disabled`` the others, for explanations: those that are disabled
    themselves and those of disabled sections. ``by_event`` holds the enabled ones for each event.
    """

    version: str
    ruleset: model.RuleSet
    rules: tuple[CompiledRule, ...]
    disabled: tuple[CompiledRule, ...]
    default: tuple[tuple[str, Any], ...]
    lexicon: Lexicon
    by_event: Mapping[On, Chosen]


def _no_breath() -> None:
    """Nobody waits."""


def compile_rules(
    ruleset: model.RuleSet,
    expand: Expand,
    places: Mapping[str, str] | None = None,
    *,
    breathe: Callable[[], None] = _no_breath,
) -> Compiled:
    """Compile ``ruleset``.

    ``expand`` gives all forms of a word (:func:`rules.words.forms`, or :func:`rules.as_written`).
    ``places`` maps postcodes, their beginnings (``18-400``, ``18-4``) and names of counties or towns (``Łomża``,
    ``powiat łomżyński``, in any case) to office codes; a longer postcode wins over a shorter one, and a postcode
    over a name. ``breathe`` is called between rules, so that a thread of a busy process can let others go on.
    """
    lexicon = Lexicon(expand, places or {})
    sections = {section.id: _section(section, lexicon) for section in ruleset.sections}
    rules: list[CompiledRule] = []
    disabled: list[CompiledRule] = []
    for rule in ruleset.rules:
        section = sections.get(rule.section)
        on = rule.enabled and (section is None or section.section.enabled)
        (rules if on else disabled).append(_rule(rule, section, lexicon))
        breathe()
    lexicon.freeze()
    breathe()
    return Compiled(
        version=ruleset.version,
        ruleset=ruleset,
        rules=tuple(rules),
        disabled=tuple(disabled),
        default=asked(ruleset.default),
        lexicon=lexicon,
        by_event=_by_event(rules, breathe),
    )


def _by_event(rules: Sequence[CompiledRule], breathe: Callable[[], None]) -> dict[On, Chosen]:
    guards = {id(rule.section): need(rule.section.tree) for rule in rules if rule.section is not None}
    needs = []
    for rule in rules:
        own = need(_without_event(rule.tree))
        needs.append(own if rule.section is None else all_of([guards[id(rule.section)], own]))
        breathe()
    chosen = {}
    for event in EVENTS:
        pairs = [(rule, item) for rule, item in zip(rules, needs, strict=True) if event in rule.rule.on]
        index = Index([item for _, item in pairs], breathe)
        chosen[cast(On, event)] = Chosen(tuple(rule for rule, _ in pairs), index)
    return chosen


def _section(section: model.Section, lexicon: Lexicon) -> CompiledSection:
    dates = _dates(section)
    when = model.All(items=(*dates, section.when)) if dates else section.when
    return CompiledSection(section, build(when, lexicon))


def _rule(rule: model.Rule, section: CompiledSection | None, lexicon: Lexicon) -> CompiledRule:
    event, *dates = gates(rule)
    inner = model.All(items=(*dates, rule.when)) if dates else rule.when
    tree = build(model.All(items=(event, inner)), lexicon)
    then = rule.then if section is not None else _OUTSIDE.get(rule.then, rule.then)
    return CompiledRule(rule, tree, _without_event(tree).check, asked(rule.actions), then, section)


_OUTSIDE: Mapping[model.Then, model.Then] = {"next-section": "continue", "stop-after-section": "stop"}


def _without_event(tree: Tree) -> Tree:
    """What stands beside the event in the tree of a rule."""
    return tree.items[1] if isinstance(tree, Branch) else tree


def gates(of: model.Rule | model.Section) -> tuple[model.Condition, ...]:
    """What must hold before its own conditions are looked at: the event (of a rule) and the dates of validity."""
    event = (model.OneOf(name="on", values=of.on, line=of.line),) if isinstance(of, model.Rule) else ()
    return (*event, *_dates(of))


def _dates(of: model.Rule | model.Section) -> tuple[model.Condition, ...]:
    return (model.Dates(first=of.first, last=of.last, line=of.line),) if of.first or of.last else ()


def asked(actions: Actions) -> tuple[tuple[str, Any], ...]:
    """The actions that are named, in the order of the language."""
    named = ((name, getattr(actions, name)) for name in ACTIONS)
    return tuple(
        (name, value)
        for name, value in named
        if value is not None and value is not False and value != () and value != {}
    )
