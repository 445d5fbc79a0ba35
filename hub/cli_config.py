"""The configuration as commands need it: the file of ``-c``, the environment, and the settings of every channel.

Besides ``hub.app`` this is the one module of the hub that looks up channels by name.
"""

from __future__ import annotations

import os
from pathlib import Path

from connectors import registry
from connectors.contract import Channel
from hub.config import Config
from hub.configfile import Channels, load

KINDS = tuple(registry.CHANNELS)
"""The kinds of inbox that exist."""


def channel(kind: str) -> Channel:
    """The channel of a kind, imported on first use. Raises KeyError."""
    return registry.load(kind)


CHANNELS = Channels(kinds=KINDS, config=lambda kind: channel(kind).config)


def read_config(path: Path) -> Config:
    """The configuration, held against all types. Raises :class:`hub.configfile.ConfigError`."""
    return load(path, environ=os.environ, channels=CHANNELS)
