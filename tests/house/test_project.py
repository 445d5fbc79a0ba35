"""The files around the code: locks, container, imports, and what no line of the project may hold."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import msgspec
import pytest
import yaml
from packaging.requirements import Requirement

from connectors import registry
from hub.config import Config
from hub.config_check import is_secret, struct_of
from scripts import second_try

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]


def tracked(pattern: str = "") -> list[Path]:
    """Files under version control."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", pattern or "."], cwd=ROOT, capture_output=True, check=True
    )
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).exists()]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_locks_pin_by_hash_and_name_no_place(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"://|@ |--(extra-)?index|--find-links|file:/|/opt|/home|/tmp", text)
    blocks = re.split(r"\n(?=[a-z])", re.sub(r"^#.*\n?", "", text, flags=re.MULTILINE).strip())
    for block in blocks:
        assert re.match(r"[a-z0-9-]+==\S+ \\\n +--hash=sha256:[0-9a-f]{64}", block), block[:80]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", name)[0]).lower()


def imported(folders: tuple[str, ...]) -> set[str]:
    """Top-level modules that the code of some packages imports."""
    found: set[str] = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    found |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"hub", "connectors", "rules", "tests", "scripts", "bench"}


USED_OTHERWISE = {"asyncpg", "async-timeout"}
"""Runtime dependencies that no line imports: the driver that SQLAlchemy finds by the URL, a part of redis."""


@pytest.mark.slow
def test_each_dependency_is_imported_and_each_import_is_a_dependency() -> None:
    by_module = metadata.packages_distributions()
    used = {
        canonical(name) for module in imported(("hub", "connectors", "rules")) for name in by_module[module]
    }
    declared = {canonical(name) for name in PROJECT["dependencies"]}
    assert declared - used - USED_OTHERWISE == set(), "declared but not imported"
    assert used - declared == set(), "imported but not declared"


def test_locks_hold_what_is_declared() -> None:
    locked = {
        canonical(line) for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line
    }
    assert {canonical(name) for name in PROJECT["dependencies"]} <= locked
    locked = {
        canonical(line) for line in (ROOT / "requirements-dev.lock").read_text().splitlines() if "==" in line
    }
    everything = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    assert {canonical(name) for name in everything} <= locked


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_is_whole_on_the_oldest_python_that_is_served(name: str) -> None:
    """Debian 12 has 3.11.2; who makes a lock may have a newer one, on which some packages ask for less."""
    locked = {canonical(line) for line in (ROOT / name).read_text().splitlines() if "==" in line}
    for package in sorted(locked & {canonical(found.name) for found in metadata.distributions()}):
        for asked in map(Requirement, metadata.requires(package) or ()):
            place = {"python_full_version": "3.11.2", "extra": ""}
            if asked.marker is None or asked.marker.evaluate(place):
                assert canonical(asked.name) in locked, f"{package} asks for {asked}"


def test_every_setting_is_read_somewhere() -> None:
    readers = [path for path in tracked("hub/*.py") if path.parent != ROOT / "hub/config"]
    code = "\n".join(path.read_text() for path in readers)
    waiting = [(table.name, struct_of(table.type)[0]) for table in msgspec.structs.fields(Config)]
    for table, struct in waiting:
        for field in msgspec.structs.fields(struct) if struct else ():
            assert re.search(rf"[.\"]{field.name}\b", code), f"nothing reads {table}.{field.name}"


def test_every_channel_stands_alone() -> None:
    """The import rules name channels; a new one must not be forgotten there."""
    modules = {target.split(":")[0] for target in registry.CHANNELS.values()}
    packages = {".".join(module.split(".")[:2]) for module in modules}
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    named = [{*contract.get("modules", ()), *contract.get("forbidden_modules", ())} for contract in contracts]
    naming = [modules for modules in named if "connectors.email" in modules]
    assert len(naming) == 2
    assert all(packages <= modules for modules in naming)


SECRET_NAMES = re.compile(r"(^|_)(password|secret|token|api_key|private_key)$")


def test_settings_that_sound_like_secrets_are_secrets() -> None:
    waiting: list[type[msgspec.Struct]] = [
        Config,
        *(registry.load(kind).config for kind in registry.CHANNELS),
    ]
    seen: set[type[msgspec.Struct]] = set()
    while waiting:
        struct = waiting.pop()
        seen.add(struct)
        for field in msgspec.structs.fields(struct):
            inner = struct_of(field.type)[0]
            if inner is not None and inner not in seen:
                waiting.append(inner)
            if SECRET_NAMES.search(field.name):
                assert is_secret(field.type), f"{struct.__qualname__}.{field.name}"


def test_connectors_forbid_unknown_settings() -> None:
    for kind in registry.CHANNELS:
        config = registry.load(kind).config
        assert config.__struct_config__.forbid_unknown_fields and config.__struct_config__.frozen, kind


def test_the_image_runs_as_nobody_special_and_tells_its_health() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    stages = [number for number, line in enumerate(lines) if line.startswith("FROM ")]
    last = "\n".join(lines[stages[-1] :])
    assert len(stages) > 1, "compilers and caches stay in a stage of their own"
    assert re.search(r"^USER (?!root|0)\w+$", last, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK .*CMD \[\"centrala\", \"health\"\]$", last, re.MULTILINE), (
        "wherever it listens"
    )
    assert not re.search(r"^(ADD|RUN .*(curl|wget)) ", "\n".join(lines), re.MULTILINE)
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", "\n".join(lines), re.MULTILINE):
        for name in source.split():
            assert (ROOT / name).exists(), name


def test_compose_is_valid_and_keeps_the_console_inside() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    service = compose["services"]["centrala"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert set(service["secrets"]) <= set(compose["secrets"])
    names = {volume.split(":")[0] for volume in service["volumes"]}
    assert names - {"./config"} <= set(compose["volumes"])
    settings = [name.removesuffix("_FILE") for name in service["environment"]]
    tables = {f"CENTRALA_{t.upper()}_{f.upper()}" for t, f in _single_settings()}
    assert set(settings) <= tables


def _single_settings() -> list[tuple[str, str]]:
    found = []
    for table in msgspec.structs.fields(Config):
        struct, listed = struct_of(table.type)
        if struct is not None and not listed:
            found += [(table.name, field.name) for field in msgspec.structs.fields(struct)]
    return found


def test_modules_say_what_they_are_for() -> None:
    for path in tracked("*.py"):
        text = path.read_text().lstrip()
        assert not text or text.startswith(('"""', 'r"""')), f"{path.relative_to(ROOT)} has no docstring"


def test_no_unfinished_business_is_checked_in() -> None:
    marks = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b")
    for path in tracked():
        if path.suffix in {".py", ".html", ".js", ".css", ".md", ".toml", ".yaml"}:
            assert not marks.search(path.read_text()), path.relative_to(ROOT)


@pytest.mark.parametrize(
    ("failed", "why"),
    [
        (["tests/browser/test_inbox.py::test_keys[pl]"], None),
        ([], "without a failing test"),
        (["tests/hub/test_app.py"], "cannot be collected"),
        ([f"tests/hub/test_app.py::test_{number}" for number in range(6)], "6 tests failed"),
        (["tests/hub/test_app.py::test_it", "tests/chaos/test_kill.py::test_kills"], "judges losses"),
        (["tests/simulation/test_simulation.py::test_every_seed"], "judges losses"),
    ],
)
def test_a_second_try_is_for_few_tests_and_none_that_judge_losses(failed: list[str], why: str | None) -> None:
    found = second_try.refusal(failed)
    assert found == why if why is None else found is not None and why in found
