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
from rules.waits import Watch, watch


class House(msgspec.Struct, frozen=True, kw_only=True):
    """``capabilities`` and ``channels`` (the medium) by inbox, of the inboxes that run.

    ``rules`` is the published version ``rules_version``; ``watch``, derived from them, says what they are asked about.
    """

    directory: Directory
    capabilities: Mapping[str, Capabilities]
    channels: Mapping[str, str]
    rules: Compiled
    rules_version: int
    tokens: Tokens
    translate: Translate
    random: random.Random
    watch: Watch = Watch()

    def __post_init__(self) -> None:
        """Also after a copy with other rules, so that the two never disagree."""
        msgspec.structs.force_setattr(self, "watch", watch(self.rules.ruleset))
