"""The fields of a form for words, phrases and languages; see :mod:`hub.web.rules.shapes`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hub.web.rules.fields import (
    Fields,
    Shape,
    filled,
    flag_of,
    lines,
    listed,
    number,
    one,
    options_of,
    text_of,
    texts_of,
)
from rules.editing.dump import Data
from rules.files.yamltree import Node

_SPELLING = ("exact", "diacritics", "typos", "language")


def _read_spelling(options: Mapping[str, Node]) -> Fields | None:
    exact = flag_of(options["exact"]) if "exact" in options else False
    found = {name: text_of(options[name]) if name in options else "" for name in _SPELLING[1:]}
    if exact is None or any(value is None for value in found.values()):
        return None
    return {"exact": ("yes" if exact else "",), **{name: (value or "",) for name, value in found.items()}}


def _write_spelling(fields: Fields) -> dict[str, Data]:
    made: dict[str, Data] = {}
    if one(fields, "exact"):
        made["exact"] = True
    if one(fields, "diacritics"):
        made["diacritics"] = one(fields, "diacritics")
    if one(fields, "typos") not in ("", "0"):
        made["typos"] = number(one(fields, "typos"))
    if one(fields, "language"):
        made["language"] = one(fields, "language")
    return made


def _read_words(node: Node) -> Fields | None:
    blank: Fields = {"any": ("",), "list": (), "at_least": ("1",), "exact": ("",), "diacritics": ("",)}
    plain = texts_of(node)
    if plain is not None:
        return {**blank, "any": ("\n".join(plain),), "typos": ("",), "language": ("",)}
    options = options_of(node, ("any", "list", "at_least", *_SPELLING))
    spelling = _read_spelling(options) if options is not None else None
    if options is None or spelling is None:
        return None
    own = texts_of(options["any"]) if "any" in options else ()
    lists = texts_of(options["list"]) if "list" in options else ()
    least = text_of(options["at_least"]) if "at_least" in options else "1"
    if own is None or lists is None or least is None:
        return None
    return {**spelling, "any": ("\n".join(own),), "list": lists, "at_least": (least,)}


def _write_words(fields: Fields) -> Data:
    own, lists = lines(fields, "any"), filled(fields, "list")
    made: dict[str, Data] = {}
    if own or not lists:
        made["any"] = list(own)
    if lists:
        made["list"] = listed(lists)
    if one(fields, "at_least") not in ("", "1"):
        made["at_least"] = number(one(fields, "at_least"))
    made |= _write_spelling(fields)
    return listed(own) if set(made) == {"any"} and own else made


def _read_phrase(node: Node) -> Fields | None:
    plain = texts_of(node)
    if plain is not None:
        empty = dict.fromkeys(_SPELLING, ("",))
        return {**empty, "any": ("\n".join(plain),), "gap": ("0",)}
    options = options_of(node, ("any", "gap", *_SPELLING))
    spelling = _read_spelling(options) if options is not None else None
    own = texts_of(options.get("any")) if options is not None else None
    gap = text_of(options["gap"]) if options is not None and "gap" in options else "0"
    if spelling is None or own is None or gap is None:
        return None
    return {**spelling, "any": ("\n".join(own),), "gap": (gap,)}


def _write_phrase(fields: Fields) -> Data:
    own = lines(fields, "any")
    gap, spelling = one(fields, "gap"), _write_spelling(fields)
    if gap in ("", "0") and not spelling:
        return listed(own) if own else []
    return {
        "any": listed(own) if own else [],
        **({"gap": number(gap)} if gap not in ("", "0") else {}),
        **spelling,
    }


def _read_language(node: Node) -> Fields | None:
    plain = texts_of(node)
    if plain is not None:
        return {"values": plain, "confidence": ("",)}
    options = options_of(node, ("is", "confidence"))
    values = texts_of(options.get("is")) if options is not None else None
    sure = options.get("confidence") if options is not None else None
    if values is None or (sure is not None and text_of(sure) is None):
        return None
    return {"values": values, "confidence": (text_of(sure) or "",)}


def _write_language(fields: Fields) -> Data:
    values, sure = listed(filled(fields, "values")), one(fields, "confidence").replace(",", ".")
    if not sure:
        return values
    return {"is": values, "confidence": float(sure) if re.fullmatch(r"[01](\.\d{1,6})?", sure) else sure}


WORD_SHAPES: Mapping[str, Shape] = {
    "language": Shape(_read_language, _write_language, {"values": (), "confidence": ("",)}),
    "words": Shape(_read_words, _write_words, {"any": ("",), "at_least": ("1",)}),
    "phrase": Shape(_read_phrase, _write_phrase, {"any": ("",), "gap": ("2",)}),
}
