"""A test of the rules made from a real decision: the same outcome, and nobody in it who could be recognised.

:func:`make` replaces names, numbers and addresses (:mod:`hub.ruleset.invent`), leaves out every fact that the outcome
does not need, and tries the result: the same rules match and the same actions win, or there is no test.
:func:`appended` puts it into the text of a rule set.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

import msgspec

from hub.desk.row import seen
from hub.replay import stored
from hub.ruleset import invent
from hub.scope import Scope, require
from hub.store.tx import Reader
from rules import Compiled, Decision, Facts, evaluate, model
from rules.editing.dump import dump_item
from rules.editing.edit import insert
from rules.files.sample_reader import MAX_NAME
from rules.files.write import write_sample
from rules.fold import fold
from rules.text import Text, mark

LENGTH = 1_500
"""Characters of a text that a test keeps, if the outcome allows; else twice as many, and so on."""

GREETING, TITLE_WORDS, TITLE = 2, 9, 70
"""Words that a line must have more of to name a test; words and characters of such a name."""

TIME = ("local_date", "local_minutes", "weekday", "holiday", "open_hours")
KEPT = ("on", "channel", "inbox", "language", "language_confidence", "sender_address", "sender_kind")
"""Facts that every test tells; the others only where the outcome needs them."""

TOLD = ("queue", "office", "priority", "tags", "hold", "spam", "distress")
"""Actions of the decision that a test expects."""

_SELF = ("subject", "text", *KEPT)

Named = Mapping[str, Collection[str]]
Clean = Callable[[str], str]


class Unmaskable(Exception):
    """No test can be made; ``text`` says why."""

    def __init__(self, text: Text) -> None:
        self.text = text
        super().__init__(str(text))


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that a test can be made of. ``queue`` is where the conversation is now."""

    decision: stored.Stored
    queue: str


def decisions(tx: Reader, scope: Scope, conversation: int) -> list[Decided]:
    """The decisions about a conversation, the newest first. Raises Denied, NotFound (also for who may not read it)."""
    require(scope, "administer")
    row = seen(tx, scope, conversation)
    return [Decided(decision=one, queue=row.queue or "") for one in stored.of_conversation(tx, conversation)]


def make(compiled: Compiled, facts: Facts, name: str, queue: str = "") -> model.Sample:
    """A test called ``name`` that comes out as ``facts`` do. With ``queue`` it expects that queue instead.

    Takes some hundred evaluations: call it beside the event loop. Raises :class:`Unmaskable`.
    """
    wanted = evaluate(compiled, facts)
    plain = _plain(compiled, facts, wanted)
    least = _least(compiled, plain, wanted)
    expect = _expected(wanted)
    if queue and queue != wanted.actions.queue:
        expect = {"queue": queue}
    return model.Sample(name=name.strip()[:MAX_NAME] or "test", facts=least, expect=expect)


def text_of(sample: model.Sample) -> str:
    """A test as the item of ``tests:`` that it is in a rule file."""
    return dump_item(write_sample(sample))


def appended(source: str, text: str) -> str:
    """A rule set's text with one more test. Raises :class:`rules.editing.blocks.Refused`."""
    return insert(source, "sample", text)


def _same(compiled: Compiled, facts: Facts, wanted: Decision) -> bool:
    """Whether the same rules match and the same actions win; a fault that the original had may go away."""
    got = evaluate(compiled, facts)
    faults = {fault.rule for fault in got.faults} <= {fault.rule for fault in wanted.faults}
    return got.matched == wanted.matched and got.actions == wanted.actions and faults


# People out.


def _plain(compiled: Compiled, facts: Facts, wanted: Decision) -> Facts:
    """``facts`` without people, as much changed as the outcome allows. Raises :class:`Unmaskable`."""
    for candidate in _candidates(compiled, facts):
        if _same(compiled, candidate, wanted):
            return candidate
    changed = next(_candidates(compiled, facts))
    got = evaluate(compiled, changed)
    rule = next((name for name in wanted.matched if name not in got.matched), "")
    if rule:
        raise Unmaskable(
            Text(
                mark(
                    "Rule {rule} goes by something that tells who wrote (a name, a number, an address). "
                    "Write this test by hand, with invented people."
                ),
                {"rule": rule},
            )
        )
    raise Unmaskable(
        Text(mark("Without names and numbers this message is decided otherwise. Write the test by hand."))
    )


def _candidates(compiled: Compiled, facts: Facts) -> Iterator[Facts]:
    """The same message with invented people, from the least to the most that may stay of the real one: the town, the
    domain of the sender where a rule names it."""
    named = _named(compiled.ruleset)
    forms = compiled.lexicon.forms
    for places in (invent.without_postcodes, invent.rounded_postcodes):
        for address in dict.fromkeys(_addresses(named, facts)):
            names = invent.Names(_known_names(facts), lambda word: word.encode() in forms)
            yield _masked(facts, names, address, places, named)


def _known_names(facts: Facts) -> list[str]:
    """Names that the facts themselves tell."""
    local, at, _ = facts.sender_address.partition("@")
    parts = local.replace(".", " ").replace("_", " ").replace("-", " ") if at else ""
    own = [value for key, value in facts.fields.items() if _tells_name(key)]
    return [facts.sender_name, parts, *own]


def _tells_name(key: str) -> bool:
    return any(part in fold(key) for part in ("imi", "nazwisk", "name"))


