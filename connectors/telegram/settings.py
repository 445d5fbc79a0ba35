"""Settings of a Telegram bot: ``[inboxes.settings]`` of an inbox of the kind ``telegram``."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec

from connectors._forms import Words, about
from connectors.contract import Secret

_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{3,200}")
_SECRET = re.compile(r"[A-Za-z0-9_-]{16,256}")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One bot; see docs/channels/telegram.md. Raises ValueError for a token or secret that can never work."""

    token: Annotated[Secret, about("The bot's token from @BotFather; better as token_file.")]
    receive: Annotated[
        Literal["polling", "webhook"],
        about("The hub asks Telegram for news, or Telegram posts them to the hub's public address."),
    ] = "polling"
    webhook_secret: Annotated[
        Secret | None, about("Proves that a post is from Telegram: 16 to 256 of A-Z, a-z, 0-9, _ and -.")
    ] = None
    groups: Annotated[
        Literal["refuse", "take"],
        about(
            "In groups and channels: say once where to write instead and leave, or take what the bot sees."
        ),
    ] = "refuse"
    greeting: Annotated[
        Words | None,
        about(
            "The answer to a bare /start, which then opens no conversation; without it /start is a message."
        ),
    ] = None
    poll_seconds: Annotated[int, about("How long one question for news may wait.", ge=0, le=50)] = 25
    max_connections: Annotated[int, about("Most posts of Telegram at once, by webhook.", ge=1, le=100)] = 40
    api_url: Annotated[
        str,
        about(
            "The Bot API; an own server of it, or a test's.",
            pattern=r"^https?://[^\s?#]+[^/\s?#]$",
            examples=["https://api.telegram.org"],
        ),
    ] = "https://api.telegram.org"
    timeout_seconds: Annotated[float, about("Longest wait for an answer to a short call.", gt=0, le=60)] = (
        15.0
    )

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.token.reveal()):
            raise ValueError("the token of a Telegram bot looks like 123456:ABC-DEF; take it from @BotFather")
        if self.receive == "webhook" and self.webhook_secret is None:
            raise ValueError('receive = "webhook" needs a webhook_secret')
        if self.webhook_secret is not None and not _SECRET.fullmatch(self.webhook_secret.reveal()):
            raise ValueError("webhook_secret needs 16 to 256 of the characters A-Z, a-z, 0-9, _ and -")
