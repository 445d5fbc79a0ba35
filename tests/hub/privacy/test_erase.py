"""Erasing a person on each engine: one of each thing that can be theirs. (Looking for traces: tests/security.)"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Row, select, text

from connectors.contract import InboxId, Message, Party, Raw
from hub.blobs import ChunkBlobs
from hub.control import CommandFailed
from hub.desk.addresses import read_addresses
from hub.desk.drafts import lines_of, save_draft
from hub.intake.handle import handle
from hub.intake.sink import Intake
from hub.intake.state import Call
from hub.logs import logger
from hub.outbox.handlers import outside
from hub.outbox.orders import add_effect
from hub.privacy.commands import handlers
from hub.privacy.erase import NOWHERE, erase
from hub.privacy.people import SEVERAL, find
from hub.scope import SYSTEM, Conflict, Denied, Scope
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader, Tx
from tests.hub.conftest import FakeClock
from tests.hub.specimen import a_house, add_contact, add_conversation, add_person
from tests.security.world import World


def of_comment(tx: Reader, number: int) -> str:
    conversation, identity = schema.conversation, schema.identity
    named = select(identity.c.address).join(conversation, conversation.c.identity == identity.c.id)
    return str(tx.scalar(named.where(conversation.c.id == number)))


async def row_of(store: Store, table: Any, key: int) -> Row[Any] | None:
    def query(tx: Reader) -> Row[Any] | None:
        return tx.row(select(table).where(table.c.id == key))

    return await store.read(query)


async def test_one_of_each_thing(store: Store) -> None:
    ola = await store.write(lambda tx: add_person(tx, "ola"))
    things = await World(store, {"ola": ola}).make("krajowa", "ola")
    commented = await store.read(lambda tx: of_comment(tx, things["comment"]))
    for words in ("world1@example.pl", commented, "+48600000001"):
        person = await store.read(lambda tx, words=words: find(tx, words))  # type: ignore[misc]
        await store.write(lambda tx, person=person: erase(tx, SYSTEM, person, []))  # type: ignore[misc]
    for table, name in (
        *(
            (schema.raw, "raw"),
            (schema.attachment, "file"),
            (schema.draft, "draft"),
            (schema.callback, "call"),
        ),
        *((schema.attachment, "draft-file"), (schema.notification, "notification")),
    ):
        assert await row_of(store, table, things[name]) is None, name
    post = await row_of(store, schema.post, things["post"])
    assert post is not None and (post.state, post.text, post.author_name) == ("erased", "", "")
    left = await row_of(store, schema.conversation, things["conversation"])
    assert left is not None and (left.subject, left.merged_into, left.queue) == ("", NOWHERE, "bezrobotni")


async def test_letters_begun_to_them_go_and_others_stay_without_their_address(store: Store) -> None:
    def written(tx: Tx) -> dict[str, int]:
        ola, _ = add_person(tx, "ola"), add_contact(tx, "Jan", email="jan@example.pl")
        agent = Scope(user=ola, role="agent", office="krajowa", front=True)

        def begun(line: str, cc: str = "", **half_typed: str) -> int:
            recipients = [*read_addresses(line), *read_addresses(cc, "cc")]
            return save_draft(
                tx,
                agent,
                conversation=None,
                kind="new",
                revision=0,
                text="Nr 44051401359",
                recipients=recipients,
                half_typed=half_typed,
            ).id

        return {
            "his": begun("Jan <Jan@Example.PL>"),
            "half": begun("", to="Jan <JAN@example.pl>, Ola"),
            "copy": begun("ola@example.pl", "jan@example.pl, ewa@example.pl", bcc="jan@example.pl; Ewa"),
            "other": begun("aljan@example.pl", bcc="jan@example.pl.org, Ewa"),
        }

    made = await store.write(written)
    other = await row_of(store, schema.draft, made["other"])
    person = await store.read(lambda tx: find(tx, "jan@example.pl"))
    await store.write(lambda tx: erase(tx, SYSTEM, person, []))
    left = {name: await row_of(store, schema.draft, key) for name, key in made.items()}
    assert (left["his"], left["half"], left["other"]) == (None, None, other)
    assert left["copy"] is not None and left["copy"].text
    assert lines_of(left["copy"]) == {"to": "ola@example.pl", "cc": "ewa@example.pl", "bcc": ""}


async def test_somebody_known_from_begun_letters_alone_can_be_named(store: Store) -> None:
    def written(tx: Tx) -> None:
        agent = Scope(user=add_person(tx, "ola"), role="agent", office="krajowa", front=True)
        for line, half_typed in (("Jan <jan@example.pl>", {}), ("", {"to": "jan@Example.pl, Ola"})):
            save_draft(
                tx,
                agent,
                conversation=None,
                kind="new",
                revision=0,
                text="Nr 44051401359",
                recipients=read_addresses(line),
                half_typed=half_typed,
            )

    await store.write(written)
    contact = handlers(store, ChunkBlobs(store))
    for words in ("jan@example.pl.org", "an@example.pl", "Jan"):
        with pytest.raises(CommandFailed, match="Nobody is known"):
            await contact["contact.erase"]({"person": words})
    assert (await contact["contact.export"]({"person": "Jan@example.pl"}))["conversations"] == []
    done = await contact["contact.erase"]({"person": " Jan@example.pl"})
    assert (done["letters"], done["conversations"]) == (2, 0)
    assert await store.read(lambda tx: tx.rows(select(schema.draft.c.id))) == []
    with pytest.raises(CommandFailed, match="Nobody is known"):
        await contact["contact.erase"]({"person": "jan@example.pl"})


async def test_who_was_handed_out_stands_in_the_audit_log(store: Store) -> None:
    jan, _ = await store.write(lambda tx: add_contact(tx, "Jan", email="jan@example.pl"))
    await handlers(store, ChunkBlobs(store))["contact.export"]({"person": "jan@example.pl"})
    told = select(schema.audit.c.action, schema.audit.c.subject, schema.audit.c.detail)
    rows = await store.read(lambda tx: tx.rows(told))
    assert [tuple(row)[:2] for row in rows] == [("contact-exported", f"contact:{jan}")]
    assert "jan" not in str(rows[0].detail)


async def test_who_is_meant(store: Store) -> None:
    def fill(tx: Any) -> list[int]:
        made = [
            add_contact(tx, "Jan", email="jan@example.pl")[0],
            add_contact(tx, "Ola", phone="+48600700800")[0],
        ]
        for kind in ("telegram", "messenger"):
            one = tx.add(schema.contact, {"name": kind, "created_at": tx.now})
            row = {
                "kind": kind,
                "address": "12345678",
                "contact": one,
                "verified": True,
                "created_at": tx.now,
            }
            tx.add(schema.identity, row)
            made.append(one)
        return made

    jan, ola, telegram, _ = await store.write(fill)
    for words, wanted in (
        *(
            (" Jan@Example.PL", jan),
            ("600 700 800", ola),
            ("+48 600-700-800", ola),
            ("phone:+48600700800", ola),
        ),
        ("telegram:12345678", telegram),
    ):
        assert (await store.read(lambda tx, words=words: find(tx, words))).contacts == (wanted,)  # type: ignore[misc]
    with pytest.raises(Conflict, match=SEVERAL):
        await store.read(lambda tx: find(tx, "12345678"))


async def test_only_administrators_erase(store: Store) -> None:
    await store.write(lambda tx: add_contact(tx, "Jan", email="jan@example.pl"))
    person = await store.read(lambda tx: find(tx, "jan@example.pl"))
    chief = Scope(user=1, role="supervisor", office="krajowa", front=True)
    with pytest.raises(Denied):
        await store.write(lambda tx: erase(tx, chief, person, []))


async def written(store: Store, intake: Intake, number: int) -> Call:
    """A mail of Jan's, ready to be taken in."""
    message = Message(
        inbox=InboxId("kontakt"),
        external_id=f"m-{number}",
        sender=Party(kind="email", address="jan@example.pl"),
        text="Mój numer 44051401359",
    )
    return await intake.prepare("kontakt", Raw(content=b"m"), [message], None)


