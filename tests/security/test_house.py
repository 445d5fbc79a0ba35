"""What the code itself must not hold, whoever writes it: no objects from bytes, no shell, no second way out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

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

OPENERS = {"ClientSession": {"hub/egress.py", "connectors/kannel/connector.py"}}
"""Who may open connections by HTTP: the one client for addresses from outside, and the one to the gateway that the
configuration names."""


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield name, node


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def faults(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield from MODULES & set(imports(tree))
    for name, call in calls(tree):
        keywords = {word.arg: ast.unparse(word.value) for word in call.keywords}
        runs = name in (BUILT_IN if isinstance(call.func, ast.Name) else CALLS)
        unseen = any(keywords.get(word) == "False" for word in ("verify", "verify_ssl", "ssl"))
        if runs or unseen or keywords.get("shell", "False") != "False":
            yield f"line {call.lineno}: {ast.unparse(call)}"


def test_nothing_makes_code_or_objects_of_what_came_in() -> None:
    """Nor is a shell asked, nor a certificate not looked at."""
    assert {str(path): found for path in SOURCES if (found := list(faults(path)))} == {}


def test_addresses_from_outside_have_one_way_out() -> None:
    for opener, places in OPENERS.items():
        found = {
            str(path.relative_to(ROOT))
            for path in SOURCES
            if any(name == opener for name, _ in calls(ast.parse(path.read_text(encoding="utf-8"))))
        }
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


def test_secrets_are_compared_in_constant_time() -> None:
    """No ``==`` between something secret and something given: where it stands, ``compare_digest`` is meant."""
    secret = ("secret", "token", "signature", "digest", "mac", "csrf", "password")
    given = ("given", "sent", "got", "received", "wanted", "expected", "header")
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
                sides = [ast.unparse(side).lower() for side in (node.left, *node.comparators)]
                names = [side.rpartition(".")[2] for side in sides]
                wrong = any(n in secret for n in names) and any(n in given for n in names)
                assert not wrong, f"{path}:{node.lineno}: {ast.unparse(node)}"
