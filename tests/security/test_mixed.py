"""Two things in one request: one that the asker may touch in the address, one of another office in the body.

A check of the first alone would let the second through (merge, link, move, forward, assign, files, many at once).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import insert, select

from hub.desk.contacts import link_contacts
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.specimen import add_person
from tests.hub.web.conftest import Browser
from tests.security.test_access import REFUSED
from tests.security.world import World

Things = Mapping[str, int]


def _requests(own: Things, foreign: Things) -> list[tuple[str, dict[str, Any], bool]]:
    """(address, body, JSON?) of requests that name a thing of each."""
    mine, theirs = own["conversation"], foreign["conversation"]
    letter = {"text": "Odpowiedź", "client_id": str(uuid.uuid4()), "based_on": "1"}
    new = {"inbox": "lomza-mail", "to": "a@example.pl", "text": "x", "subject": "x", "client_id": "c" * 8}
    draft = {"kind": "reply", "revision": 0, "text": "x"}
    return [
        (f"/conversations/{mine}/merge", {"other": str(theirs), "link": "on"}, False),
        (f"/conversations/{mine}/link", {"other": str(theirs)}, False),
        (f"/conversations/{mine}/reply", {**letter, "draft": str(foreign["draft"])}, False),
        (f"/conversations/{mine}/assign", {"assignee": str(foreign["user"])}, False),
        (f"/conversations/{mine}/unlink/{foreign['contact-link']}", {}, False),
        (
            f"/conversations/{mine}/notes",
            {"text": "N", "client_id": "a" * 8, "draft": str(foreign["draft"])},
            False,
        ),
        ("/new", {**new, "draft": str(foreign["draft"])}, False),
        ("/new", {**new, "inbox": "kontakt"}, False),
        ("/new", {**new, "queue": "lomza"}, False),
        ("/drafts", {**draft, "conversation": theirs}, True),
        ("/drafts", {**draft, "conversation": mine, "id": foreign["draft"]}, True),
        ("/drafts", {**draft, "id": foreign["draft"]}, True),
        (f"/supervisor/people/{own['user']}", {"queues": "lomza"}, False),
        ("/supervisor/queues/suwalki/move", {"conversation": str(theirs), "to": "suwalki"}, False),
        (
            "/phone/log",
            {"call": str(foreign["telephone-call"]), "outcome": "settled", "client_id": "b" * 8},
            False,
        ),
        ("/inbox/bulk", {"c": [str(mine), str(theirs)], "act": "spam"}, False),
        ("/live/here", {"conversation": theirs, "what": "typing"}, True),
    ]


def _linked(tx: Tx, things: Things) -> int:
    """Another person of that office, said to be the same as the first."""
    other = tx.scalar(
        select(schema.conversation.c.contact).where(schema.conversation.c.id == things["other"])
    )
    return link_contacts(tx, SYSTEM, things["contact"], other or 0)


async def _post(browser: Browser, path: str, body: dict[str, Any], as_json: bool) -> int:
    headers = {"Sec-Fetch-Site": "same-origin", "X-CSRF": browser.csrf}
    sent: dict[str, Any] = {"json": body} if as_json else {"data": body}
    async with browser.client.post(path, headers=headers, allow_redirects=False, **sent) as answer:
        return answer.status


@pytest.mark.slow
@pytest.mark.parametrize("role", ["agent", "supervisor", "administrator"])
async def test_the_second_thing_is_checked_too(
    role: str, enter: Callable[[str], Any], world: World, sqlite_store: Store, people: dict[str, int]
) -> None:
    people["intruder"] = await sqlite_store.write(
        lambda tx: add_person(tx, "intruder", role=role, office="pup-suwalki", queues=("suwalki",))
    )
    browser = await enter("intruder")
    own, foreign = await world.make("pup-suwalki", "intruder"), await world.make("pup-lomza", "lomza")
    foreign["contact-link"] = await sqlite_store.write(lambda tx: _linked(tx, foreign))
    before, wrong = await world.looks(), []
    for path, body, as_json in _requests(own, foreign):
        status = await _post(browser, path, body, as_json)
        if status not in (*REFUSED, 400):
            wrong.append((path, body, status))
    assert not wrong, "\n".join(map(str, wrong))
    assert await world.looks() == before


async def test_nobody_is_offered_what_they_may_not_see(
    enter: Callable[[str], Any], world: World, sqlite_store: Store, people: dict[str, int]
) -> None:
    """A queue of another office, left over from before or slipped in, brings nobody a conversation of that office."""
    await world.make("pup-lomza", "lomza")
    suwalki = people["suwalki"]
    row = {"user": suwalki, "queue": "lomza"}
    await sqlite_store.write(lambda tx: tx.execute(insert(schema.user_queue).values(**row)))
    browser = await enter("suwalki")
    await browser.post("/inbox/take", {})
    taken = select(schema.conversation.c.id).where(schema.conversation.c.assignee == suwalki)
    assert await sqlite_store.read(lambda tx: tx.scalar(taken)) is None


async def test_a_county_moderator_sees_comments_of_its_own_pages_alone(
    enter: Callable[[str], Any], world: World, sqlite_store: Store, people: dict[str, int]
) -> None:
    people["editor"] = await sqlite_store.write(
        lambda tx: add_person(tx, "editor", role="moderator", office="pup-suwalki", queues=("suwalki",))
    )
    own, foreign = await world.make("pup-suwalki", "editor"), await world.make("pup-lomza", "lomza")
    editor = await enter("editor")
    assert (await editor.get(f"/conversations/{own['comment']}"))[0] == 200
    assert (await editor.get(f"/conversations/{foreign['comment']}"))[0] == 404
