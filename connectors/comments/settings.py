"""Settings of a comment section: ``[inboxes.settings]`` of an inbox of the kind ``comments``."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from connectors._widget import Theme

Origin = Annotated[
    str,
    msgspec.Meta(pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$", examples=["https://praca.example.pl"]),
]
"""Scheme, host and port of a site, as in the Origin header (RFC 6454)."""

Rate = Annotated[
    str,
    msgspec.Meta(pattern="^$|^[1-9][0-9]*/([1-9][0-9]* ?)?(second|minute|hour|day)$", examples=["10/minute"]),
]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``origins`` are the sites that may show the section in a frame, and whose articles it may link to.

    ``moderation``: comments are approved first (``pre``) or published first (``post``); a rule can hold one in either
    case, and the editorial team can set an article otherwise. ``per_address`` and ``per_site`` limit what is posted.
    ``consent`` is the text beside the box that an author ticks (empty: a standard one), ``privacy_url`` where it
    leads. ``email``: whether an author may leave an address for the answer.
    """

    origins: tuple[Origin, ...] = ()
    moderation: Literal["pre", "post"] = "pre"
    max_length: Annotated[int, msgspec.Meta(ge=100, le=4000)] = 3000
    page_size: Annotated[int, msgspec.Meta(ge=5, le=200)] = 50
    per_address: Rate = "10/minute"
    per_site: Rate = "300/minute"
    consent: str = ""
    privacy_url: Annotated[str, msgspec.Meta(pattern=r"^$|^https?://\S+$")] = ""
    email: bool = True
    theme: Theme = Theme()
