"""How a connector joins the suite that runs over every connector. Start here.

1. Wire fixtures: ``tests/connectors/KIND/fixtures/NAME.raw`` (what came off the wire, or the body that a handler
   hands to ``parse``) and ``NAME.json`` beside it: the list of ``Inbound`` that it means, defaults left out. Write the
   ``.raw`` by hand, run ``CENTRALA_WRITE_FIXTURES=1 pytest tests/contract -k KIND`` once, and *read* the ``.json``.
2. ``tests/contract/cases/KIND.py`` with ``CASES``: a tuple of :class:`Case`, one for each way the channel works.

A case says how to start the connector beside a fake peer on loopback (:attr:`Case.wired`), how to put a message on
that wire, what should leave for a given ``Outbound`` (``fixtures/NAME.wire``, the exact bytes, written in the same
way), and what each failure of the peer means. The suite does the rest:

* fixtures give what stands beside them, and the same ``external_id`` every time;
* what is told arrives; told again it is recognised; a sink that refuses leaves it on the wire, and it comes later;
* cancelling ``run`` closes every socket at once;
* sends are byte for byte as expected, failures map to the right kind of ``SendError``;
* secrets and personal numbers are in no log, and nothing leaves loopback.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol

from connectors.contract import Connector, Env, Outbound, Sink

ErrorKind = Literal["temporary", "permanent", "throttled", "ambiguous"]


class Wired(Protocol):
    """A connector beside its fake peer, not running yet."""

    connector: Connector

    async def tell(self, number: int) -> bool:
        """Put message ``number`` on the wire, the same bytes for the same number; whether the wire was acknowledged
        (250, a 2xx, the flag on the server) within a second. A wire that keeps the message is not told again."""

    def sent(self) -> bytes:
        """All that left for the peer so far, as bytes on the wire."""

    def fail(self, how: str) -> None:
        """From now on the peer fails in a way that :attr:`Case.failures` names."""


class Routed:
    """Base of a :class:`Wired` whose wire are the connector's own routes. ``run`` hands the sink to the handlers."""

    def sent(self) -> bytes:
        return b""

    def fail(self, how: str) -> None:
        raise AssertionError(f"there is no peer that could fail by {how}")


Wiring = Callable[[Env], AbstractAsyncContextManager[Wired]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """One way in which a channel works.

    ``secrets`` are strings that must reach no log: passwords of the configuration, and the personal numbers, names and
    addresses that ``tell`` and ``sends`` use. ``failures`` maps what ``fail`` understands to the ``SendError`` that
    must come of it. ``told_again`` is how a message comes back that nobody acknowledged: by the ``peer`` itself (a
    server that keeps it) or by the ``sender``, whom the suite then plays. ``has_identity`` is false where the wire
    gives none, so that telling again makes two messages. ``ready`` waits until the connector can be told something.
    """

    name: str
    wired: Wiring
    secrets: tuple[str, ...]
    sends: dict[str, Outbound] = dataclasses.field(default_factory=dict)
    failures: dict[str, ErrorKind] = dataclasses.field(default_factory=dict)
    takes: bool = True
    has_identity: bool = True
    told_again: Literal["peer", "sender"] = "sender"
    ready: Callable[[Wired], Awaitable[None]] | None = None


__all__ = ["Case", "ErrorKind", "Routed", "Sink", "Wired", "Wiring"]
