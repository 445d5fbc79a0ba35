"""What is known of a message when certain conditions hold, and what follows from it.

:class:`Known` gathers literals; :func:`settle` makes a :class:`Case` of a formula: the literals that must be true and
the choices that are left open. :func:`follows` answers whether a formula is true of every message of a case. It may
say no where the truth is yes; it never says yes where the truth is no.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rules.lint.cover import covered
from rules.lint.literals import (
    Among,
    Both,
    Either,
    Element,
    Exists,
    Formula,
    Literal,
    Numbers,
    Subject,
    negated,
    universe,
)
from rules.lint.sets import ANY_TEXT, HIGH, LOW, NO_TEXT, Patterns, Spans, inside, overlap

MAX_OPEN = 4
"""Choices that are split when a case is looked at; further ones stay open."""

DEPTH = 2
"""How many choices are split one inside the other."""


STEPS = 20_000
"""Questions about single literals that one rule is worth; a rule of thousands of alternatives would ask for hours."""

ALL_STEPS = 6_000_000
"""Questions that one rule set is worth."""


_SENDER: Subject = ("text", "sender")
_DOMAIN: Subject = ("domain",)


class TooMuch(Exception):
    """A question has taken too long; nothing is proved then."""


@dataclass(slots=True)
class Steps:
    """How many questions may still be asked."""

    left: int = STEPS

    def take(self) -> None:
        """Ask one. Raises :class:`TooMuch`."""
        self.left -= 1
        if self.left < 0:
            raise TooMuch


class Effort:
    """What looking at a rule set may take, and the rules at which it was too much."""

    def __init__(self, left: int = ALL_STEPS) -> None:
        self.left = left
        self.given_up: dict[str, None] = {}

    @contextmanager
    def on(self, rule: str) -> Iterator[Known]:
        """Nothing known yet, for looking at one rule; when that takes too long, the block is left."""
        given = min(STEPS, max(self.left, STEPS // 100))
        steps = Steps(given)
        try:
            yield Known(steps=steps)
        except TooMuch:
            self.given_up[rule] = None
        finally:
            self.left -= given - max(steps.left, 0)


@dataclass(slots=True)
class Known:
    """Literals that are true together. Copied before more is learnt."""

    numbers: dict[Subject, Spans] = field(default_factory=dict)
    texts: dict[Subject, tuple[Patterns, Patterns]] = field(default_factory=dict)
    """Texts that a subject may have, and those that it has not."""
    there: dict[Subject, tuple[Exists, ...]] = field(default_factory=dict)
    absent: dict[Subject, tuple[Exists, ...]] = field(default_factory=dict)
    steps: Steps = field(default_factory=Steps)

    def copy(self) -> Known:
        return Known(dict(self.numbers), dict(self.texts), dict(self.there), dict(self.absent), self.steps)

    def learn(self, literal: Literal) -> bool:
        """Take up a literal; False when it cannot be true beside the others."""
        if not self._learn(literal):
            return False
        if literal.subject[0] == "recent":
            return self._can_be_counted()
        return literal.subject not in (_SENDER, _DOMAIN) or self._can_be_sent()

    def _learn(self, literal: Literal) -> bool:
        subject = literal.subject
        if isinstance(literal, Numbers):
            left = overlap(self.numbers.get(subject) or universe(subject), literal.spans)
            self.numbers[subject] = left
            return bool(left)
        if isinstance(literal, Among):
            may, not_ = self.texts.get(subject, (ANY_TEXT, NO_TEXT))
            if literal.positive:
                may = may.common(literal.texts)
            else:
                not_ = not_.plus(literal.texts)
            may = may.minus(not_)
            self.texts[subject] = may, not_
            return bool(may.whole or may.starts)
        return self._learn_of_many(literal)

    def _learn_of_many(self, literal: Exists) -> bool:
        subject = literal.subject
        there, absent = self.there.get(subject, ()), self.absent.get(subject, ())
        if literal.positive:
            there = (*there, self.narrowed(literal))
        else:
            self.absent[subject] = absent = (*absent, literal)
            there = tuple(self.narrowed(one) for one in there)
        self.there[subject] = there
        if not absent:
            return True
        return not any(
            len(one.options) < one.least or any(_stronger(one, no) for no in absent) for one in there
        )

    def narrowed(self, one: Exists) -> Exists:
        """``one`` without the options that are known to be absent."""
        absent = [no.options for no in self.absent.get(one.subject, ()) if no.least == 1]
        if not absent:
            return one
        left = frozenset(
            option
            for option in one.options
            if not any(covered(one.subject, option, options) for options in absent)
        )
        return Exists(one.subject, left, one.least)

    def implies(self, literal: Literal) -> bool:
        """Whether a literal must be true. Raises :class:`TooMuch`, as everything that asks does."""
        self.steps.take()
        subject = literal.subject
        if isinstance(literal, Numbers):
            mine = self.numbers.get(subject)
            if mine is not None and inside(mine, literal.spans):
                return True
            return subject[0] == "recent" and self._counted(subject, literal.spans)
        if isinstance(literal, Among):
            known = self.texts.get(subject)
            if known is None:
                return False
            may, not_ = known
            if literal.positive:
                return may.within(literal.texts.plus(not_))
            return may.common(literal.texts).within(not_)
        return self._implies_of_many(literal)

    def _implies_of_many(self, literal: Exists) -> bool:
        subject = literal.subject
        if literal.positive:
            if any(_stronger(one, literal) for one in self.there.get(subject, ())):
                return True
            hosts = self._hosts() if subject == _DOMAIN else []
            return bool(hosts) and all(covered(subject, host, literal.options) for host in hosts)
        return any(_stronger(_asserted(literal), no) for no in self.absent.get(subject, ()))

    def _hosts(self) -> list[Element]:
        """The hosts of the sender's address, where only certain addresses are left; else none."""
        may, _ = self.texts.get(_SENDER, (ANY_TEXT, NO_TEXT))
        if may.starts or not all("@" in address for address in may.whole):
            return []
        return [(address.rpartition("@")[2], False) for address in may.whole]

    def _can_be_sent(self) -> bool:
        """Whether one of the addresses that are left is in every domain that is asked for, and in none that is not."""
        there = [one.options for one in self.there.get(_DOMAIN, ())]
        absent = [no.options for no in self.absent.get(_DOMAIN, ())]
        hosts = self._hosts()
        return not hosts or any(
            all(covered(_DOMAIN, host, options) for options in there)
            and not any(covered(_DOMAIN, host, options) for options in absent)
            for host in hosts
        )

    def _can_be_counted(self) -> bool:
        """Whether there are counts for all the days that are asked about, none below that of fewer days."""
        least = 0
        for _, spans in sorted(self._counts()):
            least = min((max(first, least) for first, last in spans if last >= least), default=-1)
            if least < 0:
                return False
        return True

    def _counted(self, subject: Subject, spans: Spans) -> bool:
        """What counts of other numbers of days say: in more days there are no fewer conversations."""
        if len(spans) != 1:
            return False
        first, last = spans[0]
        low = max((mine[0][0] for name, mine in self._counts() if name[1] <= subject[1]), default=LOW)
        high = min((mine[-1][1] for name, mine in self._counts() if name[1] >= subject[1]), default=HIGH)
        return low >= first and high <= last

    def _counts(self) -> Iterator[tuple[Subject, Spans]]:
        return ((name, spans) for name, spans in self.numbers.items() if name[0] == "recent")