@pytest.mark.parametrize("closed_store", ["postgresql"], indirect=True)
async def test_what_another_process_takes_in_meanwhile_is_not_left_behind(
    store: Store, clock: FakeClock
) -> None:
    house = a_house()
    intake = Intake(store, lambda: house, clock.monotonic, logger("test"), lambda key, what: None)
    first, second = [await written(store, intake, number) for number in range(2)]
    await store.write(lambda tx: handle(tx, [first]))

    begun = asyncio.Event()

    def slowly(tx: Tx) -> None:
        handle(tx, [second])
        begun.set()
        tx.execute(text("SELECT pg_sleep(0.5)"))

    taking = asyncio.create_task(store.write(slowly))
    await begun.wait()
    erase_contact = handlers(store, ChunkBlobs(store))["contact.erase"]
    with pytest.raises(CommandFailed, match="wrote meanwhile"):
        await erase_contact({"person": "jan@example.pl"})
    await taking
    await erase_contact({"person": "jan@example.pl"})
    assert await store.read(lambda tx: tx.rows(select(schema.message.c.id))) == []


async def test_a_file_that_is_fetched_while_its_person_is_erased_belongs_to_nobody(store: Store) -> None:
    blobs = ChunkBlobs(store)

    class Slow:
        async def fetch(self, ref: str) -> bytes:
            await handlers(store, blobs)["contact.erase"]({"person": "jan@example.pl"})
            return b"photo"

    def written(tx: Tx) -> Row[Any]:
        found = add_conversation(tx, email="jan@example.pl")
        said = tx.scalar(select(schema.message.c.id).where(schema.message.c.conversation == found))
        file = {"message": said, "position": 0, "filename": "x", "content_type": "image/png", "size": 0}
        tx.add(schema.attachment, {**file, "sha256": "", "remote": "r", "inline": False, "content_id": ""})
        order = tx.get(schema.effect, add_effect(tx, "fetch", {}, conversation=found, message=said))
        assert order is not None
        return order

    order = await store.write(written)
    inboxes: Any = {"kontakt": Slow()}
    nowhere: Any = None
    await outside(store, a_house, lambda: inboxes, nowhere, blobs, FakeClock())["fetch"](order)
    owners = await store.read(lambda tx: tx.rows(select(schema.blob.c.owner)))
    assert [row.owner for row in owners] == [None]
