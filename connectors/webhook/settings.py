"""Settings of a generic webhook: ``[inboxes.settings]`` of an inbox of the kind ``webhook``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from connectors._forms import Rate
from connectors.contract import Secret

SHORTEST_SECRET = 16


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``secret`` signs both ways (at least 16 characters, better 32 random ones); ``previous_secret`` is still taken on
    the way in while the other side changes over. Requests older or newer than ``window_seconds`` are refused.

    ``url`` is where answers go (empty: answers cannot leave through this inbox). ``edits``: the other side understands
    ``edit`` and ``deletion``. ``max_length`` in characters, ``attachment_bytes`` of all files of one answer (0: none).
    ``max_body`` in bytes of one request, ``per_address`` limits requests.
    """

    secret: Secret
    previous_secret: Secret | None = None
    window_seconds: Annotated[int, msgspec.Meta(ge=10, le=86_400)] = 300
    url: Annotated[str, msgspec.Meta(pattern=r"^$|^https?://\S+$")] = ""
    edits: bool = False
    max_length: Annotated[int, msgspec.Meta(ge=1)] | None = None
    attachment_bytes: Annotated[int, msgspec.Meta(ge=0, le=50_000_000)] = 10_000_000
    max_body: Annotated[int, msgspec.Meta(ge=1000, le=50_000_000)] = 15_000_000
    timeout_seconds: Annotated[float, msgspec.Meta(gt=0, le=60)] = 15.0
    per_address: Rate = "600/minute"

    def __post_init__(self) -> None:
        for secret in (self.secret, self.previous_secret):
            if secret is not None and len(secret.reveal()) < SHORTEST_SECRET:
                raise ValueError(f"the secret of a webhook needs at least {SHORTEST_SECRET} characters")
