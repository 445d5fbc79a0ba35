"""Settings of an SMS inbox behind Kannel: ``[inboxes.settings]`` of an inbox of the kind ``kannel``."""

from __future__ import annotations

import re
from typing import Annotated

from connectors._forms import Rate, about
from connectors._sms import SmsSettings
from connectors._sources import networks
from connectors.contract import Secret

_SECRET = re.compile(r"[A-Za-z0-9._~-]{8,200}")


class Settings(SmsSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``sendsms-user`` of a Kannel and the ``sms-service`` that calls back; see docs/channels/kannel.md."""

    url: Annotated[
        str,
        about(
            "Kannel's sendsms, for example http://127.0.0.1:13013/cgi-bin/sendsms; empty: the inbox only receives.",
            pattern=r"^$|^https?://\S+$",
            examples=["http://127.0.0.1:13013/cgi-bin/sendsms"],
        ),
    ] = ""
    username: Annotated[str, about("Name of the sendsms-user.")] = ""
    password: Annotated[Secret | None, about("Its password; better as password_file.")] = None
    secret: Annotated[
        Secret, about("What Kannel's calls carry as `secret`: 8 or better 32 random letters and digits.")
    ]
    sources: Annotated[
        tuple[str, ...],
        about(
            "Addresses or networks that Kannel calls from, for example 10.0.0.7; empty: the secret is enough."
        ),
    ] = ()
    callback_url: Annotated[
        str,
        about(
            "The hub's public listener as Kannel reaches it; empty: hub.public_url.",
            pattern=r"^$|^https?://\S+$",
            examples=["https://kontakt.example.pl"],
        ),
    ] = ""
    smsc: Annotated[str, about("smsc-id of the connection to send through; empty: Kannel decides.")] = ""
    validity_minutes: Annotated[
        int,
        about(
            "How long the network tries to deliver; 0: as Kannel and the network are set.", ge=0, le=10_080
        ),
    ] = 0
    reports: Annotated[bool, about("Whether delivery reports are asked for.")] = True
    wait_minutes: Annotated[
        float, about("How long the missing parts of a long message are waited for.", gt=0, le=1440)
    ] = 15.0
    timeout_seconds: Annotated[float, about("Longest wait for Kannel's answer.", gt=0, le=60)] = 15.0
    per_address: Annotated[Rate, about("Calls from one network address.")] = "60000/minute"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _SECRET.fullmatch(self.secret.reveal()):
            # It stands in addresses that Kannel fills in, where anything else would mean something.
            raise ValueError(
                "the secret of a Kannel inbox has 8 to 200 letters, digits and . _ ~ -, nothing else"
            )
        if self.url and (not self.username or self.password is None):
            raise ValueError("url needs username and password")
        networks(self.sources)
