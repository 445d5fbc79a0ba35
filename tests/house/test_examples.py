"""Every configuration that a page of the documentation shows is taken by the hub as it stands there."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import registry
from hub.cli_config import CHANNELS
from hub.configfile import load

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SHIPPED = tomllib.loads((ROOT / "config/centrala.toml").read_text(encoding="utf-8"))
SECRETS = {"telegram": "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"}
"""What must look like something; any other secret of an example is thirty-two letters."""

Table = dict[str, Any]


def blocks(page: Path) -> list[Table]:
    """The TOML that a page shows."""
    text = page.read_text(encoding="utf-8")
    return [
        tomllib.loads(block) for block in re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    ]


def examples() -> Iterator[Any]:
    for page in sorted(DOCS.rglob("*.md")):
        for number, shown in enumerate(blocks(page), 1):
            name = f"{page.relative_to(DOCS)}:{number}"
            yield pytest.param(page, shown, id=name)


def by_id(*rows: Table) -> dict[str, Table]:
    """Rows by their ids; a later one completes or changes an earlier one of the same id."""
    found: dict[str, Table] = {}
    for row in rows:
        found[row["id"]] = {**found.get(row["id"], {}), **row}
    return found


def first(kind: str) -> Table:
    """The inbox that the page of a channel shows first."""
    inbox: Table = blocks(DOCS / f"channels/{kind}.md")[0]["inboxes"][0]
    return inbox


def completed(page: Path, shown: Table) -> Table:
    """The shipped configuration with the inboxes of all pages and an example in it, as inboxes name each other. A part
    of an inbox completes the first one of its page, on the pages about all SMS channels that of Kannel."""
    own = first(page.stem if page.parent.name == "channels" else "kannel")
    before = {**SHIPPED, "inboxes": [*SHIPPED["inboxes"], *map(first, registry.CHANNELS), own]}
    for name, rows in shown.items():
        if isinstance(rows, dict):
            rows = [{**own, "settings": {**own["settings"], **rows["settings"]}}]
        before[name] = [*before[name], *rows]
    return {
        name: [*by_id(*rows).values()] if isinstance(rows, list) else rows for name, rows in before.items()
    }


def toml(value: Any) -> str:
    """A value as inline TOML: but for its tables that is JSON."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def written(folder: Path, values: Table) -> Path:
    """A configuration with the files and secrets that it names."""
    text = "".join(f"{name} = {toml(value)}\n" for name, value in values.items())
    for name in set(re.findall(r'"/run/secrets/([^"]+)"', text)):
        (folder / name).write_text(SECRETS.get(name, "abcdefghijklmnopqrstuvwxyz012345"))
    for name in ("rules.yaml", "offices.toml"):
        (folder / name).write_bytes((ROOT / "config" / name).read_bytes())
    path = folder / "centrala.toml"
    path.write_text(text.replace("/run/secrets", str(folder)), encoding="utf-8")
    return path


@pytest.mark.parametrize(("page", "shown"), list(examples()))
def test_an_example_is_a_configuration(page: Path, shown: Table, tmp_path: Path) -> None:
    load(written(tmp_path, completed(page, shown)), environ={}, channels=CHANNELS)


def test_every_channel_shows_an_inbox_of_its_own() -> None:
    for kind in registry.CHANNELS:
        [inbox] = blocks(DOCS / f"channels/{kind}.md")[0]["inboxes"]
        assert inbox["kind"] == kind
