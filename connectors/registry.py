"""The channels that exist: one line each, imported only when somebody asks for that kind.

A new channel is its module (or folder) and one line here. Only the composition root (``hub/app.py``), the check of
the configuration and ``centrala parse`` look up channels by name.
"""

from __future__ import annotations

import importlib

from connectors.contract import Channel

CHANNELS: dict[str, str] = {
    "email": "connectors.email:CHANNEL",
    "comments": "connectors.comments:CHANNEL",
    "form": "connectors.form:CHANNEL",
    "callback": "connectors.callback:CHANNEL",
    "webhook": "connectors.webhook:CHANNEL",
    "xmpp": "connectors.xmpp:CHANNEL",
    "chat": "connectors.chat:CHANNEL",
    "kannel": "connectors.kannel:CHANNEL",
    "smpp": "connectors.smpp:CHANNEL",
    "telegram": "connectors.telegram:CHANNEL",
    "phone": "connectors.phone:CHANNEL",
    "smsapi": "connectors.smsapi:CHANNEL",
    "twilio": "connectors.twilio:CHANNEL",
    "x": "connectors.x:CHANNEL",
    "youtube": "connectors.youtube:CHANNEL",
    "messenger": "connectors.meta.messenger:CHANNEL",
    "instagram": "connectors.meta.instagram:CHANNEL",
    "whatsapp": "connectors.meta.whatsapp:CHANNEL",
    "facebook_comments": "connectors.meta.facebook_comments:CHANNEL",
    "instagram_comments": "connectors.meta.instagram_comments:CHANNEL",
}
"""Kind of inbox to ``module:attribute``."""


def load(kind: str) -> Channel:
    """The channel of a kind. Raises KeyError for a kind that does not exist."""
    module, attribute = CHANNELS[kind].split(":")
    channel = getattr(importlib.import_module(module), attribute)
    if not isinstance(channel, Channel):
        raise TypeError(f"{CHANNELS[kind]} is not a Channel")
    return channel
