"""E-mail: mailboxes read by IMAP, a listener that a mail server delivers to by LMTP or SMTP, and SMTP out.

What a mail means (its text, its thread, whether a machine wrote it) is :mod:`connectors.email.normalise`'s work; how
it comes and leaves is the rest of the folder's. ``docs/channels/email.md`` is the page for administrators.
"""

from __future__ import annotations

from typing import Any

from connectors.contract import Channel, Connector, Env
from connectors.email.config import EmailConfig
from connectors.email.connector import EmailConnector
from connectors.email.normalise import parse


def _create(config: Any, env: Env) -> Connector:
    return EmailConnector(config, env, parse)


CHANNEL = Channel(kind="email", channel="email", config=EmailConfig, create=_create, parse=parse)
