"""What all tests share: the real servers, plain tracebacks, a profile of hypothesis that a slow machine can bear."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, create_engine

from hub.people import passwords
from hub.store import sqlite

pytest_plugins = ("tests.servers.fixtures",)

# Two busy cores make single examples slow; a deadline would only tell that. The examples are the same each time, so
# that no change is refused for what another one broke; with CENTRALA_RANDOM=1 they are new ones.
settings.register_profile(
    "centrala",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CENTRALA_RANDOM" not in os.environ,
)
settings.load_profile("centrala")

# Without this a logged exception is drawn with all its variables, which takes half a minute for a page.
structlog.configure(
    processors=[
        structlog.stdlib.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

# What was compiled once, assertions rewritten, serves every worker, every run, and the hubs that tests start by the
# hundred, whatever the shell says: to compile all tests takes three times as long as to find them.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own in it
ENOUGH = 4 << 30
"""Bytes. Where so much memory is free for files, the tests' folders lie there: each commit would wait for the disk,
and not one of these stores outlives its test."""

if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ENOUGH:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

REAL = passwords._hasher, passwords.NOBODY
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)

# Passwords of tests are hashed in no time, those of nobody too, but where that is what is tried.
passwords._hasher, passwords.NOBODY = CHEAP, CHEAP.hash("nobody's password")


STATEMENTS = create_engine("sqlite://", query_cache_size=10_000)
STATEMENTS.connect().close()  # which tells its dialect what this SQLite can do


def _remembering(*args: Any, **options: Any) -> Engine:
    """An engine that knows what was made of a statement for any other one. Each store has engines of its own, and to
    compile all statements for each anew takes a quarter of all its time."""
    engine = create_engine(*args, **options)
    engine.dialect, engine._compiled_cache = STATEMENTS.dialect, STATEMENTS._compiled_cache
    return engine


sqlite.create_engine = _remembering  # type: ignore[attr-defined]


@pytest.fixture
def real_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed as in production, which takes a tenth of a second each."""
    monkeypatch.setattr(passwords, "_hasher", REAL[0])
    monkeypatch.setattr(passwords, "NOBODY", REAL[1])


EVERYDAY = (
    "tests/hub/store",
    "tests/hub/search",
    "tests/hub/test_blobs.py",
    "tests/hub/intake/test_several_processes.py",
    "tests/hub/outbox/test_across_nodes.py",
)
"""Where PostgreSQL is tried every day, because the engines differ there: statements, text search, several processes at
one table. What services do with it is tried in the slow part: they are the same functions of a transaction on both."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is collected lives as long as the run: looking through it for garbage again and again costs a sixth of the
    collecting, and a tenth of all time afterwards. From then on garbage is looked for as often as the hub does."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 2, 20)
        gc.enable()


LONGEST = (
    "tests/simulation/test_simulation.py",
    "tests/chaos/test_kill",
    "tests/days/test_mass_event.py",
    "tests/rules/test_property.py",
    "tests/rules/test_lint_worlds.py",
    "tests/simulation/test_mutations.py",
    "tests/rules/test_fuzz.py",
    "tests/chaos",
    "tests/cluster",
)
"""Beginnings of the files that take longest. They come first, so that no worker waits for another at the end."""


def _turn(item: pytest.Item) -> int:
    """Where a test stands in the run: the number of its beginning, else behind them all."""
    turns = (turn for turn, beginning in enumerate(LONGEST) if item.nodeid.startswith(beginning))
    return next(turns, len(LONGEST))


UNDER_LOAD = 300
"""Seconds for a test that drives Chromium: on a machine that is busy with others it takes several times as long."""

EXAMPLES = 8
"""Of how many examples of hypothesis the everyday part tries one; the slow part tries them all, the same ones too."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The variants on PostgreSQL of all other suites are slow tests; so are most examples of hypothesis. Tests with a
    browser have more time."""
    items.sort(key=_turn)
    everyday = config.getoption("markexpr") == "not slow"
    for item in items:
        if _on_postgresql(item) and not item.nodeid.startswith(EVERYDAY):
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.timeout(UNDER_LOAD))
        if everyday and isinstance(item, pytest.Function):
            _fewer_examples(item.obj)


def _on_postgresql(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and "postgresql" in callspec.params.values()


def _fewer_examples(test: Any) -> None:
    """Cut what a test of hypothesis asks for, whether it is its own number or the profile's. Variants share it."""
    asked = getattr(test, ASKED, None)
    if asked is None or hasattr(test, "is_cut"):
        return
    setattr(test, ASKED, settings(asked, max_examples=max(10, asked.max_examples // EXAMPLES)))
    test.is_cut = True


ASKED = "_hypothesis_internal_use_settings"
"""Where hypothesis keeps the settings of a test; its own plugin of pytest reads them there."""
