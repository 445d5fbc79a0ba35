"""Networks from which a provider calls, where an inbox names them."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence


def networks(sources: Sequence[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Addresses and networks as they stand in the settings. Raises ValueError."""
    return [ipaddress.ip_network(source) for source in sources]


def is_within(address: str, sources: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Whether a call comes from one of these networks; IPv4 may come in the form of IPv6."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return any(ip in network for network in sources)
