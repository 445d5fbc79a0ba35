"""The peer of the evaluator: the same rules as a plain loop over compiled checks, in the order of the file.

It is written as one would without an index, and as well as one can: every condition is compiled once into a closure
over prepared values, ``all`` and ``any`` stop at the first item that decides, and what several rules need of a message
(its folded words, their places, its postcodes, the text in UTF-8) is made once for each message. It shares with the
evaluator the folding of letters, RE2 and the finding of postcodes, and none of its tables: a rule holds the forms of
its words itself, and an expression is searched for whenever its rule gets that far.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import re2

from rules import Facts, Rule, RuleSet, model
from rules.detect import postcodes
from rules.fold import fold, split_words, tokens

Expand = Callable[[str, str], frozenset[str]]
Check = Callable[["View"], bool]


class View:
    """What the checks look at: the facts, and what is made of the text once."""

    def __init__(self, facts: Facts, places: Mapping[str, str]) -> None:
        self.facts = facts
        self._places = places

    @functools.cached_property
    def whole(self) -> str:
        return f"{self.facts.subject}\n{self.facts.text}"

    @functools.cached_property
    def encoded(self) -> bytes:
        return self.whole.encode()

    @functools.cached_property
    def words(self) -> list[str]:
        """The words in lower case, as they are written."""
        return [word for part in self.whole.lower().split() for word in split_words(part)]

    @functools.cached_property
    def folded(self) -> frozenset[str]:
        return frozenset(tokens(fold(self.whole)))

    @functools.cached_property
    def offices(self) -> frozenset[str]:
        return frozenset(self._places[code] for code in self._codes() if code in self._places)

    def _codes(self) -> list[str]:
        return [code[:size] for code in postcodes(self.whole) for size in range(len(code), 3, -1)]

    @functools.cached_property
    def domains(self) -> frozenset[str]:
        parts = self.facts.sender_address.rpartition("@")[2].lower().split(".")
        return frozenset(".".join(parts[i:]) for i in range(len(parts)))


def plain_loop(ruleset: RuleSet, expand: Expand, places: Mapping[str, str]) -> Callable[[Facts], list[str]]:
    """A function that gives the ids of the rules that match, for rule sets in which every rule continues."""
    checks = [(rule.id, rule.on, _check(rule, expand)) for rule in ruleset.rules]

    def run(facts: Facts) -> list[str]:
        view, on = View(facts, places), facts.on
        return [name for name, events, check in checks if on in events and check(view)]

    return run


def _check(rule: Rule, expand: Expand) -> Check:
    return _build(rule.when, expand)


def _build(node: model.Condition, expand: Expand) -> Check:
    match node:
        case model.All():
            return _all([_build(item, expand) for item in node.items])
        case model.Any():
            return _any([_build(item, expand) for item in node.items])
        case model.Not():
            inner = _build(node.item, expand)
            return lambda view: not inner(view)
        case model.Words():
            return _words(node, expand)
        case model.Phrase():
            return _phrase(node, expand)
        case model.Pattern():
            expression = re2.compile(f"(?i){node.pattern}")
            return lambda view: expression.search(view.encoded) is not None
    return _fact(node)


def _all(checks: Sequence[Check]) -> Check:
    def check(view: View) -> bool:
        for item in checks:  # noqa: SIM110 - a generator costs more than the checks themselves
            if not item(view):
                return False
        return True

    return check


def _any(checks: Sequence[Check]) -> Check:
    def check(view: View) -> bool:
        for item in checks:  # noqa: SIM110 - as above
            if item(view):
                return True
        return False

    return check


def _forms(word: str, expand: Expand) -> tuple[frozenset[str], frozenset[str]]:
    """The forms of a word, folded and as they are written."""
    forms = frozenset(form.lower() for form in expand(word, ""))
    return frozenset(map(fold, forms)), forms


def _is(word: str, forms: frozenset[str]) -> bool:
    """Whether a written word is one of the forms, perhaps without its diacritics."""
    if word in forms:
        return True
    folded = fold(word)
    same = [form for form in forms if fold(form) == folded]
    return any(all(b in (a, fold(a)) for a, b in zip(form, word, strict=True)) for form in same)


def _words(node: model.Words, expand: Expand) -> Check:
    pairs = [_forms(word, expand) for word in node.words]
    folded = frozenset[str]().union(*(pair[0] for pair in pairs))
    written = frozenset[str]().union(*(pair[1] for pair in pairs))

    def check(view: View) -> bool:
        if folded.isdisjoint(view.folded):
            return False
        return any(_is(word, written) for word in view.words if fold(word) in folded)

    return check


def _phrase(node: model.Phrase, expand: Expand) -> Check:
    phrases = [[_forms(word, expand) for word in words] for words in node.phrases]

    def check(view: View) -> bool:
        for phrase in phrases:
            near = all(not folded.isdisjoint(view.folded) for folded, _ in phrase)
            if near and _stands([written for _, written in phrase], node.gap, view.words):
                return True
        return False

    return check


def _stands(phrase: Sequence[frozenset[str]], gap: int, words: Sequence[str]) -> bool:
    places = [place for place, word in enumerate(words) if _is(word, phrase[0])]
    for forms in phrase[1:]:
        near = sorted({after for place in places for after in range(place + 1, place + gap + 2)})
        places = [place for place in near if place < len(words) and _is(words[place], forms)]
    return bool(places)


def _fact(node: model.Condition) -> Check:
    match node:
        case model.OneOf(name="domain"):
            values = frozenset(node.values)
            return lambda view: not values.isdisjoint(view.domains)
        case model.OneOf(name="tags"):
            values = frozenset(node.values)
            return lambda view: not values.isdisjoint(view.facts.tags)
        case model.OneOf():
            return _one_of(frozenset(node.values), _READ[node.name])
        case model.Keyed(name="contact"):
            key, values = node.key, frozenset(node.values)
            return lambda view: view.facts.contact.get(key) in values
        case model.KeyedBetween(name="agents_on_duty"):
            return _between(lambda view: view.facts.agents_on_duty[node.key], node.low, node.high)
        case model.Between(name="history"):
            return _between(lambda view: view.facts.history_count, node.low, node.high)
        case model.Hours(spans=((start, end),)):
            return lambda view: start <= view.facts.local_minutes < end
        case model.Place():
            values = frozenset(node.offices)
            return lambda view: not values.isdisjoint(view.offices)
    raise NotImplementedError(f"the mix has no {type(node).__name__}")


_READ: Mapping[str, Callable[[Facts], str]] = {
    "channel": lambda facts: facts.channel,
    "inbox": lambda facts: facts.inbox,
    "article": lambda facts: facts.article,
    "sender": lambda facts: facts.sender_address,
}


def _one_of(values: frozenset[str], read: Callable[[Facts], str]) -> Check:
    return lambda view: read(view.facts) in values


def _between(read: Callable[[View], Any], low: int | None, high: int | None) -> Check:
    return lambda view: (low is None or read(view) >= low) and (high is None or read(view) <= high)
