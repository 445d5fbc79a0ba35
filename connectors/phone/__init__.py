"""Telephone: an exchange tells of calls by HTTP, agents note them; nothing is sent through it.

See docs/channels/phone.md for the events. ``CHANNEL`` is its line of the registry.
"""

from __future__ import annotations

from connectors.contract import Channel
from connectors.phone.connector import Phone
from connectors.phone.reading import parse
from connectors.phone.settings import Settings

CHANNEL = Channel(kind="phone", channel="phone", config=Settings, create=Phone, parse=parse)
