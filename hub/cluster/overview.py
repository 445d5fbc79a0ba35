"""What people are told of the processes that share a store: who they are, what each holds, what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from connectors.contract import Micros
from hub.cluster.leases import NOBODY, Standing, standings
from hub.cluster.members import Member, members
from hub.cluster.roles import ROLES, Role
from hub.store.tx import Reader

State = Literal["works", "ends", "silent"]
"""``ends``: it was told to stop and finishes what is in hand. ``silent``: it ended without a word, or hangs."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One process. ``silent`` in seconds; ``holds`` are the names of its leases."""

    name: str
    state: State
    version: str
    roles: tuple[Role, ...]
    began_at: Micros
    silent: float
    holds: tuple[str, ...]


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """All processes by name, empty where the store has one process only. ``free``: leases that nobody holds.
    ``missing``: roles that no process has. ``setups``: how many different configurations they run with."""

    nodes: tuple[Node, ...]
    free: tuple[str, ...]
    missing: tuple[Role, ...]
    setups: int

    @property
    def versions(self) -> tuple[str, ...]:
        """Versions at work: several while a new one is rolled out."""
        return tuple(sorted({node.version for node in self.nodes if node.state != "silent"}))


def overview(tx: Reader, ttl: float) -> Overview:
    """Read it; ``ttl`` is how long a process may be silent, in seconds."""
    return overview_of(members(tx), standings(tx), ttl)


def overview_of(found: Sequence[Member], leases: Mapping[str, Standing], ttl: float) -> Overview:
    """Put it together. Pure."""
    nodes = tuple(_node(member, leases, ttl) for member in found)
    at_work = [node for node in nodes if node.state == "works"]
    holding = {name for node in nodes if node.state != "silent" for name in node.holds}
    has = {role for node in at_work for role in node.roles}
    return Overview(
        nodes=nodes,
        free=tuple(sorted(leases.keys() - holding)),
        missing=tuple(role for role in ROLES if nodes and role not in has),
        setups=len({member.setup for member in found if member.silent < ttl}),
    )


def _node(member: Member, leases: Mapping[str, Standing], ttl: float) -> Node:
    state: State = "silent" if member.silent >= ttl else "works" if member.roles else "ends"
    return Node(
        name=member.name,
        state=state,
        version=member.version,
        roles=member.roles,
        began_at=member.began_at,
        silent=member.silent,
        holds=tuple(sorted(name for name, held in leases.items() if held.holder == member.id != NOBODY)),
    )
