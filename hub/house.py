"""What a service needs besides the store: the configured house, its rules, its signatures and its texts.

A House is immutable and swapped whole when rules or inboxes are reloaded; a running decision keeps its own.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

import msgspec

from connectors.contract import Capabilities, Tokens, Translate
from hub.directory import Directory
from rules import Compiled


class House(msgspec.Struct, frozen=True, kw_only=True):
    """``capabilities`` and ``channels`` (the medium) by inbox, of the inboxes that run.

    ``rules`` is the published version ``rules_version``.
    """

    directory: Directory
    capabilities: Mapping[str, Capabilities]
    channels: Mapping[str, str]
    rules: Compiled
    rules_version: int
    tokens: Tokens
    translate: Translate
    random: random.Random
