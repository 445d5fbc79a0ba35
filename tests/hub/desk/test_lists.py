"""Lists: what each view holds, pages that neither lose nor repeat, scope, and that every list runs on an index."""

from __future__ import annotations

import random
from typing import get_args

import msgspec
import pytest

from hub.desk import lists
from hub.desk.counts import What, count_lists, for_sqlite
from hub.desk.lists import Asked, View
from hub.house import House
from hub.scope import NotFound, Scope
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader, Tx
from tests.hub.desk.conftest import Who
from tests.hub.specimen import add_conversation

HOUR = 3_600_000_000


async def ids(store: Store, house: House, scope: Scope, view: View, **asked: object) -> list[int]:
    page = await store.read(lambda tx: lists.page(tx, house, scope, Asked(view=view, **asked)))  # type: ignore[arg-type]
    return [row.id for row in page.rows]


async def test_a_queue_shows_the_highest_priority_then_who_waits_longest(
    store: Store, house: House, who: Who
) -> None:
    def fill(tx: Tx) -> list[int]:
        now = tx.now
        answered = add_conversation(tx, waiting_since=None)
        late = add_conversation(tx, waiting_since=now - HOUR)
        later = add_conversation(tx, waiting_since=now - 2 * HOUR)
        urgent = add_conversation(tx, priority=2, waiting_since=now)
        add_conversation(tx, queue="pracodawcy")
        add_conversation(tx, status="resolved")
        return [urgent, later, late, answered]

    expected = await store.write(fill)
    assert await ids(store, house, who.ola, "queue", queue="bezrobotni") == expected


async def test_views_hold_what_they_say(store: Store, house: House, who: Who) -> None:
    def fill(tx: Tx) -> dict[str, int]:
        now = tx.now
        return {
            "mine": add_conversation(tx, assignee=who.ola.user),
            "unassigned": add_conversation(tx),
            "overdue": add_conversation(tx, assignee=who.jan.user, due_at=now - 1),
            "failed": add_conversation(tx, assignee=who.jan.user, failed=True),
            "woke": add_conversation(tx, assignee=who.jan.user, woken="time"),
            "woke-yesterday": add_conversation(
                tx, assignee=who.jan.user, woken="time", activity_at=now - 20 * HOUR
            ),
            "snoozed": add_conversation(tx, status="snoozed", snoozed_until=now + HOUR),
            "resolved": add_conversation(tx, status="resolved"),
            "spam": add_conversation(tx, status="spam"),
            "waiting-citizen": add_conversation(tx, status="waiting-citizen"),
            "waiting-office": add_conversation(tx, status="waiting-office"),
            "unlisted": add_conversation(tx, listed=False),
            "merged": add_conversation(tx, merged_into=1),
        }

    made = await store.write(fill)
    names: tuple[View, ...] = (
        *("mine", "unassigned", "overdue", "failed", "woke", "snoozed", "resolved", "spam"),
        *("waiting-citizen", "waiting-office"),
    )
    for view in names:
        assert await ids(store, house, who.ola, view) == [made[view]], view
    everything = set(await ids(store, house, who.ola, "all"))
    assert everything == set(made.values()) - {made["unlisted"], made["merged"]}


async def test_a_county_office_sees_its_own_and_what_it_was_asked_about(
    store: Store, house: House, who: Who
) -> None:
    def fill(tx: Tx) -> tuple[int, int, int]:
        own = add_conversation(tx, office="pup-lomza", queue="lomza", status="waiting-office", tier=3)
        asked = add_conversation(tx, activity_at=tx.now - HOUR)
        tx.execute(
            schema.conversation_office.insert().values(conversation=asked, office="pup-lomza", at=tx.now)
        )
        add_conversation(tx)
        add_conversation(tx, office="pup-suwalki", queue="suwalki")
        mine = add_conversation(tx, assignee=who.lom.user, activity_at=tx.now - 2 * HOUR)
        return own, asked, mine

    own, asked, mine = await store.write(fill)
    assert await ids(store, house, who.lom, "all") == [own, asked, mine]
    assert await ids(store, house, who.lom, "unassigned") == [own]
    assert await ids(store, house, who.lom, "queue", queue="lomza") == [own]
    assert await ids(store, house, who.lom, "queue", queue="suwalki") == []
    assert await ids(store, house, who.lom, "queue", queue="bezrobotni") == [asked, mine]
    with pytest.raises(NotFound):
        await ids(store, house, who.lom, "queue", queue="nowhere")


async def test_a_county_moderator_sees_nothing_that_the_office_was_asked(
    store: Store, house: House, who: Who
) -> None:
    def fill(tx: Tx) -> None:
        for view in ("open", "resolved"):
            found = add_conversation(tx, status=view)
            asked = {"conversation": found, "office": "pup-lomza", "at": tx.now}
            tx.execute(schema.conversation_office.insert().values(**asked))

    await store.write(fill)
    editor = msgspec.structs.replace(who.lom, role="moderator")
    for view in ("all", "resolved", "overdue", "unassigned"):
        assert await ids(store, house, editor, view) == []
    assert await ids(store, house, editor, "queue", queue="bezrobotni") == []


async def test_moderators_see_comments_and_what_is_theirs(store: Store, house: House, who: Who) -> None:
    def fill(tx: Tx) -> tuple[int, int]:
        comment = add_conversation(tx, channel="comments", activity_at=tx.now - 1)
        opened = add_conversation(tx, owner=who.red.user, activity_at=tx.now - 2)
        add_conversation(tx)
        return comment, opened

    expected = list(await store.write(fill))
    assert await ids(store, house, who.red, "all") == expected


