"""Compiling: a rule set becomes an immutable value that decisions are made with, swapped whole when rules change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rules import model
from rules.decision import Actions
from rules.index import Index, need
from rules.language import ACTIONS
from rules.probes import Branch, Check, Tree, build
from rules.scan import Lexicon


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule ready to run. ``asks`` holds only the actions that the rule names.

    ``tree`` is all that must hold; ``check`` leaves out the event (``on``), which the index has settled exactly.
    """

    rule: model.Rule
    tree: Tree
    check: Check
    asks: tuple[tuple[str, Any], ...]
    stop: bool


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule set ready to run: share it freely between threads and decisions.

    ``rules`` are the enabled ones in order; ``disabled`` the others, for explanations.
    """

    version: str
    ruleset: model.RuleSet
    rules: tuple[CompiledRule, ...]
    disabled: tuple[CompiledRule, ...]
    default: tuple[tuple[str, Any], ...]
    lexicon: Lexicon
    index: Index


def compile_rules(
    ruleset: model.RuleSet,
    expand: Callable[[str], frozenset[str]],
    places: Mapping[str, str] | None = None,
) -> Compiled:
    """Compile ``ruleset``.

    ``expand`` gives all forms of a word (:func:`rules.words.polish_forms`, or ``lambda word: frozenset([word])``).
    ``places`` maps postcodes, their beginnings (``18-400``, ``18-4``) and names of counties or towns (``Łomża``,
    ``powiat łomżyński``, in any case) to office codes; a longer postcode wins over a shorter one, and a postcode
    over a name.
    """
    lexicon = Lexicon(expand, places or {})
    rules = tuple(_rule(rule, lexicon) for rule in ruleset.rules if rule.enabled)
    disabled = tuple(_rule(rule, lexicon) for rule in ruleset.rules if not rule.enabled)
    lexicon.freeze()
    return Compiled(
        version=ruleset.version,
        ruleset=ruleset,
        rules=rules,
        disabled=disabled,
        default=asked(ruleset.default),
        lexicon=lexicon,
        index=Index([need(rule.tree) for rule in rules]),
    )


def _rule(rule: model.Rule, lexicon: Lexicon) -> CompiledRule:
    event, *dates = gates(rule)
    inner = model.All(items=(*dates, rule.when)) if dates else rule.when
    tree = build(model.All(items=(event, inner)), lexicon)
    check = tree.items[1].check if isinstance(tree, Branch) else tree.check
    return CompiledRule(rule, tree, check, asked(rule.actions), rule.then == "stop")


def gates(rule: model.Rule) -> tuple[model.Condition, ...]:
    """What must hold before a rule's own conditions are looked at: the event and the dates of validity."""
    event = model.OneOf(name="on", values=rule.on, line=rule.line)
    if not rule.first and not rule.last:
        return (event,)
    return event, model.Dates(first=rule.first, last=rule.last, line=rule.line)


def asked(actions: Actions) -> tuple[tuple[str, Any], ...]:
    """The actions that are named, in the order of the language."""
    named = ((name, getattr(actions, name)) for name in ACTIONS)
    return tuple(
        (name, value)
        for name, value in named
        if value is not None and value is not False and value != () and value != {}
    )
