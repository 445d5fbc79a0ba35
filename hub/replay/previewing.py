"""In the child process: what a rule that is being edited would catch of the latest messages, and what it would win.

The rule alone is compiled in a moment; words that no rule set used before are looked up in this process. The draft
around it is compiled once for as long as it stays the same; then only the messages that the rule catches are decided
with it, and with a small set of the rules that matched any of them, the edited one at its place. That gives what the
whole draft would give: a rule that matched none of them changes nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from hub.config import Config
from hub.directory import Directory, directory
from hub.replay.compare import placed
from hub.replay.protocol import Example, Placed, Preview, PreviewOrder, config_of
from hub.replay.stored import Stored, batches, newest
from hub.rulefile import places
from hub.store.reading import Ask
from hub.wordforms import FILE, WordForms
from rules import Compiled, RuleFileError, RuleSet, compile_rules, evaluate, explain, load
from rules.editing.blocks import plain
from rules.editing.dump import Data, dump_entries
from rules.errors import Problems
from rules.files.yamltree import parse
from rules.model import Rule
from rules.text import Text, mark
from rules.words import forms

FRESH = 20.0
"""Seconds for which the sample of messages is taken for the latest."""

LISTS = ("words", "conditions", "schedules")
"""What a rule may name of the draft around it."""


ONE = mark("one rule is expected")


class Unreadable(Exception):
    """The rule cannot be read yet; ``text`` is the first thing that is wrong with it."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