@pytest.mark.parametrize("view", ["all", "queue", "overdue", "snoozed", "unassigned"])
async def test_pages_neither_lose_nor_repeat(store: Store, house: House, who: Who, view: View) -> None:
    def fill(tx: Tx) -> None:
        draw = random.Random(4)
        for _ in range(60):
            waits = draw.choice([None, tx.now - draw.randrange(3) * HOUR])
            status = "snoozed" if view == "snoozed" else "open"
            add_conversation(
                tx,
                status=status,
                priority=draw.randrange(-1, 3),
                waiting_since=waits,
                due_at=tx.now - draw.randrange(3),
                snoozed_until=tx.now + draw.randrange(3),
                activity_at=tx.now - draw.randrange(5),
            )

    await store.write(fill)
    queue = "bezrobotni" if view == "queue" else None
    whole = await ids(store, house, who.ola, view, size=100, queue=queue)
    assert len(whole) == len(set(whole)) == 60
    found: list[int] = []
    after: str | None = ""
    while after is not None:
        asked = Asked(view=view, queue=queue, size=7, after=after)
        page = await store.read(lambda tx, asked=asked: lists.page(tx, house, who.ola, asked))  # type: ignore[misc]
        found += [row.id for row in page.rows]
        after = page.next
    assert found == whole


@pytest.mark.parametrize("place", ["x", "1", "1.2.3.4", "1;2", "99999999999999999999999.1"])
async def test_a_place_that_is_none_is_refused(store: Store, house: House, who: Who, place: str) -> None:
    with pytest.raises(ValueError):
        await ids(store, house, who.ola, "all", after=place)


async def test_counts_are_of_the_actors_own_lists(store: Store, house: House, who: Who) -> None:
    def fill(tx: Tx) -> None:
        for _ in range(3):
            add_conversation(tx)
        add_conversation(tx, assignee=who.ola.user, due_at=tx.now - 1)
        add_conversation(tx, queue="pracodawcy")

    await store.write(fill)
    counted = await store.read(lambda tx: count_lists(tx, house, who.ola))
    assert counted["mine"] == 1 and counted["unassigned"] == 3 and counted["overdue"] == 1
    assert counted["queue:bezrobotni"] == 4 and "queue:pracodawcy" not in counted
    supervised = await store.read(lambda tx: count_lists(tx, house, who.ewa))
    assert supervised["queue:pracodawcy"] == 1 and "queue:redakcja" not in supervised


async def test_what_an_office_sees_but_in_part_is_counted_row_by_row(
    store: Store, house: House, who: Who
) -> None:
    """Queues that are the actor's whole, and one of another office of which they see their own alone."""

    def fill(tx: Tx) -> None:
        for status in ("open", "open", "waiting-office", "resolved"):
            add_conversation(tx, office="pup-lomza", queue="lomza", status=status, tier=3)
        add_conversation(tx, queue="bezrobotni")
        add_conversation(tx, queue="bezrobotni", owner=who.lom.user)
        add_conversation(tx, queue="bezrobotni", owner=who.lom.user, listed=False)

    await store.write(fill)
    scope = msgspec.structs.replace(who.lom, queues=("lomza", "bezrobotni"))
    counted = await store.read(lambda tx: count_lists(tx, house, scope))
    assert counted["queue:lomza"] == 3 and counted["queue:bezrobotni"] == 1 and counted["unassigned"] == 4


async def test_a_list_names_the_person_and_what_was_read(store: Store, house: House, who: Who) -> None:
    def fill(tx: Tx) -> None:
        conversation = add_conversation(tx, name="Anna Nowak", email="anna@example.pl")
        read = {"user": who.ola.user, "conversation": conversation, "number": 1}
        tx.execute(schema.conversation_read.insert().values(**read))

    await store.write(fill)
    for scope, read in ((who.ola, 1), (who.jan, 0)):
        page = await store.read(lambda tx, scope=scope: lists.page(tx, house, scope, Asked(view="all")))  # type: ignore[misc]
        (row,) = page.rows
        assert (row.person, row.address, row.read) == ("Anna Nowak", "anna@example.pl", read)


async def test_every_list_walks_an_index(sqlite_store: Store, house: House) -> None:
    """The plan of each view and role holds no scan of the conversation table."""
    scopes = {
        "front": Scope(
            user=1, role="agent", office="krajowa", front=True, queues=("bezrobotni", "pracodawcy")
        ),
        "county": Scope(user=2, role="agent", office="pup-lomza", queues=("lomza",)),
        "moderator": Scope(user=3, role="moderator", office="krajowa", front=True),
    }

    def plans(tx: Reader) -> list[str]:
        bad = []
        for name, scope in scopes.items():
            for view in lists.NAMES:
                queue = "bezrobotni" if view == "queue" else None
                [asked] = lists.about_page(tx, house, scope, Asked(view=view, queue=queue)).questions
                sql = f"EXPLAIN QUERY PLAN {asked.kept.sql}"
                plan = tx.connection.exec_driver_sql(sql, tuple(asked.parameters())).all()
                bad += [
                    f"{name}/{view}: {row[3]}"
                    for row in plan
                    if row[3].startswith("SCAN conversation") and "USING" not in row[3]
                ]
        return bad

    assert await sqlite_store.read(plans) == []


@pytest.mark.parametrize("what", get_args(What))
async def test_queues_are_counted_along_an_index(sqlite_store: Store, what: What) -> None:
    def plan(tx: Reader) -> list[str]:
        rows = tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {for_sqlite(what)}", ("[]",)).all()
        return [row[3] for row in rows if "json_each" not in row[3] and "k VIRTUAL" not in row[3]]

    steps = await sqlite_store.read(plan)
    assert any("SEARCH c USING" in step for step in steps) and not any("SCAN c" in step for step in steps)
