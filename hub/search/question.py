"""What somebody typed into the search field, understood: words in all forms, phrases, a number, an address, a phone."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec
import phonenumbers

from hub.intake.references import read_reference
from hub.search.words import LONGEST_WORD, number_words
from rules.fold import fold, tokens

LONGEST = 200
"""Characters that are looked at."""

MOST_WORDS = 8
"""Words and phrases that are looked for; further ones are left out."""

SHORTEST_PREFIX = 3
"""Letters from which the beginning of a word is enough."""

_PART = re.compile(r'"([^"]*)"?|(\S+)')
_EMAIL = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")

Expand = Callable[[str], frozenset[str]]
"""All forms of a word in lower case, itself included (:func:`hub.wordforms.search_forms`)."""


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that must occur: any of ``forms``, or a word that begins with ``prefix``; or a ``phrase``,
    whose last word may be unfinished."""

    forms: tuple[str, ...] = ()
    prefix: str = ""
    phrase: tuple[str, ...] = ()


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """All ``terms`` must occur; the others are looked up on their own. ``phone`` is E.164."""

    terms: tuple[Term, ...] = ()
    reference: str | None = None
    email: str | None = None
    phone: str | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to look for."""
        return not (self.terms or self.reference or self.email or self.phone)


def read_question(text: str, expand: Expand, region: str = "PL") -> Question:
    """Understand a search text. ``expand`` loads the dictionary at its first call (about 0.1 s): use a thread."""
    text = text.strip()[:LONGEST]
    email, phone = _EMAIL.search(text), read_phone(text, region)
    if phone is not None:
        digits = number_words(text) or {phone[-9:]}
        return Question(
            phone=phone, terms=(Term(forms=tuple(sorted(digits))),), reference=read_reference(text)
        )
    return Question(
        terms=tuple(_terms(text, expand)),
        reference=read_reference(text),
        email=email[0].strip(".").lower() if email else None,
    )


def read_phone(text: str, region: str = "PL") -> str | None:
    """A text that is a telephone number and nothing else, as E.164."""
    if not re.fullmatch(r"[\d\s()+./-]{7,24}", text):
        return None
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _terms(text: str, expand: Expand) -> list[Term]:
    terms: list[Term] = []
    for phrase, word in _PART.findall(text):
        words = tokens(fold(phrase or word))
        if not words:
            continue
        if phrase or len(words) > 1:
            terms.append(Term(phrase=tuple(part[:LONGEST_WORD] for part in words)))
        else:
            terms.append(_term(word, words[0][:LONGEST_WORD], expand))
    return terms[:MOST_WORDS]


def _term(word: str, folded: str, expand: Expand) -> Term:
    spelled = re.sub(r"[\W_]", "", word).lower()
    forms = {fold(form) for form in expand(spelled)} | {folded}
    whole = tuple(sorted(form for form in forms if form.isalnum()))
    return Term(forms=whole, prefix=folded if len(folded) >= SHORTEST_PREFIX else "")
