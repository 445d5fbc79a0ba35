"""The inflected forms of the words that rules use, kept in the data folder, so that the daemon needs no dictionary.

Loaded, the dictionary holds some 50 MB for good, the lists of other languages as much again. They are needed only for
words that no rule set used before: then a child process (two where there are many) looks them up and ends. What was
found is kept with the dictionary's version, and thrown away with it.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib.metadata
import itertools
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, cast

import msgspec

from rules.words import forms, is_polish, polish_forms, unmarked

FILE = "word-forms.json"
"""Name of the file in the data folder. It may be deleted at any time."""

FORMAT = 4
"""Raised when the same word gives other forms than before though the dictionary is the same."""

LIMIT = 60.0
"""Seconds that a child process may take; for one word it needs less than one."""

MOST = 20_000
"""Words that are kept; where there would be more, only those that were asked for stay."""

MANY = 1_000
"""Words from which on two processes look them up."""

PIECE = 50
"""Words that a child answers at once."""

Word = tuple[str, str]
"""A word and its language, empty for the one that its letters suggest (:func:`rules.words.forms`)."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the file holds: all marked forms by language and word (``de:Haus``), as this dictionary gives them."""

    dictionary: str
    forms: dict[str, list[str]]


class WordForms:
    """Forms from the file at ``path``; what it lacks is noted and looked up when asked to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._dictionary = f"{importlib.metadata.version('morfeusz2')}/{FORMAT}"
        self._forms = {_word(key): frozenset(found) for key, found in _read(path, self._dictionary).items()}
        self._asked: set[Word] = set()

    def expand(self, word: str, language: str = "") -> frozenset[str]:
        """All marked forms in lower case; only the word itself while it is ``missing``."""
        self._asked.add((word, language))
        return self._forms.get((word, language), frozenset({word.lower()}))

    def knows(self, word: str, language: str = "") -> bool:
        """Whether the forms of a word are here already."""
        return (word, language) in self._forms

    @property
    def missing(self) -> list[Word]:
        """Words that were asked for and are not known."""
        return sorted(self._asked - self._forms.keys())

    def look_up(self) -> None:
        """Learn the missing words and keep them."""
        for _ in self.learn():
            pass

    def learn(self) -> Iterator[Word]:
        """The same, telling each word as soon as its forms are here; they are kept when all are."""
        for word, found in _in_children(self.missing):
            self._forms[word] = frozenset(found)
            yield word
        self._keep()

    def _keep(self) -> None:
        """Write the file. Of very many words only those that were asked for are kept."""
        words = self._forms.keys() if len(self._forms) <= MOST else self._asked & self._forms.keys()
        kept = {_key(word): sorted(self._forms[word]) for word in sorted(words)}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(f".{os.getpid()}.new")
        beside.write_bytes(msgspec.json.encode(Kept(dictionary=self._dictionary, forms=kept)))
        beside.replace(self._path)


def kept(data_dir: str) -> Callable[[str, str], frozenset[str]]:
    """The forms of words that the hub has kept; of others only the word itself."""
    return WordForms(Path(data_dir) / FILE).expand


def kept_or_found(data_dir: str) -> Callable[[str, str], frozenset[str]]:
    """The forms of words for a command: those that the hub has kept, others looked up here. Nothing is written."""
    kept = WordForms(Path(data_dir) / FILE)

    def expand(word: str, language: str) -> frozenset[str]:
        known = kept.knows(word, language)
        return kept.expand(word, language) if known else forms(word, language)

    return expand


def _key(word: Word) -> str:
    return f"{word[1]}:{word[0]}"


def _word(key: str) -> Word:
    language, _, word = key.partition(":")
    return word, language


def _read(path: Path, dictionary: str) -> dict[str, list[str]]:
    """What the file holds; nothing where it is missing, damaged, or of another dictionary."""
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Kept)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return kept.forms if kept.dictionary == dictionary else {}


def _in_children(words: Sequence[Word]) -> Iterator[tuple[Word, list[str]]]:
    """Each word with its forms as they are found, by one process, or by two where there are many words."""
    several = 2 if len(words) >= MANY and (os.cpu_count() or 1) > 1 else 1
    # All are started before the first is listened to.
    children = [_child(words[number::several]) for number in range(several)]
    for answers in itertools.zip_longest(*children):
        yield from filter(None, answers)


def _child(words: Sequence[Word]) -> Iterator[tuple[Word, list[str]]]:
    """Each word with its forms, from a process of its own; from this one where none can be had."""
    with tempfile.TemporaryFile() as order:
        order.write(msgspec.json.encode(words))
        order.seek(0)
        try:
            command = [sys.executable, "-m", "hub.wordforms"]
            child = subprocess.Popen(command, stdin=order, stdout=subprocess.PIPE)  # noqa: S603 - all of it is ours
        except OSError:
            return zip(words, all_forms(words), strict=True)
    return _answers(child, words)


def _answers(child: subprocess.Popen[bytes], words: Sequence[Word]) -> Iterator[tuple[Word, list[str]]]:
    """What a child says; what it leaves out is looked up here."""
    done = 0
    watch = threading.Timer(LIMIT, child.kill)
    watch.start()
    try:
        with child, contextlib.suppress(msgspec.MsgspecError):
            for line in cast(IO[bytes], child.stdout):
                found = msgspec.json.decode(line, type=list[list[str]])
                yield from zip(words[done:], found, strict=False)
                done += len(found)
    finally:
        watch.cancel()
        child.kill()
    yield from zip(words[done:], all_forms(words[done:]), strict=True)


def all_forms(words: Sequence[Word]) -> list[list[str]]:
    """The forms of each word, looked up in this process."""
    return [sorted(forms(word, language)) for word, language in words]


@functools.lru_cache(maxsize=1024)
def search_forms(word: str) -> frozenset[str]:
    """All forms of a word that somebody looks for, without marks.

    Polish is looked up in this process, which loads its dictionary at the first search; a word in other letters in a
    child process, because it is rare and its lists are large. Blocks: up to a second; use a thread.
    """
    if is_polish(word):
        return polish_forms(word)
    return frozenset(unmarked(form) for _, found in _child([(word, "")]) for form in found)


def main() -> None:
    """The child process: a JSON list of words and languages comes in; lines go out, each a list with the forms of the
    next words."""
    os.nice(10)
    # It ends before cycles could add up; looking for them would take a third of its time.
    gc.disable()
    words = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Word])
    for start in range(0, len(words), PIECE):
        sys.stdout.buffer.write(msgspec.json.encode(all_forms(words[start : start + PIECE])) + b"\n")
        sys.stdout.flush()
    # Whoever waits for the end need not wait until a hundred megabytes have been freed one by one.
    os._exit(0)


if __name__ == "__main__":
    main()
