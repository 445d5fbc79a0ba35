"""Predicates at work: each becomes a probe that can check a message and show what it saw.

A probe raises :class:`rules.engine.readings.Unknown` when the facts don't tell; :mod:`rules.engine.trees` says what
follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from rules import model
from rules.detect import DOT, mask, mask_numbers
from rules.engine.lexicon import Lexicon, PhraseSet, Spans, met
from rules.engine.readings import (
    FLAGS,
    JUST_NOW,
    LISTS,
    MAPPINGS,
    NUMBERS,
    TEXTS,
    domains,
    matcher,
    unknown,
)
from rules.engine.scan import Scan
from rules.fold import split_words
from rules.language import DAYS
from rules.text import Text, mark

Check = Callable[[Scan], bool]
Show = Callable[[Scan], Text | str]

_SHORTEST_NUMBER = 8

SHOWN = 60
"""Most characters of a value in a trace."""

YES, NO = Text(mark("yes")), Text(mark("no"))
NONE = Text(mark("none"))
NONE_OF_THEM = Text(mark("none of them"))
NOT_FOUND = Text(mark("not found"))
NOT_KNOWN = Text(mark("not known"))
NOTHING = Text("")


@dataclass(frozen=True, slots=True)
class Probe:
    """A predicate ready to run. ``show`` gives the value it sees, short and without personal numbers: a name or a
    number as it is, or a text to be translated.

    ``keys`` (words of which one must occur) and ``expression`` are the numbers in the lexicon that the index goes by.
    """

    node: model.Condition
    name: str
    check: Check
    show: Show
    keys: frozenset[int] = frozenset()
    expression: int | None = None


def _short(value: object) -> str:
    text = str(value)
    if len(text) < _SHORTEST_NUMBER:
        return text
    if not text.isalpha():
        text = mask_numbers(text)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _shown(value: object, otherwise: Text = NONE) -> Text | str:
    """A value, or what is said when there is none."""
    return _short(value) if value else otherwise


def _one_of(node: model.OneOf, lexicon: Lexicon) -> Probe:
    if node.name == "days":
        return _days(node)
    whole, beginnings = matcher(node.values)
    if node.name in LISTS or node.name == "domain":
        return _one_of_many(node, whole, beginnings)
    # Many rules ask the same ("channel: email"); one check for all of them stays at hand in the processor's caches.
    check, show = lexicon.alike((node.name, node.values), lambda: _one_of_texts(node.name, whole, beginnings))
    return Probe(node, node.name, check, show)


def _one_of_texts(name: str, whole: frozenset[str], beginnings: tuple[str, ...]) -> tuple[Check, Show]:
    read = TEXTS[name]

    def plain(scan: Scan) -> bool:
        return read(scan.facts).lower() in whole

    def check(scan: Scan) -> bool:
        value = read(scan.facts).lower()
        return value in whole or value.startswith(beginnings)

    def show(scan: Scan) -> Text | str:
        value = read(scan.facts).lower()
        # The pattern that matched, not the person's address, belongs into a stored trace.
        hit = next((f"{start}*" for start in beginnings if value.startswith(start)), None)
        return _shown(hit if hit is not None and value not in whole else value)

    return check if beginnings else plain, show


def _one_of_many(node: model.OneOf, whole: frozenset[str], beginnings: tuple[str, ...]) -> Probe:
    listed = LISTS.get(node.name)

    def read(scan: Scan) -> list[str]:
        return domains(scan.facts) if listed is None else [tag.lower() for tag in listed(scan.facts)]

    def hits(scan: Scan) -> list[str]:
        return [value for value in read(scan) if value in whole or value.startswith(beginnings)]

    def show(scan: Scan) -> Text | str:
        return _shown(", ".join(hits(scan) or read(scan)[: 1 if listed is None else 3]))

    return Probe(node, node.name, lambda scan: bool(hits(scan)), show)


def _days(node: model.OneOf) -> Probe:
    numbers = frozenset(int(value) for value in node.values)

    def check(scan: Scan) -> bool:
        if not 1 <= scan.facts.weekday <= 7:
            raise unknown("days")
        return scan.facts.weekday in numbers

    return Probe(node, "days", check, lambda scan: ("?", *DAYS)[scan.facts.weekday])


def _flag(node: model.Flag, lexicon: Lexicon) -> Probe:
    read, wanted = FLAGS[node.name], node.value

    def show(scan: Scan) -> Text | str:
        if node.name in ("pesel", "phone", "account"):
            return _shown(mask(next(iter(scan.numbers(node.name)), "")))
        if node.name == "email":
            hosts = [found.rpartition("@")[2] for found in scan.numbers("email")[:1]]
            return _shown("".join(f"{DOT}{DOT}@{host}" for host in hosts))
        if node.name in ("automatic", "suspicious"):
            return _shown(TEXTS[node.name](scan.facts), NO)
        return YES if read(scan) else NO

    return Probe(node, node.name, lambda scan: read(scan) is wanted, show)


def _between(node: model.Between, lexicon: Lexicon) -> Probe:
    read = NUMBERS[node.name]
    low, high = node.low, node.high

    def check(scan: Scan) -> bool:
        value = read(scan)
        return (low is None or value >= low) and (high is None or value <= high)

    if node.name in JUST_NOW and low is not None:
        return _without_answer(node, check, low)
    return Probe(node, _asked(node.name), check, lambda scan: str(read(scan)))


def _without_answer(node: model.Between, check: Check, low: int) -> Probe:
    """A duration that counts once: on a timer only when it came true just now, and never because a rule's own timer ran
    out (else a rule that starts one would start it for ever; ``waiting`` asks how long it has been)."""
    read, just_now = NUMBERS[node.name], JUST_NOW[node.name]

    def counts(scan: Scan) -> bool:
        facts = scan.facts
        if facts.on != "timer" or low in just_now(facts):
            return True
        return not (facts.timer or facts.unanswered_due or facts.unanswered_open_due)

    def show(scan: Scan) -> Text | str:
        minutes = read(scan)
        if counts(scan) or minutes < low:
            return str(minutes)
        return Text(mark("{minutes}; the rules were asked when it came true"), {"minutes": minutes})

    return Probe(node, _asked(node.name), lambda scan: check(scan) and counts(scan), show)


def _asked(name: str) -> str:
    """The predicate behind a number: one of them is read from two facts."""
    return "unanswered" if name == "unanswered_open" else name


def _keyed(node: model.Keyed, lexicon: Lexicon) -> Probe:
    read, key = MAPPINGS[node.name], node.key
    whole, beginnings = matcher(node.values)

    def check(scan: Scan) -> bool:
        value = str(read(scan.facts).get(key) or "").lower()
        if not node.values:
            return value != ""
        return value in whole or bool(value and value.startswith(beginnings))

    return Probe(node, f"{node.name}.{key}", check, lambda scan: _shown(read(scan.facts).get(key)))


def _keyed_between(node: model.KeyedBetween, lexicon: Lexicon) -> Probe:
    read, key, low, high = MAPPINGS[node.name], node.key, node.low, node.high

    def check(scan: Scan) -> bool:
        value = read(scan.facts).get(key)
        if value is None:
            raise unknown(f"{node.name}.{key}")
        return (low is None or value >= low) and (high is None or value <= high)

    def show(scan: Scan) -> Text | str:
        value = read(scan.facts).get(key)
        return NOT_KNOWN if value is None else str(value)

    return Probe(node, f"{node.name}.{key}", check, show)


def _language(node: model.Language, lexicon: Lexicon) -> Probe:
    values, least = frozenset(node.values), node.confidence

    def check(scan: Scan) -> bool:
        return scan.facts.language.lower() in values and scan.facts.language_confidence >= least

    def show(scan: Scan) -> Text | str:
        facts = scan.facts
        return _short(f"{facts.language} ({facts.language_confidence:.2f})") if facts.language else NOT_KNOWN

    return Probe(node, "language", check, show)


def _words(node: model.Words, lexicon: Lexicon) -> Probe:
    split = [split_words(word) for word in node.words]
    how = model.spelling(node)
    numbers = frozenset([lexicon.word(parts[0], how) for parts in split if len(parts) == 1])
    if node.at_least > 1 or any(len(parts) != 1 for parts in split):
        several = PhraseSet(lexicon.phrase(parts, 0, how) for parts in split if len(parts) > 1)
        return _words_and_phrases(node, numbers, several)
    # Nearly all are of this kind. What a rule keeps is small then: reading it is most of what a match costs.
    return Probe(node, "words", partial(_any_word, numbers), partial(_show_words, numbers), keys=numbers)


def _any_word(numbers: frozenset[int], scan: Scan) -> bool:
    return not scan.found().keys().isdisjoint(numbers)


def _show_words(numbers: frozenset[int], scan: Scan) -> Text | str:
    found = scan.found()
    there = met(numbers, found)
    if len(there) == 1:
        return _short(scan.token(found[there[0]]))
    seen = [scan.seen_as(number) for number in sorted(there)[:4]]
    return _shown(", ".join(dict.fromkeys(seen)), NONE_OF_THEM)


def _words_and_phrases(node: model.Words, numbers: frozenset[int], several: PhraseSet) -> Probe:
    least = node.at_least

    def any_of(scan: Scan) -> bool:
        return _any_word(numbers, scan) or bool(several.hits(scan))

    def enough(scan: Scan) -> bool:
        return len(met(numbers, scan.found())) + len(several.hits(scan)) >= least

    def show(scan: Scan) -> Text | str:
        seen = [scan.seen_as(number) for number in sorted(met(numbers, scan.found()))[:4]]
        seen += [_phrase_text(scan, phrase) for phrase in several.hits(scan)]
        return _shown(", ".join(dict.fromkeys(seen)), NONE_OF_THEM)

    return Probe(node, "words", enough if least > 1 else any_of, show, keys=numbers | several.lasts)


def _phrase_text(scan: Scan, phrase: Spans) -> str:
    return " ".join(map(scan.seen_as, phrase[0]))


def _phrase(node: model.Phrase, lexicon: Lexicon) -> Probe:
    how = model.spelling(node)
    phrases = PhraseSet(lexicon.phrase(words, node.gap, how) for words in node.phrases)

    def show(scan: Scan) -> Text | str:
        hits = phrases.hits(scan)
        return _short(_phrase_text(scan, hits[0])) if hits else NONE_OF_THEM

    return Probe(node, "phrase", lambda scan: bool(phrases.hits(scan)), show, keys=phrases.lasts)


def _pattern(node: model.Pattern, lexicon: Lexicon) -> Probe:
    number = lexicon.expression(node.pattern)

    def show(scan: Scan) -> Text | str:
        found = scan.expression(number)
        return NOT_FOUND if found is None else _short(found)

    return Probe(node, "regex", lambda scan: scan.expression(number) is not None, show, expression=number)


def _hours(node: model.Hours, lexicon: Lexicon) -> Probe:
    def check(scan: Scan) -> bool:
        now = scan.facts.local_minutes
        return any(
            start <= now < end if start < end else now >= start or now < end for start, end in node.spans
        )

    def show(scan: Scan) -> Text | str:
        hour, minute = divmod(scan.facts.local_minutes, 60)
        return f"{hour:02}:{minute:02}"

    return Probe(node, "hours", check, show)


def _dates(node: model.Dates, lexicon: Lexicon) -> Probe:
    def check(scan: Scan) -> bool:
        today = scan.facts.local_date
        if not today:
            raise unknown("dates")
        return (not node.first or today >= node.first) and (not node.last or today <= node.last)

    return Probe(node, "dates", check, lambda scan: _shown(scan.facts.local_date, NOT_KNOWN))


def _recent(node: model.Recent, lexicon: Lexicon) -> Probe:
    days, low, high = node.days, node.low, node.high

    def read(scan: Scan) -> int:
        return sum(age < days for age in scan.facts.history_ages)

    def check(scan: Scan) -> bool:
        value = read(scan)
        return (low is None or value >= low) and (high is None or value <= high)

    return Probe(node, node.name, check, lambda scan: str(read(scan)))


def _place(node: model.Place, lexicon: Lexicon) -> Probe:
    wanted = frozenset(node.offices)

    def check(scan: Scan) -> bool:
        found = scan.offices()
        return not wanted.isdisjoint(found) if wanted else bool(found)

    def show(scan: Scan) -> Text | str:
        return _shown(", ".join(f"{office} ({by})" for office, by in scan.offices().items()))

    return Probe(node, "place", check, show)


def _attachment(node: model.Attachment, lexicon: Lexicon) -> Probe:
    types, type_beginnings = matcher(node.types)
    endings = tuple(name.lower().lstrip("*") for name in node.names)

    def fits(attachment: tuple[str, int, str]) -> bool:
        content_type, size, name = attachment
        kind = content_type.lower()
        return (
            size >= node.size
            and (not node.types or kind in types or kind.startswith(type_beginnings))
            and (not endings or name.lower().endswith(endings))
        )

    def show(scan: Scan) -> Text | str:
        files = scan.facts.attachments
        one = next((file for file in files if fits(file)), files[0] if files else None)
        return NONE if one is None else _short(f"{one[0]}, {one[1]} B")

    return Probe(node, "attachment", lambda scan: any(fits(file) for file in scan.facts.attachments), show)


_BUILDERS: Mapping[type, Callable[[Any, Lexicon], Probe]] = {
    model.OneOf: _one_of,
    model.Flag: _flag,
    model.Between: _between,
    model.Keyed: _keyed,
    model.KeyedBetween: _keyed_between,
    model.Language: _language,
    model.Words: _words,
    model.Phrase: _phrase,
    model.Pattern: _pattern,
    model.Hours: _hours,
    model.Dates: _dates,
    model.Recent: _recent,
    model.Place: _place,
    model.Attachment: _attachment,
}


def probe(node: model.Condition, lexicon: Lexicon) -> Probe:
    """The probe of a predicate."""
    return _BUILDERS[type(node)](node, lexicon)
