"""Forms, queries and JSON bodies as frozen structs: typed, unknown fields refused.

A struct passed to these functions must have ``forbid_unknown_fields=True``; that is what keeps a request from writing
a field that its form does not show. Fields typed as tuples take all values of a name, others exactly one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from aiohttp import web
from multidict import MultiMapping

T = TypeVar("T", bound=msgspec.Struct)

CSRF_FIELD = "csrf"
LARGEST_NUMBER = 1 << 53
"""Ids and times stay below it, so that JSON readers hold them exactly."""


class Unacceptable(Exception):
    """A request that does not fit its form; the text is a sentence about the field, without its value."""


class Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every form."""


async def read_form(request: web.Request, kind: type[T]) -> T:
    """The fields of a form without files. Raises :class:`Unacceptable`."""
    posted = await request.post()
    if any(not isinstance(value, str) for value in posted.values()):
        raise Unacceptable("files are not accepted here")
    return convert(posted, kind)  # type: ignore[arg-type]  # checked to be text just above


def read_query(request: web.Request, kind: type[T]) -> T:
    """The parameters of an address. Raises :class:`Unacceptable`."""
    return convert(request.query, kind)


async def read_json(request: web.Request, kind: type[T]) -> T:
    """A JSON body. Raises :class:`Unacceptable`."""
    if request.content_type != "application/json":
        raise Unacceptable("the body must be application/json")
    try:
        return _storable(msgspec.json.decode(await request.read(), type=kind))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unacceptable(_told(error, kind)) from None


def convert(fields: MultiMapping[str], kind: type[T]) -> T:
    """Text fields as a struct: numbers and booleans are read from their text, "" stands for None where None may be."""
    _require_strict(kind)
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for name in set(fields) - {CSRF_FIELD}:
        several = get_origin(hints.get(name)) is tuple
        values[name] = tuple(fields.getall(name)) if several else _single(name, fields.getall(name), hints)
    try:
        return _storable(msgspec.convert(values, kind, strict=False))
    except msgspec.ValidationError as error:
        raise Unacceptable(_told(error, kind)) from None


_CHOICE = re.compile(r"Invalid enum value .* - at `\$\.(\w+)`")


def _told(error: Exception, kind: type[msgspec.Struct]) -> str:
    """What is wrong; where a field or its value is not known, also those that are."""
    said, known = str(error), list[str]()
    if "unknown field" in said and " - at " not in said:
        known = sorted(kind.__struct_encode_fields__)
    elif choice := _CHOICE.fullmatch(said):
        known = sorted(_choices(get_type_hints(kind).get(choice[1])))
    return f"{said}; there are: {', '.join(known)}" if known else said


def _choices(hint: Any) -> set[str]:
    """The words that a type allows."""
    if get_origin(hint) is Literal:
        return {word for word in get_args(hint) if isinstance(word, str)}
    return set[str]().union(*map(_choices, get_args(hint)))


def _storable(struct: T) -> T:
    """Refuses numbers that are no number of ours: a database would raise on them."""
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int) and abs(number) > LARGEST_NUMBER:
                raise Unacceptable(f"the field {name} is too large")
    return struct


def _single(name: str, values: Iterable[str], hints: dict[str, Any]) -> str | bool | None:
    """The one value of a field; of a checkbox with its hidden fallback the last one counts."""
    found = list(values)
    if hints.get(name) is bool:
        return found[-1] in ("on", "1", "true", "yes")
    if len(found) != 1:
        raise Unacceptable(f"the field {name} may be given once")
    if found[0] == "" and type(None) in getattr(hints.get(name), "__args__", ()):
        return None
    if "\x00" in found[0]:
        raise Unacceptable(f"the field {name} holds a NUL character")
    return found[0].replace("\r\n", "\n")


def _require_strict(kind: type[msgspec.Struct]) -> None:
    if not kind.__struct_config__.forbid_unknown_fields:
        raise TypeError(f"{kind.__name__} must forbid unknown fields")
