"""Files and folders that are still there after a power cut: content synced, and names in their folders, too.

POSIX promises a file's content after ``fsync`` of the file, and its name only after ``fsync`` of its folder.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from connectors._durable import sync

__all__ = ["make_folder", "sync", "write_file"]


def make_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, for good, and for their owner only: what citizens wrote is
    kept there. Raises OSError.

    The last name is synced even where the folder is there already: whoever made it may have been killed before.
    """
    if not path.parent.exists():
        make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    with contextlib.suppress(PermissionError):  # a folder above that we may not list is the operator's own
        sync(path.parent)


def write_file(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a small file whole or not at all; what was there before stays until then. Raises OSError."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    beside.unlink(missing_ok=True)
    beside.touch(mode=mode)
    beside.write_text(text, encoding="utf-8")
    sync(beside)
    beside.replace(path)
    sync(path.parent)
