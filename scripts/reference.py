"""Write what is made from the types: the JSON Schema for editors and the reference pages of configuration and commands.

python -m scripts.reference update    writes the files anew
python -m scripts.reference check     names the files that are not current; exit code 1 if there are any
"""

from __future__ import annotations

import inspect
import json
import sys
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

import rules
from connectors import registry
from connectors.contract import Secret
from hub import cli
from hub.config import Config
from hub.config_check import FILE_SUFFIX, is_secret, struct_of
from hub.config_schema import json_schema

ROOT = Path(__file__).parents[1]
Struct = type[msgspec.Struct]

CONFIGURATION_HEAD = """\
# Configuration

*This page is made from the types in `hub/config/` and those of the channels by `make reference`.*

The hub reads one TOML file, `config/centrala.toml` unless `-c` or `CENTRALA_CONFIG` names another. A key that does not
exist is refused with its file and line and the nearest valid name; so are wrong types, values out of range and names
that lead nowhere. `centrala check` tells all of it at once. An editor that knows JSON Schema completes and checks the
file by `config/centrala.schema.json`.

Files named in the configuration (`rules_file`, `offices_file`, certificates, files of secrets) are relative to the file
that names them. `data_dir` and the path in `store.url` are relative to where `centrala` is started.

## Secrets and the environment

A secret need not stand in the file. For each secret `key` there is also:

- `key_file = "/run/secrets/…"`: the file's content, without white space around it. A file that is missing or empty is
  an error.
- the environment: `CENTRALA_TABLE_KEY` or `CENTRALA_TABLE_KEY_FILE`, for an inbox `CENTRALA_INBOX_ID_KEY`, with hyphens
  as underscores and the keys of inner tables one after the other: `CENTRALA_INBOX_KONTAKT_SMTP_PASSWORD_FILE`.

The environment can set every other single value too (`CENTRALA_PUBLIC_PORT=9000`, `CENTRALA_DESK_REOPEN_DAYS=7`),
and wins over the file. A variable that begins like a table's name but names no setting is an error. Secrets
appear in no log, no error and no listing of the configuration.

`SIGHUP` takes over changed rules, offices, queues and inboxes. The store, the addresses of the listeners, `hub.secret`
and a few others need a restart; the log names those that have changed.

## Many offices

`hub.offices_file` names a second file with `[[offices]]`, `[[queues]]` and `[[teams]]`: 340 county offices need not
stand between the settings that people look for.
"""

COMMANDS_HEAD = """\
# Commands

*This page is made from the commands' own help by `make reference`.*
"""


def settings_types() -> dict[str, Struct]:
    """The type of the settings of each kind of inbox."""
    return {kind: registry.load(kind).config for kind in registry.CHANNELS}


FILES: dict[str, Callable[[], str]] = {
    "config/centrala.schema.json": lambda: _json(json_schema(settings_types())),
    "config/rules.schema.json": lambda: _json(rules.json_schema()),
    "docs/configuration.md": lambda: configuration(settings_types()),
    "docs/commands.md": lambda: commands(),
}
"""What is made, by path."""


