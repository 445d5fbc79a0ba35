"""Messenger: the direct messages of one Facebook page. docs/channels/messenger.md says how to set it up."""

from __future__ import annotations

from connectors.contract import Capabilities, Channel, Env, OutAttachment, SendError
from connectors.meta.errors import TOO_LARGE
from connectors.meta.family import parse
from connectors.meta.limits import HUMAN_WINDOW, SECOND, SEND_SECONDS, WINDOW
from connectors.meta.messaging import BUTTONS, DirectMessages
from connectors.meta.settings import DirectSettings

LONGEST = 2000
FILE_BYTES = 25_000_000
IMAGE_BYTES = 8_000_000

IMAGES = ("image/png", "image/jpeg", "image/gif")
VIDEOS = ("video/mp4", "video/ogg", "video/x-msvideo", "video/quicktime", "video/webm")
AUDIOS = ("audio/aac", "audio/mp4", "audio/x-m4a", "audio/wav", "audio/x-wav", "audio/mpeg")


def attachment_kind(content_type: str) -> str:
    """What Meta calls a file of a content type."""
    known = {
        **dict.fromkeys(IMAGES, "image"),
        **dict.fromkeys(VIDEOS, "video"),
        **dict.fromkeys(AUDIOS, "audio"),
    }
    return known.get(content_type.partition(";")[0].strip().lower(), "file")


class Settings(DirectSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One page; ``account`` is its number."""


class Messenger(DirectMessages):
    """See :class:`connectors.contract.Connector`. Addresses are page-scoped ids."""

    kind = "messenger"

    def __init__(self, settings: Settings, env: Env) -> None:
        super().__init__(settings, env)
        self.capabilities = Capabilities(
            reaches=("messenger",),
            max_length=LONGEST,
            splits=True,
            attachments=("*/*",),
            attachment_bytes=FILE_BYTES,
            reply_window=(HUMAN_WINDOW if settings.human_agent else WINDOW) // SECOND,
            read_receipts=True,
            typing=True,
            choices=BUTTONS,
            send_limit=SEND_SECONDS,
        )

    def fitting(self, file: OutAttachment) -> tuple[str, OutAttachment]:
        """An image that is too large for one goes as a file."""
        kind = attachment_kind(file.content_type)
        if len(file.content) > FILE_BYTES:
            raise SendError("permanent", TOO_LARGE)
        return ("file" if kind == "image" and len(file.content) > IMAGE_BYTES else kind), file


CHANNEL = Channel(kind="messenger", channel="messenger", config=Settings, create=Messenger, parse=parse)
