"""Live chat: a page of a site's own look, framed by one script tag, where a visitor talks to whoever is on duty.

``GET /embed/chat/INBOX`` is the page. It works as a form; its script (``static/chat.js``) adds what happens meanwhile,
by server-sent events from ``…/stream``. What is written goes by ``POST`` to the same address, typing and reading to
``…/signal``. Outside the hours, or when nobody is there, the page is a form that is answered by mail.
"""

from __future__ import annotations

from connectors.chat.connector import LiveChats
from connectors.chat.reading import parse
from connectors.chat.settings import Settings
from connectors.contract import Channel

CHANNEL = Channel(kind="chat", channel="chat", config=Settings, create=LiveChats, parse=parse)
