"""A real Redis: plain or with TLS, alone or with replicas and Sentinels, to be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from tests.servers.process import Process, free_port, need, wait_until

PACKAGES = "redis-server"


class RedisServer:
    """``redis-server`` in a folder of its own. It forgets everything when it ends, unless told to ``keep``.

    With ``tls`` it speaks nothing else; ``ca_file`` is the certificate to trust then.
    """

    def __init__(
        self,
        folder: Path,
        *,
        tls: bool = False,
        keep: bool = False,
        password: str = "",
        replica_of: RedisServer | None = None,
    ) -> None:
        self.port = free_port()
        self.ca_file = folder / "cert.pem"
        self._tls = tls
        self._password = password
        port = ["--port", "0", "--tls-port", str(self.port)] if tls else ["--port", str(self.port)]
        command = [need("redis-server", PACKAGES), *port, "--bind", "127.0.0.1", "--dir", str(folder)]
        command += ["--save", "", "--appendonly", "yes" if keep else "no"]
        if keep:
            command += ["--appendfsync", "always"]
        if tls:
            make_certificate(folder)
            command += [
                "--tls-cert-file",
                str(folder / "cert.pem"),
                "--tls-key-file",
                str(folder / "key.pem"),
            ]
            command += ["--tls-auth-clients", "no"]
        if password:
            command += ["--requirepass", password]
        if replica_of is not None:
            command += ["--replicaof", "127.0.0.1", str(replica_of.port)]
        self._process = Process("redis-server", command, folder / "out.log")

    @property
    def url(self) -> str:
        """As ``redis.url`` in the configuration."""
        return f"redis{'s' if self._tls else ''}://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, for the first time or after a kill, and wait until it answers."""
        self._process.start_again(self.port, ready=lambda: self._tls or self.ask("PING") in _PONGS)

    def ask(self, *words: str) -> str:
        """The answer to a command, as redis-cli prints it. Raises RuntimeError."""
        return ask(self.port, *words, password=self._password)

    def ensure_running(self) -> None:
        """Start it if a test left it dead."""
        if not self._process.running():
            self.start()

    @property
    def pid(self) -> int:
        """Of the running process."""
        return self._process.pid

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._process.kill()

    def hang(self) -> None:
        """Let it do nothing any more, with all its connections open, until :meth:`wake`."""
        os.kill(self.pid, signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it."""
        self._process.stop()


_PONGS = ("PONG", "LOADING Redis is loading the dataset in memory")


class Sentinel:
    """A Sentinel that watches one master, and alone is a quorum."""

    def __init__(self, folder: Path, master: RedisServer, *, down_after: int = 500) -> None:
        self.port = free_port()
        file = folder / "sentinel.conf"
        file.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor centrala 127.0.0.1 {master.port} 1\n"
            f"sentinel down-after-milliseconds centrala {down_after}\n"
            "sentinel failover-timeout centrala 5000\n"
        )
        command = [need("redis-server", PACKAGES), str(file), "--sentinel"]
        self._process = Process("redis-sentinel", command, folder / "sentinel.log")

    @property
    def url(self) -> str:
        """As ``redis.url`` in the configuration."""
        return f"redis+sentinel://127.0.0.1:{self.port}/centrala"

    def start(self, replicas: int) -> None:
        """Start it and wait until it knows the replicas."""
        self._process.start(self.port)
        wait_until(lambda: f"slaves={replicas}" in ask(self.port, "INFO", "sentinel"), "no replicas found")

    def master_port(self) -> int:
        """Where the master is now."""
        return int(ask(self.port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "centrala").split()[1])

    def stop(self) -> None:
        """End it."""
        self._process.stop()


def ask(port: int, *words: str, password: str = "") -> str:
    """A command and its answer, as redis-cli prints it."""
    secret = ["--no-auth-warning", "-a", password] if password else []
    command = [need("redis-cli", PACKAGES), "-p", str(port), *secret, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    return done.stdout.strip()


def make_certificate(folder: Path) -> None:
    """A certificate for 127.0.0.1, signed by itself: ``cert.pem`` and ``key.pem``."""
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    command = [need("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt"]
    command += ["ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", *names, *files]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
