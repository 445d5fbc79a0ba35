"""Settings of a telephone line: ``[inboxes.settings]`` of an inbox of the kind ``phone``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from connectors._forms import Rate, about
from connectors.contract import Secret
from connectors.phone.reading import FIELDS, IGNORED, STATES

SHORTEST_SECRET = 16


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the office; see docs/channels/phone.md."""

    secret: Annotated[
        Secret | None,
        about(
            "What the exchange proves itself by, as a bearer token, a password or the key of a signature; at least 16 "
            "characters. Without it no exchange may tell of calls, and agents note them by hand."
        ),
    ] = None
    previous_secret: Annotated[
        Secret | None, about("Still taken while the exchange changes over to a new one.")
    ] = None
    window_seconds: Annotated[
        int, about("Signed requests older or newer than this are refused.", ge=10, le=86_400)
    ] = 300
    country: Annotated[
        str,
        about(
            "Where a number without a country code is from (ISO 3166).", pattern="^[A-Z]{2}$", examples=["PL"]
        ),
    ] = "PL"
    fields: Annotated[
        dict[str, str],
        about(
            "Names of the fields as this exchange writes them, by ours, where they are none of those in the "
            "documentation.",
            examples=[{"call": "linkedid", "extension": "dstchannel"}],
        ),
    ] = {}
    events: Annotated[
        dict[str, str],
        about(
            "What the events of this exchange mean: ringing, answered, missed, ended or ignore, by its own word.",
            examples=[{"NEWCALL": "ringing", "HOLD": "ignore"}],
        ),
    ] = {}
    per_address: Annotated[Rate, about("Requests from one network address.")] = "60000/minute"

    def __post_init__(self) -> None:
        for secret in (self.secret, self.previous_secret):
            if secret is not None and len(secret.reveal()) < SHORTEST_SECRET:
                raise ValueError(
                    f"the secret of a telephone line needs at least {SHORTEST_SECRET} characters"
                )
        if unknown := set(self.fields) - set(FIELDS):
            raise ValueError(
                f"fields: there is no {', '.join(sorted(unknown))}; there are {', '.join(FIELDS)}"
            )
        meanings = {*STATES, IGNORED}
        if unknown := set(self.events.values()) - meanings:
            raise ValueError(
                f"events: {', '.join(sorted(unknown))} means nothing; say one of {', '.join(meanings)}"
            )
