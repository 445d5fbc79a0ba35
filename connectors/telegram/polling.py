"""Asking Telegram for news: every update is committed before the next question confirms it.

The cursor is the number of the next update, with the time at which it was moved. Telegram keeps what nobody confirmed
for 24 hours, and after a quiet week it begins to count somewhere else, perhaps below the cursor, where a question
from the cursor on would confirm news unseen. So a cursor that is older than what Telegram keeps is not used: the
question without one returns all that is unconfirmed, and what the hub has already it recognises.

Only one program may ask; a second one gets 409, as does one that asks while a webhook is set.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Literal

from connectors._failpoint import failpoint
from connectors._i18n import N_
from connectors._in_turn import in_turn
from connectors.contract import Cursor, Env, Micros, Refused, SendError, Sink
from connectors.telegram.api import STRANGE_ANSWER, Api, Declined, NotReached
from connectors.telegram.wire import BadUpdate, chat_of, number_of

CURSOR = "offset"
KEPT = 24 * 3600 * 1_000_000
"""Microseconds for which Telegram keeps updates."""

FIRST_GAP = 0.5
LONGEST_GAP = 60.0
CREDENTIALS_GAP = 60.0
"""Seconds after a refused token: asking faster would change nothing."""

State = Literal["starting", "ok", "degraded", "unreachable", "wrong_credentials"]

SECOND_READER = N_("Another program reads this bot's messages with the same token; only one may.")
WRONG_TOKEN = N_("Telegram does not accept the bot's token; take a new one from @BotFather.")
UNREACHABLE = N_("Telegram cannot be reached.")
REFUSES = N_("Telegram refuses to hand out messages.")
HUB_FULL = N_("The hub takes nothing at the moment; the messages wait at Telegram.")


Take = Callable[[bytes, Cursor | None], Awaitable[None]]
"""Commits one update, with the cursor that follows it. Raises Refused."""


@dataclasses.dataclass(slots=True)
class Reader:
    """How asking goes, for the health page; ``detail`` is a msgid."""

    state: State = "starting"
    detail: str = ""
    last_seen: Micros | None = None

    def up(self, now: Micros) -> None:
        """An answer came and was taken."""
        self.state, self.detail, self.last_seen = "ok", "", now

    def down(self, state: State, detail: str) -> None:
        """It did not."""
        self.state, self.detail = state, detail


@dataclasses.dataclass(slots=True)
class _Place:
    """The next update's number (None: whatever is unconfirmed) and when it was learnt."""

    offset: int | None
    at: int

    def asked(self, now: Micros) -> int | None:
        """The offset of a question at this time."""
        return self.offset if now - self.at < KEPT else None


async def poll(api: Api, env: Env, sink: Sink, take: Take, reader: Reader) -> None:
    """Ask and take until cancelled."""
    place: _Place | None = None
    gap = FIRST_GAP
    while True:
        try:
            place = place or await _committed(sink)
            updates = await api.updates(place.asked(env.clock.now()))
            if updates:
                await _take_all(updates, place, env, take)
        except Refused as refusal:
            reader.down("degraded", HUB_FULL)
            await env.clock.sleep(refusal.retry_after)
        except Declined as refusal:
            await _declined(refusal, api, env, reader, gap)
            gap = min(gap * 2, LONGEST_GAP)
        except NotReached as missed:
            reader.down(*fault(missed))
            await env.clock.sleep(gap * (0.5 + env.random.random()))
            gap = min(gap * 2, LONGEST_GAP)
        else:
            reader.up(env.clock.now())
            gap = FIRST_GAP


async def _committed(sink: Sink) -> _Place:
    offset, _, at = (await sink.cursor(CURSOR) or "").partition(":")
    return _Place(int(offset), int(at)) if offset and at else _Place(None, 0)


async def _take_all(updates: Sequence[bytes], place: _Place, env: Env, take: Take) -> None:
    """Commit a batch, the last of it with the cursor and only when the others are in."""
    failpoint("telegram.fetched")
    now = env.clock.now()
    following = max(_next(update) for update in updates)
    *others, last = updates
    for outcome in await in_turn([(chat_of(update), partial(take, update, None)) for update in others]):
        if isinstance(outcome, BaseException):
            raise outcome
    await take(last, Cursor(key=CURSOR, value=f"{following}:{now}"))
    place.offset, place.at = following, now
    failpoint("telegram.committed")


def _next(update: bytes) -> int:
    """The number behind an update's. Raises NotReached for what has none: then nothing of the answer is believed."""
    try:
        return number_of(update) + 1
    except BadUpdate:
        error = SendError("temporary", STRANGE_ANSWER, "an update without a number")
        raise NotReached(error) from None


def fault(error: Declined | NotReached) -> tuple[State, str]:
    """What a failed call says about the inbox: its state, and a msgid."""
    if isinstance(error, NotReached):
        return "unreachable", UNREACHABLE
    if error.credentials:
        return "wrong_credentials", WRONG_TOKEN
    if error.status == 409:
        return "degraded", SECOND_READER
    return ("unreachable" if error.status >= 500 else "degraded"), REFUSES


async def _declined(refusal: Declined, api: Api, env: Env, reader: Reader, gap: float) -> None:
    """What to do about a refused question."""
    if refusal.status == 409 and refusal.says("webhook"):
        # The configuration says that we ask; the webhook is left from before, and its news are kept for us.
        env.log.warning("webhook removed, because this inbox polls", inbox=env.inbox)
        try:
            await api.bot.delete_webhook(drop_pending_updates=False)
        except (Declined, NotReached) as error:
            reader.down(*fault(error))
        await env.clock.sleep(gap)
        return
    reader.down(*fault(refusal))
    if refusal.credentials:
        gap = max(gap, CREDENTIALS_GAP)
    # A second reader's gap differs from ours, so that the two do not push each other out in step.
    await env.clock.sleep(refusal.retry_after or gap * (0.5 + env.random.random()))
