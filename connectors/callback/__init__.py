"""Ordering a call: a form with free times, and a page behind a signed link where the citizen moves or cancels it.

``/embed/callback/INBOX`` shows and takes the form, ``…/thanks`` says thank you, ``…/call/TOKEN`` shows one call.
Fetching a page never changes anything.
"""

from __future__ import annotations

from connectors.callback.connector import Callback
from connectors.callback.reading import parse
from connectors.callback.settings import Settings
from connectors.contract import Channel

CHANNEL = Channel(kind="callback", channel="callback", config=Settings, create=Callback, parse=parse)
