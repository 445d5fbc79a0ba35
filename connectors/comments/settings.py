"""Settings of a comment section: ``[inboxes.settings]`` of an inbox of the kind ``comments``."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from connectors._forms import Origin, PageUrl, Rate, Words, about
from connectors._widget import Theme


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One comment section."""

    origins: Annotated[
        tuple[Origin, ...],
        about("Sites that may show the section in a frame, and whose articles it may link to."),
    ] = ()
    moderation: Annotated[
        Literal["pre", "post"],
        about(
            "Comments are approved first (pre) or published first (post). A rule can hold one in either case, and the "
            "editorial team can set an article otherwise."
        ),
    ] = "pre"
    max_length: Annotated[int, about("Most characters of a comment.", ge=100, le=4000)] = 3000
    page_size: Annotated[int, about("Comments on one page.", ge=5, le=200)] = 50
    per_address: Annotated[Rate, about("What one network address may post.")] = "10/minute"
    per_site: Annotated[Rate, about("What may be posted through one site.")] = "300/minute"
    consent: Annotated[
        Words | None, about("Text beside the box that an author ticks; without it a standard one.")
    ] = None
    privacy_url: Annotated[PageUrl, about("Where the consent text leads.")] = ""
    email: Annotated[bool, about("Whether an author may leave an address for the answer.")] = True
    theme: Annotated[Theme, about("The site's own colours.")] = Theme()
