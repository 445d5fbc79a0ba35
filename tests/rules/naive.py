"""A second reading of the rule language, as plain as can be: the oracle that the compiled engine is held against.

Nothing is indexed or compiled; every condition is looked up afresh in the facts, and only whether two words are alike
is remembered. None means "unknown".
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

import re2

from rules import Facts, Rule, RuleSet, detect, model
from rules.language import TYPOS_FROM

Expand = Callable[[str, str], frozenset[str]]

NAMES = {
    "sender": "sender_address",
    "history": "history_count",
    "waiting": "waiting_minutes",
    "unanswered": "unanswered_minutes",
    "unanswered_open": "unanswered_open_minutes",
    "status_from": "status_before",
    "tag_added": "tags_added",
    "tag_removed": "tags_removed",
}


def plain(text: str) -> str:
    """Letters without case and diacritics, one character at a time."""
    out = []
    for char in unicodedata.normalize("NFKD", text.lower().replace("ł", "l")).lower():
        if not unicodedata.combining(char):
            out.append(char)
    return "".join(out)


def written_words(text: str) -> list[str]:
    """Words in lower case with their diacritics."""
    return [word for word in re.split(r"[\W_]+", unicodedata.normalize("NFC", text.lower())) if word]


def one_edit(form: str) -> set[str]:
    """What a form becomes when one letter is wrong (``?``), missing, added or swapped with the next."""
    cuts = [(form[:i], form[i:]) for i in range(len(form) + 1)]
    return (
        {form}
        | {a + b[1:] for a, b in cuts if b}
        | {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
        | {a + "?" + b[1:] for a, b in cuts if b}
        | {a + "?" + b for a, b in cuts}
    )


def misspelt(form: str, word: str) -> bool:
    """Whether ``word`` is ``form`` with one edit at most."""
    if len(form) < TYPOS_FROM or any(char.isdigit() for char in form):
        return word == form
    return any(re.fullmatch(edit.replace("?", "."), word) is not None for edit in one_edit(form))


@functools.cache
def alike(form: str, word: str, typos: int) -> bool:
    """Whether ``word`` is ``form``, perhaps without diacritics or, where asked for, with one letter wrong."""
    if typos and len(form) >= TYPOS_FROM and misspelt(plain(form), plain(word)):
        return True
    return plain(form) == plain(word) and all(b in (a, plain(a)) for a, b in zip(form, word, strict=True))


class Naive:
    """Evaluates a rule set by walking its trees."""

    def __init__(self, ruleset: RuleSet, expand: Expand, places: Mapping[str, str]) -> None:
        self.ruleset, self.expand, self.places = ruleset, expand, places

    def matched(self, facts: Facts) -> tuple[list[str], set[str]]:
        """The ids of the rules that match, in order, and of those that could not be told before the stop, with their
        sections."""
        out, unknown = [], set()
        left: str | None = None
        last: str | None = None
        for rule in self.ruleset.rules:
            if last is not None and rule.section != last:
                break
            if left is not None and rule.section == left:
                continue
            left = None
            held = self.rule(rule, facts)
            if held is None:
                unknown.add(rule.id)
            if self.holds(self.guard(rule), facts) is None:
                unknown.add(rule.section)
            if not held:
                continue
            out.append(rule.id)
            if rule.then == "stop" or (rule.then == "stop-after-section" and not rule.section):
                break
            if rule.then == "stop-after-section":
                last = rule.section
            if rule.then == "next-section" and rule.section:
                left = rule.section
        return out, unknown

    def decides(self, facts: Facts) -> bool:
        """Whether some rule ends the evaluation, so that the default is not reached."""
        by_id = {rule.id: rule for rule in self.ruleset.rules}
        return any(by_id[one].then in ("stop", "stop-after-section") for one in self.matched(facts)[0])

    def rule(self, rule: Rule, facts: Facts) -> bool | None:
        if not rule.enabled or facts.on not in rule.on:
            return False
        items: list[model.Condition] = [rule.when, self.guard(rule)]
        if rule.first or rule.last:
            items.append(model.Dates(first=rule.first, last=rule.last))
        return self.holds(model.All(items=tuple(items)), facts)

    def guard(self, rule: Rule) -> model.Condition:
        """What must hold for the section of a rule to be open."""
        for section in self.ruleset.sections:
            if section.id == rule.section:
                if not section.enabled:
                    return model.Any(items=())
                if section.first or section.last:
                    return model.All(
                        items=(model.Dates(first=section.first, last=section.last), section.when)
                    )
                return section.when
        return model.All(items=())

    def holds(self, node: model.Condition, facts: Facts) -> bool | None:
        match node:
            case model.All():
                held = [self.holds(item, facts) for item in node.items]
                return False if False in held else None if None in held else True
            case model.Any():
                held = [self.holds(item, facts) for item in node.items]
                return True if True in held else None if None in held else False
            case model.Not():
                inner = self.holds(node.item, facts)
                return None if inner is None else not inner
            case model.Named():
                return self.holds(node.item, facts)
        found: bool | None = getattr(self, f"_{type(node).__name__.lower()}")(node, facts)
        return found

    @staticmethod
    def _fits(value: str, values: tuple[str, ...]) -> bool:
        value = value.lower()
        return any(
            value.startswith(one[:-1].lower()) if one.endswith("*") else value == one.lower()
            for one in values
        )

    def _oneof(self, node: model.OneOf, facts: Facts) -> bool | None:
        if node.name == "days":
            return str(facts.weekday) in node.values if 1 <= facts.weekday <= 7 else None
        if node.name in ("tags", "tag_added", "tag_removed", "button"):
            tags = getattr(facts, NAMES.get(node.name, node.name))
            return any(self._fits(tag, node.values) for tag in tags)
        if node.name == "domain":
            host = facts.sender_address.rpartition("@")[2] if "@" in facts.sender_address else ""
            parts = host.split(".") if host else []
            return any(self._fits(".".join(parts[i:]), node.values) for i in range(len(parts)))
        return self._fits(getattr(facts, NAMES.get(node.name, node.name)), node.values)

    def _flag(self, node: model.Flag, facts: Facts) -> bool | None:
        match node.name:
            case "automatic":
                value: bool | None = facts.automatic not in ("no", "")
            case "suspicious":
                value = bool(facts.suspicious)
            case "pesel" | "phone" | "account" | "email":
                value = any(getattr(detect, f"{node.name}_spans")(self._text(facts)))
            case _:
                value = getattr(facts, node.name)
        return None if value is None else value == node.value

    @staticmethod
    def _text(facts: Facts) -> str:
        return "\n".join([*filter(None, (facts.subject, facts.callback_topic)), facts.text])

    def _between(self, node: model.Between, facts: Facts) -> bool:
        value: Any
        match node.name:
            case "length":
                value = len(facts.text)
            case "join_candidates":
                value = len(facts.join_candidates)
            case "links":
                value = len(list(detect.link_spans(self._text(facts))))
            case name:
                value = getattr(facts, NAMES.get(name, name))
        if node.name in ("unanswered", "unanswered_open") and node.low is not None and facts.on == "timer":
            due = facts.unanswered_open_due if node.name == "unanswered_open" else facts.unanswered_due
            asked = facts.timer or facts.unanswered_due or facts.unanswered_open_due
            if asked and node.low not in due:
                return False
        return self._in_range(value, node.low, node.high)

    @staticmethod
    def _in_range(value: int, low: int | None, high: int | None) -> bool:
        return (low is None or low <= value) and (high is None or value <= high)

    def _keyed(self, node: model.Keyed, facts: Facts) -> bool:
        value = getattr(facts, node.name).get(node.key) or ""
        return bool(value) if not node.values else bool(value) and self._fits(value, node.values)

    def _keyedbetween(self, node: model.KeyedBetween, facts: Facts) -> bool | None:
        value = getattr(facts, node.name).get(node.key)
        return None if value is None else self._in_range(value, node.low, node.high)

    def _recent(self, node: model.Recent, facts: Facts) -> bool:
        return self._in_range(
            len([age for age in facts.history_ages if age < node.days]), node.low, node.high
        )

    def _language(self, node: model.Language, facts: Facts) -> bool:
        return facts.language in node.values and facts.language_confidence >= node.confidence

    def _forms(self, word: str, how: model.Spelling) -> set[str]:
        forms = {word} if how.exact else {word, *self.expand(word, how.language)}
        return {unicodedata.normalize("NFC", form.lower()) for form in forms}

    def _at(self, words: tuple[str, ...], gap: int, how: model.Spelling, whole: str) -> bool:
        text = written_words(whole)
        forms = [self._forms(word, how) for word in words]

        def fits(place: int, number: int) -> bool:
            if how.diacritics:
                return text[place] in forms[number]
            return any(alike(form, text[place], how.typos) for form in forms[number])

        def rest(number: int, after: int) -> bool:
            if number == len(forms):
                return True
            window = range(after + 1, min(len(text), after + gap + 2))
            return any(fits(place, number) and rest(number + 1, place) for place in window)

        return any(fits(place, 0) and rest(1, place) for place in range(len(text)))

    def _words(self, node: model.Words, facts: Facts) -> bool:
        entries = {tuple(words_of_rule(word)) for word in node.words}
        text = self._text(facts)
        return sum(self._at(entry, 0, model.spelling(node), text) for entry in entries) >= node.at_least

    def _phrase(self, node: model.Phrase, facts: Facts) -> bool:
        text = self._text(facts)
        return any(self._at(phrase, node.gap, model.spelling(node), text) for phrase in node.phrases)

    def _pattern(self, node: model.Pattern, facts: Facts) -> bool:
        return re2.search(f"(?i){node.pattern}", self._text(facts)) is not None

    def _hours(self, node: model.Hours, facts: Facts) -> bool:
        minutes: set[int] = set()
        for start, end in node.spans:
            minutes |= set(range(start, end)) if start < end else {*range(start, 1440), *range(end)}
        return facts.local_minutes in minutes

    def _dates(self, node: model.Dates, facts: Facts) -> bool | None:
        if not facts.local_date:
            return None
        return (node.first or "0") <= facts.local_date <= (node.last or "9999-99-99")

    def _place(self, node: model.Place, facts: Facts) -> bool:
        found = self.offices(facts)
        return bool(found & set(node.offices)) if node.offices else bool(found)

    def offices(self, facts: Facts) -> set[str]:
        text = self._text(facts)
        found = set()
        for code in re.findall(r"(?<![\d-])\d\d-\d{3}(?![\d-])", text):
            fitting = [key for key in self.places if key[0].isdigit() and code.startswith(key)]
            if fitting:
                found.add(self.places[max(fitting, key=len)])
        for name, office in self.places.items():
            if not name[0].isdigit() and self._at(tuple(words_of_rule(name)), 0, model.Spelling(), text):
                found.add(office)
        return found

    def _attachment(self, node: model.Attachment, facts: Facts) -> bool:
        return any(
            size >= node.size
            and (not node.types or self._fits(kind, node.types))
            and (not node.names or any(name.lower().endswith(end.lower().lstrip("*")) for end in node.names))
            for kind, size, name in facts.attachments
        )


def words_of_rule(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text)
