"""The configuration as commands need it: the file of ``-c``, the environment, and the settings of every channel."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from connectors import registry
from hub.config import Config
from hub.configfile import Channels, load


def settings_type(kind: str) -> type[msgspec.Struct]:
    """The type of the settings of a kind of inbox. Raises KeyError."""
    return registry.load(kind).config


CHANNELS = Channels(kinds=tuple(registry.CHANNELS), config=settings_type)


def read_config(path: Path) -> Config:
    """The configuration, held against all types. Raises :class:`hub.configfile.ConfigError`."""
    return load(path, environ=os.environ, channels=CHANNELS)
