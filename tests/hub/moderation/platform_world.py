"""A platform that is not ours, with its comments, our moderators and an outbox, on a store of the test."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, select

from connectors.contract import (
    Capabilities,
    CommentPlace,
    Deletion,
    Edit,
    Health,
    Inbound,
    InboxId,
    Message,
    Micros,
    Moderated,
    Outbound,
    Party,
    Raw,
    Receipt,
    Route,
    SendError,
    Sent,
    Sink,
)
from hub.desk.undo_kinds import KINDS
from hub.desk.undoing import undo_last
from hub.house import House
from hub.intake.events import release_target
from hub.intake.sink import Intake
from hub.logs import logger
from hub.moderation import answers, decide
from hub.moderation.bench import Filter, Item, bench_item, bench_page
from hub.moderation.decide import Bulk, Choice
from hub.moderation.platform import Deed
from hub.outbox.sender import Parts, Sender
from hub.scope import Scope
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from hub.wake import Wake
from tests.hub.conftest import FakeClock
from tests.hub.moderation.world import RULES, NoLog
from tests.hub.specimen import CONFIG, a_house, add_person

INBOX = InboxId("fanpage")
PAGE = Party(kind="messenger", address="page-1", name="Infolinia")

CAN = Capabilities(
    platform="Facebook",
    public_replies=True,
    private_replies=True,
    hides=True,
    deletions=True,
    reply_window=7 * 86_400,
    max_length=8000,
)


class Platform:
    """A platform as its connector shows it: takes every order, or answers as a test queued up."""

    def __init__(self, can: Capabilities = CAN) -> None:
        self.capabilities = can
        self.script: list[Sent | SendError] = []
        self.sent: list[Outbound] = []
        self._ids = itertools.count(1)

    async def send(self, outbound: Outbound) -> Sent:
        self.sent.append(outbound)
        answer = self.script.pop(0) if self.script else None
        if isinstance(answer, SendError):
            raise answer
        if answer is not None:
            return answer
        if outbound.operation != "send":
            return Sent(state="delivered")
        return Sent(remote_id=f"reply-{next(self._ids)}")

    def routes(self) -> Sequence[Route]:
        return ()

    async def run(self, sink: Sink) -> None: ...

    async def fetch(self, ref: str) -> bytes:
        raise SendError("permanent", "nothing to fetch")

    async def check(self) -> Health:
        return Health(state="ok")

    def orders(self) -> list[tuple[str, str | None]]:
        """Operation and target of all that left, in order."""
        return [(outbound.operation, outbound.target) for outbound in self.sent]


class Blobless:
    """No files in these tests."""

    async def put(self, content: Any) -> Any:
        raise AssertionError

    async def get(self, blob: int) -> bytes:
        raise KeyError(blob)


@functools.cache
def _plain_house() -> House:
    inbox = msgspec.structs.replace(CONFIG.inboxes[2], id="fanpage", kind="facebook_comments", name="Fanpage")
    return a_house(msgspec.structs.replace(CONFIG, inboxes=(*CONFIG.inboxes, inbox)), rules=RULES)


class Elsewhere:
    """What the tests act on. ``anna`` and ``ewa`` are moderators."""

    def __init__(self, store: Store, clock: FakeClock, can: Capabilities = CAN) -> None:
        self.store, self.clock, self.peer = store, clock, Platform(can)
        plain = _plain_house()
        self.house = msgspec.structs.replace(
            plain,
            capabilities={**plain.capabilities, "fanpage": can},
            channels={**plain.channels, "fanpage": "comments"},
        )
        intake = Intake(store, lambda: self.house, clock.monotonic, NoLog(), lambda key, what: None)
        self.sink = intake.sink(INBOX)
        self.anna = self.ewa = Scope(user=0, role="moderator", office="krajowa")
        self._numbers = itertools.count(1)
        self._outbox = Sender(
            Parts(
                store=store,
                clock=clock,
                house=lambda: self.house,
                connectors=lambda: {"fanpage": self.peer},
                blobs=Blobless(),
                log=logger("test"),
                node="this",
                wake=Wake(),
                on_sent=release_target,
            )
        )

    async def open(self) -> Elsewhere:
        """Hire the moderators."""

        def hire(tx: Tx) -> list[int]:
            return [add_person(tx, login, role="moderator") for login in ("anna", "ewa")]

        anna, ewa = await self.store.write(hire)
        self.anna = Scope(user=anna, role="moderator", office="krajowa", front=True, name="Anna")
        self.ewa = Scope(user=ewa, role="moderator", office="krajowa", front=True, name="Ewa")
        return self

    # --- the platform tells ---------------------------------------------------------------------------------------

    async def take(self, *items: Inbound) -> list[Receipt]:
        """Take what one callback brought."""
        return await self.sink.accept(Raw(content=b"as it came"), list(items))

    def written(
        self,
        text: str = "Kiedy wypłata zasiłku?",
        *,
        ref: str = "",
        by: str = "u-1",
        name: str = "Jan Kowalski",
        parent: str = "",
        article: str = "1_77",
        way: str = "pre",
        title: str = "Zmiany w zasiłkach",
        ours: bool = False,
        **place: Any,
    ) -> Message:
        """A comment as the connector gives it."""
        ref = ref or f"c-{next(self._numbers)}"
        return Message(
            inbox=INBOX,
            external_id=ref,
            sender=PAGE if ours else Party(kind="messenger", address=by, name=name),
            subject=title,
            text=text,
            full_text=text,
            ours=ours,
            comment=CommentPlace(
                article=article,
                title=title,
                url=f"https://facebook.example/{article}",
                parent_ref=parent,
                moderation=way,  # type: ignore[arg-type]
                ours=False,
                link=f"https://facebook.example/{ref}",
                **place,
            ),
        )

    async def comment(self, text: str = "Kiedy wypłata zasiłku?", **more: Any) -> int:
        """Somebody comments; returns the post's id."""
        [receipt] = await self.take(self.written(text, **more))
        assert receipt.message is not None
        return receipt.message

    async def told(self, what: str, ref: str, *, text: str = "", at: int | None = None) -> Receipt:
        """The platform tells of a change: ``edited``, ``deleted``, or how it stands now."""
        external = f"{ref}:{what}:{next(self._numbers)}"
        someone = Party(kind="messenger", address="whoever")
        common: dict[str, Any] = {"inbox": INBOX, "external_id": external, "target": ref}
        event: Inbound
        if what == "edited":
            event = Edit(**common, sender=someone, text=text, at=None if at is None else Micros(at))
        elif what == "deleted":
            event = Deletion(**common, sender=someone)
        else:
            event = Moderated(**common, standing=what, at=None if at is None else Micros(at))  # type: ignore[arg-type]
        [receipt] = await self.take(event)
        return receipt

    # --- the moderators -------------------------------------------------------------------------------------------

    async def decide(
        self, deed: Deed, *numbers: int, by: Scope | None = None, reason: str = "", words: str = ""
    ) -> Bulk:
        """A moderator (Anna unless told) decides, having seen the present revision."""
        who = by or self.anna

        def command(tx: Tx) -> Bulk:
            choices = [Choice(post=number, revision=self._row(tx, number).revision) for number in numbers]
            return decide.decide(tx, self.house, who, deed, choices, reason=reason, words=words)

        return await self.store.write(command)

    async def undo(self) -> None:
        """Anna undoes what she did last."""
        await self.store.write(lambda tx: undo_last(tx, self.house, self.anna, KINDS))

    async def answer(self, number: int, text: str = "Wypłaty są 10. dnia miesiąca.") -> int:
        """Anna answers in public; returns the answer's post id."""
        client = f"client-{next(self._numbers)}"
        return await self.store.write(
            lambda tx: answers.answer_in_public(tx, self.house, self.anna, number, text, client_id=client)
        )

    async def work(self, *, wait: float = 60) -> int:
        """Let the time for undoing pass and everything due leave."""
        self.clock.move(wait)
        return await self._outbox.work_off()

    # --- looking --------------------------------------------------------------------------------------------------

    @staticmethod
    def _row(tx: Any, number: int) -> Row[Any]:
        row: Row[Any] | None = tx.row(select(schema.post).where(schema.post.c.id == number))
        assert row is not None
        return row

    async def row(self, number: int) -> Row[Any]:
        """A comment's row."""
        return await self.store.read(lambda tx: self._row(tx, number))

    async def stands(self, number: int) -> tuple[str, str]:
        """What was decided about a comment, and how it stands on the platform."""
        row = await self.row(number)
        return str(row.state), str(row.standing)

    async def reasons(self, number: int) -> tuple[str, ...]:
        """Why a comment waits."""
        return msgspec.json.decode((await self.row(number)).hold_reasons, type=tuple[str, ...])

    async def item(self, number: int) -> Item:
        """A comment as the bench shows it."""
        return await self.store.read(lambda tx: bench_item(tx, self.anna, number))

    async def waiting(self) -> list[int]:
        """What waits on the bench."""
        page = await self.store.read(lambda tx: bench_page(tx, self.anna, Filter()))
        return [item.id for item in page.items]

    async def deliveries(self, number: int) -> list[tuple[str, str]]:
        """Operation and state of each delivery of a message."""
        table = schema.delivery
        query = select(table).where(table.c.message == number).order_by(table.c.id)
        rows = await self.store.read(lambda tx: tx.rows(query))
        return [(row.operation, row.state) for row in rows]
