"""What is kept and everybody on the machine may read: files that were made otherwise than by us keep their modes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from connectors.contract import Log, Secret
from hub.backup import BLOBS, SECRET
from hub.config import Config

_ENTER, _READ = 0o001, 0o004


def open_to_all(config: Config) -> list[Path]:
    """The database, the folder of large files, the signing secret, and the files that hold secrets of the
    configuration, itself among them, as far as any account of the machine may read them."""
    data_dir = Path(config.hub.data_dir)
    keys = (config.public.certificate_key, config.private.certificate_key)
    named = [Path(file) for file in (*keys, *_files_of_secrets(config)) if file]
    kept = (config.store.sqlite_path(), data_dir / BLOBS, data_dir / SECRET, *dict.fromkeys(named))
    return [path for path in kept if path is not None and _is_open(path)]


def _files_of_secrets(part: Any) -> Iterator[str]:
    """The files that secrets were read from, in a part of the configuration and what lies within it."""
    if isinstance(part, Secret):
        yield part.file
    elif isinstance(part, msgspec.Struct):
        for name in part.__struct_fields__:
            yield from _files_of_secrets(getattr(part, name))
    elif isinstance(part, Mapping):
        for inner in part.values():
            yield from _files_of_secrets(inner)
    elif isinstance(part, list | tuple):
        for inner in part:
            yield from _files_of_secrets(inner)


def closing(paths: list[Path]) -> str:
    """The command that leaves them to their owner and group."""
    return f"chmod o-rwx {_named(paths)}"


def warn(config: Config, log: Log) -> None:
    """Say so in the log; nothing is changed, because the operator may have meant it."""
    if found := open_to_all(config):
        log.warning("everybody on this machine may read it", files=_named(found), remedy=closing(found))


def _named(paths: list[Path]) -> str:
    return " ".join(map(str, paths))


def _is_open(path: Path) -> bool:
    try:
        wanted = _ENTER if path.is_dir() else _READ
        above = path.resolve().parents
        return bool(path.stat().st_mode & wanted) and all(folder.stat().st_mode & _ENTER for folder in above)
    except OSError:  # it is not there, or not even we may look
        return False
