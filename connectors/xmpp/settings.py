"""Settings of an XMPP inbox: ``[inboxes.settings]`` of an inbox of the kind ``xmpp``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from connectors._loopback import is_loopback
from connectors.contract import Secret
from connectors.xmpp.names import bare


def _about(description: str, **limits: Any) -> msgspec.Meta:
    return msgspec.Meta(description=description, **limits)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One address that people write to; see docs/channels/xmpp.md. Raises ValueError for what can never work."""

    address: Annotated[str, _about("The inbox's own address, as people write to it (kontakt@example.pl).")]
    password: Annotated[
        Secret, _about("Password of the account, or the component's secret; better as password_file.")
    ]
    way: Annotated[
        Literal["client", "component"],
        _about("Whether the hub logs in to an account or serves a domain of the server (XEP-0114)."),
    ] = "client"
    host: Annotated[
        str,
        _about(
            "Server to connect to; empty: what the DNS says of the address's domain. A component needs it."
        ),
    ] = ""
    port: Annotated[
        int, _about("TCP port; 0: 5222, 5223 with direct TLS, 5347 for a component.", ge=0, le=65535)
    ] = 0
    tls: Annotated[
        Literal["starttls", "direct", "none"],
        _about("TLS of a client; starttls is demanded, never merely tried; none only on loopback."),
    ] = "starttls"
    ca_file: Annotated[
        str | None,
        _about("PEM file of the authority that signed the server's certificate; else the system's."),
    ] = None
    resource: Annotated[
        str,
        _about(
            "Name of the connection within the account; one inbox, one name.", min_length=1, max_length=200
        ),
    ] = "centrala"
    subscriptions: Annotated[
        Literal["accept", "ignore"],
        _about("Whether people who ask may see that the inbox is connected."),
    ] = "accept"
    first_scan: Annotated[
        Literal["all", "new"],
        _about("Whether what the archive holds at the first start is taken too."),
    ] = "new"
    archive_seconds: Annotated[
        float, _about("The archive is looked through this often for what did not come live.", gt=0, le=3600)
    ] = 60.0
    max_length: Annotated[
        int, _about("Longest message in characters; longer answers leave in parts.", ge=100, le=50_000)
    ] = 5_000
    attachment_bytes: Annotated[
        int, _about("Most bytes of all files of one answer; 0: none.", ge=0, le=500_000_000)
    ] = 20_000_000
    upload_service: Annotated[
        str,
        _about("Address of the service that takes files (XEP-0363); empty: the one that the server names."),
    ] = ""
    fetch_bytes: Annotated[
        int, _about("Largest file that is fetched from people.", ge=1_000, le=500_000_000)
    ] = 50_000_000
    timeout_seconds: Annotated[float, _about("Longest wait for one answer of the server.", gt=0, le=120)] = (
        20.0
    )

    def __post_init__(self) -> None:
        if not self.address or bare(self.address) != self.address:
            raise ValueError(f"xmpp: address {self.address!r} must be written local@domain, in lower case")
        if "@" not in self.address and self.way == "client":
            raise ValueError("xmpp: the address of a client is local@domain")
        if self.way == "component" and not self.host:
            raise ValueError("xmpp: a component needs the host of its server")
        if self.way == "client" and self.tls == "none" and not is_loopback(self.host):
            raise ValueError('xmpp: tls = "none" is for loopback; it would send the password in the clear')
        if self.upload_service and bare(self.upload_service) != self.upload_service:
            raise ValueError(f"xmpp: upload_service {self.upload_service!r} is no address")

    @property
    def domain(self) -> str:
        """The server's domain of a client, the component's own of a component."""
        return self.address.partition("@")[2] or self.address

    @property
    def to_port(self) -> int:
        """The port to connect to."""
        if self.port:
            return self.port
        return 5347 if self.way == "component" else (5223 if self.tls == "direct" else 5222)
