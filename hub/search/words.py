"""The words of a message as the index keeps them: folded, with its numbers in one notation."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rules.fold import fold, tokens

LONGEST = 200_000
"""Characters of a message that are indexed; what is longer is a log file, not a letter."""

LONGEST_BYTES = 400_000
"""Bytes of the words of a message: PostgreSQL indexes a megabyte of one text, with some bytes more for each word. Some
signs stand for many letters (Unicode NFKD), so a text may become far longer than it was."""

LONGEST_WORD = 64
"""Characters of a word: longer ones are cut, in the index and in a query alike."""

_NUMBER = re.compile(r"(?<![\w+])\+?\d[\d ()./-]{5,18}\d(?!\w)")
_DIGITS = re.compile(r"\D")


def number_words(text: str) -> set[str]:
    """Numbers that may be telephone numbers, each as its last nine digits, however it was written."""
    found = (_DIGITS.sub("", match[0]) for match in _NUMBER.finditer(text))
    return {digits[-9:] for digits in found if 7 <= len(digits) <= 15}


def doc_words(parts: Iterable[str]) -> str:
    """The words of all parts (subject, text, names), separated by spaces, in order."""
    text = "\n".join(part for part in parts if part)[:LONGEST]
    words = [word[:LONGEST_WORD] for word in tokens(fold(text))]
    found = " ".join([*words, *sorted(number_words(text) - set(words))])
    if len(found) * 4 <= LONGEST_BYTES:  # no letter is longer
        return found
    return found.encode()[:LONGEST_BYTES].decode(errors="ignore")


def reach_words(offices: Iterable[str], channel: str) -> str:
    """Marks of where a message belongs: one word for each office, one for the channel."""
    return " ".join([*(office_mark(office) for office in sorted(set(offices))), channel_mark(channel)])


def office_mark(office: str) -> str:
    """Letters and digits only, so that it stays one word."""
    return "office" + office.replace("-", "0x2d")


def channel_mark(channel: str) -> str:
    """The mark of a channel."""
    return "channel" + re.sub(r"[^a-z0-9]", "", channel.lower())
