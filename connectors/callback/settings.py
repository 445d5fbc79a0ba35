"""Settings of a callback form: ``[inboxes.settings]`` of an inbox of the kind ``callback``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from connectors._forms import Origin, PageUrl, Rate, Words, about
from connectors._i18n import N_
from connectors._widget import Theme

Country = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$", examples=["PL"])]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One callback form."""

    origins: Annotated[tuple[Origin, ...], about("Sites that may show the form in a frame.")] = ()
    title: Annotated[Words, about("Heading above the fields.")] = Words(pl="Zamów rozmowę", en="Order a call")
    intro: Annotated[Words | None, about("Text above the fields.")] = None
    days: Annotated[
        int, about("How many days ahead a time can be chosen; desk.callback_days bounds it.", ge=1, le=60)
    ] = 10
    countries: Annotated[
        tuple[Country, ...],
        about(
            "Countries whose numbers are called, the first for numbers without a country code; empty: any."
        ),
    ] = ("PL",)
    topics: Annotated[
        tuple[Words, ...], about("Topics to choose from; without them the topic is a free text.")
    ] = ()
    email: Annotated[bool, about("Whether an address for the confirmation is asked for.")] = True
    consent: Annotated[
        Words | None, about("Text beside the box that everybody must tick; without it a standard one.")
    ] = None
    privacy_url: Annotated[PageUrl, about("Where the consent text leads.")] = ""
    per_address: Annotated[Rate, about("What one network address may post.")] = "5/minute"
    per_site: Annotated[Rate, about("What may be posted through one site.")] = "120/minute"
    theme: Annotated[Theme, about("The site's own colours.")] = Theme()


STANDARD_CONSENT = N_("I agree that you call me and process my data for this purpose.")
