"""YouTube: comments under a channel's videos, moderated and answered from the hub.

By the YouTube Data API v3, which tells nothing by itself: it is asked, within a day's units. docs/channels/youtube.md
says how to set it up.
"""

from __future__ import annotations

from connectors.contract import Channel
from connectors.youtube.connector import YouTube
from connectors.youtube.reading import parse
from connectors.youtube.settings import Settings

CHANNEL = Channel(kind="youtube", channel="comments", config=Settings, create=YouTube, parse=parse)
"""The comments of one channel on YouTube."""
