"""A generic webhook: an office's own system as a channel, JSON in and JSON out, both signed.

In: ``POST /in/INBOX``. Out: ``POST`` to the configured address. docs/channels/webhook.md describes both for the other
side.
"""

from __future__ import annotations

from connectors.contract import Channel
from connectors.webhook.connector import Webhook
from connectors.webhook.reading import parse
from connectors.webhook.settings import Settings

CHANNEL = Channel(kind="webhook", channel="webhook", config=Settings, create=Webhook, parse=parse)
