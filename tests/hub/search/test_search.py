"""Finding messages by word, number, name, address and telephone, within the asker's scope, on both engines."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, cast

import msgspec
import pytest
from sqlalchemy import delete, select

from hub.logs import logger
from hub.scope import Scope
from hub.search import follower
from hub.search.find import search
from hub.search.follower import PLACE, REBUILD, Doc, _number, make_docs, run_search
from hub.search.question import read_question
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader
from hub.stream import Stream, forget_old_events
from hub.wordforms import search_forms
from tests.hub.conftest import FakeClock
from tests.hub.specimen import add_conversation, add_message

FRONT = Scope(user=1, role="agent", office="krajowa", front=True)
LOMZA = Scope(user=2, role="agent", office="pup-lomza")
SUWALKI = Scope(user=3, role="agent", office="pup-suwalki")
MODERATOR = Scope(user=4, role="moderator", office="krajowa", front=True)


class Searching:
    """A follower at work, and questions to the store."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.stream = Stream(store, buffer=32)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.stream.open()
        self.store.on_events = self.stream.publish
        self._task = asyncio.create_task(
            run_search(self.store, self.stream, self.clock, logger("test"), gather=0.0)
        )

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def caught_up(self) -> None:
        async with asyncio.timeout(30):
            while not await self.store.read(self._is_caught_up):  # noqa: ASYNC110 - it tells nobody when
                await asyncio.sleep(0.01)

    def _is_caught_up(self, tx: Any) -> bool:
        return _number(tx, REBUILD) is None and (_number(tx, PLACE) or 0) >= self.stream.last

    async def add(self, **columns: Any) -> int:
        return await self.store.write(lambda tx: add_conversation(tx, **columns))

    async def find(self, text: str, scope: Scope = FRONT) -> list[int]:
        await self.caught_up()
        question = read_question(text, search_forms)
        found = await self.store.read(lambda tx: search(tx, scope, question))
        return [hit.row.id for hit in (*found.exact, *found.hits)]


@pytest.fixture
async def searching(store: Store, clock: FakeClock) -> AsyncIterator[Searching]:
    running = Searching(store, clock)
    await running.start()
    yield running
    await running.stop()


@pytest.mark.slow
async def test_a_word_is_found_in_any_form(searching: Searching) -> None:
    benefit = await searching.add(text="Kiedy dostanę zasiłek?", subject="")
    await searching.add(text="Szukam pracy w Białymstoku.", subject="")
    for word in ("zasiłek", "zasiłku", "ZASIŁKAMI", "zasilek", "zasi"):
        assert await searching.find(word) == [benefit]
    assert await searching.find("dostać") == [benefit]


async def test_all_words_must_occur_and_the_newest_comes_first(searching: Searching) -> None:
    first = await searching.add(text="Zasiłek dla bezrobotnych w Łomży", subject="")
    second = await searching.add(text="Zasiłki w Suwałkach", subject="")
    assert await searching.find("zasiłek") == [second, first]
    assert await searching.find("zasiłek łomża") == [first]
    assert await searching.find("zasiłek gdynia") == []


async def test_a_phrase_is_found_in_its_order(searching: Searching) -> None:
    right = await searching.add(text="powiatowy urząd pracy w Łomży", subject="")
    await searching.add(text="praca: urząd powiatowy", subject="")
    assert await searching.find('"urząd pra"') == [right]


async def test_names_addresses_and_files_are_found(searching: Searching) -> None:
    found = await searching.add(name="Grażyna Żółć", email="grazyna@example.pl")

    def attach(tx: Any) -> None:
        message = tx.scalar(select(schema.message.c.id).where(schema.message.c.conversation == found))
        row = {
            "message": message,
            "position": 0,
            "filename": "świadectwo pracy.pdf",
            "content_type": "application/pdf",
        }
        tx.add(schema.attachment, {**row, "size": 1, "sha256": "", "inline": False, "content_id": ""})
        tx.emit("message", office="krajowa", conversation=found, message=message)

    await searching.store.write(attach)
    for text in ("żółć", "zolc", "grazyna@example.pl", "Grażyna@Example.pl", "świadectwa"):
        assert await searching.find(text) == [found], text


async def test_a_telephone_is_found_in_any_notation(searching: Searching) -> None:
    caller = await searching.add(name="Jan", phone="+48600100200", text="Proszę oddzwonić", subject="")
    writer = await searching.add(name="Ewa", text="Mój numer: 600-100-200", subject="")
    for typed in ("600 100 200", "600100200", "+48 600-100-200", "0048 600 100 200", "(600) 100200"):
        assert await searching.find(typed) == [caller, writer], typed


async def test_a_reference_number_leads_to_its_conversation(searching: Searching) -> None:
    await searching.add()
    wanted = await searching.add(reference="ABC-DEF-222")
    number = await searching.store.read(
        lambda tx: tx.scalar(
            select(schema.conversation.c.reference).where(schema.conversation.c.id == wanted)
        )
    )
    assert await searching.find(number.replace("-", "")) == [wanted]