def _asserted(literal: Exists) -> Exists:
    return Exists(literal.subject, literal.options, literal.least)


def _stronger(one: Exists, other: Exists) -> bool:
    """Whether ``one`` being true makes ``other`` true, both being asserted."""
    most = one.least - other.least if other.least > 1 else one.least - 1
    if most < 0:
        return False
    if one.options <= other.options:
        return True
    missing = 0
    for option in one.options:
        if option in other.options:
            continue
        # Of several that are asked for, only the very same ones count: two may be covered by one and the same.
        if other.least > 1 or not covered(one.subject, option, other.options):
            missing += 1
            if missing > most:
                return False
    return True


@dataclass(slots=True)
class Case:
    """Messages for which ``known`` is true and of each of ``choices`` one item at least."""

    known: Known
    choices: tuple[Either, ...] = ()
    _split: dict[int, list[Case | None]] = field(default_factory=dict)

    def paid_by(self, nothing: Known) -> Case:
        """The same case, of which questions are asked at the expense of ``nothing``."""
        known = self.known
        mine = Known(known.numbers, known.texts, known.there, known.absent, nothing.steps)
        return Case(mine, self.choices)

    def narrowed(self, subject: Subject, number: int) -> list[Case]:
        """The cases that one of the things known to be there leaves: one for each of its options."""
        found = []
        there = self.known.there[subject]
        for option in sorted(there[number].options, key=repr):
            known = self.known.copy()
            one = Exists(subject, frozenset([option]))
            known.there[subject] = (*there[:number], one, *there[number + 1 :])
            found.append(Case(known, self.choices))
        return found

    def split(self, number: int) -> Iterator[Case]:
        """The cases that one choice leaves, without those that cannot be; worked out as they are asked for."""
        rest = self.choices[:number] + self.choices[number + 1 :]
        done = self._split.setdefault(number, [])
        for place, item in enumerate(self.choices[number].items):
            if place == len(done):
                done.append(settle([item, *rest], self.known))
            case = done[place]
            if case is not None:
                yield case


