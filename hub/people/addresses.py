"""Which address stands for a person who gave no name: one that tells people something, in lists and search alike."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Label, case, null

from hub.store.schema import identity

SILENT = ("web", "chat", "quarantine")
"""Kinds of identity whose address is a random word of ours."""


def telling_address() -> Label[Any]:
    """The column ``address`` of a statement that has joined ``identity``; NULL where it would tell nothing."""
    return case((identity.c.kind.in_(SILENT), null()), else_=identity.c.address).label("address")
