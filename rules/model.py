"""The rule set as data: what a rule file says, once it has been read and checked.

These are plain values: :func:`rules.files.load` makes them from YAML, :func:`rules.compile_rules` turns them into what
:func:`rules.engine.evaluate` runs. Order is meaning: rules are tried from the first to the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from rules.decision import Actions
from rules.facts import Facts, On

NamedKind = Literal["condition", "schedule"]


class _Node(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what a condition tree is made of. ``line`` is where it stands in the file (1 is the first)."""

    line: int = 0


class All(_Node, frozen=True, kw_only=True, tag="all"):
    """Holds when every item holds (an empty one always holds)."""

    items: tuple[Condition, ...]


class Any(_Node, frozen=True, kw_only=True, tag="any"):
    """Holds when one item holds (an empty one never holds)."""

    items: tuple[Condition, ...]


class Not(_Node, frozen=True, kw_only=True, tag="not"):
    """Holds when the item does not."""

    item: Condition


class OneOf(_Node, frozen=True, kw_only=True, tag="one_of"):
    """A fact equals one of ``values`` (case is ignored). ``*`` at the end of a value stands for any rest."""

    name: str
    values: tuple[str, ...]


class Flag(_Node, frozen=True, kw_only=True, tag="flag"):
    """A yes-or-no fact is ``value``."""

    name: str
    value: bool


class Between(_Node, frozen=True, kw_only=True, tag="between"):
    """A number lies in ``low`` … ``high``, both included; None leaves that side open."""

    name: str
    low: int | None = None
    high: int | None = None


class Keyed(_Node, frozen=True, kw_only=True, tag="keyed"):
    """The entry ``key`` of a mapping equals one of ``values``; with no values it just exists and is not empty."""

    name: str
    key: str
    values: tuple[str, ...] = ()


class KeyedBetween(_Node, frozen=True, kw_only=True, tag="keyed_between"):
    """The number under ``key`` of a mapping lies in ``low`` … ``high``. A missing key is a fault."""

    name: str
    key: str
    low: int | None = None
    high: int | None = None


class Language(_Node, frozen=True, kw_only=True, tag="language"):
    """The language is one of ``values``, known with at least ``confidence``."""

    values: tuple[str, ...]
    confidence: float = 0.8


class Words(_Node, frozen=True, kw_only=True, tag="words"):
    """At least ``at_least`` of ``words`` occur, in any inflected form unless ``exact``.

    ``diacritics``: they must stand in the text as in the form (else they make no difference). ``typos``: 1 also takes
    a form of :data:`rules.language.TYPOS_FROM` letters or more with one letter wrong, missing, added or swapped with
    its neighbour; never together with ``diacritics``. ``language`` is the one in which words are inflected, empty for
    the one that their letters suggest. The last ``listed`` of the words come from the named ``lists``.
    """

    words: tuple[str, ...]
    at_least: int = 1
    exact: bool = False
    diacritics: bool = False
    typos: int = 0
    language: str = ""
    lists: tuple[str, ...] = ()
    listed: int = 0


class Phrase(_Node, frozen=True, kw_only=True, tag="phrase"):
    """One of ``phrases`` occurs: its words in order, at most ``gap`` others between two of them; each is found as
    :class:`Words` finds them."""

    phrases: tuple[tuple[str, ...], ...]
    gap: int = 0
    exact: bool = False
    diacritics: bool = False
    typos: int = 0
    language: str = ""


class Spelling(NamedTuple):
    """How the words of a condition are found; see :class:`Words`."""

    exact: bool = False
    diacritics: bool = False
    typos: int = 0
    language: str = ""


def spelling(node: Words | Phrase) -> Spelling:
    """How ``node`` wants its words found."""
    return Spelling(node.exact, node.diacritics, node.typos, node.language)


class Pattern(_Node, frozen=True, kw_only=True, tag="pattern"):
    """The regular expression (RE2 syntax, case ignored) is found in subject or text."""

    pattern: str


class Hours(_Node, frozen=True, kw_only=True, tag="hours"):
    """The local time lies in one of ``spans``: (first minute, end minute) since midnight, the end excluded. A span
    whose end is not after its start goes over midnight."""

    spans: tuple[tuple[int, int], ...]