def settle(formulas: Iterable[Formula], known: Known | None = None) -> Case | None:
    """The case in which all ``formulas`` are true (beside what is ``known``); None when that can never be."""
    here = Known() if known is None else known.copy()
    todo = list(formulas)
    choices: list[Either] = []
    while todo:
        if not _learn_all(todo, here, choices):
            return None
        todo = []
        left: list[Either] = []
        for choice in choices:
            open_items = _open_items(choice, here)
            if open_items is None:
                continue
            if not open_items:
                return None
            if len(open_items) == 1:
                todo.append(open_items[0])
            else:
                left.append(Either(open_items))
        choices = left
    return Case(here, tuple(dict.fromkeys(choices)))


def _learn_all(todo: list[Formula], known: Known, choices: list[Either]) -> bool:
    while todo:
        known.steps.take()
        item = todo.pop()
        if isinstance(item, Both):
            todo += item.items
        elif isinstance(item, Either):
            choices.append(item)
        elif not known.learn(item):
            return False
    return True


def _open_items(choice: Either, known: Known) -> tuple[Formula, ...] | None:
    """The items that may still be true; None when one is true anyway."""
    open_items = []
    for item in choice.items:
        truth = truth_of(item, known)
        if truth:
            return None
        if truth is None:
            open_items.append(item)
    return tuple(open_items)


def truth_of(item: Formula, known: Known) -> bool | None:
    """True or False where that follows from what is known, literal by literal; else None."""
    if isinstance(item, Both | Either):
        decisive = isinstance(item, Either)
        truths = [truth_of(part, known) for part in item.items]
        if decisive in truths:
            return decisive
        return None if None in truths else not decisive
    if known.implies(item):
        return True
    opposite = negated(item)
    # A literal whose negation is no literal is never false; but it may be unknown.
    return False if not isinstance(opposite, Both | Either) and known.implies(opposite) else None


def follows(case: Case, target: Formula, depth: int = DEPTH) -> bool:
    """Whether ``target`` is true of every message of the case."""
    if isinstance(target, Both):
        # Single literals, which are cheap to ask and most often say no, stand first. A loop, because this is asked a
        # hundred times for each rule.
        for item in target.items:  # noqa: SIM110
            if not follows(case, item, depth):
                return False
        return True
    if _is_implied(target, case.known):
        return True
    if depth == 0 or not case.choices:
        return isinstance(target, Either) and any(follows(case, item, 0) for item in target.items)
    numbers = range(min(len(case.choices), MAX_OPEN))
    return any(all(follows(one, target, depth - 1) for one in case.split(number)) for number in numbers)


def _is_implied(item: Formula, known: Known) -> bool:
    if isinstance(item, Both):
        return all(_is_implied(part, known) for part in item.items)
    if isinstance(item, Either):
        return any(_is_implied(part, known) for part in item.items)
    return known.implies(item)
