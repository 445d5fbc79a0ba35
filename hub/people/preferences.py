"""What a person may set about their own console; kept as JSON beside the account."""

from __future__ import annotations

from typing import Literal

import msgspec

from hub.store.schema import user
from hub.store.tx import Tx

Theme = Literal["auto", "light", "dark"]


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """``keys``: single-key shortcuts. ``desktop``, ``sound``: how news is told. ``undo_seconds``: of a reply."""

    theme: Theme = "auto"
    keys: bool = True
    desktop: bool = False
    sound: bool = False
    undo_seconds: float | None = None
    """None: as the hub's configuration says."""


def read_preferences(stored: str) -> Preferences:
    """From the account's column; fields of another version are left out."""
    try:
        return msgspec.json.decode(stored, type=Preferences)
    except msgspec.ValidationError:
        return Preferences()


def write_preferences(tx: Tx, user_id: int, preferences: Preferences) -> None:
    """Keep what somebody set."""
    tx.change(user, user_id, settings=msgspec.json.encode(preferences).decode())
