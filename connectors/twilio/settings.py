"""Settings of an SMS inbox at Twilio: ``[inboxes.settings]`` of an inbox of the kind ``twilio``."""

from __future__ import annotations

from typing import Annotated

from connectors._forms import Rate, about
from connectors._sms import SmsSettings
from connectors.contract import Secret


class Settings(SmsSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account at Twilio, or at a provider with the same interface; see docs/channels/twilio.md."""

    account_sid: Annotated[
        str,
        about(
            "The account, AC and 32 characters at Twilio.",
            pattern="^[A-Za-z0-9_-]{1,64}$",
            examples=["AC" + 32 * "0"],
        ),
    ]
    auth_token: Annotated[
        Secret, about("Its auth token: proves our requests, unless there is an API key, and signs theirs.")
    ]
    previous_auth_token: Annotated[
        Secret | None, about("Still taken for signatures while the token is changed.")
    ] = None
    api_key_sid: Annotated[str, about("SID of an API key to send with instead of the auth token.")] = ""
    api_secret: Annotated[Secret | None, about("The secret of that key.")] = None
    messaging_service: Annotated[
        str,
        about(
            "SID of a Messaging Service that chooses the sender; with `sender` as well, one of its senders.",
            pattern=r"^$|^[A-Za-z0-9_-]{1,64}$",
            examples=["MG" + 32 * "0"],
        ),
    ] = ""
    base_url: Annotated[
        str,
        about(
            "Where the API is; other providers have their own.",
            pattern=r"^https?://\S+$",
            examples=["https://api.twilio.com"],
        ),
    ] = "https://api.twilio.com"
    media_hosts: Annotated[
        tuple[str, ...],
        about("Hosts besides that of base_url from which files of messages may be fetched."),
    ] = ()
    callback_url: Annotated[
        str,
        about(
            "The hub's public listener exactly as the address of the webhook begins, for the signature covers it; "
            "empty: hub.public_url.",
            pattern=r"^$|^https?://\S+$",
            examples=["https://kontakt.example.pl"],
        ),
    ] = ""
    reports: Annotated[bool, about("Whether status callbacks are asked for.")] = True
    repair_minutes: Annotated[
        float,
        about(
            "How often the API is asked for messages whose webhook did not come; at the start too. 0: never.",
            ge=0,
            le=1440,
        ),
    ] = 15.0
    media_bytes: Annotated[int, about("Largest file of a message that is fetched.", ge=0, le=50_000_000)] = (
        16_000_000
    )
    timeout_seconds: Annotated[float, about("Longest wait for Twilio's answer.", gt=0, le=60)] = 15.0
    per_address: Annotated[
        Rate, about("Webhooks from one network address; Twilio does not repeat what is refused by itself.")
    ] = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.sender or self.senders or self.messaging_service):
            raise ValueError("a Twilio inbox needs a sender or a messaging_service")
        if bool(self.api_key_sid) != (self.api_secret is not None):
            raise ValueError("api_key_sid and api_secret belong together")
