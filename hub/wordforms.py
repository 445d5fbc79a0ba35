"""The inflected forms of the words that rules use, kept in the data folder, so that the daemon needs no dictionary.

Loaded, the dictionary holds some 50 MB for good. It is needed only for words that no rule set used before: then a child
process looks them up and ends. What it found is kept with the dictionary's version, and thrown away with it.
"""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from rules.words import polish_forms

FILE = "word-forms.json"
"""Name of the file in the data folder. It may be deleted at any time."""

LIMIT = 60.0
"""Seconds that the child process may take; it needs less than one."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the file holds: all forms by word, as the dictionary of this version gives them."""

    dictionary: str
    forms: dict[str, list[str]]


class WordForms:
    """Forms from the file at ``path``; what it lacks is noted and looked up when asked to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._dictionary = importlib.metadata.version("morfeusz2")
        self._forms = {word: frozenset(forms) for word, forms in _read(path, self._dictionary).items()}
        self._asked: set[str] = set()

    def expand(self, word: str) -> frozenset[str]:
        """All forms in lower case; only the word itself while it is ``missing``."""
        self._asked.add(word)
        return self._forms.get(word, frozenset({word.lower()}))

    @property
    def missing(self) -> list[str]:
        """Words that were asked for and are not known."""
        return sorted(self._asked - self._forms.keys())

    def look_up(self) -> None:
        """Learn the missing words and keep those that were asked for, and only those."""
        for word, forms in _in_child(self.missing).items():
            self._forms[word] = frozenset(forms)
        kept = {word: sorted(self._forms[word]) for word in sorted(self._asked & self._forms.keys())}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.write_bytes(msgspec.json.encode(Kept(dictionary=self._dictionary, forms=kept)))
        beside.replace(self._path)


def _read(path: Path, dictionary: str) -> dict[str, list[str]]:
    """What the file holds; nothing where it is missing, damaged, or of another dictionary."""
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Kept)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return kept.forms if kept.dictionary == dictionary else {}


def _in_child(words: list[str]) -> dict[str, list[str]]:
    """Forms by word, from a process of its own; from this one where none can be had."""
    command = [sys.executable, "-m", "hub.wordforms"]
    try:
        child = subprocess.run(  # noqa: S603 - the arguments are ours
            command, input=msgspec.json.encode(words), capture_output=True, timeout=LIMIT, check=True
        )
        return msgspec.json.decode(child.stdout, type=dict[str, list[str]])
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError):
        return all_forms(words)


def all_forms(words: Iterable[str]) -> dict[str, list[str]]:
    """Forms by word, looked up in this process."""
    return {word: sorted(polish_forms(word)) for word in words}


def main() -> None:
    """The child process: a JSON list of words comes in, a JSON object with the forms of each goes out."""
    words = msgspec.json.decode(sys.stdin.buffer.read(), type=list[str])
    sys.stdout.buffer.write(msgspec.json.encode(all_forms(words)))


if __name__ == "__main__":
    main()
