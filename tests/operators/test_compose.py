"""The compose files: what they tell the hub is what it knows, every role is there twice, secrets are files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.cli_config import CHANNELS
from hub.cluster.roles import ROLES, read_roles
from hub.config import Config
from hub.configfile import load

ROOT = Path(__file__).parents[2]


def compose(name: str) -> dict[str, Any]:
    """A compose file."""
    found: dict[str, Any] = msgspec.yaml.decode((ROOT / name).read_bytes(), type=dict[str, Any])
    return found


def hubs(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The services that are ours."""
    return {name: service for name, service in document["services"].items() if "build" in service}


def configured(service: dict[str, Any], folder: Path) -> Config:
    """The configuration that a service's hub would have, with its secrets in ``folder``."""
    environ = {}
    for name, value in service["environment"].items():
        if name.endswith("_FILE"):
            secret = folder / Path(value).name
            assert value == f"/run/secrets/{secret.name}" and secret.name in service["secrets"]
            secret.write_text("0123456789abcdef" * 4)
            value = str(secret)
        environ[name] = value
    return load(ROOT / "config" / "centrala.toml", environ=environ, channels=CHANNELS)


@pytest.mark.parametrize("name", ["compose.yaml", "compose.large.yaml"])
def test_every_setting_is_one_that_the_hub_knows(name: str, tmp_path: Path) -> None:
    document = compose(name)
    for service in hubs(document).values():
        config = configured(service, tmp_path)
        assert config.hub.secret is not None, "processes would sign with secrets of their own"
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        assert {*service["secrets"]} <= {*document["secrets"]}
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), "a proxy with TLS stands before it"


@pytest.mark.parametrize("name", ["compose.yaml", "compose.large.yaml"])
def test_each_hub_is_asked_for_its_health_as_the_image_says(name: str) -> None:
    """``centrala health`` reaches a process with any roles, wherever it listens; what runs once is not asked."""
    for called, service in hubs(compose(name)).items():
        asked = service.get("healthcheck")
        assert asked == ({"disable": True} if "profiles" in service else None), called


def test_the_small_one_keeps_all_in_one_volume(tmp_path: Path) -> None:
    [service] = hubs(compose("compose.yaml")).values()
    config = configured(service, tmp_path)
    assert config.store.sqlite_path() is not None and config.redis.url is None
    assert "data:/var/lib/centrala" in service["volumes"]


def test_the_large_one_survives_any_of_its_processes(tmp_path: Path) -> None:
    document = compose("compose.large.yaml")
    working = {name: service for name, service in hubs(document).items() if "profiles" not in service}
    counted = dict.fromkeys(ROLES, 0)
    nodes, urls, ports = set(), set(), []
    for service in working.values():
        config = configured(service, tmp_path)
        assert config.store.password is not None
        assert config.redis.url is not None and config.redis.password is not None
        nodes.add(config.hub.node)
        urls.add((config.store.url, config.redis.url))
        assert service["command"][:3] == ["centrala", "run", "--role"]
        roles = read_roles(service["command"][3:])
        for role in roles:
            counted[role] += 1
        if "web" not in roles:
            assert config.metrics.port and config.metrics.host == "0.0.0.0"
        ports += service.get("ports", ())
    assert min(counted.values()) == 2
    assert len(nodes) == len(working) and len(urls) == 1 and len(ports) == len(set(ports))
    [(store, redis)] = urls
    assert "@postgres:" in store and "//redis:" in redis
    assert {"postgres", "redis"} <= set(document["services"])


def test_backups_find_a_program_of_the_servers_version() -> None:
    image = compose("compose.large.yaml")["services"]["postgres"]["image"]
    dockerfile = (ROOT / "Dockerfile").read_text()
    [server] = re.findall(r"^postgres:(\d+)", image)
    [client] = re.findall(r"postgresql-client-(\d+)", dockerfile)
    assert int(client) >= int(server)
