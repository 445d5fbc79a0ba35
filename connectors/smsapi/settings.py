"""Settings of an SMS inbox at SMSAPI: ``[inboxes.settings]`` of an inbox of the kind ``smsapi``."""

from __future__ import annotations

import re
from typing import Annotated

from connectors._forms import Rate, about
from connectors._sms import SmsSettings
from connectors._sources import networks
from connectors.contract import Secret

_SECRET = re.compile(r"[A-Za-z0-9._~-]{16,200}")

Address = Annotated[
    str, about("An http address.", pattern=r"^https?://\S+$", examples=["https://api.smsapi.pl"])
]


class Settings(SmsSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account at SMSAPI; see docs/channels/smsapi.md."""

    token: Annotated[Secret, about("The OAuth token of the account, with the right to send SMS.")]
    secret: Annotated[
        Secret,
        about("What SMSAPI's calls carry as `secret` in their address: 16 or better 32 letters and digits."),
    ]
    base_urls: Annotated[
        tuple[Address, ...],
        about("Where the API is; the next one is tried when one cannot be connected to.", min_length=1),
    ] = ("https://api.smsapi.pl", "https://api2.smsapi.pl")
    sources: Annotated[
        tuple[str, ...],
        about("Addresses or networks that SMSAPI calls from; empty: the secret is enough."),
    ] = ()
    callback_url: Annotated[
        str,
        about(
            "The hub's public listener as SMSAPI reaches it; empty: hub.public_url.",
            pattern=r"^$|^https?://\S+$",
            examples=["https://kontakt.example.pl"],
        ),
    ] = ""
    reports: Annotated[
        bool, about("Whether each message names the address for its reports; no: as the account is set.")
    ] = True
    point_price: Annotated[
        int,
        about(
            "What a point costs, in the smallest unit of the currency; then what SMSAPI says it charged corrects the "
            "day's spending. 0: prices are those of `price` and `prices`.",
            ge=0,
        ),
    ] = 0
    low_points: Annotated[
        float, about("The health check warns when a prepaid account has fewer points.", ge=0)
    ] = 0.0
    timeout_seconds: Annotated[float, about("Longest wait for SMSAPI's answer.", gt=0, le=60)] = 15.0
    per_address: Annotated[Rate, about("Calls from one network address; what is refused is told again.")] = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _SECRET.fullmatch(self.secret.reveal()):
            raise ValueError(
                "the secret of an SMSAPI inbox has 16 to 200 letters, digits and . _ ~ -, nothing else"
            )
        networks(self.sources)