class Workshop:
    """What is kept between two previews: the sample, and the latest draft, compiled without the edited rule."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._sample: list[Stored] = []
        self._wanted = 0
        self._read_at = float("-inf")
        self._lists: tuple[bytes, dict[str, Data]] = (b"", {})
        self._draft: tuple[bytes, RuleSet | None] = (b"", None)
        self._base: tuple[tuple[bytes, str], Compiled | None] = ((b"", ""), None)
        self._kept: WordForms | None = None

    def preview(self, order: PreviewOrder, ask: Ask, say: Callable[[Preview], None]) -> None:
        """Answer one order, in two steps. Raises Unreadable."""
        config = config_of(order.setting)
        sample = self._messages(ask, order.messages)
        self._words(config)
        rule, alone = self._alone(config, order)
        caught = [stored for stored in sample if rule.id in evaluate(alone, stored.facts).matched]
        shown = caught[-order.examples :][::-1]
        first = Preview(
            looked=len(sample),
            caught=len(caught),
            oldest=sample[0].at if sample else 0,
            examples=tuple(_example(stored) for stored in shown),
        )
        say(first)
        say(msgspec.structs.replace(self._placed(config, order, rule, caught, first), last=True))

    # --- the sample --------------------------------------------------------------------------------------------

    def _messages(self, ask: Ask, wanted: int) -> list[Stored]:
        """The newest decisions whose texts are there, oldest first."""
        if self._monotonic() - self._read_at > FRESH or wanted != self._wanted:
            self._sample = read_sample(ask, wanted)
            self._wanted, self._read_at = wanted, self._monotonic()
        return self._sample

    # --- the rule alone ----------------------------------------------------------------------------------------

    def _alone(self, config: Config, order: PreviewOrder) -> tuple[Rule, Compiled]:
        """The rule, and a set in which it is the only one."""
        text = dump_entries(
            {**self._named(order.draft), "rules": [_rule_data(order.rule)], "default": {"tier": 1}}
        )
        try:
            ruleset = load(text, "rule")
        except RuleFileError as error:
            raise Unreadable(error.problems[0].text) from None
        if len(ruleset.rules) != 1:
            raise Unreadable(Text(ONE))
        [rule] = ruleset.rules
        rule = msgspec.structs.replace(rule, enabled=True)
        ruleset = msgspec.structs.replace(ruleset, rules=(rule,))
        return rule, compile_rules(ruleset, self._expand, places(config.offices))

    def _named(self, draft: str) -> dict[str, Data]:
        """The lists, conditions and schedules of the draft."""
        key = _digest(draft)
        if self._lists[0] != key:
            data = _data(draft)
            found = data if isinstance(data, dict) else {}
            self._lists = key, {name: found[name] for name in LISTS if found.get(name)}
        return self._lists[1]

    # --- the rule in its place ---------------------------------------------------------------------------------

    def _placed(
        self, config: Config, order: PreviewOrder, rule: Rule, caught: Sequence[Stored], first: Preview
    ) -> Preview:
        base = self._without(config, order)
        if base is None:
            return first
        house = directory(config)
        before = [evaluate(base, stored.facts) for stored in caught]
        matching = {name for decision in before for name in decision.matched}
        small = compile_rules(
            _around(self._draft[1] or base.ruleset, order, rule, matching),
            self._expand,
            places(config.offices),
        )
        seen = [
            _compared(house, stored, small, placed(house, stored, decision.actions), rule.id)
            for stored, decision in zip(caught, before, strict=True)
        ]
        shown = list(zip(caught, seen, strict=True))[len(seen) - len(first.examples) :]
        return msgspec.structs.replace(
            first,
            examples=tuple(_explained(small, stored, one, rule.id) for stored, one in reversed(shown)),
            placed=Placed(
                reached=sum(one.reached for one in seen),
                wins=sum(bool(one.wins) for one in seen),
                moves=sum(one.before != one.after for one in seen),
            ),
        )

    def _without(self, config: Config, order: PreviewOrder) -> Compiled | None:
        """The draft without the edited rule; None where the draft cannot be read."""
        key = _digest(order.draft)
        if self._draft[0] != key:
            try:
                self._draft = key, load(order.draft, "draft")
            except RuleFileError:
                self._draft = key, None
        ruleset = self._draft[1]
        if ruleset is None:
            return None
        if self._base[0] != (key, order.replaces):
            rest = tuple(rule for rule in ruleset.rules if rule.id != order.replaces)
            without = msgspec.structs.replace(ruleset, rules=rest)
            self._base = (key, order.replaces), self._compile(config, without)
        return self._base[1]

    # --- words -------------------------------------------------------------------------------------------------

    def _compile(self, config: Config, ruleset: RuleSet) -> Compiled:
        """A whole draft: its words are looked up and kept as for a publication."""
        words, served = self._words(config), places(config.offices)
        compiled = compile_rules(ruleset, words.expand, served)
        if not words.missing:
            return compiled
        words.look_up()
        return compile_rules(ruleset, words.expand, served)

    def _words(self, config: Config) -> WordForms:
        if self._kept is None:
            self._kept = WordForms(Path(config.hub.data_dir) / FILE)
        return self._kept

    def _expand(self, word: str, language: str) -> frozenset[str]:
        """The forms of a word of the edited rule: of half a word, too, so nothing is kept."""
        kept = self._kept
        return kept.expand(word, language) if kept and kept.knows(word, language) else forms(word, language)


def read_sample(ask: Ask, wanted: int) -> list[Stored]:
    """The newest ``wanted`` decisions whose texts are there, oldest first."""
    span = ask(lambda tx: newest(tx, wanted))
    if span is None:
        return []
    some = batches(ask, span.first, span.last)
    return [stored for part in some for stored in part if stored.readable]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _data(text: str) -> Data:
    problems = Problems("")
    tree = parse(text, problems)
    if problems.found:
        raise Unreadable(problems.found[0].text)
    return None if tree is None else plain(tree)


def _rule_data(text: str) -> Data:
    """A rule as data, whether it is written as an item of a list or not."""
    data = _data(text)
    return data[0] if isinstance(data, list) and len(data) == 1 else data


def _around(ruleset: RuleSet, order: PreviewOrder, rule: Rule, matching: set[str]) -> RuleSet:
    """The rules that matter beside the edited one, and that one at its place."""
    rules: list[Rule] = []
    standing = False
    for one in ruleset.rules:
        if one.id == order.replaces:
            rules.append(msgspec.structs.replace(rule, section=one.section))
            standing = True
        elif one.id in matching:
            rules.append(one)
        if not order.replaces and one.id == order.after:
            rules.append(msgspec.structs.replace(rule, section=one.section))
            standing = True
    if not standing:
        rules.append(rule)
    return msgspec.structs.replace(ruleset, rules=tuple(rules))


def _example(stored: Stored) -> Example:
    return Example(
        trace=stored.id,
        conversation=stored.conversation,
        message=stored.message,
        at=stored.at,
        event=stored.facts.on,
    )


def _compared(house: Directory, stored: Stored, small: Compiled, before: str, rule: str) -> Example:
    decision = evaluate(small, stored.facts)
    reached = rule in decision.matched
    winners = decision.trace.winners.items()
    return msgspec.structs.replace(
        _example(stored),
        before=before,
        after=placed(house, stored, decision.actions),
        reached=reached,
        wins=tuple(action for action, names in winners if rule in names.split(",")),
    )


def _explained(small: Compiled, stored: Stored, one: Example, rule: str) -> Example:
    """An example with the rule that ended the evaluation before it, if one did."""
    verdicts = () if one.reached else explain(small, stored.facts, rule)
    by = next((verdict.by for verdict in verdicts if verdict.state == "stopped"), "")
    return msgspec.structs.replace(one, by=by)
