"""Settings of a generic webhook: ``[inboxes.settings]`` of an inbox of the kind ``webhook``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from connectors._forms import Rate, about
from connectors.contract import Secret

SHORTEST_SECRET = 16


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One system that speaks JSON; see docs/channels/webhook.md."""

    secret: Annotated[Secret, about("Signs both ways; at least 16 characters, better 32 random ones.")]
    previous_secret: Annotated[
        Secret | None, about("Still taken on the way in while the other side changes over.")
    ] = None
    window_seconds: Annotated[
        int, about("Requests older or newer than this are refused.", ge=10, le=86_400)
    ] = 300
    url: Annotated[
        str,
        about(
            "Where answers go; empty: answers cannot leave through this inbox.",
            pattern=r"^$|^https?://\S+$",
            examples=["https://system.example.pl/odpowiedzi"],
        ),
    ] = ""
    edits: Annotated[bool, about("Whether the other side understands edit and deletion.")] = False
    max_length: Annotated[
        Annotated[int, msgspec.Meta(ge=1)] | None, about("Most characters of an answer.")
    ] = None
    attachment_bytes: Annotated[
        int, about("Most bytes of all files of one answer; 0: none.", ge=0, le=50_000_000)
    ] = 10_000_000
    max_body: Annotated[int, about("Most bytes of one request.", ge=1000, le=50_000_000)] = 15_000_000
    timeout_seconds: Annotated[float, about("Longest wait for the other side's answer.", gt=0, le=60)] = 15.0
    per_address: Annotated[Rate, about("Requests from one network address.")] = "600/minute"

    def __post_init__(self) -> None:
        for secret in (self.secret, self.previous_secret):
            if secret is not None and len(secret.reveal()) < SHORTEST_SECRET:
                raise ValueError(f"the secret of a webhook needs at least {SHORTEST_SECRET} characters")
