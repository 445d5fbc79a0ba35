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


def found(words: list[str]) -> click.Command:
    """The command that the first of some words lead to."""
    command: click.Command = cli.cli
    for word in words:
        inner = (
            command.get_command(click.Context(command), word) if isinstance(command, click.Group) else None
        )
        if inner is None:
            break
        command = inner
    return command


def test_commands_and_options_that_pages_mention_exist() -> None:
    known = set(commands(cli.cli))
    for page in PAGES:
        for line in re.findall(
            r"(?:^ +(?:\$ )?|`)(?:\S*/)?centrala( [a-z][^`\n#]*)", page.read_text(), re.MULTILINE
        ):
            words = line.split()
            assert f"centrala {words[0]}" in known, f"{page.name}: {line}"
            parameters = found(words).params
            options = {name for one in parameters for name in (*one.opts, *one.secondary_opts)} | {"--help"}
            named = {word.partition("=")[0].rstrip(".,;:)") for word in words if word.startswith("-")}
            assert named <= options, f"{page.name}: {line}: {named - options}"


def test_tasks_and_modules_that_pages_mention_exist() -> None:
    tasks = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        text = page.read_text()
        assert set(re.findall(r"(?:^ +|`)make ([a-z-]+)", text, re.MULTILINE)) <= tasks, page.name
        for module in re.findall(r"python -m ([\w.]+)", text):
            place = ROOT / module.replace(".", "/")
            assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), module


def test_files_that_pages_mention_exist() -> None:
    """Those of our own folders; what a hub makes is elsewhere, and ``NAME`` stands for any."""
    ours = r"`((?:hub|connectors|rules|tests|bench|scripts|config|docs)/[\w./]+)(?:::\w+)?`"
    for page in PAGES:
        for name in re.findall(ours, page.read_text()):
            assert "NAME" in name or (ROOT / name).exists(), f"{page.relative_to(ROOT)}: {name}"


def test_the_map_of_the_code_is_complete_and_true() -> None:
    """Each row names places, then what lies in them; every folder and every module of the hub has its place."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = set()
    for line in re.findall(r"^\| `.*", text, re.MULTILINE):
        cell, told = line.strip("| ").split(" | ", 1)
        names = re.findall(r"`([^`]+)`", cell.replace("<channel>", "*"))
        places = [place for name in names for place in ROOT.glob(name)]
        assert places, cell
        inside = {place if place.is_dir() else place.parent for place in places}
        parts = re.findall(r"`([\w*/]+(?:/|\.py))`", told)
        found = {
            part: [*ROOT.glob(part), *(at for folder in inside for at in folder.rglob(part))]
            for part in parts
        }
        assert [part for part, at in found.items() if not at] == [], cell
        named |= {*places, *(at for several in found.values() for at in several)}
    tops = [*(ROOT / "hub").iterdir(), *(ROOT / "rules").iterdir(), *(ROOT / "tests").iterdir()]
    code = {top for top in tops if top.suffix == ".py" or (top.is_dir() and top.name != "__pycache__")}
    mirrored = {ROOT / "tests" / top for top in ("connectors", "hub", "rules", "conftest.py", "wordforms.py")}
    assert code - named - mirrored == {ROOT / "hub" / "__init__.py", ROOT / "rules" / "__init__.py"}


def test_every_channel_has_a_page() -> None:
    for kind in registry.CHANNELS:
        assert (DOCS / "channels" / f"{kind}.md").exists(), kind


def anchors(page: Path) -> set[str]:
    """What a link may name behind ``#``: the headings, in lower case, with hyphens for spaces and nothing else."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", page.read_text()):
            if "://" not in target:
                place = page.parent / target if target else page
                assert place.exists(), f"{page.relative_to(ROOT)}: {target}"
                assert not anchor or anchor in anchors(place), f"{page.relative_to(ROOT)}: {target}#{anchor}"


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
