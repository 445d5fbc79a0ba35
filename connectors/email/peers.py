"""How the servers behind an inbox are: told to the health page, and to the log once when one fails and once when it
is back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

from connectors.contract import Env, Health, Micros

State = Literal["ok", "starting", "degraded", "unreachable", "wrong_credentials", "misconfigured"]

_WORST_FIRST: tuple[State, ...] = (
    "misconfigured",
    "wrong_credentials",
    "unreachable",
    "degraded",
    "starting",
    "ok",
)


@dataclasses.dataclass(slots=True)
class Peer:
    """One server (or mailbox on it) that the inbox talks to; ``outgoing``: to send by. ``name`` is safe to log."""

    name: str
    state: State = "starting"
    detail: str = ""
    last_seen: Micros | None = None
    backlog: int = 0
    down_since: float | None = None
    outgoing: bool = False

    def up(self, env: Env) -> None:
        """It answered as it should."""
        if self.down_since is not None:
            seconds = round(env.clock.monotonic() - self.down_since, 1)
            env.log.info("peer is back", inbox=env.inbox, peer=self.name, down_seconds=seconds)
            self.down_since = None
        self.state, self.detail, self.last_seen = "ok", "", env.clock.now()

    def down(self, env: Env, state: State, detail: str) -> None:
        """It did not. ``detail`` is a sentence without secrets and addresses."""
        if self.down_since is None:
            self.down_since = env.clock.monotonic()
        if self.state != state:
            env.log.warning("peer is down", inbox=env.inbox, peer=self.name, state=state, detail=detail)
        self.state, self.detail = state, detail


def summary(peers: Sequence[Peer], now: Micros) -> Health:
    """The inbox as a whole: as bad as its worst peer, with the names of those that are as bad.

    ``lag`` is the time since the mailbox that was out of sight longest was last looked at.
    """
    if not peers:
        return Health(state="ok")
    state = min((peer.state for peer in peers), key=_WORST_FIRST.index)
    worst = [peer for peer in peers if peer.state == state]
    seen = [peer.last_seen for peer in peers if peer.last_seen is not None]
    return Health(
        state=state,
        detail="" if state == "ok" else _named(worst),
        last_seen=max(seen, default=None),
        lag=(now - min(seen)) / 1_000_000 if len(seen) == len(peers) else None,
        backlog=sum(peer.backlog for peer in peers),
        outgoing=state != "ok" and all(peer.outgoing for peer in worst),
    )


def _named(peers: Sequence[Peer]) -> str:
    shown = "; ".join(f"{peer.name}: {peer.detail or peer.state}" for peer in peers[:5])
    return shown if len(peers) <= 5 else f"{shown}; and {len(peers) - 5} more"
