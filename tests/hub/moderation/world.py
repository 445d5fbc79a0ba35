"""A comment section with its intake, its moderators and its readers, on a store of the test."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import msgspec
from sqlalchemy import Row, select

from connectors.contract import (
    Appeal,
    CommentPlace,
    Deletion,
    Edit,
    Inbound,
    InboxId,
    Message,
    Party,
    PostReport,
    PublicPost,
    Raw,
    Receipt,
    ThreadPage,
)
from hub.house import House
from hub.intake.sink import Intake
from hub.moderation import decide
from hub.moderation.decide import Bulk, Choice
from hub.moderation.platform import Deed
from hub.moderation.thread import StoredThread
from hub.scope import Scope
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.conftest import FakeClock
from tests.hub.specimen import CONFIG, a_house, add_person

INBOX = InboxId("artykuly")

RULES = """
rules:
  - id: obelgi
    name: Obraźliwe
    on: [new, message, edit]
    when: {channel: comments, words: [debil, debile, złodziejka]}
    do: {hold: abuse}
    then: continue
  - id: kryzys
    name: Niebezpieczeństwo
    on: [new, message, edit]
    when: {channel: comments, words: [samobójstwo]}
    do: {distress: kryzys, hold: distress}
    then: continue
  - id: komentarze
    name: Komentarze
    when: {channel: comments}
    do: {queue: redakcja}
default: {queue: bezrobotni}
"""


@functools.cache
def house_of_comments() -> House:
    """The house of all tests here: compiling its rules takes a moment."""
    return a_house(CONFIG, rules=RULES)


class NoLog:
    """A log that nobody reads."""

    def info(self, event: str, **details: Any) -> None: ...

    warning = error = info


class World:
    """What the tests act on. ``anna`` and ``ewa`` are moderators; readers are visitor ids."""

    def __init__(self, store: Store, clock: FakeClock, house: House | None = None) -> None:
        self.store = store
        self.clock = clock
        self.house = house or house_of_comments()
        intake = Intake(store, lambda: self.house, clock.monotonic, NoLog(), lambda key, what: None)
        self.sink = intake.sink(INBOX)
        self.thread = StoredThread(store, lambda: self.house)
        self.anna = self.ewa = self.agent = Scope(user=0, role="moderator", office="krajowa")
        self._numbers = itertools.count(1)

    async def open(self) -> World:
        """Hire the moderators."""

        def hire(tx: Tx) -> list[int]:
            return [add_person(tx, login, role=role) for login, role in PEOPLE]

        anna, ewa, agent = await self.store.write(hire)
        self.anna = Scope(user=anna, role="moderator", office="krajowa", front=True, name="Anna")
        self.ewa = Scope(user=ewa, role="moderator", office="krajowa", front=True, name="Ewa")
        self.agent = Scope(user=agent, role="agent", office="krajowa", front=True, name="Jan")
        return self

    async def take(self, item: Inbound) -> Receipt:
        """Take one inbound in."""
        [receipt] = await self.sink.accept(Raw(content=b"as it came"), [item])
        return receipt

    def written(
        self,
        text: str = "Dziękuję za ten artykuł.",
        *,
        by: str = "v1",
        name: str = "Anna Nowak",
        email: str = "",
        parent: int | None = None,
        article: str = "zasilek",
        way: str = "post",
    ) -> Message:
        """A comment as the connector gives it."""
        return Message(
            inbox=INBOX,
            external_id=f"web:{next(self._numbers)}",
            sender=Party(kind="web", address=by, name=name),
            subject="Zasiłek od A do Z",
            text=text,
            full_text=text,
            comment=CommentPlace(
                article=article,
                title="Zasiłek od A do Z",
                url="https://praca.example.pl/zasilek",
                section="poradnik",
                parent=parent,
                moderation=way,  # type: ignore[arg-type]
            ),
            reply_to=(Party(kind="email", address=email, name=name),) if email else (),
            also=(Party(kind="email", address=email, name=name),) if email else (),
        )

    async def comment(self, text: str = "Dziękuję za ten artykuł.", **more: Any) -> int:
        """Post a comment; returns its post id."""
        receipt = await self.take(self.written(text, **more))
        assert receipt.message is not None
        return receipt.message

    async def edit(self, number: int, text: str, *, by: str = "v1") -> str:
        """The author changes a comment; the receipt's state."""
        event = Edit(
            inbox=INBOX,
            external_id=f"web:{next(self._numbers)}",
            target=str(number),
            sender=Party(kind="web", address=by),
            text=text,
        )
        return (await self.take(event)).post_state

    async def delete(self, number: int, *, by: str = "v1") -> str:
        """The author takes a comment back; the receipt's state."""
        sender = Party(kind="web", address=by)
        return (await self.take(Deletion(inbox=INBOX, target=str(number), sender=sender))).post_state

    async def report(self, number: int, reason: str, *, by: str, version: int = 1, origin: str = "") -> str:
        """A reader reports a comment; the receipt's state."""
        event = PostReport(
            inbox=INBOX,
            target=str(number),
            sender=Party(kind="web", address=by),
            version=version,
            reason=reason,  # type: ignore[arg-type]
            origin=origin,
        )
        return (await self.take(event)).post_state

    async def appeal(self, number: int, text: str = "Proszę jeszcze raz.", *, by: str = "v1") -> str:
        """The author appeals; the receipt's state."""
        sender = Party(kind="web", address=by)
        event = Appeal(inbox=INBOX, target=str(number), sender=sender, version=1, text=text)
        return (await self.take(event)).post_state

    async def decide(
        self, deed: Deed, *numbers: int, by: Scope | None = None, reason: str = "", words: str = ""
    ) -> Bulk:
        """A moderator (Anna unless told) decides, having seen the present revision."""
        who = by or self.anna

        def command(tx: Tx) -> Bulk:
            revisions = {number: self._row(tx, number).revision for number in numbers}
            choices = [Choice(post=number, revision=revisions[number]) for number in numbers]
            return decide.decide(tx, self.house, who, deed, choices, reason=reason, words=words)

        return await self.store.write(command)

    @staticmethod
    def _row(tx: Any, number: int) -> Row[Any]:
        row: Row[Any] | None = tx.row(select(schema.post).where(schema.post.c.id == number))
        assert row is not None
        return row

    async def row(self, number: int) -> Row[Any]:
        """A comment's row."""
        return await self.store.read(lambda tx: self._row(tx, number))

    async def state(self, number: int) -> str:
        """A comment's state."""
        return str((await self.row(number)).state)

    async def reasons(self, number: int) -> tuple[str, ...]:
        """Why a comment waits."""
        return msgspec.json.decode((await self.row(number)).hold_reasons, type=tuple[str, ...])

    async def page(
        self,
        visitor: str | None = None,
        *,
        cursor: str | None = None,
        size: int = 50,
        article: str = "zasilek",
    ) -> ThreadPage:
        """What a reader sees."""
        return await self.thread.page(INBOX, article, visitor=visitor, cursor=cursor, size=size)

    async def seen(self, number: int, visitor: str | None = None) -> PublicPost | None:
        """One comment as a reader sees it."""
        return await self.thread.post(INBOX, number, visitor=visitor)


PEOPLE = (("anna", "moderator"), ("ewa", "moderator"), ("jan", "agent"))
