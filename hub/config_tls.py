"""The certificates that a configuration names: that they are there and can be used, said before anything listens."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from hub.config import Config, Listener
from hub.config_check import Mistake


class PassPhraseNeeded(ssl.SSLError):
    """The private key is encrypted, and nobody is there to be asked for its pass phrase."""


def server_context(listener: Listener) -> ssl.SSLContext | None:
    """The TLS of a listener, or None for plain HTTP. Raises OSError, ssl.SSLError for files that cannot be used."""
    if listener.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # Without a callable OpenSSL would ask at the terminal, and wait.
    context.load_cert_chain(listener.certificate, listener.certificate_key, password=_no_pass_phrase)
    return context


def _no_pass_phrase() -> NoReturn:
    raise PassPhraseNeeded


def tls_mistakes(config: Config) -> Iterator[Mistake]:
    """What is wrong with the files themselves, whose names are absolute by now."""
    for name in ("public", "private"):
        listener: Listener = getattr(config, name)
        closed = [
            ((name, key), sentence)
            for key in ("certificate", "certificate_key")
            if (sentence := unreadable(getattr(listener, key)))
        ]
        yield from closed or _unusable(listener, name)
    if sentence := unreadable(config.redis.ca_file):
        yield ("redis", "ca_file"), sentence


def unreadable(file: str | None) -> str:
    """Why a file that the configuration names cannot be read; nothing if it can, or none is named."""
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
    except PassPhraseNeeded:
        text = f"the key {listener.certificate_key} is encrypted; it must be without a pass phrase"
        yield (name, "certificate_key"), text
    except ssl.SSLError:
        text = f"{listener.certificate} and {listener.certificate_key} are no certificate in PEM form and its key"
        yield (name, "certificate"), text
