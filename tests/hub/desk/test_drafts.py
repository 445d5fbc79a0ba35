"""Drafts: kept by revision, told to whoever writes at the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text as sql

from hub.desk import drafts
from hub.house import House
from hub.scope import NotFound
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.desk.asking import make
from tests.hub.desk.conftest import Who


async def test_drafts_are_kept_by_revision(store: Store, house: House, who: Who) -> None:
    found = await make(store)

    def save(revision: int, text: str) -> Any:
        return store.write(
            lambda tx: drafts.save_draft(
                tx, who.ola, conversation=found, kind="reply", revision=revision, text=text
            )
        )

    first = await save(0, "a")
    assert (await save(1, "ab")).revision == 2
    with pytest.raises(drafts.Newer) as newer:
        await save(1, "other window")
    assert newer.value.text == "ab"
    assert (await save(1, "ab")).revision == 2  # the same words again are no conflict
    with pytest.raises(NotFound):
        await store.write(lambda tx: drafts.discard(tx, who.jan, first.id))
    assert [row.text for row in await store.read(lambda tx: drafts.unfinished(tx, who.ola))] == ["ab"]
    with pytest.raises(NotFound):
        await store.write(
            lambda tx: drafts.save_draft(tx, who.suw, conversation=found, kind="note", revision=0, text="x")
        )


@pytest.mark.parametrize("closed_store", ["postgresql"], indirect=True)
async def test_of_two_windows_that_save_a_draft_at_once_one_is_told_of_the_other(
    store: Store, who: Who
) -> None:
    def save(tx: Tx, words: str, revision: int, draft_id: int | None = None) -> drafts.Stored:
        place: Any = {"conversation": None, "kind": "new", "draft_id": draft_id}
        return drafts.save_draft(tx, who.ola, revision=revision, text=words, **place)

    own = await store.write(lambda tx: save(tx, "pierwszy", 0))

    begun = asyncio.Event()

    def slowly(tx: Tx) -> None:
        save(tx, "drugi", own.revision, own.id)
        begun.set()
        tx.execute(sql("SELECT pg_sleep(0.5)"))

    first = asyncio.create_task(store.write(slowly))
    await begun.wait()
    with pytest.raises(drafts.Newer) as newer:
        await store.write(lambda tx: save(tx, "trzeci", own.revision, own.id))
    await first
    assert newer.value.text == "drugi"
