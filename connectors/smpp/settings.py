"""Settings of an SMS inbox by SMPP: ``[inboxes.settings]`` of an inbox of the kind ``smpp``."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from connectors._forms import about
from connectors._sms import SmsSettings
from connectors.contract import Secret


class Settings(SmsSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account at a message centre; see docs/channels/smpp.md."""

    host: Annotated[str, about("The message centre.", min_length=1)]
    port: Annotated[int, about("TCP port.", ge=1, le=65535)] = 2775
    tls: Annotated[bool, about("TLS from the first octet; without it the password goes in the clear.")] = (
        False
    )
    ca_file: Annotated[
        str | None,
        about("PEM file of the authority that signed the centre's certificate; else the system's."),
    ] = None
    system_id: Annotated[str, about("Login name.", min_length=1, max_length=15)]
    password: Annotated[Secret, about("Password; better as password_file. The protocol allows 8 characters.")]
    system_type: Annotated[str, about("As the operator says; mostly empty.", max_length=12)] = ""
    address_range: Annotated[
        str, about("Numbers whose messages are wanted, as the operator says.", max_length=40)
    ] = ""
    service_type: Annotated[str, about("As the operator says; mostly empty.", max_length=5)] = ""
    window: Annotated[int, about("Requests on their way at once without an answer.", ge=1, le=1000)] = 10
    per_second: Annotated[
        Annotated[float, msgspec.Meta(gt=0)] | None,
        about("Most segments a second; None: as fast as the window lets."),
    ] = None
    throttle_seconds: Annotated[
        float, about("Pause after the centre said that it is too much.", gt=0, le=600)
    ] = 5.0
    enquire_seconds: Annotated[float, about("A silent link is asked for life this often.", gt=0, le=600)] = (
        30.0
    )
    timeout_seconds: Annotated[float, about("Longest wait for an answer.", gt=0, le=120)] = 20.0
    long_messages: Annotated[
        Literal["udh", "udh16", "sar", "payload"],
        about(
            "How parts of a long message are told to belong together: by a header in the text (udh, or udh16 with a "
            "reference of 16 bits), by optional parameters (sar), or sent whole (payload)."
        ),
    ] = "udh"
    default_alphabet: Annotated[
        Literal["gsm7", "latin1"], about("What data_coding 0 means to the centre.")
    ] = "gsm7"
    message_ids: Annotated[
        Literal["auto", "same", "hex-then-decimal", "decimal-then-hex"],
        about(
            "How the id of a report is written, compared with the one that the centre gave: auto finds it out from the "
            "first reports."
        ),
    ] = "auto"
    validity_minutes: Annotated[
        int, about("How long the network tries to deliver; 0: as the centre is set.", ge=0, le=10_080)
    ] = 0
    reports: Annotated[bool, about("Whether delivery reports are asked for.")] = True
    wait_minutes: Annotated[
        float, about("How long the missing parts of a long message are waited for.", gt=0, le=1440)
    ] = 15.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in (("system_id", self.system_id), ("password", self.password.reveal())):
            if not value.isascii() or "\x00" in value:
                raise ValueError(f"{name} of an SMPP account is plain ASCII")
