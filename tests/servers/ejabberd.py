"""A real ejabberd: accounts with the password ``pw`` at ``localhost``, a component, an archive in SQLite.

Erlang keeps a daemon of its own for names of nodes (epmd); the node here gets a name and ports of its own.
"""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path

from tests.servers.process import Process, answers, free_port, is_root, need, own

PACKAGES = "ejabberd erlang-p1-sqlite3"
PASSWORD = "pw"
SECRET = "component-secret"
DOMAIN = "localhost"

_CONFIG = """\
hosts: ["localhost"]
loglevel: warning
listen:
  - port: {c2s}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    starttls: false
  - port: {component}
    ip: "127.0.0.1"
    module: ejabberd_service
    hosts:
      "hub.localhost":
        password: "{secret}"
auth_method: [sql]
default_db: sql
sql_type: sqlite
sql_database: "{folder}/spool/ejabberd.db"
auth_password_format: plain
acl:
  local:
    user_regexp: ""
access_rules:
  local:
    allow: local
modules:
  mod_disco: {{}}
  mod_ping: {{}}
  mod_roster: {{}}
  mod_offline: {{}}
  mod_carboncopy: {{}}
  mod_stream_mgmt:
    resend_on_timeout: if_offline
  mod_mam:
    assume_mam_usage: true
    default: always
"""


class Ejabberd:
    """The server and the faults that can be done to it."""

    def __init__(self, folder: Path) -> None:
        control = need("ejabberdctl", PACKAGES)
        self.port = free_port()
        self.component_port = free_port()
        for name in ("log", "spool", "home"):
            (folder / name).mkdir()
        config = folder / "ejabberd.yml"
        config.write_text(
            _CONFIG.format(folder=folder, c2s=self.port, component=self.component_port, secret=SECRET)
        )
        controls = folder / "ejabberdctl.cfg"
        node = f"test{uuid.uuid4().hex[:8]}@localhost"
        controls.write_text(
            f"ERLANG_NODE={node}\nERL_DIST_PORT={free_port()}\nINET_DIST_INTERFACE=127.0.0.1\n"
        )
        arguments = [
            *("--config-dir", str(folder), "--config", str(config), "--ctl-config", str(controls)),
            *("--logs", str(folder / "log"), "--spool", str(folder / "spool"), "--node", node),
        ]
        self._folder = folder
        # Its own way of becoming its user would put it out of our process group, and out of the reach of a kill.
        switch = ["--reuid=ejabberd", "--regid=ejabberd", "--clear-groups"]
        become = ["setpriv", *switch] if is_root() else []
        home = ["env", f"HOME={folder / 'home'}"]
        self._command = [*become, *home, control, *arguments]
        self._process = Process("ejabberd", [*self._command, "foreground"], folder / "out.log")

    def start(self) -> None:
        """Start it, for the first time or again with what it had."""
        for path in (self._folder, *self._folder.rglob("*")):
            own(path, "ejabberd")
        self._process.start(self.port, self.component_port)

    def kill(self) -> None:
        """End it at once: connections break."""
        self._process.kill()

    def stop(self) -> None:
        """End it in good order."""
        if answers(self.port):
            self._run("stop")
        self._process.stop()

    def account(self, user: str) -> str:
        """Make an account; returns its address."""
        self._run("register", user, DOMAIN, PASSWORD)
        return f"{user}@{DOMAIN}"

    def _run(self, *arguments: str) -> None:
        done = subprocess.run([*self._command, *arguments], capture_output=True, text=True, timeout=30)
        if done.returncode:
            raise RuntimeError(f"ejabberdctl {arguments[0]} failed: {done.stderr.strip()}")
