"""Hold a decoded TOML document against its types and tell every mistake, each with the path of its key.

msgspec stops at the first mistake and names no line; an operator wants them all at once. So this walks the tables
itself and lets msgspec judge the single values.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

import msgspec

from connectors.contract import Secret, decode_secret
from hub.toml_lines import Path

Mistake = tuple[Path, str]
"""The path of a key and a sentence about it."""

FILE_SUFFIX = "_file"
"""``password_file`` names a file that holds ``password``."""

_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "a table",
    "dict": "a table",
    "array": "a list",
    "list": "a list",
    "null": "nothing",
    "Secret": "text",
}


def check(value: Any, kind: Any, path: Path = ()) -> Iterator[Mistake]:
    """All mistakes of ``value`` as a ``kind``, which is a struct, a tuple of structs or anything msgspec converts."""
    struct, listed = struct_of(kind)
    if struct is None:
        yield from _check_value(value, kind, path)
    elif listed:
        yield from _check_list(value, struct, path)
    else:
        yield from _check_table(value, struct, path)


fields = functools.cache(msgspec.structs.fields)
"""The fields of a struct: their types are read from the source's annotations, which takes long, and a file names the
same tables hundreds of times."""


@functools.cache
def struct_of(kind: Any) -> tuple[type[msgspec.Struct] | None, bool]:
    """The struct that a type annotation is about, if any, and whether it is a list of them."""
    node = _bare(msgspec.inspect.type_info(kind))
    listed = isinstance(node, msgspec.inspect.VarTupleType | msgspec.inspect.ListType)
    if isinstance(node, msgspec.inspect.VarTupleType | msgspec.inspect.ListType):
        node = _bare(node.item_type)
    return (node.cls if isinstance(node, msgspec.inspect.StructType) else None), listed


@functools.cache
def is_secret(kind: Any) -> bool:
    """Whether a type annotation means :class:`Secret`, or Secret or nothing."""
    node = _bare(msgspec.inspect.type_info(kind))
    return isinstance(node, msgspec.inspect.CustomType) and node.cls is Secret


@functools.cache
def is_number(kind: Any) -> bool:
    """Whether a type annotation means a number, or a number or nothing."""
    node = _bare(msgspec.inspect.type_info(kind))
    return isinstance(node, msgspec.inspect.IntType | msgspec.inspect.FloatType)


def _bare(node: msgspec.inspect.Type) -> msgspec.inspect.Type:
    while isinstance(node, msgspec.inspect.Metadata):
        node = node.type
    if isinstance(node, msgspec.inspect.UnionType):
        inner = [item for item in node.types if not isinstance(item, msgspec.inspect.NoneType)]
        return _bare(inner[0]) if len(inner) == 1 else node
    return node


def nearest(name: str, known: Iterable[str]) -> str:
    """`` Did you mean “…”?`` for the valid name most like a wrong one, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f'; did you mean "{close[0]}"?' if close else ""


def _check_list(value: Any, struct: type[msgspec.Struct], path: Path) -> Iterator[Mistake]:
    if not isinstance(value, list | tuple):
        yield path, f"expected a list of tables, written [[{path[-1]}]]"
        return
    for index, item in enumerate(value):
        yield from _check_table(item, struct, (*path, index))


def _check_table(value: Any, struct: type[msgspec.Struct], path: Path) -> Iterator[Mistake]:
    if not isinstance(value, Mapping):
        yield path, f"expected a table, got {_word(type(value).__name__)}"
        return
    mistakes = list(_check_fields(value, struct, path))
    # Only a table whose fields are right one by one can be asked whether they fit each other.
    yield from mistakes or _check_value(value, struct, path)


def _check_fields(value: Mapping[str, Any], struct: type[msgspec.Struct], path: Path) -> Iterator[Mistake]:
    known = {field.name: field for field in fields(struct)}
    for name, inner in value.items():
        if name in known:
            yield from check(inner, known[name].type, (*path, name))
        else:
            yield (*path, name), f"unknown key{nearest(name, _names(struct))}"
    for name, field in known.items():
        if field.required and name not in value:
            instead = (
                f'; "{name}{FILE_SUFFIX}" may name a file that holds it' if is_secret(field.type) else ""
            )
            yield path, f'the key "{name}" is missing{instead}'


def _names(struct: type[msgspec.Struct]) -> list[str]:
    names = []
    for field in fields(struct):
        names.append(field.name)
        if is_secret(field.type):
            names.append(field.name + FILE_SUFFIX)
    return names


def _check_value(value: Any, kind: Any, path: Path) -> Iterator[Mistake]:
    try:
        msgspec.convert(value, kind, dec_hook=decode_secret)
    except msgspec.ValidationError as error:
        where, sentence = _sentence(str(error), kind)
        yield (*path, *where), sentence


_AT = re.compile(r" - at `\$(.*)`$")
_STEP = re.compile(r"\[(\d+)\]|\.([^.\[]+)")


def _sentence(message: str, kind: Any) -> tuple[Path, str]:
    """msgspec's message as a sentence without Python words, and the path within the value that it names."""
    place = _AT.search(message)
    path: Path = ()
    if place:
        path = tuple(int(index) if index else name for index, name in _STEP.findall(place[1]))
        message = message[: place.start()]
    if "matching regex" in message:
        return path, f"{_form(kind)}"
    if message.startswith("Invalid enum value"):
        return path, _choice(message, kind)
    message = re.sub(r"`([^`]*)`", lambda match: _word(match[1]), message)
    return path, message[:1].lower() + message[1:]


def _word(name: str) -> str:
    words = [_WORDS.get(part.strip(), part.strip()) for part in name.split("|")]
    return " or ".join(word for word in words if word != "nothing" or len(words) == 1)


def _form(kind: Any) -> str:
    examples = [f'"{example}"' for meta in _metas(kind) for example in meta.examples or ()]
    patterns = [meta.pattern for meta in _metas(kind) if meta.pattern]
    return f"must look like {' or '.join(examples)}" if examples else f"must match {patterns[0]}"


def _metas(kind: Any) -> Iterator[msgspec.Meta]:
    for argument in get_args(kind):
        if isinstance(argument, msgspec.Meta):
            yield argument
        else:
            yield from _metas(argument)


def _choice(message: str, kind: Any) -> str:
    values = sorted(str(value) for value in _literals(kind))
    wrong = message.removeprefix("Invalid enum value").strip().strip("'\"")
    return f"must be one of {', '.join(values)}{nearest(wrong, values)}"


def _literals(kind: Any) -> Iterator[object]:
    node = _bare(msgspec.inspect.type_info(kind))
    while isinstance(node, msgspec.inspect.CollectionType):
        node = _bare(node.item_type)
    if isinstance(node, msgspec.inspect.LiteralType):
        yield from node.values
