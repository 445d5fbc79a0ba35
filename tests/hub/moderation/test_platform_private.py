"""Private answers to public comments: opened from the bench, sent once, continued by the person's own answer."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import Row, select

from connectors.contract import Capabilities, InboxId, Message, Party, Raw, SendError, Sent, ThreadKey
from hub.config import Inbox
from hub.desk.reply import CLOSED, Draft, reply
from hub.desk.ways import Reach, reach
from hub.directory import directory
from hub.moderation import answers
from hub.notices import reachable
from hub.scope import Conflict, Scope
from hub.store import schema
from hub.store.store import Store
from tests.hub.conftest import FakeClock
from tests.hub.moderation.platform_world import CAN, Elsewhere
from tests.hub.specimen import CONFIG, add_person

KEY = ThreadKey("direct:messenger:page-1:u-1")
DAY = 86_400


class Talking(Elsewhere):
    """With the page's direct messages beside its comments, and an agent."""

    agent: Scope

    async def ready(self) -> Talking:
        await self.open()
        direct = Inbox(
            id="wiadomosci", kind="messenger", name="Messenger", office="krajowa", queue="bezrobotni"
        )
        page = msgspec.structs.replace(CONFIG.inboxes[2], id="fanpage", name="Fanpage")
        config = msgspec.structs.replace(CONFIG, inboxes=(*CONFIG.inboxes, page, direct))
        can = Capabilities(reaches=("messenger",), reply_window=DAY)
        self.house = msgspec.structs.replace(
            self.house,
            directory=directory(config),
            capabilities={**self.house.capabilities, "wiadomosci": can},
            channels={**self.house.channels, "wiadomosci": "messenger"},
        )
        user = await self.store.write(lambda tx: add_person(tx, "jan"))
        self.agent = Scope(user=user, role="agent", office="krajowa", front=True, name="Jan")
        return self

    async def talk(self, number: int) -> int:
        """Anna opens a private conversation with the author; its id."""
        return await self.store.write(lambda tx: answers.open_private(tx, self.house, self.anna, number))

    async def ways(self, conversation: int) -> Reach:
        row = await self.conversation(conversation)
        return await self.store.read(lambda tx: reach(tx, self.house, self.agent, row))

    async def conversation(self, number: int) -> Row[object]:
        table = schema.conversation
        row = await self.store.read(lambda tx: tx.row(select(table).where(table.c.id == number)))
        assert row is not None
        return row

    async def write(self, conversation: int, text: str = "Proszę podać numer sprawy.") -> int:
        """Jan answers in the private conversation."""
        row = await self.conversation(conversation)
        draft = Draft(text=text, client_id=f"c{row.messages}", based_on=row.messages)
        done = await self.store.write(lambda tx: reply(tx, self.house, self.agent, conversation, draft))
        return done.message


@pytest.fixture
async def there(sqlite_store: Store, clock: FakeClock) -> Talking:
    return await Talking(sqlite_store, clock).ready()


async def test_the_first_answer_goes_to_the_author_of_the_comment(there: Talking) -> None:
    conversation = await there.talk(await there.comment())
    way = (await there.ways(conversation)).ways[0]
    assert (way.inbox, way.target, way.closed) == ("fanpage", "c-1", False)
    there.peer.script = [Sent(remote_id="m-1", adds_keys=(KEY,))]
    await there.write(conversation)
    await there.work()
    [left] = there.peer.sent
    assert (left.operation, left.public, left.target) == ("send", False, "c-1")
    assert left.text == "Proszę podać numer sprawy."


async def test_what_the_person_answers_continues_it_and_then_goes_by_direct_message(there: Talking) -> None:
    conversation = await there.talk(await there.comment())
    there.peer.script = [Sent(remote_id="m-1", adds_keys=(KEY,))]
    await there.write(conversation)
    await there.work()
    came = Message(
        inbox=InboxId("wiadomosci"),
        external_id="m-in-1",
        sender=Party(kind="messenger", address="u-1", name="Jan Kowalski", verified=True),
        text="Numer UP/123",
        full_text="Numer UP/123",
        thread_keys=(KEY,),
        direct=True,
    )
    [receipt] = await there.sink.accept(Raw(content=b"x"), [came])
    assert receipt.conversation == conversation
    way = (await there.ways(conversation)).ways[0]
    assert (way.inbox, way.target) == ("wiadomosci", "")


async def test_it_is_offered_once(there: Talking) -> None:
    number = await there.comment()
    conversation = await there.talk(number)
    await there.write(conversation)
    targets = [way.target for way in (await there.ways(conversation)).ways]
    assert targets == [""], "only the direct messages are left, which are closed until the person writes"
    own = (await there.row(number)).conversation
    assert [way.target for way in (await there.ways(own)).ways] == [""]
    with pytest.raises(Conflict) as refused:
        await there.write(conversation, "Jeszcze jedno.")
    assert str(refused.value) == CLOSED


async def test_one_that_failed_may_be_tried_again(there: Talking) -> None:
    conversation = await there.talk(await there.comment())
    there.peer.script = [SendError("permanent", "Refused.")]
    await there.write(conversation)
    await there.work()
    assert (await there.ways(conversation)).ways[0].target == "c-1"


async def test_after_seven_days_it_is_closed(there: Talking) -> None:
    conversation = await there.talk(await there.comment())
    there.clock.move(days=7, minutes=1)
    assert (await there.ways(conversation)).ways[0].closed
    with pytest.raises(Conflict) as refused:
        await there.write(conversation)
    assert str(refused.value) == CLOSED


async def test_a_comment_that_is_gone_is_not_answered(there: Talking) -> None:
    number = await there.comment()
    own = (await there.row(number)).conversation
    assert (await there.ways(own)).ways[0].target == "c-1"
    await there.told("deleted", "c-1")
    assert [way.target for way in (await there.ways(own)).ways] == [""]


async def test_a_public_answer_is_not_the_private_one(there: Talking) -> None:
    number = await there.comment(way="post")
    await there.answer(number)
    await there.work()
    own = (await there.row(number)).conversation
    assert (await there.ways(own)).ways[0].target == "c-1"


async def test_no_machine_writes_to_whoever_comments(there: Talking) -> None:
    number = await there.comment()
    own = await there.conversation((await there.row(number)).conversation)
    private = await there.conversation(await there.talk(number))
    for row in (own, private):
        assert await there.store.read(lambda tx, row=row: reachable(tx, there.house, row)) is None  # type: ignore[misc]


async def test_where_nothing_reaches_the_author_no_conversation_is_opened(
    sqlite_store: Store, clock: FakeClock
) -> None:
    alone = await Elsewhere(sqlite_store, clock, msgspec.structs.replace(CAN, private_replies=False)).open()
    number = await alone.comment()
    with pytest.raises(Conflict) as refused:
        await sqlite_store.write(lambda tx: answers.open_private(tx, alone.house, alone.anna, number))
    assert str(refused.value) == answers.UNREACHABLE
