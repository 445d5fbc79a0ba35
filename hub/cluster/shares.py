"""How many leases of one kind a process keeps, so that the work is spread. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from hub.cluster.members import Member
from hub.cluster.roles import Role


def alive(members: Sequence[Member], ttl: float) -> list[Member]:
    """Those that have renewed their row within ``ttl`` seconds."""
    return [member for member in members if member.silent < ttl]


def fair_share(leases: int, role: Role, members: Sequence[Member], ttl: float) -> int:
    """Most of so many leases that one process keeps while others with the same role live: an equal part, rounded up."""
    sharing = sum(role in member.roles for member in alive(members, ttl))
    return -(-leases // max(1, sharing))
