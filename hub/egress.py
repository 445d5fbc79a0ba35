"""The one client for addresses that come from outside: webhooks, providers' media.

Every resolved address is checked, and the connection goes to just that address, at each hop of a redirect: names that
lead into the office's own network (also by rebinding, or as an IPv4 address inside an IPv6 one) are refused. Networks
that an administrator allows (``hub.egress_allow``) pass.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from connectors.contract import Fetched, SendError
from hub.i18n import mark as N_

HOPS = 5
"""Most redirects followed; only for GET and HEAD."""

CONNECT = 2 / 3
"""Share of a request's time that looking up the name and connecting may take. An end apart, because then nothing was
sent for certain."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FORBIDDEN = N_("The address leads to a network that the hub may not reach.")
NO_ADDRESS = N_("This is no address that can be asked; check it.")
UNREACHABLE = N_("The other side could not be reached.")
BROKEN = N_("The connection broke before the other side answered.")


class Forbidden(OSError):
    """A name resolved to addresses that may not be reached."""


UNICAST = ipaddress.IPv6Network("2000::/3")
"""All IPv6 addresses that are given out to the world (RFC 4291, 2.4); what is outside is for special ends."""

TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""The IPv4 network as a gateway shows it to hosts that speak IPv6 alone (NAT64, RFC 6052)."""


def permitted(address: str, allowed: Sequence[Network]) -> bool:
    """Whether an IP address may be connected to. An IPv6 address that carries an IPv4 one (mapped, NAT64, 6to4) is
    as good as what it carries: a gateway may lead there."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if any(ip in network for network in allowed):
        return True
    if isinstance(ip, ipaddress.IPv6Address):
        carried = _carried(ip)
        if carried is not None:
            return permitted(str(carried), allowed)
        if ip not in UNICAST:
            return False
    return ip.is_global and not ip.is_multicast


def _carried(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address inside an IPv6 one (RFC 4291, RFC 6052, RFC 3056)."""
    if ip in TRANSLATED:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour


class CheckedResolver(AbstractResolver):
    """Resolves by the system and drops what is not permitted. Raises Forbidden when nothing is left."""

    def __init__(self, allowed: Callable[[], Sequence[Network]]) -> None:
        self._allowed = allowed
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        allowed = self._allowed()
        passed = [result for result in found if permitted(result["host"], allowed)]
        if not passed:
            raise Forbidden(f"{host} leads to no address that may be reached")
        return passed

    async def close(self) -> None:
        await self._resolver.close()


class CheckedEgress:
    """See :class:`connectors.contract.Egress`. ``allow``: private networks (CIDR) that may be reached."""

    def __init__(self, allow: Sequence[str]) -> None:
        self._session: aiohttp.ClientSession | None = None
        self.admit(allow)

    def admit(self, allow: Sequence[str]) -> None:
        """These private networks, and no others, may be reached from now on."""
        self._allowed = [ipaddress.ip_network(network) for network in allow]

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Whoever asks has its own bound; one for all would let silent addresses hold up every other one.
            connector = aiohttp.TCPConnector(
                resolver=CheckedResolver(lambda: self._allowed), use_dns_cache=False, limit=0
            )
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            )
        return self._session

    async def close(self) -> None:
        """Close what is kept open."""
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = {},
        body: bytes | None = None,
        timeout: float = 15.0,
        max_bytes: int = 10_000_000,
    ) -> Fetched:
        """Raises SendError: ``permanent`` for what is forbidden or no address, ``temporary`` where nothing was sent,
        ``ambiguous`` where the connection broke after that."""
        for _ in range(HOPS + 1):
            answer = await self._once(method, url, headers, body, timeout, max_bytes)
            location = answer.headers.get("location")
            if (
                answer.status not in (301, 302, 303, 307, 308)
                or not location
                or method not in ("GET", "HEAD")
            ):
                return answer
            onward = _onward(url, location)
            if _target(onward).origin() != _target(url).origin():
                # Credentials are for whom they were meant, not for where somebody sends us.
                headers = {k: v for k, v in headers.items() if k.lower() not in ("authorization", "cookie")}
            url = onward
        raise SendError("permanent", UNREACHABLE, "too many redirects")

    async def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout: float,
        max_bytes: int,
    ) -> Fetched:
        self._check(url)
        try:
            async with self._open().request(
                method,
                url,
                headers=dict(headers),
                data=body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout, connect=timeout * CONNECT),
            ) as response:
                return Fetched(
                    status=response.status,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    body=await _bounded(response, max_bytes),
                )
        except Forbidden as error:
            raise SendError("permanent", FORBIDDEN, str(error)) from error
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, Forbidden):
                raise SendError("permanent", FORBIDDEN, str(error.os_error)) from error
            raise SendError("temporary", UNREACHABLE, type(error).__name__) from error
        except aiohttp.ConnectionTimeoutError as error:
            raise SendError("temporary", UNREACHABLE, type(error).__name__) from error
        except (
            ValueError
        ) as error:  # before anything is sent: a name that cannot be, a header with a line break
            raise SendError("permanent", NO_ADDRESS, type(error).__name__) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SendError("ambiguous", BROKEN, type(error).__name__) from error

    def _check(self, url: str) -> None:
        """Addresses written as numbers, which no resolver sees."""
        try:
            literal = str(ipaddress.ip_address(_target(url).host or ""))
        except ValueError:
            return
        if not permitted(literal, self._allowed):
            raise SendError("permanent", FORBIDDEN, "an address that may not be reached")


def _target(url: str) -> URL:
    """An address of the web, read. Raises SendError for any other."""
    try:
        target = URL(url)
    except ValueError as error:
        raise SendError("permanent", NO_ADDRESS, "not an address") from error
    if target.scheme not in ("http", "https") or not target.host:
        raise SendError("permanent", NO_ADDRESS, "not an http address")
    return target


def _onward(url: str, location: str) -> str:
    """Where a redirect leads. Raises SendError for what is no address."""
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise SendError("permanent", NO_ADDRESS, "a redirect to no address") from error


async def _bounded(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    body = await response.content.read(max_bytes + 1)
    parts = [body]
    size = len(body)
    while size <= max_bytes and (part := await response.content.read(max_bytes + 1 - size)):
        parts.append(part)
        size += len(part)
    if size > max_bytes:
        raise SendError("permanent", N_("The other side's answer is too large."), f"over {max_bytes} bytes")
    return b"".join(parts)
