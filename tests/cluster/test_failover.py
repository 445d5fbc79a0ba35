"""Two hubs as processes on one PostgreSQL: who does what, and what becomes of it when one of them dies or hangs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.nodes import Node
from tests.servers.postgres import Postgres

INBOXES = """
[[inboxes]]
id = "formularz"
kind = "form"
name = "Formularz"
office = "krajowa"
queue = "informacja"

[[inboxes]]
id = "aplikacja"
kind = "webhook"
name = "Aplikacja"
office = "krajowa"
queue = "informacja"
settings = { secret = "a-webhook-secret-of-32-characters" }
"""

Make = Callable[..., Node]


@pytest.fixture
def nodes(postgres: Postgres, tmp_path: Path) -> Iterator[Make]:
    """Makes processes on one new database; all are gone at the end."""
    url = postgres.fresh_database()
    made: list[Node] = []

    def make(name: str, **options: object) -> Node:
        made.append(Node(tmp_path, url, name, INBOXES, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for node in made:
        node.end()


@pytest.mark.slow
def test_a_process_that_dies_is_replaced(nodes: Make) -> None:
    first, second = nodes("first"), nodes("second")
    first.start()
    first.says("lease=inbox:formularz")
    second.start()
    assert "lease taken" not in second.lines()
    first.kill()
    second.says("lease=inbox:formularz")
    second.says("lease=search")
    first.start()
    assert first.post("/nowhere", b"", {}) == 404