def _json(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def configuration(settings: dict[str, Struct]) -> str:
    """The page of all settings."""
    parts = [CONFIGURATION_HEAD]
    for field in msgspec.structs.fields(Config):
        struct, listed = struct_of(field.type)
        if struct is not None:
            title = f"[[{field.name}]]" if listed else f"[{field.name}]"
            parts += _tables(f"`{title}`", struct, set())
    for kind, struct in settings.items():
        parts += _tables(f'`[inboxes.settings]` of the kind "{kind}"', struct, set())
    return "\n".join(parts)


def _tables(title: str, struct: Struct, told: set[Struct], level: int = 2) -> Iterator[str]:
    """A section for a struct and one for each struct within it that was not ``told`` of before."""
    told.add(struct)
    yield f"{'#' * level} {title}\n"
    if struct.__doc__:
        yield f"{inspect.cleandoc(struct.__doc__).replace('``', '`')}\n"
    yield "| key | type | default | meaning |\n|---|---|---|---|"
    inner: list[tuple[str, Struct]] = []
    for field in msgspec.structs.fields(struct):
        yield _row(field)
        found, listed = struct_of(field.type)
        if found is not None:
            inner.append((f"`{field.name}`, a list of tables" if listed else f"`{field.name}`", found))
    yield ""
    for name, found in inner:
        if found not in told:
            yield from _tables(name, found, told, level + 1)


def _row(field: msgspec.structs.FieldInfo) -> str:
    about = _description(field.type)
    if is_secret(field.type):
        about += f" Also `{field.name}{FILE_SUFFIX}`."
    cells = (f"`{field.name}`", _type(field.type), _default(field), about)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _description(kind: Any) -> str:
    """What a setting means; empty where nobody said so, which a test finds."""
    for meta in typing.get_args(kind)[1:]:
        if isinstance(meta, msgspec.Meta) and meta.description:
            return meta.description
    return ""


def undescribed() -> Iterator[str]:
    """Settings whose meaning stands nowhere."""
    waiting: list[tuple[str, Struct]] = [("", Config), *settings_types().items()]
    seen: set[Struct] = set()
    while waiting:
        where, struct = waiting.pop()
        if struct in seen:
            continue
        seen.add(struct)
        for field in msgspec.structs.fields(struct):
            found = struct_of(field.type)[0]
            if found is not None:
                waiting.append((f"{where}.{field.name}".strip("."), found))
            if not _description(field.type):
                yield f"{where}.{field.name}".strip(".")


NAMES: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Secret: "secret",
}


def _type(kind: Any) -> str:
    """A type annotation in the words of a person who writes TOML."""
    limits = [meta for meta in typing.get_args(kind)[1:] if isinstance(meta, msgspec.Meta)]
    if limits:
        return _type(typing.get_args(kind)[0]) + "".join(map(_limits, limits))
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type(one) for one in inner if one is not type(None))
    if origin in (tuple, list):
        return f"list of {_plural(_type(inner[0]))}"
    if origin is dict or (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return "table"
    return NAMES.get(kind, str(kind))


def _plural(word: str) -> str:
    return f"{word}s" if word in ("table", "number", "whole number", "secret") else word


def _limits(meta: msgspec.Meta) -> str:
    bounds = [
        f"{word} {value}"
        for word, value in (
            ("at least", meta.ge),
            ("above", meta.gt),
            ("at most", meta.le),
            ("below", meta.lt),
        )
        if value is not None
    ]
    examples = ", ".join(f'`"{example}"`' for example in meta.examples or ())
    return (f", {', '.join(bounds)}" if bounds else "") + (f", like {examples}" if examples else "")


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "*required*"
    value = field.default
    if value is msgspec.NODEFAULT or value is None or value in ((), "") or isinstance(value, msgspec.Struct):
        return ""
    return f"`{msgspec.json.encode(value, enc_hook=str).decode()}`"


def commands() -> str:
    """The page of all commands, with the exit codes."""
    parts = [COMMANDS_HEAD, _help(cli.cli, "centrala")]
    for name in cli.COMMANDS:
        command = cli.cli.get_command(click.Context(cli.cli), name)
        if command is None:
            raise LookupError(name)
        parts.append(f"## centrala {name}\n\n{_help(command, f'centrala {name}')}")
        if isinstance(command, click.Group):
            for inner, sub in command.commands.items():
                parts.append(f"### centrala {name} {inner}\n\n{_help(sub, f'centrala {name} {inner}')}")
    return "\n".join(parts)


def _help(command: click.Command, path: str) -> str:
    # As under the group: what a command keeps of its help is the same whoever asked for it first.
    context = click.Context(command, info_name=path, terminal_width=100, **cli.cli.context_settings)
    return f"```text\n{command.get_help(context)}\n```\n"


def main(arguments: list[str]) -> int:
    if arguments not in (["update"], ["check"]):
        print(__doc__, file=sys.stderr)
        return 2
    if arguments == ["update"]:
        for name, make in FILES.items():
            (ROOT / name).write_text(make(), encoding="utf-8")
        return 0
    stale = [name for name, make in FILES.items() if not _same(ROOT / name, make())]
    for name in stale:
        print(f"{name} is not current; run: make reference")
    return 1 if stale else 0


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
