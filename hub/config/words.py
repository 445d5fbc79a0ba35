"""The words that settings are made of: names, times, rates, opening hours, and how a setting is described."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

Language = Literal["pl", "en"]
"""Languages in which the hub's own screens and texts exist."""

Id = Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9-]{0,62}$", examples=["pup-lomza"])]
"""A name chosen in the configuration and stored with messages: never change one that was in use."""

TimeOfDay = Annotated[str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["08:00"])]
"""``HH:MM`` in the zone of the office that it concerns."""

Rate = Annotated[
    str,
    msgspec.Meta(
        pattern="^$|^[1-9][0-9]*/([1-9][0-9]* ?)?(second|minute|hour|day)$",
        examples=["20/minute", "5/15 minute"],
    ),
]
"""``"20/minute"`` or ``"5/15 minute"``; empty: no limit."""

_MOMENT = "(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)"
_SPAN = f"{_MOMENT}-{_MOMENT}"

Hours = Annotated[
    str,
    msgspec.Meta(pattern=f"^$|^{_SPAN}(, ?{_SPAN})*$", examples=["07:30-15:30", "08:00-12:00, 13:00-16:00"]),
]
"""Opening hours of one day: ``"07:30-15:30"``, with a break ``"08:00-12:00, 13:00-16:00"``; empty: closed."""


def about(description: str, **limits: Any) -> msgspec.Meta:
    """What a setting means, and between which values it may lie."""
    return msgspec.Meta(description=description, **limits)


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table of the configuration."""
