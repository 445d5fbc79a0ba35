"""Drafts: two administrators at once lose nothing, every change can be taken back, and what is closed stays closed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from hub.ruleset import (
    Change,
    Clashes,
    change,
    changes,
    discard,
    draft,
    drafts,
    open_draft,
    set_note,
    undo_change,
    undoable,
)
from hub.scope import Conflict, Denied, NotFound, Scope
from hub.store.store import Store
from tests.hub.ruleset.conftest import SOURCE

Scopes = Mapping[str, Scope]


async def edited(store: Store, scope: Scope, number: int, before: str, after: str, seen: int) -> int:
    def edit(text: str) -> str:
        assert before in text
        return text.replace(before, after)

    what = Change(kind="change", rule=after)
    return (await store.write(lambda tx: change(tx, scope, number, edit, what, seen))).revision


async def test_a_draft_begins_with_what_is_in_force(store: Store, scopes: Scopes) -> None:
    opened = await store.write(lambda tx: open_draft(tx, scopes["anna"]))
    assert (opened.source, opened.base, opened.revision, opened.state) == (SOURCE, 1, 1, "open")
    assert opened.author == scopes["anna"].user
    listed = await store.read(lambda tx: drafts(tx, scopes["bogdan"]))
    assert [found.id for found in listed] == [opened.id] and listed[0].source == ""


@pytest.mark.parametrize("odd", ["\x00", "\ud800"])
async def test_what_no_database_keeps_is_refused_in_a_sentence(
    store: Store, scopes: Scopes, odd: str
) -> None:
    with pytest.raises(Conflict, match="no database keeps"):
        await store.write(lambda tx: open_draft(tx, scopes["anna"], source=SOURCE + odd))
    number = (await store.write(lambda tx: open_draft(tx, scopes["anna"]))).id
    with pytest.raises(Conflict, match="no database keeps"):
        await edited(store, scopes["anna"], number, "name: Dotacje", f"name: Dotacje{odd}", 1)


async def test_two_who_change_different_rules_both_keep_their_work(store: Store, scopes: Scopes) -> None:
    number = (await store.write(lambda tx: open_draft(tx, scopes["anna"]))).id
    await edited(store, scopes["anna"], number, "name: Dotacje", "name: Dotacje i granty", 1)
    await edited(store, scopes["bogdan"], number, "queue: spam}", "queue: bezrobotni}", 1)
    await edited(store, scopes["anna"], number, "spam: [kasyno]", "spam: [kasyno, ruletka]", 2)
    now = await store.read(lambda tx: draft(tx, scopes["celina"], number))
    for part in ("name: Dotacje i granty", "queue: bezrobotni}", "spam: [kasyno, ruletka]", "# Najpierw"):
        assert part in now.source
    assert (now.revision, now.editor) == (4, scopes["anna"].user)
    made = await store.read(lambda tx: changes(tx, scopes["anna"], number))
    assert [found.author for found in made] == [
        scopes[name].user for name in ("anna", "bogdan", "anna", "anna")
    ]


async def test_the_same_rule_is_a_clash_with_both_texts_and_nothing_is_lost(
    store: Store, scopes: Scopes
) -> None:
    number = (await store.write(lambda tx: open_draft(tx, scopes["anna"]))).id
    await edited(store, scopes["anna"], number, "name: Dotacje", "name: Dotacje (Anna)", 1)
    with pytest.raises(Clashes) as refused:
        await edited(store, scopes["bogdan"], number, "name: Dotacje", "name: Dotacje (Bogdan)", 1)
    (clash,) = refused.value.clashes
    assert clash.key.name == "grants"
    assert "(Anna)" in clash.ours and "(Bogdan)" in clash.theirs and "(" not in clash.base
    assert "(Bogdan)" in refused.value.wanted
    now = await store.read(lambda tx: draft(tx, scopes["anna"], number))
    assert "(Anna)" in now.source and now.revision == 2


async def test_every_change_can_be_taken_back_and_that_too(store: Store, scopes: Scopes) -> None:
    anna, bogdan = scopes["anna"], scopes["bogdan"]
    number = (await store.write(lambda tx: open_draft(tx, anna))).id
    await edited(store, anna, number, "name: Dotacje", "name: Granty", 1)
    await edited(store, bogdan, number, "name: Śmieci", "name: Spam", 2)
    undone = await store.write(lambda tx: undo_change(tx, anna, number, 2))
    assert "name: Dotacje" in undone.source and "name: Spam" in undone.source
    undone = await store.write(lambda tx: undo_change(tx, anna, number))
    assert undone.source == SOURCE
    assert undoable(await store.read(lambda tx: changes(tx, anna, number))) is None
    with pytest.raises(Conflict):
        await store.write(lambda tx: undo_change(tx, anna, number))
    again = await store.write(lambda tx: undo_change(tx, anna, number, undone.revision))
    assert "name: Spam" in again.source


async def test_what_was_changed_again_since_cannot_be_taken_back_alone(store: Store, scopes: Scopes) -> None:
    anna = scopes["anna"]
    number = (await store.write(lambda tx: open_draft(tx, anna))).id
    await edited(store, anna, number, "name: Dotacje", "name: Granty", 1)
    await edited(store, anna, number, "name: Granty", "name: Dopłaty", 2)
    with pytest.raises(Clashes):
        await store.write(lambda tx: undo_change(tx, anna, number, 2))


async def test_what_was_taken_over_or_brought_along_is_not_taken_back(store: Store, scopes: Scopes) -> None:
    anna = scopes["anna"]
    number = (await store.write(lambda tx: open_draft(tx, anna, source=SOURCE))).id
    assert undoable(await store.read(lambda tx: changes(tx, anna, number))) is None
    other = lambda text: text.replace("name: Dotacje", "name: Granty")  # noqa: E731
    await store.write(lambda tx: change(tx, anna, number, other, Change(kind="merge")))
    with pytest.raises(Conflict):
        await store.write(lambda tx: undo_change(tx, anna, number, 1))
    with pytest.raises(Conflict):
        await store.write(lambda tx: undo_change(tx, anna, number, 2))


async def test_an_edit_that_changes_nothing_is_no_revision(store: Store, scopes: Scopes) -> None:
    number = (await store.write(lambda tx: open_draft(tx, scopes["anna"]))).id
    same = await store.write(lambda tx: change(tx, scopes["anna"], number, str, Change(kind="text")))
    assert same.revision == 1


async def test_a_discarded_draft_takes_no_change(store: Store, scopes: Scopes) -> None:
    anna = scopes["anna"]
    number = (await store.write(lambda tx: open_draft(tx, anna))).id
    await edited(store, anna, number, "name: Dotacje", "name: Granty", 1)
    await store.write(lambda tx: discard(tx, anna, number))
    for command in (
        lambda tx: change(tx, anna, number, lambda text: text + "#", Change(kind="text")),
        lambda tx: undo_change(tx, anna, number),
        lambda tx: discard(tx, anna, number),
        lambda tx: set_note(tx, anna, number, "x"),
    ):
        with pytest.raises(Conflict):
            await store.write(command)
    assert await store.read(lambda tx: drafts(tx, anna)) == []
    assert len(await store.read(lambda tx: changes(tx, anna, number))) == 2


async def test_only_administrators_of_the_front_office_change_rules(store: Store, scopes: Scopes) -> None:
    number = (await store.write(lambda tx: open_draft(tx, scopes["anna"]))).id
    elsewhere = msgspec.structs.replace(scopes["bogdan"], office="pup-lomza", front=False)
    supervisor = msgspec.structs.replace(scopes["bogdan"], role="supervisor")
    for scope in (elsewhere, supervisor):
        for command in (
            lambda tx, scope=scope: open_draft(tx, scope),
            lambda tx, scope=scope: change(tx, scope, number, str.upper, Change(kind="text")),
            lambda tx, scope=scope: undo_change(tx, scope, number),
            lambda tx, scope=scope: discard(tx, scope, number),
        ):
            with pytest.raises(Denied):
                await store.write(command)
    assert (await store.read(lambda tx: draft(tx, elsewhere, number))).revision == 1
    with pytest.raises(Denied):
        await store.read(lambda tx: draft(tx, supervisor, number))


async def test_what_does_not_exist_is_told(store: Store, scopes: Scopes) -> None:
    anna = scopes["anna"]
    with pytest.raises(NotFound):
        await store.write(lambda tx: open_draft(tx, anna, base=99))
    with pytest.raises(NotFound):
        await store.write(lambda tx: discard(tx, anna, 99))
    number = (await store.write(lambda tx: open_draft(tx, anna))).id
    with pytest.raises(NotFound):
        await store.write(lambda tx: change(tx, anna, number, str, Change(kind="text"), seen=7))
