"""What the YAML parser complains of, in the words of somebody who writes rules: what it is, where it began, what to do.

The parser speaks of tokens and contexts, in English; its own words are told only where these here know no better.
"""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from rules.text import Text, mark

_OTHER = mark("not valid YAML: {error}")
_INDENTED = mark(
    "this line does not fit to the ones above: its indentation differs, or a text needs quotation marks"
)

_TAB = mark("a tab stands here: indent with spaces")
_ESCAPE = mark("a backslash in double quotation marks begins an escape: use single ones, as for expressions")
_BEGINS = mark("no text can begin with {character} unless it stands in quotation marks")

_TOLD: Mapping[str, str] = {
    "mapping values are not allowed in this context": mark(
        "a colon that does not belong here: put a text with a colon in quotation marks, or correct the indentation"
    ),
    "block sequence entries are not allowed in this context": mark(
        "a hyphen that does not belong here: begin a list on a line of its own, or put the text in quotation marks"
    ),
    "did not find expected comment or line break": mark("behind | or > a text begins on the next line"),
    "found a tab character where an indentation space is expected": _TAB,
    "found a tab character that violates indentation": _TAB,
    "found unknown escape character": _ESCAPE,
    "did not find expected hexdecimal number": _ESCAPE,
    "did not find expected key": _INDENTED,
    "did not find expected '-' indicator": _INDENTED,
    "could not find expected ':'": mark(
        "a colon is missing behind the key, or the line above is not complete"
    ),
    "did not find expected ',' or ']'": mark(
        "the list in brackets that begins here has no end, or lacks a comma"
    ),
    "did not find expected ',' or '}'": mark(
        "the mapping in braces that begins here has no end, or lacks a comma"
    ),
    "did not find expected node content": mark("something is missing here: a value, or an end in brackets"),
    "found unexpected end of stream": mark("the text that begins here with a quotation mark has no end"),
}

_AT_ITS_BEGINNING = (
    "did not find expected ',' or ']'",
    "did not find expected ',' or '}'",
    "found unexpected end of stream",
)
"""Told where the thing begins: the parser notices at the end of the file."""


def mistake(text: str, error: yaml.YAMLError | UnicodeError) -> tuple[int, Text]:
    """The line, from 1, and what is wrong with it."""
    if isinstance(error, yaml.MarkedYAMLError):
        return _marked(text, error)
    if isinstance(error, yaml.reader.ReaderError):
        code = error.character if isinstance(error.character, int) else ord(error.character)
        told = mark("the character {code} cannot stand in a rule file: remove it")
        # The position counts bytes in one parser and characters in the other.
        return text.partition(chr(code))[0].count("\n") + 1, Text(told, {"code": f"U+{code:04X}"})
    return 1, Text(_OTHER, {"error": str(error).splitlines()[0]})


def _marked(text: str, error: yaml.MarkedYAMLError) -> tuple[int, Text]:
    problem = str(error.problem or error.context)
    where = error.problem_mark or error.context_mark
    if problem in _AT_ITS_BEGINNING and error.context_mark is not None:
        where = error.context_mark
    line = where.line + 1 if where is not None else 1
    if problem == "found character that cannot start any token" and where is not None:
        return line, _character(text, where.line, where.column)
    if problem == "did not find expected alphabetic or numeric character" and error.context_mark is not None:
        return line, _character(text, error.context_mark.line, error.context_mark.column)
    told = _TOLD.get(problem)
    return line, Text(told) if told is not None else Text(_OTHER, {"error": problem})


def _character(text: str, line: int, column: int) -> Text:
    """What to say of a character with which nothing can begin."""
    found = "".join(text.splitlines()[line : line + 1])[column : column + 1]
    if found == "\t":
        return Text(_TAB)
    return Text(_BEGINS, {"character": found})
