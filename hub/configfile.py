"""Read ``centrala.toml``: every mistake with its file and line, secrets from files and the environment.

In this order, the later winning: the defaults of :mod:`hub.config`, the file (and its ``offices_file``), the
environment. A setting of a single table is ``CENTRALA_TABLE_KEY`` (``CENTRALA_PUBLIC_PORT``), one of an inbox
``CENTRALA_INBOX_ID_KEY`` (``CENTRALA_INBOX_KONTAKT_SMTP_PASSWORD``). Secrets may also be named by a file: ``key_file``
in the TOML, ``…_FILE`` in the environment; a file that is missing or empty is an error, never an empty secret.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from connectors.contract import Secret, decode_secret
from hub import toml_lines
from hub.config import Config, Hub, Inbox, Listener, Office, Queue, Section, Team
from hub.config_check import FILE_SUFFIX, check, fields, is_number, is_secret, nearest, struct_of
from hub.config_links import link_mistakes
from hub.config_tls import tls_mistakes, unreadable
from hub.durable import make_folder, write_file

ENVIRONMENT_PREFIX = "CENTRALA_"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake. ``line`` counts from 1 and is 0 where there is none (the environment, a missing file)."""

    file: str
    line: int
    key: str
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}: {self.text}" if self.key else f"{place}: {self.text}"


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` tells everything that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class Channels(msgspec.Struct, frozen=True, kw_only=True):
    """What the loader must know of channels: their kinds, and the settings type of each."""

    kinds: tuple[str, ...]
    config: Callable[[str], type[msgspec.Struct]]


class OfficesFile(Section, frozen=True, kw_only=True):
    """The second file, named by ``hub.offices_file``: many offices with their queues and teams."""

    offices: tuple[Office, ...] = ()
    queues: tuple[Queue, ...] = ()
    teams: tuple[Team, ...] = ()


class _Document:
    """A decoded file on its way to a :class:`Config`: its values, where each came from, what is wrong."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, Any] = {}
        self.places: dict[toml_lines.Path, tuple[str, int]] = {}
        self.problems: list[Problem] = []

    def wrong(self, path: toml_lines.Path, text: str) -> None:
        """Note a mistake at the nearest place known for a path."""
        known = path
        while known and known not in self.places:
            known = known[:-1]
        file, line = self.places.get(known, (str(self.path), 0))
        self.problems.append(Problem(file=file, line=line, key=_dotted(path), text=text))

    def wrongs(self, mistakes: Iterator[tuple[toml_lines.Path, str]]) -> None:
        for path, text in mistakes:
            self.wrong(path, text)

    def stop_if_wrong(self) -> None:
        if self.problems:
            raise ConfigError(sorted(self.problems, key=lambda problem: (problem.file, problem.line)))


_Table = tuple[toml_lines.Path, dict[str, Any], type[msgspec.Struct]]
"""Where a table stands, its values, its type."""


def load(path: Path, *, environ: Mapping[str, str], channels: Channels | None = None) -> Config:
    """The configuration of a file, with secrets read and files named by it made absolute.

    With ``channels``, the settings of each inbox are held against its channel's type too, and secrets in them become
    :class:`Secret`. Raises :class:`ConfigError` with all problems found.
    """
    document = _read(path)
    _add_offices(document)
    tables: list[_Table] = [((), document.values, Config), *_settings_tables(document, channels)]
    _apply_environment(document, tables, environ)
    for where, table, kind in tables:
        _read_secret_files(document, table, kind, where)
        document.wrongs(check(table, kind, where))
    document.stop_if_wrong()
    config: Config = msgspec.convert(document.values, Config, dec_hook=decode_secret)
    document.wrongs(link_mistakes(config))
    document.stop_if_wrong()
    config = _with_absolute_files(config, path.parent)
    document.wrongs(tls_mistakes(config))
    document.stop_if_wrong()
    return config


def data_folder(path: Path, *, environ: Mapping[str, str]) -> Path:
    """The data folder alone: for who asks a running hub, which goes on while the file is being changed. Raises
    :class:`ConfigError`."""
    hub = _read(path).values.get("hub")
    named = hub.get("data_dir", Hub().data_dir) if isinstance(hub, dict) else Hub().data_dir
    return Path(environ.get(f"{ENVIRONMENT_PREFIX}HUB_DATA_DIR", str(named)))


_Settings = TypeVar("_Settings", bound=msgspec.Struct)


def decode_settings(inbox: Inbox, kind: type[_Settings]) -> _Settings:
    """The settings of an inbox as its channel's own type."""
    return msgspec.convert(inbox.settings, kind, dec_hook=decode_secret)


def signing_secret(config: Config) -> str:
    """``hub.secret``, or the one kept in the data folder, made on first use and readable by its owner only."""
    if config.hub.secret:
        return config.hub.secret.reveal()
    path = Path(config.hub.data_dir) / "secret.key"
    if not path.exists() or path.stat().st_size == 0:
        # An empty one was left by a power cut, and signed nothing.
        make_folder(path.parent)
        write_file(path, secrets.token_urlsafe(48))
    return path.read_text()


def _read(path: Path) -> _Document:
    document = _Document(path)
    document.values, places = _parse(path)
    document.places = {key: (str(path), line) for key, line in places.items()}
    return document


def _parse(path: Path) -> tuple[dict[str, Any], dict[toml_lines.Path, int]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return tomllib.loads(text), toml_lines.lines(text)
    except FileNotFoundError:
        raise _single(path, "there is no such file; name one with -c") from None
    except OSError as error:
        raise _single(path, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _single(path, "is not UTF-8 text; save the file in that encoding", line) from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at line (\d+), column (\d+)\)", str(error))
        line = int(place[1]) if place else 0
        raise _single(path, f"is not valid TOML: {_plainly(str(error).split(' (at ')[0])}", line) from None


def _plainly(complaint: str) -> str:
    """What the TOML reader says, in words for people where it has its own."""
    if twice := re.fullmatch(r"Cannot declare \((.*)\) twice", complaint):
        names = ".".join(re.findall(r"'(.*?)'", twice[1]))
        return f"the table [{names}] stands there a second time; put all its keys under the first one"
    if complaint == "Expected '=' after a key in a key/value pair":
        return "a name has to be followed by = (a space that is none, as copied from a web page, may stand there)"
    if complaint == "Invalid value":
        return 'a value is missing or written wrongly; text stands in "quotes"'
    return complaint.lower()


def _single(path: Path, text: str, line: int = 0) -> ConfigError:
    return ConfigError([Problem(file=str(path), line=line, key="", text=text)])


def _add_offices(document: _Document) -> None:
    """Put the tables of the second file behind those of the first, remembering where they stand."""
    hub = document.values.get("hub")
    name = hub.get("offices_file") if isinstance(hub, dict) else None
    if not isinstance(name, str):
        return
    file = document.path.parent / name
    if sentence := unreadable(str(file)):
        document.wrong(("hub", "offices_file"), sentence)
        return
    second = _read(file)
    for table in OfficesFile.__struct_fields__:
        rows = second.values.pop(table, [])
        into = document.values.setdefault(table, [])
        if isinstance(rows, list) and isinstance(into, list):
            for path, place in second.places.items():
                if path[0] == table and len(path) > 1 and isinstance(path[1], int):
                    document.places[table, len(into) + path[1], *path[2:]] = place
            into.extend(rows)
    second.wrongs(check(second.values, OfficesFile))
    document.problems += second.problems


def _settings_tables(document: _Document, channels: Channels | None) -> Iterator[_Table]:
    """The settings table of each inbox, made where the file has none, with its channel's type."""
    inboxes = document.values.get("inboxes", [])
    if channels is None or not isinstance(inboxes, list):
        return
    for index, inbox in enumerate(inboxes):
        if not isinstance(inbox, dict) or not isinstance(inbox.get("kind"), str):
            continue
        if inbox["kind"] not in channels.kinds:
            text = f'no channel is of the kind "{inbox["kind"]}"{nearest(inbox["kind"], channels.kinds)}'
            document.wrong(("inboxes", index, "kind"), text)
            continue
        settings = inbox.setdefault("settings", {})
        if isinstance(settings, dict):
            yield ("inboxes", index, "settings"), settings, channels.config(inbox["kind"])


class _Variable(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that an environment variable can give."""

    table: dict[str, Any]
    within: tuple[str, ...]
    path: toml_lines.Path
    kind: Any


def _apply_environment(document: _Document, tables: list[_Table], environ: Mapping[str, str]) -> None:
    known: dict[str, list[_Variable]] = {}
    for where, table, kind in tables:
        inbox = _inbox_id(document, where)
        for within, inner in _scalars(kind):
            name = "_".join((*inbox, *within)).replace("-", "_").upper()
            variable = _Variable(table=table, within=within, path=(*where, *within), kind=inner)
            known.setdefault(ENVIRONMENT_PREFIX + name, []).append(variable)
    for name in sorted(environ):
        put: Callable[[_Document, _Variable, str, str], None] = _set
        meant = known.get(name, [])
        if not meant and name.endswith("_FILE"):
            meant = [one for one in known.get(name.removesuffix("_FILE"), []) if is_secret(one.kind)]
            put = _set_from_file
        text = ""
        if len(meant) == 1:
            put(document, meant[0], name, environ[name])
        elif meant:
            # An inbox "a" with the key "b_c" and an inbox "a-b" with the key "c": a secret could go to the wrong one.
            text = f"means several settings: {', '.join(_dotted(one.path) for one in meant)}"
        elif name.startswith(_SECTION_PREFIXES):
            text = f"names no setting{nearest(name, known)}"
        if text:
            document.problems.append(Problem(file="environment", line=0, key=name, text=text))


_SECTION_PREFIXES = tuple(
    f"{ENVIRONMENT_PREFIX}{name.upper()}_" for name in (*Config.__struct_fields__, "inbox")
)


def _inbox_id(document: _Document, where: toml_lines.Path) -> tuple[str, ...]:
    return ("inbox", str(document.values["inboxes"][where[1]].get("id", ""))) if where else ()


def _scalars(kind: Any, within: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The settings of a struct, and of the single structs in it, that are one value and no list."""
    for field in fields(kind):
        struct, listed = struct_of(field.type)
        path = (*within, field.name)
        if struct and not listed:
            yield from _scalars(struct, path)
        elif not listed:
            yield path, field.type


def _set(document: _Document, variable: _Variable, name: str, text: str | Secret) -> None:
    value: Any = text
    if not is_secret(variable.kind):
        # What does not fit is left as it is: the check that follows says what is wrong with it, and where. A number
        # out of range is a number all the same.
        for kind in (variable.kind, int | float) if is_number(variable.kind) else (variable.kind,):
            with contextlib.suppress(msgspec.ValidationError):
                value = msgspec.to_builtins(msgspec.convert(text, kind, strict=False))
                break
    table = variable.table
    for key in variable.within[:-1]:
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            return
    table[variable.within[-1]] = value
    table.pop(variable.within[-1] + FILE_SUFFIX, None)
    document.places[variable.path] = (f"environment variable {name}", 0)


def _set_from_file(document: _Document, variable: _Variable, name: str, text: str) -> None:
    try:
        _set(document, variable, name, Secret(read_secret(Path(text)), file=text))
    except ValueError as error:
        document.problems.append(Problem(file="environment", line=0, key=name, text=str(error)))


def _read_secret_files(
    document: _Document, table: Any, kind: type[msgspec.Struct], where: toml_lines.Path
) -> None:
    """Put the content of each ``key_file`` in the place of its secret ``key``, in this table and those inside."""
    if not isinstance(table, dict):
        return
    for field in fields(kind):
        struct, listed = struct_of(field.type)
        inner = table.get(field.name)
        path = (*where, field.name)
        if struct and listed and isinstance(inner, list):
            for index, item in enumerate(inner):
                _read_secret_files(document, item, struct, (*path, index))
        elif struct and not listed:
            _read_secret_files(document, inner, struct, path)
        elif is_secret(field.type):
            _read_secret_file(document, table, field.name, where)


def _read_secret_file(document: _Document, table: dict[str, Any], name: str, where: toml_lines.Path) -> None:
    file = table.pop(name + FILE_SUFFIX, None)
    path = (*where, name + FILE_SUFFIX)
    if file is not None and name in table:
        document.wrong(path, f'give either "{name}" or "{name}{FILE_SUFFIX}", not both')
    elif file is not None and not isinstance(file, str):
        document.wrong(path, "expected the name of a file")
    elif file is not None:
        try:
            named = document.path.parent / file
            table[name] = Secret(read_secret(named), file=str(named))
        except ValueError as error:
            document.wrong(path, str(error))
    if isinstance(table.get(name), str):
        written, line = document.places.get((*where, name), ("", 0))
        table[name] = Secret(table[name], file=written if line else "")


def read_secret(path: Path) -> str:
    """The one line of a secret's file. Raises ValueError with a sentence when it is missing, empty or not text."""
    try:
        secret = path.read_text("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ValueError(f"the secret's file {path} cannot be read: {reason}") from None
    if not secret:
        raise ValueError(f"the secret's file {path} is empty")
    return secret


def _with_absolute_files(config: Config, folder: Path) -> Config:
    """Files named by the configuration are relative to it, wherever the hub is started."""
    hub = msgspec.structs.replace(config.hub, rules_file=_absolute(folder, config.hub.rules_file))
    public, private = (_listener(listener, folder) for listener in (config.public, config.private))
    ca_file = config.redis.ca_file and _absolute(folder, config.redis.ca_file)
    redis = msgspec.structs.replace(config.redis, ca_file=ca_file)
    return msgspec.structs.replace(config, hub=hub, redis=redis, public=public, private=private)


def _listener(listener: Listener, folder: Path) -> Listener:
    return msgspec.structs.replace(
        listener,
        certificate=_absolute(folder, listener.certificate) if listener.certificate else None,
        certificate_key=_absolute(folder, listener.certificate_key) if listener.certificate_key else None,
    )


def _absolute(folder: Path, name: str) -> str:
    return str((folder / name).absolute())


def _dotted(path: toml_lines.Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
