"""Checks beside the hub: in a thread, for large texts in a child process, with the same answer, and once only."""

from __future__ import annotations

from typing import Any

import pytest

from hub.house import House
from hub.ruleset import proving
from hub.ruleset.checks import check, known
from hub.ruleset.proving import prove
from hub.store import schema
from hub.store.store import Store
from rules.files.load import version_of
from tests.hub.ruleset.conftest import SOURCE
from tests.hub.specimen import add_person

WRONG = SOURCE.replace("queue: pracodawcy", "queue: pracodawcyy")
CONTRADICTION = SOURCE.replace(
    "when: {words: [pracodawca, firma]}", "when: {channel: sms, not: {channel: sms}}"
)


@pytest.fixture(autouse=True)
def fresh() -> None:
    proving._last.clear()


@pytest.mark.parametrize(
    "source",
    [
        SOURCE,
        WRONG,
        pytest.param(CONTRADICTION, marks=pytest.mark.slow),
        pytest.param("rules: 7\n", marks=pytest.mark.slow),
    ],
)
async def test_a_child_says_what_a_thread_says(
    sqlite_store: Store, house: House, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = house.directory
    thread = await prove(sqlite_store, directory, source, "draft 1", 5)
    proving._last.clear()
    monkeypatch.setattr(proving, "LARGE", 1)

    def no_thread(*arguments: Any) -> None:
        raise AssertionError("it was checked in this process")

    monkeypatch.setattr(proving, "check", no_thread)
    child = await prove(sqlite_store, directory, source, "draft 1", 5)
    assert child.proof == thread.proof and child.proof.digest == version_of(source)
    assert (child.compiled is None) == (thread.compiled is None)


async def test_without_a_child_it_is_done_here(
    sqlite_store: Store, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "LARGE", 1)
    monkeypatch.setattr("sys.executable", "/nowhere")
    found = await prove(sqlite_store, house.directory, WRONG, "draft 1", 5)
    assert [item.part for item in found.proof.errors] == ["names"]


async def test_the_same_question_is_asked_once_until_a_name_changes(
    sqlite_store: Store, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def counted(*arguments: Any) -> Any:
        asked.append(1)
        return check(*arguments)

    monkeypatch.setattr(proving, "check", counted)
    assigned = SOURCE.replace("do: {queue: pracodawcy}", "do: {queue: pracodawcy, assign: anna}")
    for _ in range(3):
        found = await prove(sqlite_store, house.directory, assigned, "draft 1", 5)
        assert "anna" in str(found.proof.errors[0].text)
    assert len(asked) == 1
    number = await sqlite_store.write(lambda tx: add_person(tx, "anna"))
    assert (await prove(sqlite_store, house.directory, assigned, "draft 1", 5)).proof.passed
    await sqlite_store.write(lambda tx: tx.change(schema.user, number, active=False))
    assert not (await prove(sqlite_store, house.directory, assigned, "draft 1", 5)).proof.passed
    names = await sqlite_store.read(lambda tx: known(tx, house.directory.config))
    assert "anna" not in names["users"]
