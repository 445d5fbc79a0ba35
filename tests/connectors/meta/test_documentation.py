"""The configuration that the pages of Meta's channels show is one that the hub takes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.contract import decode_secret
from connectors.registry import load

DOCS = Path(__file__).parents[3] / "docs" / "channels"


def examples(kind: str) -> list[dict[str, Any]]:
    """The settings of each configuration on the page of a kind."""
    page = (DOCS / f"{kind}.md").read_text()
    found = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL)]
    return [(told["inboxes"][0] if isinstance(told["inboxes"], list) else told["inboxes"]) for told in found]


@pytest.mark.parametrize("kind", ["messenger", "instagram", "whatsapp"])
def test_the_examples_are_taken(kind: str) -> None:
    assert examples(kind)
    for inbox in examples(kind):
        assert inbox.get("kind", kind) == kind
        told = {name.removesuffix("_file"): value for name, value in inbox["settings"].items()}
        assert msgspec.convert(told, load(kind).config, dec_hook=decode_secret)
