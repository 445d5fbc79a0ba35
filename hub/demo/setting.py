"""Where the demo stands: free ports of loopback, and the configuration that goes with them."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping
from pathlib import Path

import msgspec

from hub.config import Config, Inbox
from hub.configfile import Channels, load

SITE_PORT = 8082
"""Port of the office's site, where it is free."""

MAIL_INBOX, APPLICATION_INBOX, PHONE_INBOX = "kontakt", "aplikacja", "telefon"
CHAT_INBOX = "czat"
PREFIX = "/dostawcy"
"""Path of the site under which the providers' stand-ins are."""

_PROVIDERS = {
    "CENTRALA_INBOX_SMS_URL": "kannel/cgi-bin/sendsms",
    "CENTRALA_INBOX_TWILIO_BASE_URL": "twilio",
    "CENTRALA_INBOX_TELEGRAM_API_URL": "telegram",
    "CENTRALA_INBOX_MESSENGER_GRAPH_URL": "meta",
    "CENTRALA_INBOX_FACEBOOK_GRAPH_URL": "meta",
    "CENTRALA_INBOX_ROLKI_GRAPH_URL": "meta",
    "CENTRALA_INBOX_INSTAGRAM_GRAPH_URL": "meta",
    "CENTRALA_INBOX_WHATSAPP_GRAPH_URL": "meta",
    "CENTRALA_INBOX_X_API_URL": "x",
    "CENTRALA_INBOX_YOUTUBE_API_URL": "youtube/youtube/v3",
    "CENTRALA_INBOX_YOUTUBE_TOKEN_URL": "youtube/token",
}
"""Settings that lead there, as the environment gives them."""

WIDGETS = ("comments", "form", "callback", "chat")
"""Kinds of inbox that a page of the site shows in a frame."""


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """TCP ports on loopback: the hub's two listeners and its LMTP door, the site, the citizens' mail server, the
    message centre, the XMPP server."""

    public: int
    private: int
    lmtp: int
    site: int
    mail: int
    smpp: int
    xmpp: int


def address(port: int) -> str:
    """The address of something that listens on loopback."""
    return f"http://127.0.0.1:{port}"


def find_ports(wished: Config) -> Ports:
    """The configured ports where they are free, else any that are."""
    taken: set[int] = set()
    wishes = (wished.public.port, wished.private.port, 0, SITE_PORT, 0, 0, 0)
    found = [_port(wish, taken) for wish in wishes]
    names = ("public", "private", "lmtp", "site", "mail", "smpp", "xmpp")
    return Ports(**dict(zip(names, found, strict=True)))


def _port(wish: int, taken: set[int]) -> int:
    """A free port that is not promised to another part already."""
    for candidate in (wish, *([0] * 20)):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", candidate)) as found:
            port = int(found.getsockname()[1])
            if port not in taken:
                taken.add(port)
                return port
    raise OSError("no free port was found on 127.0.0.1")


def demo_config(path: Path, ports: Ports, channels: Channels, folder: Path) -> Config:
    """The configuration at ``path`` with these ports, its data and its store in ``folder``. Raises ConfigError."""
    config = load(path, environ={**os.environ, **_environment(ports, folder)}, channels=channels)
    inboxes = tuple(_pointed(inbox, address(ports.site)) for inbox in config.inboxes)
    return msgspec.structs.replace(config, inboxes=inboxes)


def _environment(ports: Ports, folder: Path) -> Mapping[str, str]:
    return {
        "CENTRALA_HUB_DATA_DIR": str(folder),
        "CENTRALA_STORE_URL": f"sqlite:{folder}/centrala.db",
        "CENTRALA_HUB_PUBLIC_URL": address(ports.public),
        "CENTRALA_HUB_CONSOLE_URL": address(ports.private),
        "CENTRALA_PUBLIC_PORT": str(ports.public),
        "CENTRALA_PRIVATE_PORT": str(ports.private),
        "CENTRALA_INBOX_KONTAKT_LISTEN_PORT": str(ports.lmtp),
        "CENTRALA_INBOX_KONTAKT_SMTP_PORT": str(ports.mail),
        "CENTRALA_INBOX_OPERATOR_PORT": str(ports.smpp),
        "CENTRALA_INBOX_XMPP_PORT": str(ports.xmpp),
        "CENTRALA_INBOX_APLIKACJA_URL": f"{address(ports.site)}/aplikacja",
        **{name: f"{address(ports.site)}{PREFIX}/{path}" for name, path in _PROVIDERS.items()},
    }


def _pointed(inbox: Inbox, origin: str) -> Inbox:
    """Widgets may stand on the demo's site; SMSAPI, which has a list of addresses, is there too."""
    if inbox.kind == "smsapi":
        return msgspec.structs.replace(
            inbox, settings={**inbox.settings, "base_urls": [f"{origin}{PREFIX}/smsapi"]}
        )
    if inbox.kind not in WIDGETS:
        return inbox
    origins = [*inbox.settings.get("origins", ()), origin]
    settings = {**inbox.settings, "origins": origins, "privacy_url": f"{origin}/prywatnosc"}
    return msgspec.structs.replace(inbox, settings=settings)
