"""X (once Twitter): direct messages and public posts that mention the office's account.

In by webhooks (Account Activity API and its successor, X Activity), with polling behind them; out as direct messages
and as public replies. docs/channels/x.md says how to set it up.
"""

from __future__ import annotations

from connectors.contract import Channel
from connectors.x.connector import X
from connectors.x.reading import parse
from connectors.x.settings import Settings

CHANNEL = Channel(kind="x", channel="x", config=Settings, create=X, parse=parse)
"""One account on X: its direct messages and mentions."""
