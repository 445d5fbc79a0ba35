"""Drafts: kept by revision, told to whoever writes at the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text as sql

from hub.desk import drafts
from hub.house import House
from hub.scope import NotFound
from hub.store import schema
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


async def test_what_stands_around_the_same_words_is_kept_from_each_window(store: Store, who: Who) -> None:
    def save(revision: int, **more: Any) -> Any:
        place: Any = {"conversation": None, "kind": "new", "draft_id": own.id if revision else None}
        return store.write(
            lambda tx: drafts.save_draft(tx, who.ola, revision=revision, text="a", **place, **more)
        )

    own = await save(0)
    assert (await save(1, queue="pracodawcy")).revision == 2
    assert (await save(1, queue="pracodawcy")).revision == 2
    assert (await save(1, inbox="kontakt", half_typed={"to": "kadry@"})).revision == 3
    kept = await store.read(lambda tx: drafts.own_draft(tx, who.ola, own.id))
    assert (kept.inbox, kept.queue, drafts.half_typed(kept)) == ("kontakt", None, {"to": "kadry@"})


async def test_a_line_that_was_read_since_is_half_typed_no_more(store: Store, who: Who) -> None:
    """A program of the version before knows recipients only, and leaves the other column as it is."""

    def command(tx: Tx) -> dict[str, str]:
        half = {"to": "kadry@", "cc": "bhp@"}
        own = drafts.save_draft(
            tx, who.ola, conversation=None, kind="new", revision=0, text="a", half_typed=half
        )
        tx.change(schema.draft, own.id, recipients='[{"address": "kadry@urzad.example", "role": "to"}]')
        return drafts.half_typed(drafts.own_draft(tx, who.ola, own.id))

    assert await store.write(command) == {"cc": "bhp@"}


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
