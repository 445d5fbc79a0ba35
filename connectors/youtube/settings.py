"""The settings of an inbox of kind ``youtube``."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from connectors._forms import about
from connectors.contract import Secret

RESERVE = "reserve_units must be less than daily_units"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One channel; see docs/channels/youtube.md."""

    channel_id: Annotated[
        str,
        about(
            "The channel's id, which begins with UC.", pattern=r"^UC[\w-]{22}$", examples=["UC" + 22 * "x"]
        ),
    ]
    client_id: Annotated[str, about("The id of the OAuth client.", min_length=1)]
    client_secret: Annotated[
        Secret, about("The secret of the OAuth client; client_secret_file names a file.")
    ]
    refresh_token: Annotated[
        Secret,
        about(
            "Given by the channel's owner for the scope youtube.force-ssl; refresh_token_file names a file."
        ),
    ]
    moderation: Annotated[
        Literal["pre", "post"],
        about("Whether a moderator looks at every comment (pre) or only at what a rule holds (post)."),
    ] = "pre"
    held: Annotated[
        bool,
        about("Also show what YouTube holds for review or takes for spam; costs a unit each time for each."),
    ] = True
    hide_as: Annotated[
        Literal["rejected", "heldForReview"],
        about("What a comment becomes on YouTube when it is hidden or rejected here."),
    ] = "rejected"
    poll_seconds: Annotated[float, about("New comments are asked for at most so often.", ge=0, le=86_400)] = (
        60.0
    )
    look_back_days: Annotated[
        float, about("Threads of that many days are looked through again and again.", gt=0, le=3650)
    ] = 30.0
    first_look_hours: Annotated[
        float, about("At the first start, comments from that long before are taken, too.", ge=0, le=87_600)
    ] = 24.0
    daily_units: Annotated[
        int,
        about(
            "Units that this inbox may use in a day; YouTube gives a project 10,000.", ge=100, le=10_000_000
        ),
    ] = 10_000
    reserve_units: Annotated[
        int, about("Units of the day that are kept for answers and decisions; each costs 50.", ge=0)
    ] = 2_500
    api_url: Annotated[
        str,
        about(
            "The API; another address only for tests.",
            pattern=r"^https?://\S+[^/]$",
            examples=["https://www.googleapis.com/youtube/v3"],
        ),
    ] = "https://www.googleapis.com/youtube/v3"
    token_url: Annotated[
        str,
        about(
            "Where tokens are renewed.",
            pattern=r"^https?://\S+$",
            examples=["https://oauth2.googleapis.com/token"],
        ),
    ] = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    timeout_seconds: Annotated[float, about("Longest wait for an answer of YouTube.", gt=0, le=60)] = 15.0

    def __post_init__(self) -> None:
        if self.reserve_units >= self.daily_units:
            raise ValueError(RESERVE)
