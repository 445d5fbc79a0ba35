"""Compiling: a rule set becomes an immutable value that decisions are made with, swapped whole when rules change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from rules import model
from rules.decision import Actions
from rules.engine.index import Index, worth_looking_up
from rules.engine.lexicon import Expand, Lexicon, Spelt, Word, spelt_by
from rules.engine.needs import Evidence, Need, all_of, need, rest
from rules.engine.probes import Check
from rules.engine.trees import Branch, Chooser, Observers, Tree, build, observers
from rules.facts import On
from rules.language import ACTIONS, EVENTS


@dataclass(frozen=True, slots=True)
class CompiledSection:
    """A section ready to run: its dates and its guard in ``tree``."""

    section: model.Section
    tree: Tree
    need: Need


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule ready to run. ``asks`` holds only the actions that the rule names.

    ``tree`` is all that must hold besides the guard of its section; ``check`` leaves out the event (``on``), which the
    choice of the index has settled, and ``rest`` also what its evidence in the index proves (None: nothing is left).
    ``seen`` is what a trace tells when the rule matches.
    ``then`` is what its place makes of it: outside sections only stop and continue.
    What a decision reads comes first, so that it lies together in memory.
    """

    section: CompiledSection | None
    rest: Check | None
    then: model.Then
    id: str
    asks: tuple[tuple[str, Any], ...]
    seen: Observers | Chooser
    check: Check
    tree: Tree
    rule: model.Rule


class _Built(NamedTuple):
    """A rule on its way into the index."""

    rule: CompiledRule
    need: Need
    evidence: Evidence | None


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


class Compiling:
    """A rule set on its way: rules may be added while the forms of their words are still being looked up.

    ``head`` is the rule set as far as its rules need it: names and guards of its sections. ``breathe`` is called
    between small pieces of work, so that a thread of a busy process can let others go on.
    """

    def __init__(self, head: model.RuleSet, breathe: Callable[[], None] = _no_breath) -> None:
        self._breathe = breathe
        self._lexicon = Lexicon()
        self._sections = {section.id: _section(section, self._lexicon) for section in head.sections}
        self._rules: list[_Built] = []
        self._disabled: list[_Built] = []

    def add(self, rules: Iterable[model.Rule]) -> None:
        """The next rules, in their order."""
        for rule in rules:
            section = self._sections.get(rule.section)
            on = rule.enabled and (section is None or section.section.enabled)
            (self._rules if on else self._disabled).append(_rule(rule, section, self._lexicon))
            self._breathe()

    def finish(
        self, ruleset: model.RuleSet, expand: Expand, places: Mapping[str, str], spelt: Spelt | None = None
    ) -> Compiled:
        """The rule set ready to run; see :func:`compile_rules`. ``ruleset`` holds the rules that were added."""
        self._lexicon.places(places, expand)
        self._lexicon.freeze(spelt or spelt_by(expand), self._breathe)
        compiled = Compiled(
            version=ruleset.version,
            ruleset=ruleset,
            rules=tuple(one.rule for one in self._rules),
            disabled=tuple(one.rule for one in self._disabled),
            default=asked(ruleset.default),
            lexicon=self._lexicon,
            by_event=_by_event(self._rules, self._breathe),
        )
        while self._rules:
            self._rules.pop()
            self._breathe()
        return compiled


def compile_rules(
    ruleset: model.RuleSet, expand: Expand, places: Mapping[str, str] | None = None
) -> Compiled:
    """Compile ``ruleset``.

    ``expand`` gives all forms of a word (:func:`rules.words.forms`, or :func:`rules.as_written`).
    ``places`` maps postcodes, their beginnings (``18-400``, ``18-4``) and names of counties or towns (``Łomża``,
    ``powiat łomżyński``, in any case) to office codes; a longer postcode wins over a shorter one, and a postcode
    over a name.
    """
    compiling = Compiling(ruleset)
    compiling.add(ruleset.rules)
    return compiling.finish(ruleset, expand, places or {})


def words_of(ruleset: model.RuleSet, places: Iterable[str]) -> set[Word]:
    """Every word whose forms compiling may ask for, with its language."""
    lexicon = Lexicon()
    # Which towns are ordinary words as well is not known yet, so any may be.
    lexicon.places(dict.fromkeys(places, ""), lambda word, language: frozenset([f"{word}^"]))
    for node in {id(node): node for node in _inflected(ruleset)}.values():
        how = model.spelling(node)
        for words in [[word] for word in node.words] if isinstance(node, model.Words) else node.phrases:
            lexicon.phrase(words, 0, how)
    return lexicon.asked()


def _inflected(ruleset: model.RuleSet) -> Iterator[model.Words | model.Phrase]:
    left = [*(rule.when for rule in ruleset.rules), *(section.when for section in ruleset.sections)]
    while left:
        node = left.pop()
        if isinstance(node, model.Words | model.Phrase):
            yield node
        left += model.children(node)


def _by_event(rules: Sequence[_Built], breathe: Callable[[], None]) -> dict[On, Chosen]:
    chosen = {}
    for event in EVENTS:
        breathe()
        these = [one for one in rules if event in one.rule.rule.on]
        index = Index([one.need for one in these], [one.evidence for one in these], breathe)
        chosen[cast(On, event)] = Chosen(tuple(one.rule for one in these), index)
    return chosen


def _section(section: model.Section, lexicon: Lexicon) -> CompiledSection:
    dates = _dates(section)
    when = model.All(items=(*dates, section.when)) if dates else section.when
    tree = build(when, lexicon)
    return CompiledSection(section, tree, need(tree))


def _rule(rule: model.Rule, section: CompiledSection | None, lexicon: Lexicon) -> _Built:
    event, *dates = gates(rule)
    inner = model.All(items=(*dates, rule.when)) if dates else rule.when
    body = build(inner, lexicon)
    needed = need(body) if section is None else all_of([section.need, need(body)])
    evidence = worth_looking_up(needed)
    tree = Branch("all", (build(event, lexicon), body), body.check)
    made = CompiledRule(
        id=rule.id,
        rule=rule,
        tree=tree,
        check=body.check,
        rest=rest(body, evidence),
        seen=observers(tree),
        asks=asked(rule.actions),
        then=rule.then if section is not None else _OUTSIDE.get(rule.then, rule.then),
        section=section,
    )
    return _Built(made, needed, evidence)


_OUTSIDE: Mapping[model.Then, model.Then] = {"next-section": "continue", "stop-after-section": "stop"}


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
