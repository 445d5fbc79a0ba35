"""The words that were found, marked within a short piece of the text around the first of them."""

from __future__ import annotations

import re

import msgspec

from hub.search.question import Question
from rules.fold import fold

BEFORE = 60
LENGTH = 240

_WORD = re.compile(r"[^\W_]+")
_SPACE = re.compile(r"\s+")


class Piece(msgspec.Struct, frozen=True):
    """A run of text, found or not."""

    text: str
    found: bool = False


def excerpt(text: str, question: Question) -> list[Piece]:
    """About ``LENGTH`` characters around the first word that was found, with all found words marked."""
    text = _SPACE.sub(" ", text).strip()
    first = next((match.start() for match in _WORD.finditer(text) if _is_found(match[0], question)), 0)
    start = 0 if first <= BEFORE else text.find(" ", first - BEFORE) + 1
    piece = text[start : start + LENGTH]
    if start + LENGTH < len(text):
        piece = piece[: piece.rfind(" ")] if " " in piece[LENGTH // 2 :] else piece
        piece += " …"
    return marked(("… " if start else "") + piece, question)


def marked(text: str, question: Question) -> list[Piece]:
    """A text in pieces, found words apart."""
    pieces: list[Piece] = []
    end = 0
    for match in _WORD.finditer(text):
        if _is_found(match[0], question):
            if match.start() > end:
                pieces.append(Piece(text[end : match.start()]))
            pieces.append(Piece(match[0], True))
            end = match.end()
    if end < len(text):
        pieces.append(Piece(text[end:]))
    return pieces


def _is_found(word: str, question: Question) -> bool:
    folded = fold(word)
    return any(
        folded in term.forms
        or folded in term.phrase
        or (bool(term.prefix) and folded.startswith(term.prefix))
        or (bool(term.phrase) and folded.startswith(term.phrase[-1]))
        for term in question.terms
    )
