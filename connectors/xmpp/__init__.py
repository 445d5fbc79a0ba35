"""XMPP: an account that the hub logs in to, or a domain that it serves as a component of the office's own server.

What a stanza means is :mod:`connectors.xmpp.reading`'s work, how answers look :mod:`connectors.xmpp.writing`'s; the
rest of the folder is how both travel without a loss. ``docs/channels/xmpp.md`` is the page for administrators.
"""

from __future__ import annotations

from typing import Any

from connectors.contract import Channel, Connector, Env
from connectors.xmpp.connector import Xmpp
from connectors.xmpp.reading import parse
from connectors.xmpp.settings import Settings


def _create(config: Any, env: Env) -> Connector:
    return Xmpp(config, env)


CHANNEL = Channel(kind="xmpp", channel="xmpp", config=Settings, create=_create, parse=parse)
