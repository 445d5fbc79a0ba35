"""SMS by SMPP 3.4: one transceiver bind to an operator's or aggregator's message centre.

docs/channels/smpp.md says how it is configured. Source: SMPP Protocol Specification v3.4, Issue 1.2 (chapters and
appendix are named where they count).

The PDUs are read and written here, not by a library: we found none for Python that answers a ``deliver_sm`` with an
error when the commit failed, keeps parts before it acknowledges them, and lives with what message centres really send
(statuses of their own, empty texts, references of 16 bits).
"""

from __future__ import annotations

from connectors.contract import Channel
from connectors.smpp.connector import Smpp
from connectors.smpp.reading import parse
from connectors.smpp.settings import Settings

CHANNEL = Channel(kind="smpp", channel="sms", config=Settings, create=Smpp, parse=parse)
