"""The settings of an inbox of kind ``x``."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from connectors._forms import Rate, about
from connectors.contract import InboxId, Secret

OAUTH1 = "consumer_key, consumer_secret, access_token and access_token_secret belong together (OAuth 1.0a)"
OAUTH2 = "client_id, refresh_token and token_file belong together (OAuth 2.0)"
TWO_WAYS = "set either access_token (OAuth 1.0a) or refresh_token (OAuth 2.0), not both"
UNSIGNED = "webhooks are signed with client_secret or consumer_secret; set one of them or webhook = false"

Identifier = Annotated[str, msgspec.Meta(pattern="^[0-9]{1,19}$", examples=["2244994945"])]
"""The number of an account; the name behind the @ may change, this never does."""

NOT_MESSAGES = (
    "follow.",
    "block.",
    "mute.",
    "profile.",
    "like.",
    "spaces.",
    "news.",
    "participants.",
    "post.own",
)
"""Events that nobody has to answer; in the names of X Activity, and those of Account Activity under the same."""


class OtherAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another inbox of ours whose account X tells about at this inbox's address."""

    inbox: Annotated[InboxId, about("Its id in this configuration.")]
    kind: Annotated[Literal["x"], about("Its kind.")]
    account: Annotated[Identifier, about("The number of its account.")]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account; see docs/channels/x.md. Every secret may stand in a file: ``consumer_secret_file = "…"``."""

    account_id: Annotated[Identifier, about("The number of the office's own account.")]
    consumer_key: Annotated[str, about("OAuth 1.0a: the app's API key.")] = ""
    consumer_secret: Annotated[
        Secret | None, about("OAuth 1.0a: the app's API key secret; signs webhooks, too.")
    ] = None
    access_token: Annotated[Secret | None, about("OAuth 1.0a: the account's access token.")] = None
    access_token_secret: Annotated[Secret | None, about("OAuth 1.0a: the access token's secret.")] = None
    client_id: Annotated[str, about("OAuth 2.0: the app's client id.")] = ""
    client_secret: Annotated[
        Secret | None, about("OAuth 2.0: the app's client secret; signs webhooks, too.")
    ] = None
    refresh_token: Annotated[
        Secret | None, about("OAuth 2.0: the first refresh token, with the scope offline.access.")
    ] = None
    token_file: Annotated[
        str,
        about(
            "OAuth 2.0: X gives a new refresh token each time; the newest is kept in this file (mode 0600)."
        ),
    ] = ""
    webhook: Annotated[bool, about("Take webhooks at /in/INBOX.")] = True
    poll_seconds: Annotated[
        float,
        about("Direct messages and mentions are also asked for so often; 0: never.", ge=0, le=86_400),
    ] = 120.0
    look_back_hours: Annotated[
        float, about("At the first start, messages from that long before are taken, too.", ge=0, le=720)
    ] = 24.0
    mentions: Annotated[
        Literal["public", "private", "off"],
        about("How answers to a public post leave: under it, or as a direct message; off: no mentions."),
    ] = "public"
    siblings: Annotated[
        tuple[OtherAccount, ...], about("Other inboxes whose accounts X tells about at this inbox's address.")
    ] = ()
    ignore: Annotated[
        tuple[str, ...], about("Beginnings of the names of events that are not kept; all others are.")
    ] = NOT_MESSAGES
    api_url: Annotated[
        str,
        about(
            "The API; another address only for tests.",
            pattern=r"^https?://\S+[^/]$",
            examples=["https://api.x.com"],
        ),
    ] = "https://api.x.com"
    timeout_seconds: Annotated[float, about("Longest wait for an answer of X.", gt=0, le=60)] = 15.0
    max_file_bytes: Annotated[
        int, about("Larger files of messages are not fetched.", ge=1, le=100_000_000)
    ] = 25_000_000
    per_address: Annotated[Rate, about("Webhook requests from one network address; every one is signed.")] = (
        ""
    )

    def __post_init__(self) -> None:
        if bool(self.access_token) == (self.refresh_token is not None):
            raise ValueError(TWO_WAYS)
        if self.access_token and not (
            self.consumer_key and self.consumer_secret and self.access_token_secret
        ):
            raise ValueError(OAUTH1)
        if self.refresh_token and not (self.client_id and self.token_file):
            raise ValueError(OAUTH2)
        if self.webhook and not (self.client_secret or self.consumer_secret):
            raise ValueError(UNSIGNED)