class Dates(_Node, frozen=True, kw_only=True, tag="dates"):
    """The local date lies in ``first`` … ``last`` (ISO, both included; empty leaves that side open)."""

    first: str = ""
    last: str = ""


class Recent(_Node, frozen=True, kw_only=True, tag="recent"):
    """The count of earlier conversations of the contact that began in the last ``days`` lies in ``low`` … ``high``.
    ``name`` is the predicate that asks: ``history`` or ``returning``."""

    name: str
    days: int
    low: int | None = None
    high: int | None = None


class Place(_Node, frozen=True, kw_only=True, tag="place"):
    """A postcode or county in subject or text belongs to one of ``offices`` (none named: to any office)."""

    offices: tuple[str, ...] = ()


class Attachment(_Node, frozen=True, kw_only=True, tag="attachment"):
    """Some attachment has one of ``types`` (``image/*``), one of the file name endings ``names`` and at least ``size``
    bytes; an empty tuple asks for nothing."""

    types: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    size: int = 0


class Named(_Node, frozen=True, kw_only=True, tag="named"):
    """A condition or schedule that the file defines by name, with what it stands for."""

    kind: NamedKind
    name: str
    item: Condition


Condition = (
    All
    | Any
    | Not
    | Named
    | OneOf
    | Flag
    | Between
    | Keyed
    | KeyedBetween
    | Language
    | Words
    | Phrase
    | Pattern
    | Hours
    | Dates
    | Recent
    | Place
    | Attachment
)


def children(node: Condition) -> tuple[Condition, ...]:
    """The conditions that a condition is made of; empty for a predicate."""
    if isinstance(node, All | Any):
        return node.items
    return (node.item,) if isinstance(node, Not | Named) else ()


Then = Literal["stop", "continue", "next-section", "stop-after-section"]
"""After a rule matched: no further rule; the next rule; on behind this section; the rest of this section and no more.
Outside sections the last two mean continue and stop."""


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Rules that stand together: those with its id in ``Rule.section``, one after another. None of them is tried unless
    ``when`` holds; ``enabled`` and the dates are as for a rule."""

    id: str
    name: str
    note: str = ""
    enabled: bool = True
    first: str = ""
    last: str = ""
    when: Condition = All(items=())
    line: int = 0


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule. ``first`` and ``last`` (ISO dates, both included) bound its validity; ``then`` says what is tried
    after it matched; ``section`` is empty for a rule that stands alone. ``line`` is where it starts in the file."""

    id: str
    name: str
    note: str = ""
    enabled: bool = True
    first: str = ""
    last: str = ""
    on: tuple[On, ...] = ("new",)
    when: Condition = All(items=())
    actions: Actions = Actions()
    then: Then = "stop"
    section: str = ""
    line: int = 0


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """An example message with what must come of it; a set of rules with a failing one is not published.

    ``facts`` are those of the message, everything else being unknown. ``expect`` names actions with their values as
    the decision must have them (for tags and other lists: at least these; None: nobody may ask for it), and with
    ``rule`` the rule that must win the queue.
    """

    name: str
    facts: Facts
    expect: Mapping[str, object]
    line: int = 0


class RuleSet(msgspec.Struct, frozen=True, kw_only=True):
    """An ordered list of rules and what is done when none decided.

    ``version`` is derived from the text, so that the same text has the same version everywhere. ``default`` is what
    happens to a new conversation that no rule stopped. ``words``, ``conditions`` and ``schedules`` are the named
    lists, conditions and times of the file; conditions of rules have them put in (see :class:`Named`). ``samples`` are
    its tests. Ids of rules and sections are all different. ``lines`` says where names are defined: ``words.NAME``,
    ``conditions.NAME``, ``schedules.NAME``, and ``default``.
    """

    version: str
    source: str
    rules: tuple[Rule, ...]
    default: Actions
    words: Mapping[str, tuple[str, ...]] = {}
    conditions: Mapping[str, Condition] = {}
    schedules: Mapping[str, Condition] = {}
    sections: tuple[Section, ...] = ()
    samples: tuple[Sample, ...] = ()
    lines: Mapping[str, int] = {}
