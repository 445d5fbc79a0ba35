"""The certificates that a configuration names: that they are there and can be used, said before anything listens."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

from hub.config import Config, Listener
from hub.config_check import Mistake


def server_context(listener: Listener) -> ssl.SSLContext | None:
    """The TLS of a listener, or None for plain HTTP. Raises OSError, ssl.SSLError for files that cannot be used."""
    if listener.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(listener.certificate, listener.certificate_key)
    return context


def tls_mistakes(config: Config) -> Iterator[Mistake]:
    """What is wrong with the files themselves, whose names are absolute by now."""
    for name in ("public", "private"):
        listener: Listener = getattr(config, name)
        unreadable = [
            ((name, key), sentence)
            for key in ("certificate", "certificate_key")
            if (sentence := _unreadable(getattr(listener, key)))
        ]
        yield from unreadable or _unusable(listener, name)
    if sentence := _unreadable(config.redis.ca_file):
        yield ("redis", "ca_file"), sentence


def _unreadable(file: str | None) -> str:
    if file is None:
        return ""
    try:
        Path(file).read_bytes()
    except OSError as error:
        return f"the file {file} cannot be read: {error.strerror}"
    return ""


def _unusable(listener: Listener, name: str) -> Iterator[Mistake]:
    try:
        server_context(listener)
    except ssl.SSLError:
        text = f"{listener.certificate} and {listener.certificate_key} are no certificate in PEM form and its key"
        yield (name, "certificate"), text
