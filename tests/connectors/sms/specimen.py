"""An answer by SMS as the hub hands it to a connector, for tests of all SMS channels."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.contract import InboxId, Micros, Outbound, Party

PRIVATE = ("Zofia", "44051401359", "600700800", "odpowiadamy")
"""What of it, and of what citizens write in tests, must reach no log."""


def outbound(**more: Any) -> Outbound:
    """To a specimen number; ``more`` are fields that differ."""
    base = Outbound(
        delivery=41,
        inbox=InboxId("test-inbox"),
        message=17,
        to=(Party(kind="phone", address="+48600700800", name="Zofia Poufna"),),
        text="Dzień dobry, odpowiadamy.",
        token="abc123",
        reference="3F7-K2M-9QX",
        from_name="Infolinia",
        created_at=Micros(1),
    )
    return msgspec.structs.replace(base, **more)
