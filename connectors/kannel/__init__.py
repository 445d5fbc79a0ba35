"""SMS through a Kannel gateway: sent by ``sendsms``, received and reported on by HTTP calls of its smsbox.

docs/channels/kannel.md says how both sides are configured. Source: Kannel 1.4.5 User's Guide, chapters 6 and 8.
"""

from __future__ import annotations

from connectors.contract import Channel
from connectors.kannel.connector import Kannel
from connectors.kannel.reading import parse
from connectors.kannel.settings import Settings

CHANNEL = Channel(kind="kannel", channel="sms", config=Settings, create=Kannel, parse=parse)
