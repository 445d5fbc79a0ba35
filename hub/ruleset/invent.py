"""Texts without the people in them: names, numbers and addresses are replaced by plausible ones that belong to nobody.

For tests of rules that are made from real messages. What is replaced: every PESEL, bank account, phone number, e-mail
address, identity card, longer number and date of birth; names that the message itself tells (its sender, whoever signs
or is introduced), first names with what follows them, words in capitals inside a sentence that no rule asks for,
streets with their numbers. It goes by the letters alone, so a person should still read what came out.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from hub.replay.standins import make_account, make_pesel, make_phone
from rules import detect
from rules.fold import fold

Keep = Callable[[str], bool]
"""Whether a word (folded) must stay because rules ask for it."""

ADDRESS = "anna.nowak@example.org"
PHONE = "+48500100100"
FIRST = ("Anna", "Piotr", "Maria", "Adam", "Ewa", "Paweł", "Zofia", "Marek")
LAST = ("Nowak", "Wójcik", "Mazur", "Krawczyk", "Zając", "Pawlak", "Dudek", "Wilk")
BORN = "01.01.1980"

_ENDINGS = (
    "",
    "a",
    "y",
    "i",
    "e",
    "u",
    "ie",
    "owi",
    "em",
    "iem",
    "om",
    "o",
    "ego",
    "emu",
    "ę",
    "ą",
    "ом",
    "ові",
    "у",
    "и",
    "і",
)
_SURNAME = re.compile(
    r".{2,}(?:sk|ck|dzk)(?:i|a|iego|iemu|im|iej|ą|ich)|.{2,}(?:wicz|czyk|enko|czuk|енко|чук)\w{0,4}", re.I
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SENTENCE = re.compile(r"(?:^|[.!?…:\n])[\s\"'„”»«(–—•*-]*$")
_INTRODUCED = re.compile(
    r"(?:nazywam si[eę]|mam na imi[eę]|my name is|мене звати|меня зовут)[\s,.:-]*$", re.IGNORECASE
)
"""Behind this stands a name, however it is written."""

_ADDRESSED = re.compile(
    r"\b(?:pan(?:a|i|u|ia|ią|em)?|podpisan[ay]|pozdrawiam|powa[zż]aniem|szacunkiem|i am|regards|з повагою|с уважением)"
    r"[\s,.:-]*$",
    re.IGNORECASE,
)
"""Behind this a word with a capital letter is a name."""

_POLITE = re.compile(
    r"pan(?:i|ie|a|u|ia|em|owie|stw[oau]|stwem)?|w(?:y|as|am)|t(?:y|obie)|ci(?:ebie|e)?|urz[ae]d\w*|polsk\w*"
)
"""Written with a capital letter inside a sentence, and nobody's name."""

_STREET = re.compile(
    r"\b((?:ul|al|os|pl)\.|ulic[aęy]|alej[aei]|osiedl[eu]|plac(?:u)?)\s+((?:[\w.'-]+\s+){0,3}?[\w.'-]+)\s+"
    r"(\d+\s?[a-z]?)((?:\s*/\s*|\s*m\.?\s*|\s*lok\.?\s*)\d+[a-z]?)?",
    re.IGNORECASE,
)
_HOUSE = re.compile(r"\b[A-ZŁŚŻŹĆ][\w-]+\s+\d+[a-zA-Z]?\s*/\s*\d+[a-zA-Z]?\b")
_CARD = re.compile(r"\b[A-Z]{2,3}\s?\d{5,7}\b")
_DATE = re.compile(
    r"\b(?:\d{1,2}[./-]\d{1,2}[./-](?:19\d\d|200\d|201[0-2])|(?:19\d\d|200\d|201[0-2])-\d\d-\d\d)\b"
)
_DAY = re.compile(r"(?:[0-3]?\d[./-][01]?\d[./-]20\d\d|20\d\d-[01]\d-[0-3]\d)")
_NUMBER = re.compile(r"\d(?:[ .-]?\d){4,}")
_POSTCODE = re.compile(r"(?<![\d-])(\d\d)([-–])(\d)\d\d(?![\d-])")
_PATH = re.compile(r"^((?:https?://)?[^/\s?#]+)[/?#].*$", re.IGNORECASE | re.DOTALL)


def without_numbers(text: str) -> str:
    """``text`` with made-up personal numbers, addresses and links' paths; each of the kind that stood there."""
    for spans, make in (
        (detect.link_spans, _link),
        (detect.email_spans, lambda found: ADDRESS),
        (detect.account_spans, lambda found: make_account("611")),
        (detect.pesel_spans, lambda found: make_pesel("440") or "44051401359"),
        (detect.phone_spans, lambda found: make_phone("500", 9)),
    ):
        text = _replaced(text, list(spans(text)), make)
    text = _CARD.sub("ABC 100000", text)
    text = _DATE.sub(BORN, text)
    text = _STREET.sub(lambda found: f"{found[1]} Polna 1{'/2' if found[4] else ''}", text)
    text = _HOUSE.sub("Polna 1/2", text)
    return _NUMBER.sub(_long_number, text)


