"""What the code itself must not hold, whoever writes it: no objects from bytes, no shell, no second way out."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for part in ("hub", "connectors", "rules")
    for path in (ROOT / part).rglob("*.py")
    if "demo" not in path.parts
)

MODULES = frozenset({"pickle", "marshal", "shelve", "dill", "telnetlib", "xmlrpc"})
"""Modules that make objects or code of bytes."""

BUILT_IN = frozenset({"eval", "exec", "compile"})
CALLS = frozenset({"system", "popen", "mktemp", "from_string"})
"""Functions that run text; ``from_string`` makes a template of it."""

UNSEEN = ("verify", "verify_ssl", "ssl")
"""Arguments that turn off looking at a certificate."""

SECRET = frozenset({"secret", "token", "signature", "digest", "mac", "csrf", "password"})
GIVEN = frozenset({"given", "sent", "got", "received", "wanted", "expected", "header"})

OPENERS = {"ClientSession": {"hub/egress.py", "connectors/kannel/connector.py"}}
"""Who may open connections by HTTP: the one client for addresses from outside, and the one to the gateway that the
configuration names."""


class Found(msgspec.Struct, frozen=True):
    """What one file holds, found in one walk over it: functions that are called, and sentences on what is wrong."""

    called: frozenset[str]
    faults: tuple[str, ...]
    comparisons: tuple[str, ...]


@functools.cache
def found_in(path: Path) -> Found:
    """Parsing all the code takes seconds; nobody needs it twice."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    calls = [(name_of(node.func), node) for node in nodes if isinstance(node, ast.Call)]
    wrong = (node for node in nodes if isinstance(node, ast.Compare) and is_hasty(node))
    return Found(
        called=frozenset(name for name, _ in calls),
        faults=(
            *(MODULES & {module for node in nodes for module in imported_by(node)}),
            *(f"line {call.lineno}: {ast.unparse(call)}" for name, call in calls if is_fault(name, call)),
        ),
        comparisons=tuple(f"line {node.lineno}: {ast.unparse(node)}" for node in wrong),
    )


def name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def imported_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield (node.module or "").partition(".")[0]


def is_fault(name: str, call: ast.Call) -> bool:
    runs = name in (BUILT_IN if isinstance(call.func, ast.Name) else CALLS)
    keywords = {word.arg: ast.unparse(word.value) for word in call.keywords if word.arg in (*UNSEEN, "shell")}
    return (
        runs
        or any(keywords.get(word) == "False" for word in UNSEEN)
        or keywords.get("shell", "False") != "False"
    )


def is_hasty(node: ast.Compare) -> bool:
    """Whether something secret is compared with something given by ``==``, which tells how much of it was right."""
    if not isinstance(node.ops[0], ast.Eq | ast.NotEq):
        return False
    names = {ast.unparse(side).lower().rpartition(".")[2] for side in (node.left, *node.comparators)}
    return bool(names & SECRET) and bool(names & GIVEN)


@pytest.mark.slow
def test_nothing_makes_code_or_objects_of_what_came_in() -> None:
    """Nor asks a shell, nor leaves a certificate unseen."""
    assert {str(path): found_in(path).faults for path in SOURCES if found_in(path).faults} == {}


def test_secrets_are_compared_in_constant_time() -> None:
    """No ``==`` stands between something secret and something given, where ``compare_digest`` is meant."""
    assert {str(path): found_in(path).comparisons for path in SOURCES if found_in(path).comparisons} == {}


def test_addresses_from_outside_have_one_way_out() -> None:
    for opener, places in OPENERS.items():
        named = (path for path in SOURCES if opener in path.read_text(encoding="utf-8"))
        found = {str(path.relative_to(ROOT)) for path in named if opener in found_in(path).called}
        assert found == places
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert "urllib.request" not in text and "import requests" not in text and "http.client" not in text, (
            path
        )


def test_no_template_turns_escaping_off() -> None:
    for path in [*(ROOT / "hub").rglob("*.html"), *(ROOT / "connectors").rglob("*.html")]:
        text = path.read_text(encoding="utf-8")
        assert "autoescape" not in text and "|safe" not in text.replace(" ", ""), path
        assert "javascript:" not in text and ' style="' not in text and "<style" not in text, path


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "eval(text)",
        "os.system(text)",
        "environment.from_string(text)",
        "run(text, shell=True)",
        "session.get(url, ssl=False)",
        "ok = request.token == given",
        "ok = sent != mac",
    ],
)
def test_what_is_looked_for_is_found(tmp_path: Path, code: str) -> None:
    path = tmp_path / "code.py"
    path.write_text(f"{code}\n")
    found = found_in(path)
    assert found.faults or found.comparisons
