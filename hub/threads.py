"""Names of threads that the hub gives where a channel has none."""

from __future__ import annotations


def pair_key(inbox: str, kind: str, address: str) -> str:
    """The thread of a channel without threads: everything between one inbox and one address (see ``Party.kind``)."""
    return f"pair:{inbox}:{kind}:{address}"