async def test_nobody_finds_what_they_may_not_see(searching: Searching) -> None:
    theirs = await searching.add(office="pup-lomza", queue="lomza", text="dotacja", subject="")
    ours = await searching.add(text="dotacja", subject="")
    asked = await searching.add(text="dotacja", subject="")
    given = await searching.add(text="dotacja", subject="", assignee=SUWALKI.user)
    comment = await searching.add(text="dotacja", subject="", channel="comments")

    def ask(tx: Any) -> None:
        row = {"conversation": asked, "office": "pup-lomza", "at": tx.now}
        tx.execute(schema.conversation_office.insert().values(**row))
        tx.emit("conversation", office="krajowa", conversation=asked)

    await searching.store.write(ask)
    assert set(await searching.find("dotacja", FRONT)) == {theirs, ours, asked, given, comment}
    assert set(await searching.find("dotacja", LOMZA)) == {theirs, asked}
    assert await searching.find("dotacja", SUWALKI) == [given]
    assert await searching.find("dotacja", MODERATOR) == [comment]


async def test_edits_and_deletions_are_followed(searching: Searching) -> None:
    found = await searching.add(text="pierwsza wersja", subject="")
    message = schema.message

    def change(**values: Any) -> Callable[[Any], None]:
        def command(tx: Any) -> None:
            number = tx.scalar(select(message.c.id).where(message.c.conversation == found))
            tx.change(message, number, **values)
            tx.emit("message", office="krajowa", conversation=found, message=number)

        return command

    assert await searching.find("pierwsza") == [found]
    await searching.store.write(change(text="poprawiona treść"))
    assert await searching.find("pierwsza") == []
    assert await searching.find("poprawiona") == [found]
    await searching.store.write(change(deleted_at=1))
    assert await searching.find("poprawiona") == []


async def test_words_of_an_erased_document_are_gone(searching: Searching) -> None:
    found = await searching.add(text="tajemnica", subject="")
    assert await searching.find("tajemnica") == [found]
    await searching.store.write(lambda tx: tx.execute(delete(schema.search_doc)))
    assert await searching.find("tajemnica") == []


async def test_system_lines_are_not_found(searching: Searching) -> None:
    conversation = await searching.add(text="jeden", subject="")

    def add(tx: Any) -> None:
        line = add_message(tx, conversation, number=2, kind="system", text="przekazano")
        tx.emit("message", conversation=conversation, message=line)

    await searching.store.write(add)
    assert await searching.find("przekazano") == []


async def test_after_a_restart_the_follower_goes_on(searching: Searching) -> None:
    first = await searching.add(text="kolejka", subject="")
    await searching.caught_up()
    await searching.stop()
    second = await searching.add(text="kolejki", subject="")
    await searching.start()
    assert await searching.find("kolejka") == [second, first]


async def test_everything_is_read_again_when_the_stream_is_too_short(
    searching: Searching, clock: FakeClock
) -> None:
    await searching.add(text="dawno", subject="")
    await searching.caught_up()
    await searching.stop()
    missed = [await searching.add(text="zgubione", subject="") for _ in range(3)]
    clock.move(days=31)
    await searching.store.write(lambda tx: forget_old_events(tx, 30))
    await searching.add(text="nowe", subject="")
    await searching.start()
    assert set(await searching.find("zgubione")) == set(missed)
    docs = await searching.store.read(lambda tx: tx.rows(select(schema.search_doc.c.message)))
    assert len(docs) == 5


async def test_no_text_is_read_as_an_expression(searching: Searching) -> None:
    await searching.add(text="zasiłek", subject="")
    hostile = (
        '"',
        "* OR x",
        "words : zasiłek",
        'NEAR("a")',
        "a' OR 1=1 --",
        "&|!<->():*",
        "-",
        "   ",
        "\x00a",
        "\\",
    )
    for typed in hostile:
        assert await searching.find(typed) == [], typed


async def test_a_letter_of_the_oddest_words_stops_nobodys_search(searching: Searching) -> None:
    """Each of these signs stands for several letters: more words than PostgreSQL indexes of one text."""
    draw = random.Random(1)
    flood = " ".join("".join(draw.choices("㌖㍇㌶㌠㌗㍿㍑㍍㍈㍃㌳", k=5)) for _ in range(33_000))
    await searching.add(text=flood)
    number = await searching.add(text="Czy jest podatek od premii?")
    assert await searching.find("podatek") == [number]


async def test_one_message_that_cannot_be_indexed_leaves_the_others_findable(
    searching: Searching, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the engine refuses: here a document whose conversation is no number."""

    def odd(tx: Reader, messages: Sequence[int]) -> list[Doc]:
        found = make_docs(tx, messages)
        return [
            msgspec.structs.replace(doc, words=cast(str, None)) if "feralny" in doc.words else doc
            for doc in found
        ]

    monkeypatch.setattr(follower, "make_docs", odd)
    first = await searching.add(text="Pierwszy zasiłek")
    await searching.add(text="Feralny zasiłek")
    last = await searching.add(text="Ostatni zasiłek")
    assert await searching.find("zasiłek") == [last, first]