def _masked(facts: Facts, names: invent.Names, address: str, places: Clean, named: Named) -> Facts:
    def clean(text: str) -> str:
        return invent.without_numbers(places(names.replace(text)))

    topic = facts.callback_topic
    return msgspec.structs.replace(
        facts,
        subject=clean(facts.subject),
        text=clean(facts.text),
        callback_topic=topic if _is_named(named, "callback_topic", topic) else clean(topic),
        sender_address=address,
        sender_name="",
        contact=_entries(named, "contact", facts.contact),
        fields=_entries(named, "fields", facts.fields),
        tags=tuple(tag for tag in facts.tags if _is_named(named, "tags", tag)),
        attachments=tuple(
            (kind, size, f"plik{number}{_ending(name)}")
            for number, (kind, size, name) in enumerate(facts.attachments, start=1)
        ),
        join_candidates=tuple(range(1, len(facts.join_candidates) + 1)),
    )


def _entries(named: Named, name: str, entries: Mapping[str, str]) -> dict[str, str]:
    """Attributes and fields: a value that rules name as it is, of any other only that it is there."""
    return {
        key: value if _is_named(named, f"{name}.{key}", value) else "x"
        for key, value in entries.items()
        if value
    }


def _is_named(named: Named, name: str, value: str) -> bool:
    """Whether a rule names just this value; a mere beginning of it is not enough."""
    return value.lower() in named.get(name, ())


def _ending(name: str) -> str:
    _, dot, ending = name.rpartition(".")
    return f".{ending.lower()}" if dot and ending.isalnum() and len(ending) <= 5 else ""


def _addresses(named: Named, facts: Facts) -> Iterator[str]:
    """Addresses that may stand for the sender's: an invented one; then what rules themselves name."""
    address = facts.sender_address.lower()
    local, at, host = address.rpartition("@")
    if not local:
        yield (invent.PHONE if address.startswith("+") else "nadawca-1") if address else ""
    else:
        yield invent.ADDRESS
        if any(host == domain or host.endswith(f".{domain}") for domain in named.get("domain", ())):
            yield f"{invent.ADDRESS.partition('@')[0]}@{host}"
    for value in sorted(named.get("sender", ())):
        if value == address:
            yield address
        elif value.endswith("*") and address.startswith(value[:-1]):
            yield _completed(value[:-1], address, at)


def _completed(start: str, address: str, at: str) -> str:
    """An address with the beginning that a rule names, and nothing else of the real one."""
    if not at:
        return start + "0" * (len(address) - len(start))
    return f"{start}{'' if '@' in start else '@'}example.org"


def _named(ruleset: model.RuleSet) -> Named:
    """Values that rules name, in lower case, by predicate: those are no secret."""
    found: dict[str, set[str]] = {}
    todo: list[model.Condition] = [rule.when for rule in ruleset.rules]
    todo += [section.when for section in ruleset.sections]
    seen: set[int] = set()
    while todo:
        node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        todo += model.children(node)
        if isinstance(node, model.OneOf):
            found.setdefault(node.name, set()).update(value.lower() for value in node.values)
        elif isinstance(node, model.Keyed):
            found.setdefault(f"{node.name}.{node.key}", set()).update(value.lower() for value in node.values)
    return found


# Little left.


def _least(compiled: Compiled, facts: Facts, wanted: Decision) -> Facts:
    """``facts`` without what the outcome does not need."""
    sure = msgspec.structs.replace(facts, language_confidence=1.0)
    if facts.language and _same(compiled, sure, wanted):
        facts = sure
    for names, key in _cuts(facts):
        changed = _without(facts, names, key)
        if changed != facts and _same(compiled, changed, wanted):
            facts = changed
    return _shorter(compiled, facts, wanted)


def _cuts(facts: Facts) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is tried to be left out: the time as a whole, each other fact, each entry (the key) of the mappings."""
    yield TIME, ""
    for name in facts.__struct_fields__:
        if name not in _SELF:
            yield (name,), ""
            value = getattr(facts, name)
            yield from (((name,), key) for key in (value if isinstance(value, Mapping) else ()))


def _without(facts: Facts, names: tuple[str, ...], key: str) -> Facts:
    empty = Facts()
    values = {name: getattr(empty, name) for name in names}
    if key:
        values = {
            name: {other: item for other, item in getattr(facts, name).items() if other != key}
            for name in names
        }
    return msgspec.structs.replace(facts, **values)


def _shorter(compiled: Compiled, facts: Facts, wanted: Decision) -> Facts:
    """The beginning of the text, as long as it must be."""
    length = LENGTH
    while length < len(facts.text):
        cut = facts.text[:length].rsplit(" ", 1)[0].rstrip()
        changed = msgspec.structs.replace(facts, text=cut)
        if _same(compiled, changed, wanted):
            return changed
        length *= 2
    return facts


def _expected(decision: Decision) -> dict[str, object]:
    """What a test expects: the routing, and the rule that decided it."""
    expect = {
        name: value for name in TOLD if (value := getattr(decision.actions, name)) not in (None, False, ())
    }
    if "queue" in decision.trace.winners:
        expect["rule"] = decision.trace.winners["queue"]
    return expect


def title_of(facts: Facts) -> str:
    """A name for a test: the first line of its text, or the subject, that says more than a greeting."""
    lines = [facts.subject, *facts.text.splitlines()]
    telling = [line.strip() for line in lines if len(line.split()) > GREETING] or [facts.subject.strip()]
    words = telling[0].split()[:TITLE_WORDS]
    return " ".join(words).strip(" ,.;:–-")[:TITLE]


def names_of(taken: Collection[str], wanted: str) -> str:
    """``wanted``, or the first of ``wanted 2``, ``wanted 3``, … that is not taken."""
    start = wanted.strip()[: MAX_NAME - 6] or "test"
    if start not in taken:
        return start
    return next(name for number in range(2, 100_000) if (name := f"{start} {number}") not in taken)
