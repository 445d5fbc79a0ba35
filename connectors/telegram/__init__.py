"""Telegram: a bot's private chats (and groups, where an office wants them) through the Bot API.

In by long polling or by a webhook; out by the methods of the Bot API. docs/channels/telegram.md says how to get a bot
and what works. Described by https://core.telegram.org/bots/api (Bot API 9.x).
"""

from __future__ import annotations

from connectors.contract import Channel
from connectors.telegram.connector import Telegram
from connectors.telegram.reading import parse
from connectors.telegram.settings import Settings

CHANNEL = Channel(kind="telegram", channel="telegram", config=Settings, create=Telegram, parse=parse)
"""One bot at work."""
