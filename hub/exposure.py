"""What is kept and everybody on the machine may read: files that were made otherwise than by us keep their modes."""

from __future__ import annotations

import os
from pathlib import Path

from connectors.contract import Log
from hub.backup import BLOBS, SECRET
from hub.config import Config
from hub.config.secret_values import secrets_in

_ENTER, _READ = 0o001, 0o004


def open_to_all(config: Config) -> list[Path]:
    """The database, the folder of large files, the signing secret, and the files that hold secrets of the
    configuration, itself among them, as far as any account of the machine may read them."""
    data_dir = Path(config.hub.data_dir)
    keys = (config.public.certificate_key, config.private.certificate_key)
    named = [Path(file) for file in (*keys, *(secret.file for secret in secrets_in(config))) if file]
    kept = (config.store.sqlite_path(), data_dir / BLOBS, data_dir / SECRET, *dict.fromkeys(named))
    return [path for path in kept if path is not None and _is_open(path)]


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
        if os.statvfs(path).f_flag & os.ST_RDONLY:
            return False  # mounted into a container, which has one account and cannot change its mode
        wanted = _ENTER if path.is_dir() else _READ
        above = path.resolve().parents
        return bool(path.stat().st_mode & wanted) and all(folder.stat().st_mode & _ENTER for folder in above)
    except OSError:  # it is not there, or not even we may look
        return False
