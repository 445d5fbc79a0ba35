"""What can be set, typed or scripted stands in the documentation, and what stands there exists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from connectors import registry
from hub import cli
from hub.cli_common import EXIT_CODES
from scripts import reference

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


@pytest.mark.parametrize("name", list(reference.FILES))
def test_what_is_made_from_the_types_is_current(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == reference.FILES[name](), "run: make reference"


def test_every_setting_says_what_it_means() -> None:
    assert list(reference.undescribed()) == []


def commands(group: click.Group, path: str = "centrala") -> Iterator[str]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        yield f"{path} {name}"
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


def test_every_command_and_exit_code_is_on_the_page() -> None:
    page = (DOCS / "commands.md").read_text()
    for command in commands(cli.cli):
        assert f"# {command}\n" in page
    for code, about in EXIT_CODES.items():
        assert re.search(rf"^  {int(code)} +{re.escape(about[:30])}", page, re.MULTILINE)


def test_commands_that_pages_mention_exist() -> None:
    known = set(commands(cli.cli))
    for page in PAGES:
        for words in re.findall(r"(?:^ +|`)(?:\S*/)?(centrala(?: [a-z]+)+)", page.read_text(), re.MULTILINE):
            parts = words.split()
            assert " ".join(parts[:2]) in known, f"{page.name}: {words}"


def test_every_channel_has_a_page() -> None:
    for kind in registry.CHANNELS:
        assert (DOCS / "channels" / f"{kind}.md").exists(), kind


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.relative_to(ROOT)}: {target}"


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text()
    for page in DOCS.glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index, page.name


def test_the_schema_accepts_what_the_reader_accepts() -> None:
    schema = json.loads((ROOT / "config/centrala.schema.json").read_text())
    assert schema["additionalProperties"] is False
    assert set(schema["$defs"]["Hub"]["properties"]) >= {"secret", "secret_file", "name"}
    kinds = [rule["if"]["properties"]["kind"]["const"] for rule in schema["$defs"]["Inbox"]["allOf"]]
    assert kinds == list(registry.CHANNELS)
