"""Settings of a callback form: ``[inboxes.settings]`` of an inbox of the kind ``callback``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from connectors._forms import Origin, Rate, Words
from connectors._i18n import N_
from connectors._widget import Theme

Country = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$", examples=["PL"])]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``origins`` are the sites that may show the form in a frame. ``title`` and ``intro`` stand above the fields.

    ``days``: how many days ahead a time can be chosen (the desk's ``callback_days`` bounds it). ``countries`` whose
    numbers are called (the first is where a number without a country code is from); empty: any. ``topics`` are choices;
    without them the topic is a free text. ``email``: whether an address for the confirmation is asked for. ``consent``
    is the text beside the box that everybody must tick (without it a standard one), ``privacy_url`` where it leads.
    """

    origins: tuple[Origin, ...] = ()
    title: Words = Words(pl="Zamów rozmowę", en="Order a call")
    intro: Words | None = None
    days: Annotated[int, msgspec.Meta(ge=1, le=60)] = 10
    countries: tuple[Country, ...] = ("PL",)
    topics: tuple[Words, ...] = ()
    email: bool = True
    consent: Words | None = None
    privacy_url: Annotated[str, msgspec.Meta(pattern=r"^$|^https?://\S+$")] = ""
    per_address: Rate = "5/minute"
    per_site: Rate = "120/minute"
    theme: Theme = Theme()


STANDARD_CONSENT = N_("I agree that you call me and process my data for this purpose.")
