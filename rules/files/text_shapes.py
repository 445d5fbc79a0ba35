"""Reading the predicates that look at what was written: its language, words, phrases and expressions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from rules import model
from rules.engine.expressions import expression_problem, required_literals
from rules.errors import quoted
from rules.files.reader import (
    Reader,
    read_choice,
    read_flag,
    read_int,
    read_int_within,
    read_options,
    read_text,
    read_texts,
    read_words,
)
from rules.files.yamltree import Mapping as MappingNode
from rules.files.yamltree import Node, Scalar
from rules.fold import split_words
from rules.language import LANGUAGES
from rules.text import Text, mark

MAX_GAP = 50
_LOOK_AROUND = re.compile(r"\(\?(?:<?[=!]|>)")
_GROUP_AGAIN = re.compile(r"\\[1-9]")


def read_language(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    """Codes of languages, or those with the least confidence."""
    if not isinstance(node, MappingNode):
        return model.Language(values=_codes(reader, node, path), line=node.line)
    options = read_options(reader, node, path, ("is", "confidence"))
    if options is None or "is" not in options:
        reader.problems.add(node.line, path, mark("expected `is:` with a language, such as `is: uk`"))
        return None
    at = options.get("confidence")
    confidence = 0.8
    if at is not None:
        if isinstance(at, Scalar) and type(at.value) in (int, float) and 0 <= cast(float, at.value) <= 1:
            confidence = float(cast(float, at.value))
        else:
            reader.problems.add(at.line, f"{path}.confidence", mark("expected a number from 0 to 1"))
    values = _codes(reader, options["is"], f"{path}.is")
    return model.Language(values=values, confidence=confidence, line=node.line)


def _codes(reader: Reader, node: Node, path: str) -> tuple[str, ...]:
    codes = tuple(code.lower() for code in read_texts(reader, node, path))
    for code in codes:
        if not re.fullmatch("[a-z]{2,3}", code):
            told = mark("{code} is not a language code such as pl or uk (ISO 639)")
            reader.problems.add(node.line, path, told, code=quoted(code))
    return codes


def _spelling(reader: Reader, options: Mapping[str, Node], node: Node, path: str) -> model.Spelling:
    """How words are to be found: the options that `words` and `phrase` share."""
    exact = read_flag(reader, options["exact"], f"{path}.exact") if "exact" in options else False
    marks = typos = language = None
    if "diacritics" in options:
        marks = read_choice(reader, options["diacritics"], f"{path}.diacritics", ("required", "optional"))
    if "typos" in options:
        typos = read_int_within(reader, options["typos"], f"{path}.typos", 0, 1)
    if "language" in options:
        language = read_choice(reader, options["language"], f"{path}.language", LANGUAGES)
    if typos and marks == "required":
        told = mark("a missing diacritic is a typo: give `typos` or `diacritics: required`, not both")
        reader.problems.add(node.line, path, told)
    return model.Spelling(bool(exact), marks == "required", typos or 0, language or "")


def _named_words(reader: Reader, node: Node, path: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of lists, and all their words."""
    names = read_texts(reader, node, path)
    found: list[str] = []
    for name in names:
        if name not in reader.words:
            reader.problems.unknown(node.line, path, "word list", name, reader.words)
        found += reader.words.get(name, ())
    return names, tuple(found)


_SPELLING = ("exact", "diacritics", "typos", "language")


def read_word_condition(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    """Words, of their own or of lists, and how they are found."""
    if not isinstance(node, MappingNode):
        return model.Words(words=read_words(reader, node, path), line=node.line)
    options = read_options(reader, node, path, ("any", "list", "at_least", *_SPELLING))
    if options is None:
        return None
    own = read_words(reader, options["any"], f"{path}.any") if "any" in options else ()
    lists, listed = _named_words(reader, options["list"], f"{path}.list") if "list" in options else ((), ())
    words = own + listed
    at_least = read_int(reader, options["at_least"], f"{path}.at_least") if "at_least" in options else 1
    how = _spelling(reader, options, node, path)
    if not words:
        reader.problems.add(node.line, path, mark("no words: give `any:` or `list:`"))
    elif at_least is not None and not 1 <= at_least <= len(words):
        told = mark("at_least must be from 1 to the number of words, {count}")
        reader.problems.add(node.line, path, told, count=len(words))
    return model.Words(
        words=words,
        at_least=at_least or 1,
        **how._asdict(),
        lists=lists,
        listed=len(listed),
        line=node.line,
    )


def read_phrase(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    """Phrases, and how far apart their words may stand."""
    gap: int | None = 0
    how = model.Spelling()
    texts: Node = node
    if isinstance(node, MappingNode):
        options = read_options(reader, node, path, ("any", "gap", *_SPELLING))
        if options is None or "any" not in options:
            told = mark("expected `any:` with a phrase or a list of them")
            reader.problems.add(node.line, path, told)
            return None
        texts = options["any"]
        gap = read_int(reader, options["gap"], f"{path}.gap") if "gap" in options else 0
        how = _spelling(reader, options, node, path)
        if gap is not None and not 0 <= gap <= MAX_GAP:
            reader.problems.add(node.line, path, mark("gap must be from 0 to {most} words"), most=MAX_GAP)
    phrases = tuple(tuple(split_words(text)) for text in read_words(reader, texts, path))
    return model.Phrase(phrases=phrases, gap=gap or 0, **how._asdict(), line=node.line)


def _impossible(pattern: str) -> Text | None:
    """What people bring from other engines, in their words."""
    if around := _LOOK_AROUND.search(pattern):
        told = mark(
            "{part} (look-around) is not possible in RE2: ask for the rest with `not` or a condition beside it"
        )
        return Text(told, {"part": around[0]})
    if group := _GROUP_AGAIN.search(pattern):
        return Text(mark("{part} (the text of a group again) is not possible in RE2"), {"part": group[0]})
    return None


def read_regex(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    """A regular expression that the engine takes."""
    pattern = read_text(reader, node, path)
    if pattern is None:
        return None
    why = expression_problem(pattern)
    if why is not None:
        reader.problems.add(node.line, path, _impossible(pattern) or why)
        return None
    reader.loose += not required_literals(pattern)
    return model.Pattern(pattern=pattern, line=node.line)
