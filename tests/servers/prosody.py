"""A real Prosody: accounts with the password ``pw`` at ``localhost``, a component, an archive, an upload service.

The archive lies in files, so that it survives a kill. STARTTLS is offered with a certificate of the test's own.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.servers.process import Process, free_port, is_root, need

PACKAGES = "prosody lua-sec"
PASSWORD = "pw"
SECRET = "component-secret"
DOMAIN = "localhost"
COMPONENT = "hub.localhost"

_CONFIG = """\
{run_as_root}
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
log = {{ info = "{folder}/prosody.log" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {c2s} }}
c2s_direct_tls_ports = {{ {tls} }}
component_interfaces = {{ "127.0.0.1" }}
component_ports = {{ {component} }}
http_interfaces = {{ "127.0.0.1" }}
http_ports = {{ {http} }}
https_ports = {{ }}
http_default_host = "upload.localhost"
http_external_url = "http://127.0.0.1:{http}/"
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "ping", "presence", "message", "iq", "offline",
    "carbons", "smacks", {mam} }}
modules_disabled = {{ "s2s" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
storage = "internal"
default_archive_policy = true
smacks_hibernation_time = 60
ssl = {{ certificate = "{folder}/cert.pem"; key = "{folder}/key.pem" }}

VirtualHost "localhost"

Component "upload.localhost" "http_file_share"
    http_file_share_access = {{ "localhost", "hub.localhost" }}
    http_file_share_size_limit = 1000000

Component "hub.localhost"
    component_secret = "{secret}"

Component "rooms.localhost" "muc"
"""


class Prosody:
    """The server and the faults that can be done to it. ``ca_file`` is what its certificate is checked with."""

    def __init__(self, folder: Path, *, archive: bool = True) -> None:
        program = need("prosody", PACKAGES)
        self.port = free_port()
        self.component_port = free_port()
        self.http_port = free_port()
        self.tls_port = free_port()
        self.ca_file = folder / "cert.pem"
        self._accounts = folder / "data" / DOMAIN / "accounts"
        self._accounts.mkdir(parents=True)
        _certificate(folder)
        config = folder / "prosody.cfg.lua"
        config.write_text(
            _CONFIG.format(
                folder=folder,
                run_as_root="run_as_root = true" if is_root() else "",
                c2s=self.port,
                tls=self.tls_port,
                component=self.component_port,
                http=self.http_port,
                mam='"mam"' if archive else "",
                secret=SECRET,
            )
        )
        self._process = Process("prosody", [program, "-F", "--config", str(config)], folder / "out.log")

    def start(self) -> None:
        """Start it, for the first time or again with what it had."""
        self._process.start(self.port, self.component_port, self.http_port, self.tls_port)

    def ensure_running(self) -> None:
        """Start it if a test left it dead."""
        if not self._process.running():
            self.start()

    def stop(self) -> None:
        """End it in good order: streams are closed."""
        self._process.stop()

    def kill(self) -> None:
        """End it at once: connections break."""
        self._process.kill()

    def account(self, user: str) -> str:
        """Make an account; returns its address. The password is :data:`PASSWORD`."""
        name = re.sub("[^A-Za-z0-9]", lambda sign: f"%{ord(sign[0]):02x}", user)
        (self._accounts / f"{name}.dat").write_text(f'return {{ ["password"] = "{PASSWORD}" }};\n')
        return f"{user}@{DOMAIN}"


def _certificate(folder: Path) -> None:
    """A certificate for :data:`DOMAIN` that signs itself."""
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subject = ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        [need("openssl", "openssl"), *command[1:], *files, *subject], check=True, capture_output=True
    )
