"""Texts for people: an English message id with placeholders, so that whoever shows one can translate it.

The rules know no catalogue. ``{name}`` in a message id is replaced once, never evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

PREDICATE = "{predicate}"
"""The message id of a text that is the name of a predicate."""

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def mark(msgid: str) -> str:
    """The text itself; the catalogues take up what stands in here."""
    return msgid


class Text(msgspec.Struct, frozen=True, array_like=True):
    """A sentence. ``str()`` of it is the English one; :meth:`said` gives it in another language.

    A value may be a text itself, which is then translated too.
    """

    msgid: str
    values: Mapping[str, str | int | Text] = {}

    def __str__(self) -> str:
        return self.said(lambda msgid: msgid)

    def said(self, translate: Callable[[str], str]) -> str:
        """The sentence with ``translate`` asked for every message id in it."""
        if not self.msgid:
            return ""
        values = self.values
        if not values:
            return translate(self.msgid)

        def filled(found: re.Match[str]) -> str:
            value = values.get(found[1], found[0])
            return value.said(translate) if isinstance(value, Text) else str(value)

        return _PLACEHOLDER.sub(filled, translate(self.msgid))


def verbatim(value: str) -> Text:
    """A value as it is, such as a name or a number; no catalogue is asked for it."""
    return Text("{value}", {"value": value})


def predicate(name: str) -> Text:
    """The name of a predicate as rule files write it, ``fields.topic``; screens put their own word for it."""
    return Text(PREDICATE, {"predicate": name})


def as_text(value: Text | str) -> Text:
    """``value`` as a text; a plain sentence is taken for a message id without placeholders."""
    return Text(value) if isinstance(value, str) else value