def _replaced(text: str, spans: list[tuple[int, int]], make: Callable[[str], str]) -> str:
    out, done = [], 0
    for start, end in sorted(spans):
        if start >= done:
            out += [text[done:start], make(text[start:end])]
            done = end
    return "".join([*out, text[done:]])


def _link(found: str) -> str:
    """The host says what a link is about; what stands behind it may say about whom."""
    return _PATH.sub(r"\1/", found)


def _long_number(found: re.Match[str]) -> str:
    """Digits that are no date, no telephone and no PESEL, as many as there were; what was made up stays."""
    text = found[0]
    if text in _MADE or _DAY.fullmatch(text) or _POSTCODE.fullmatch(text):
        return text
    first = iter("1" + "0" * len(text))
    return "".join(next(first) if char.isdigit() else char for char in text)


_MADE = frozenset([make_account("611"), make_pesel("440") or "", make_phone("500", 9), "100000", BORN])


def rounded_postcodes(text: str) -> str:
    """Postcodes with their last two digits as zeros: the town and not the street."""
    return _POSTCODE.sub(r"\1\2\g<3>00", text)


def without_postcodes(text: str) -> str:
    """Postcodes that belong to no place."""
    return _POSTCODE.sub(r"00\g<2>000", text)


class Names:
    """Stand-ins for names: the same name gets the same one, whatever its ending."""

    def __init__(self, known: Iterable[str], keep: Keep) -> None:
        """``known`` are names that certainly belong to somebody; ``keep`` says what rules ask for."""
        words = (word for name in known for word in _WORD.findall(name))
        self._known = {_stem(word) for word in words if len(word) > 2}
        self._keep = keep
        self._made: dict[str, str] = {}

    def replace(self, text: str) -> str:
        """``text`` with every name replaced."""
        out: list[str] = []
        done = 0
        last = -1
        for found in _WORD.finditer(text):
            behind_name = last >= 0 and not text[last : found.start()].strip(" ")
            if self._is_name(found[0], text[max(0, found.start() - 40) : found.start()], behind_name):
                out += [text[done : found.start()], self._stand_in(found[0])]
                done = last = found.end()
            else:
                last = -1
        return "".join([*out, text[done:]])

    def _is_name(self, word: str, before: str, behind_name: bool) -> bool:
        """``before`` is the text in front of the word; ``behind_name``: the word before it is a name."""
        large = word[0].isupper() and not (len(word) > 1 and word.isupper())
        wanted = _POLITE.fullmatch(fold(word)) is not None or self._keep(fold(word))
        if (len(word) > 2 and _stem(word) in self._known) or _INTRODUCED.search(before):
            return True
        if is_first_name(word):
            return large or (fold(word) in _first_names() and not wanted)
        if behind_name and (large or _SURNAME.fullmatch(word)):
            return True
        if not large or wanted:
            return large and _ADDRESSED.search(before) is not None
        return _SURNAME.fullmatch(word) is not None or not _SENTENCE.search(before)

    def _stand_in(self, word: str) -> str:
        key = _stem(word)
        if key not in self._made:
            names = FIRST if is_first_name(word) else LAST
            self._made[key] = names[len(self._made) % len(names)]
        made = self._made[key]
        return made if word[0].isupper() else made.lower()


@functools.cache
def _first_names() -> frozenset[str]:
    """Usual first names in their base form, folded."""
    return frozenset(
        map(fold, Path(__file__).with_name("first_names.txt").read_text(encoding="utf-8").split())
    )


@functools.lru_cache(maxsize=4096)
def is_first_name(word: str) -> bool:
    """Whether a word is a usual first name in some form."""
    folded = fold(word)
    if folded in _first_names():
        return True
    return any(
        folded.endswith(ending) and _bases(folded.removesuffix(ending)) & _first_names()
        for ending in map(fold, _ENDINGS)
        if ending and len(folded) - len(ending) >= 3
    )


def _bases(stem: str) -> set[str]:
    """What a form without its ending may come from: ``ann`` from Anna, ``mark`` from Marek, ``pawl`` from Paweł."""
    moved = f"{stem[:-1]}e{stem[-1]}" if len(stem) > 2 else stem
    return {stem, f"{stem}a", moved}


def _stem(word: str) -> str:
    """What the forms of a name have in common: its first letters, without what inflection changes."""
    folded = fold(word)
    return folded[: max(3, len(folded) - 3)] if len(folded) > 4 else folded
