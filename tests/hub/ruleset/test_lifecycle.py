"""From draft to version and back: checks, approval by a second person, a set time, rollback, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.house import House
from hub.ruleset import (
    Change,
    Clashes,
    Draft,
    Refused,
    approve,
    change,
    draft,
    is_stale,
    open_draft,
    publish,
    published,
    rebase,
    roll_back,
    schedule,
    send_back,
    source_at,
    submit,
    unschedule,
    version,
    versions,
)
from hub.ruleset import lifecycle as life
from hub.ruleset.drafts import CHANGED
from hub.ruleset.versions import Wanted, add_version, lock
from hub.scope import Conflict, NotFound, Scope
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader, Tx
from rules.editing.pieces import Key
from tests.hub.conftest import FakeClock
from tests.hub.ruleset.conftest import SOURCE, made_house, proof_of_source

Scopes = Mapping[str, Scope]
HOUR = 3_600_000_000


async def a_draft(store: Store, scope: Scope, before: str = "Dotacje", after: str = "Granty") -> Draft:
    """A draft with one change."""

    def command(tx: Tx) -> Draft:
        number = open_draft(tx, scope).id
        return change(tx, scope, number, lambda text: text.replace(before, after), Change(kind="change"))

    return await store.write(command)


async def put_in_force(store: Store, house: House, scope: Scope, made: Draft, note: str = "") -> int:
    proof = await store.read(lambda tx: proof_of_source(tx, house, made.source))
    return await store.write(lambda tx: publish(tx, house, scope, made.id, made.revision, note, proof=proof))


def told(tx: Reader, kind: str) -> set[int]:
    row = schema.notification.c
    return {found.user for found in tx.rows(select(row.user).where(row.kind == kind))}


def audited(tx: Reader) -> list[str]:
    row = schema.audit.c
    return [found.action for found in tx.rows(select(row.action).order_by(row.id))]


async def test_a_published_draft_is_the_next_version_with_its_story(
    store: Store, house: House, scopes: Scopes
) -> None:
    made = await a_draft(store, scopes["anna"])
    assert await put_in_force(store, house, scopes["anna"], made, "Nowa nazwa") == 2
    now = await store.read(published)
    assert now is not None and "Granty" in now.source
    assert (now.version, now.author, now.note, now.base, now.origin) == (
        2,
        scopes["anna"].user,
        "Nowa nazwa",
        1,
        "console",
    )
    assert now.proof.passed and now.proof.rules == 3 and now.proof.digest == now.digest
    rows = await store.read(lambda tx: versions(tx, scopes["anna"]))
    assert [(row.version, row.state) for row in rows] == [(2, "published"), (1, "retired")]
    closed = await store.read(lambda tx: draft(tx, scopes["anna"], made.id))
    assert (closed.state, closed.version) == ("published", 2)
    assert (await store.read(audited))[-3:] == [
        "rules-draft-opened",
        "rules-draft-changed",
        "rules-published",
    ]
    with pytest.raises(Conflict):
        await put_in_force(store, house, scopes["anna"], closed)


async def test_what_the_checks_refuse_is_not_published(store: Store, house: House, scopes: Scopes) -> None:
    made = await a_draft(store, scopes["anna"], "queue: pracodawcy", "queue: pracodawcyy")
    with pytest.raises(Refused) as refused:
        await put_in_force(store, house, scopes["anna"], made)
    (item,) = refused.value.proof.errors
    assert (item.part, item.rule, item.line) == ("names", "employers", 9)
    assert str(item.text) == "There is no queue “pracodawcyy” in the configuration."
    assert str(item.advice) == "Did you mean “pracodawcy”?"
    broken = await a_draft(store, scopes["anna"], "rules:", "rulez:")
    with pytest.raises(Refused) as refused:
        await put_in_force(store, house, scopes["anna"], broken)
    assert refused.value.proof.errors[0].part == "form"
    assert (await store.read(lambda tx: versions(tx, scopes["anna"])))[0].version == 1


async def test_a_proof_is_for_one_text(store: Store, house: House, scopes: Scopes) -> None:
    made = await a_draft(store, scopes["anna"])
    proof = await store.read(lambda tx: proof_of_source(tx, house, SOURCE))
    with pytest.raises(Conflict, match="changed while it was checked"):
        await store.write(lambda tx: publish(tx, house, scopes["anna"], made.id, 2, "", proof=proof))
    with pytest.raises(Conflict, match=CHANGED[:20]):
        await store.write(lambda tx: publish(tx, house, scopes["anna"], made.id, 1, "", proof=proof))


async def test_nothing_new_is_not_published(store: Store, house: House, scopes: Scopes) -> None:
    made = await store.write(lambda tx: open_draft(tx, scopes["anna"]))
    with pytest.raises(Conflict, match="nothing to publish"):
        await put_in_force(store, house, scopes["anna"], made)


async def test_what_was_published_meanwhile_is_taken_over_rule_by_rule(
    store: Store, house: House, scopes: Scopes
) -> None:
    first = await a_draft(store, scopes["anna"], "name: Dotacje", "name: Granty")
    second = await a_draft(store, scopes["bogdan"], "name: Śmieci", "name: Spam")
    third = await a_draft(store, scopes["celina"], "name: Dotacje", "name: Dopłaty")
    await put_in_force(store, house, scopes["anna"], first)
    with pytest.raises(Conflict, match="published meanwhile"):
        await put_in_force(store, house, scopes["bogdan"], second)
    assert await store.read(lambda tx: is_stale(tx, second))
    second = await store.write(lambda tx: rebase(tx, scopes["bogdan"], second.id))
    assert second.base == 2 and "Granty" in second.source and "# Najpierw" in second.source
    assert await put_in_force(store, house, scopes["bogdan"], second) == 3

    with pytest.raises(Clashes) as clash:
        await store.write(lambda tx: rebase(tx, scopes["celina"], third.id))
    assert [found.key.name for found in clash.value.clashes] == ["grants"]
    third = await store.write(
        lambda tx: rebase(tx, scopes["celina"], third.id, {Key("rule", "grants"): "ours"})
    )
    assert "Dopłaty" in third.source and "name: Spam" in third.source and "Granty" not in third.source
    assert await put_in_force(store, house, scopes["celina"], third) == 4


async def test_rolling_back_is_a_new_version_with_the_old_text(
    store: Store, house: House, scopes: Scopes
) -> None:
    await put_in_force(store, house, scopes["anna"], await a_draft(store, scopes["anna"]))
    proof = await store.read(lambda tx: proof_of_source(tx, house, SOURCE))
    new = await store.write(lambda tx: roll_back(tx, scopes["bogdan"], 1, "Pomyłka", proof=proof))
    now = await store.read(lambda tx: version(tx, scopes["anna"], new))
    assert (now.version, now.source, now.origin, now.base, now.author, now.state) == (
        3,
        SOURCE,
        "rollback",
        2,
        scopes["bogdan"].user,
        "published",
    )
    with pytest.raises(Conflict, match="in force already"):
        await store.write(lambda tx: roll_back(tx, scopes["bogdan"], 1, proof=proof))
    assert (await store.read(audited))[-1] == "rules-rolled-back"


@pytest.mark.parametrize("large", [2**31, 2**53])
async def test_a_number_that_no_column_holds_is_nobodys(
    store: Store, scopes: Mapping[str, Scope], large: int
) -> None:
    anna = scopes["anna"]
    number = (await store.write(lambda tx: open_draft(tx, anna))).id
    with pytest.raises(NotFound):
        await store.read(lambda tx: version(tx, anna, large))
    with pytest.raises(NotFound):
        await store.write(lambda tx: open_draft(tx, anna, base=large))
    with pytest.raises(NotFound):
        await store.read(lambda tx: source_at(tx, number, large))
    assert len(await store.read(lambda tx: versions(tx, anna, before=large))) == 1


async def test_going_back_needs_no_more_than_a_version_that_loads(
    store: Store, house: House, scopes: Scopes
) -> None:
    """Who was told of something may have left since; a queue that is gone cannot be routed to."""
    left = SOURCE.replace("queue: spam}", "queue: spam, notify: [ewa], answer: thanks}")
    gone = SOURCE.replace("queue: spam}", "queue: ulgi}")

    def earlier(tx: Tx) -> list[int]:
        lock(tx)
        return [add_version(tx, Wanted(source=source)) for source in (left, gone, SOURCE)]

    first, second, _ = await store.write(earlier)
    proof = await store.read(lambda tx: proof_of_source(tx, house, left))
    assert {item.part for item in proof.errors} == {"names"}
    await store.write(lambda tx: roll_back(tx, scopes["anna"], first, proof=proof))
    useless = await store.read(lambda tx: proof_of_source(tx, house, gone))
    with pytest.raises(Refused, match="no longer has"):
        await store.write(lambda tx: roll_back(tx, scopes["anna"], second, proof=useless))


async def test_a_second_person_must_approve_and_the_very_text(
    store: Store, scopes: Scopes, forms: Path
) -> None:
    house, anna, bogdan, celina = (
        made_house(forms, approval=True),
        scopes["anna"],
        scopes["bogdan"],
        scopes["celina"],
    )
    made = await a_draft(store, anna)
    proof = await store.read(lambda tx: proof_of_source(tx, house, made.source))
    with pytest.raises(Conflict, match="second person"):
        await put_in_force(store, house, anna, made)
    with pytest.raises(Conflict, match="Nobody has asked"):
        await store.write(lambda tx: approve(tx, bogdan, made.id, 2))
    await store.write(lambda tx: submit(tx, house, anna, made.id, 2, "Nowa nazwa", proof=proof))
    assert await store.read(lambda tx: told(tx, "rules-approval")) == {bogdan.user, celina.user}
    with pytest.raises(Conflict, match="somebody else"):
        await store.write(lambda tx: approve(tx, anna, made.id, 2))

    def shout(text: str) -> str:
        return text.replace("Granty", "GRANTY")

    changed = await store.write(lambda tx: change(tx, bogdan, made.id, shout, Change(kind="change")))
    assert changed.state == "open"
    proof = await store.read(lambda tx: proof_of_source(tx, house, changed.source))
    await store.write(lambda tx: submit(tx, house, anna, made.id, 3, "", proof=proof))
    with pytest.raises(Conflict, match="somebody else"):
        await store.write(lambda tx: approve(tx, bogdan, made.id, 3))
    with pytest.raises(Conflict):
        await store.write(lambda tx: approve(tx, celina, made.id, 2))
    await store.write(lambda tx: send_back(tx, celina, made.id, "Za głośno"))
    assert await store.read(lambda tx: told(tx, "rules-sent-back")) == {anna.user}
    await store.write(lambda tx: submit(tx, house, anna, made.id, 3, "", proof=proof))
    approved = await store.write(lambda tx: approve(tx, celina, made.id, 3))
    assert approved.approved and await store.read(lambda tx: told(tx, "rules-approved")) == {anna.user}
    assert await put_in_force(store, house, anna, approved) == 2
    now = await store.read(published)
    assert now is not None and (now.author, now.approver, now.note) == (anna.user, celina.user, "Nowa nazwa")


async def test_who_approves_may_publish_and_both_people_stand_in_the_version(
    store: Store, scopes: Scopes, forms: Path
) -> None:
    house, anna, bogdan = made_house(forms, approval=True), scopes["anna"], scopes["bogdan"]
    made = await a_draft(store, anna)
    proof = await store.read(lambda tx: proof_of_source(tx, house, made.source))
    await store.write(lambda tx: submit(tx, house, anna, made.id, 2, "Nowa nazwa", proof=proof))
    approved = await store.write(lambda tx: approve(tx, bogdan, made.id, 2))
    await put_in_force(store, house, bogdan, approved)
    now = await store.read(published)
    assert now is not None and (now.author, now.approver) == (anna.user, bogdan.user)


async def test_a_change_after_the_approval_ends_it(store: Store, scopes: Scopes, forms: Path) -> None:
    house = made_house(forms, approval=True)
    made = await a_draft(store, scopes["anna"])
    proof = await store.read(lambda tx: proof_of_source(tx, house, made.source))
    await store.write(lambda tx: submit(tx, house, scopes["anna"], made.id, 2, "", proof=proof))
    await store.write(lambda tx: approve(tx, scopes["bogdan"], made.id, 2))
    last = await store.write(
        lambda tx: change(tx, scopes["anna"], made.id, lambda text: text + "# x\n", Change(kind="text"))
    )
    assert not last.approved and last.state == "open"
    with pytest.raises(Conflict, match="second person"):
        await put_in_force(store, house, scopes["anna"], last)


async def test_a_draft_at_its_time(store: Store, house: House, scopes: Scopes, clock: FakeClock) -> None:
    made = await a_draft(store, scopes["anna"])
    proof = await store.read(lambda tx: proof_of_source(tx, house, made.source))
    at = clock.now() + HOUR
    with pytest.raises(Conflict, match="has passed"):
        await store.write(
            lambda tx: schedule(tx, house, scopes["anna"], made.id, 2, "", clock.now(), proof=proof)
        )
    waits = await store.write(
        lambda tx: schedule(tx, house, scopes["anna"], made.id, 2, "Od rana", at, proof=proof)
    )
    assert (waits.state, waits.publish_at) == ("scheduled", at)
    with pytest.raises(Conflict, match="waits for its time"):
        await store.write(lambda tx: change(tx, scopes["bogdan"], made.id, str.upper, Change(kind="text")))
    assert await store.read(life.due) == []
    timers = select(schema.timer.c.kind, schema.timer.c.due_at).where(schema.timer.c.state == "waiting")
    assert [tuple(row) for row in await store.read(lambda tx: tx.rows(timers))] == [("rules-publish", at)]
    clock.move(hours=1)
    (ready,) = await store.read(life.due)
    number = await store.write(lambda tx: life.publish_due(tx, house, ready.id, ready.revision, proof))
    assert number == 2
    assert await store.write(lambda tx: life.publish_due(tx, house, ready.id, 2, proof)) is None
    now = await store.read(published)
    assert now is not None and (now.author, now.note) == (scopes["anna"].user, "Od rana")


async def test_called_off_it_is_open_again(
    store: Store, house: House, scopes: Scopes, clock: FakeClock
) -> None:
    made = await a_draft(store, scopes["anna"])
    proof = await store.read(lambda tx: proof_of_source(tx, house, made.source))
    at = clock.now() + HOUR
    await store.write(lambda tx: schedule(tx, house, scopes["anna"], made.id, 2, "", at, proof=proof))
    free = await store.write(lambda tx: unschedule(tx, scopes["bogdan"], made.id))
    assert (free.state, free.publish_at) == ("open", None)
    clock.move(hours=2)
    assert await store.read(life.due) == []
    with pytest.raises(Conflict):
        await store.write(lambda tx: unschedule(tx, scopes["bogdan"], made.id))


async def test_what_no_longer_passes_at_its_time_is_told_and_not_published(
    store: Store, house: House, scopes: Scopes, clock: FakeClock
) -> None:
    made = await a_draft(store, scopes["anna"], "queue: pracodawcy", "queue: pracodawcy, assign: celina")
    proof = await store.read(lambda tx: proof_of_source(tx, house, made.source))
    at = clock.now() + HOUR
    await store.write(lambda tx: schedule(tx, house, scopes["anna"], made.id, 2, "", at, proof=proof))
    gone = scopes["celina"].user
    assert gone is not None
    await store.write(lambda tx: tx.change(schema.user, gone, active=False))
    clock.move(hours=1)
    now = await store.read(lambda tx: proof_of_source(tx, house, made.source))
    assert not now.passed
    assert await store.write(lambda tx: life.publish_due(tx, house, made.id, 2, now)) is None
    left = await store.read(lambda tx: draft(tx, scopes["anna"], made.id))
    assert left.state == "open" and not left.proof.passed
    assert "celina" in str(left.proof.errors[0].text)
    assert await store.read(lambda tx: told(tx, "rules-refused")) == {
        scopes["anna"].user,
        scopes["bogdan"].user,
    }
    assert (await store.read(audited))[-1] == "rules-publish-refused"


async def test_of_two_who_publish_at_once_one_is_told_to_look_again(
    store: Store, house: House, scopes: Scopes
) -> None:
    one = await a_draft(store, scopes["anna"], "name: Dotacje", "name: Granty")
    two = await a_draft(store, scopes["bogdan"], "name: Śmieci", "name: Spam")
    both = (
        put_in_force(store, house, scopes["anna"], one),
        put_in_force(store, house, scopes["bogdan"], two),
    )
    done = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in done) == ["Conflict", "int"]
    rows = await store.read(lambda tx: versions(tx, scopes["anna"]))
    assert [(row.version, row.state) for row in rows] == [(2, "published"), (1, "retired")]


async def test_of_two_who_change_at_once_none_loses(store: Store, scopes: Scopes) -> None:
    number = (await a_draft(store, scopes["anna"])).id

    async def renamed(scope: Scope, before: str, after: str) -> None:
        def edit(text: str) -> str:
            return text.replace(before, after)

        await store.write(lambda tx: change(tx, scope, number, edit, Change(kind="change"), seen=2))

    await asyncio.gather(
        renamed(scopes["anna"], "name: Przedsiębiorcy", "name: Firmy"),
        renamed(scopes["bogdan"], "name: Śmieci", "name: Spam"),
        renamed(scopes["celina"], "ulgi: [dotacja]", "ulgi: [dotacja, ulga]"),
    )
    now = await store.read(lambda tx: draft(tx, scopes["anna"], number))
    assert now.revision == 5
    for kept in ("name: Firmy", "name: Spam", "[dotacja, ulga]", "name: Granty"):
        assert kept in now.source
