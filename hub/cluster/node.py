"""Who this process is among those that share a store."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import socket
from pathlib import Path

import msgspec

from connectors.contract import Secret
from hub import __version__
from hub.cluster.members import Me
from hub.cluster.roles import in_order
from hub.config import Config
from hub.configfile import signing_secret
from hub.durable import make_folder, write_file

HOME = "node.id"
"""The file in the data folder by which its processes know each other, one after the other."""
MARK = re.compile(rb"[0-9a-f]{16}")


def this_node(config: Config, *, boot: str) -> Me:
    """The process with this configuration; ``boot`` is new at each start. Reads and makes files in the data folder."""
    home = _home(Path(config.hub.data_dir))
    return Me(
        name=config.hub.node,
        boot=f"{_mark(home.encode())}.{boot}",
        home=home,
        roles=in_order(config.hub.roles),
        version=__version__,
        secret=_mark(signing_secret(config).encode()),
        setup=setup_of(config),
    )


def setup_of(config: Config) -> str:
    """A mark of what all processes must have alike: everything but where one runs and what it does."""
    own = ("hub", "store", "redis", "public", "private", "metrics")
    shared = {name: getattr(config, name) for name in config.__struct_fields__ if name not in own}
    return _mark(msgspec.json.encode(shared, enc_hook=_hidden, order="deterministic"))


def _hidden(value: object) -> str:
    """A secret in a mark: told apart from others and not shown."""
    if isinstance(value, Secret):
        return _mark(value.reveal().encode())
    raise NotImplementedError


def _home(data_dir: Path) -> str:
    """The folder's mark, made where there is none or none that is whole. Raises OSError."""
    path = data_dir / HOME
    if not _is_whole(path):
        make_folder(data_dir)
        write_file(path, secrets.token_hex(8))
    # A copy of the folder, on this host or another, is another home.
    return f"{path.read_text().strip()}-{path.stat().st_ino}-{socket.gethostname()}"


def _is_whole(path: Path) -> bool:
    """Whether a mark is there; a power cut under an earlier version may have left anything there."""
    return path.exists() and MARK.fullmatch(path.read_bytes().strip()) is not None


def _mark(value: bytes) -> str:
    """Tells different values apart and gives none away."""
    return hmac.new(value, b"centrala node", hashlib.sha256).hexdigest()[:16]
