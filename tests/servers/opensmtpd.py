"""A real OpenSMTPD that takes mail for one domain and hands it on by LMTP: the MTA before our own listener."""

from __future__ import annotations

import smtplib
from pathlib import Path

import pytest

from tests.servers.process import Process, free_port, is_root, need

PACKAGES = "opensmtpd"
DOMAIN = "example.pl"

_CONFIG = """\
table vdom {{"{domain}"}}
table vusers {{"@{domain}"="mail"}}
listen on 127.0.0.1 port {port} hostname mta.{domain}
action "in" lmtp "127.0.0.1:{lmtp_port}" rcpt-to virtual <vusers>
match from any for domain <vdom> action "in"
"""


class OpenSmtpd:
    """The server; it delivers to ``lmtp_port``, where the test listens.

    Its queue is the system's own (``/var/spool/smtpd``), so that only root can run it, one at a time.
    """

    def __init__(self, folder: Path, lmtp_port: int) -> None:
        program = need("smtpd", PACKAGES)
        if not is_root():
            pytest.skip("OpenSMTPD drops its rights itself and must be started by root")
        self.port = free_port()
        config = folder / "smtpd.conf"
        config.write_text(_CONFIG.format(domain=DOMAIN, port=self.port, lmtp_port=lmtp_port))
        config.chmod(0o600)
        self._process = Process("smtpd", [program, "-d", "-f", str(config)], folder / "out.log")

    def start(self) -> None:
        self._process.start(self.port)

    def stop(self) -> None:
        self._process.stop()

    def send(self, user: str, mail: bytes, sender: str = "nadawca@example.org") -> None:
        """Hand it a mail for ``user`` as another mail server would."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=20) as client:
            client.sendmail(sender, [f"{user}@{DOMAIN}"], mail)

    def output(self) -> str:
        """The last of what it printed."""
        return self._process.output()
