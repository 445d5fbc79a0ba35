"""Instagram: the direct messages of one professional account. docs/channels/instagram.md says how to set it up."""

from __future__ import annotations

from typing import Annotated

import msgspec

from connectors._forms import about
from connectors.contract import Capabilities, Channel, Env, OutAttachment, SendError
from connectors.meta.errors import TOO_LARGE
from connectors.meta.family import parse
from connectors.meta.limits import HUMAN_WINDOW, LONG_TEXT, NOT_TAKEN, SECOND, SEND_SECONDS, WINDOW
from connectors.meta.messaging import BUTTONS, DirectMessages
from connectors.meta.messenger import attachment_kind
from connectors.meta.settings import DirectSettings

LONGEST_BYTES = 1000
"""Of a text in UTF-8."""

LIMITS = {"image": 8_000_000, "video": 25_000_000, "audio": 25_000_000, "file": 25_000_000}

TAKEN = (
    *("image/png", "image/jpeg", "image/gif", "video/mp4", "video/ogg", "video/x-msvideo", "video/quicktime"),
    *("video/webm", "audio/aac", "audio/mp4", "audio/x-m4a", "audio/wav", "audio/x-wav", "application/pdf"),
)


class Settings(DirectSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One professional account; ``account`` is its number, ``page`` that of the Facebook page linked to it."""

    page: Annotated[
        str,
        msgspec.Meta(pattern=r"^[0-9]{3,30}$", examples=["104212345678901"]),
        about("Meta's number of the Facebook page linked to the account; messages leave through it."),
    ]


class Instagram(DirectMessages):
    """See :class:`connectors.contract.Connector`. Addresses are Instagram-scoped ids."""

    kind = "instagram"
    fields = "id,username"

    def __init__(self, settings: Settings, env: Env) -> None:
        super().__init__(settings, env)
        self._page = settings.page
        self.capabilities = Capabilities(
            reaches=("instagram",),
            max_length=LONGEST_BYTES,
            counts="utf8",
            splits=True,
            attachments=TAKEN,
            attachment_bytes=max(LIMITS.values()),
            reply_window=(HUMAN_WINDOW if settings.human_agent else WINDOW) // SECOND,
            read_receipts=True,
            typing=True,
            choices=BUTTONS,
            send_limit=SEND_SECONDS,
        )

    @property
    def sender(self) -> str:
        """The page that the account is linked to."""
        return self._page

    def check_text(self, text: str) -> None:
        """Instagram counts bytes."""
        if len(text.encode()) > LONGEST_BYTES:
            raise SendError("permanent", LONG_TEXT)

    def fitting(self, file: OutAttachment) -> tuple[str, OutAttachment]:
        """Only what Instagram shows."""
        content_type = file.content_type.partition(";")[0].strip().lower()
        kind = attachment_kind(content_type)
        if content_type not in TAKEN:
            raise SendError("permanent", NOT_TAKEN)
        if len(file.content) > LIMITS[kind]:
            raise SendError("permanent", TOO_LARGE)
        return kind, file


CHANNEL = Channel(kind="instagram", channel="instagram", config=Settings, create=Instagram, parse=parse)
