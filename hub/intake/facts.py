"""Facts for a decision: what is known of a message, its sender and its conversation, as the rules' plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec

from connectors.contract import Message, Micros
from hub.calendar import (
    Calendar,
    LocalTime,
    add_open_minutes,
    calendar,
    is_open,
    local,
    next_opening,
    open_minutes,
)
from hub.directory import Directory
from rules import Facts, On
from rules.waits import Wait

from .joining import DAY
from .load import Load
from .state import ConversationState, Person, Recent

MINUTE = 60_000_000

MONTH = 30
"""Days of the short history: how many conversations, and whether the person comes back."""

AGES, AGE_DAYS = 50, 90
"""Of so many earlier conversations, begun in so many days, the age is told."""

_attributes = msgspec.json.Decoder(dict[str, str]).decode
_NOTHING: Mapping[str, str] = {}
_ACTIVE = frozenset({"open", "waiting-citizen", "waiting-office", "snoozed"})


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """What happened besides a message: a change of status or tags, a timer, time without an answer.

    ``status`` is what it became, which may have moved on by the time the rules are asked. ``due`` and ``due_open``: the
    durations in minutes that came true just now (see :mod:`hub.deciding.waiting`).
    """

    status: str = ""
    status_before: str = ""
    tags_added: tuple[str, ...] = ()
    tags_removed: tuple[str, ...] = ()
    timer: str = ""
    due: tuple[int, ...] = ()
    due_open: tuple[int, ...] = ()


NOTHING = Moment()


@lru_cache(maxsize=512)
def _wall(cal: Calendar, minute: int) -> tuple[LocalTime, bool]:
    at = Micros(minute * MINUTE)
    return local(cal, at), is_open(cal, at)


@lru_cache(maxsize=512)
def _due(cal: Calendar, minute: int, target: int) -> int:
    return add_open_minutes(cal, Micros(minute * MINUTE), target)


def comes_true(cal: Calendar, since: int, wait: Wait) -> int:
    """When nobody has answered for that long. Opening hours are counted from the next full minute on, so that waits
    which began in the same minute are worked out once."""
    if wait.open_hours:
        return _due(cal, -(-since // MINUTE), wait.minutes)
    return since + wait.minutes * MINUTE


def waited(cal: Calendar, since: int, now: int) -> int:
    """Whole minutes of opening hours since a moment; by the plain clock for an office that never opens, as it is with
    due times."""
    if next_opening(cal, Micros(since)) is None:
        return (now - since) // MINUTE
    return int(open_minutes(cal, Micros(since), Micros(now)))


class Clockwork:
    """The calendars of one directory, looked up once each; a batch asks for few different ones."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._calendars: dict[tuple[str, str | None], Calendar] = {}

    def _calendar(self, office: str, queue: str | None) -> Calendar:
        key = (office, queue)
        found = self._calendars.get(key)
        if found is None:
            found = self._calendars[key] = calendar(self._directory, office, queue)
        return found

    def wall(self, office: str, now: int) -> tuple[LocalTime, bool]:
        """Local time at an office and whether it is open."""
        return _wall(self._calendar(office, None), now // MINUTE)

    def due(self, office: str, queue: str | None, now: int) -> int | None:
        """When an answer is due that a queue owes from ``now`` on; None for a queue without a target."""
        line = self._directory.queues.get(queue or "")
        if line is None or line.spam:
            return None
        return _due(self._calendar(office, queue), now // MINUTE, line.target_minutes)

    def waited(self, state: ConversationState, now: int) -> int:
        """Whole minutes of opening hours for which somebody waits for an answer."""
        since = state.waiting_since
        return waited(self._calendar(state.office, state.queue), since, now) if since is not None else 0

    def waits(self, state: ConversationState, waits: Sequence[Wait]) -> list[tuple[int, Wait]]:
        """When each of these durations without an answer comes true, the first one first; none while nobody waits."""
        if state.waiting_since is None:
            return []
        cal = self._calendar(state.office, state.queue)
        return sorted((comes_true(cal, state.waiting_since, wait), wait) for wait in waits)


def build_facts(
    on: On,
    message: Message,
    language: tuple[str, float],
    *,
    person: Person,
    state: ConversationState | None,
    history: list[Recent],
    office: str,
    clockwork: Clockwork,
    now: int,
    tags: tuple[str, ...],
    sent: str = "",
    moment: Moment = NOTHING,
) -> Facts:
    """Everything but the texts and the load, which are stored once elsewhere: see :func:`with_texts`.

    ``sent``: what the last thing sent in this conversation was (``no``: a person's words), empty for nothing.
    """
    wall, open_now = clockwork.wall(office, now)
    others = [r for r in history if state is None or r.id != state.id] if history else history
    active = [r for r in others if r.status in _ACTIVE] if others else others
    month = len([r for r in others if now - r.activity_at <= MONTH * DAY]) if others else 0
    waiting = (now - state.waiting_since) // MINUTE if state and state.waiting_since else 0
    place, wish = message.comment, message.callback
    return Facts(
        on=on,
        channel=state.channel if state else "",
        inbox=message.inbox,
        kind="edit" if on == "edit" else "message",
        language=language[0],
        language_confidence=language[1],
        sender_address=message.sender.address,
        sender_name=message.sender.name,
        sender_kind=message.sender.kind,
        sender_verified=message.sender.verified,
        contact=_NOTHING if person.attributes == "{}" else _attributes(person.attributes),
        history_count=month,
        history_ages=_ages(others, now),
        last_queue=(others[0].queue or "") if others else "",
        open_elsewhere=len(active),
        returning=month > 0,
        office=office,
        article=place.article if place else "",
        section=place.section if place else "",
        attachments=tuple([(a.content_type, a.size, a.filename) for a in message.attachments]),
        automatic=message.automatic,
        reply_to_automatic=sent not in ("", "no"),
        local_minutes=wall.minutes,
        local_date=wall.date.isoformat(),
        weekday=wall.weekday,
        holiday=wall.holiday,
        open_hours=open_now,
        duplicates=len([r for r in active if now - r.activity_at <= 7 * DAY]),
        join_candidates=tuple([r.id for r in active if r.channel != "comments"]) if place is None else (),
        previous_queue=(state.queue or "") if state else "",
        tags=tags,
        status=moment.status or (state.status if state else ""),
        status_before=moment.status_before,
        tags_added=moment.tags_added,
        tags_removed=moment.tags_removed,
        timer=moment.timer,
        unanswered_minutes=waiting,
        unanswered_open_minutes=clockwork.waited(state, now) if state and waiting else 0,
        unanswered_due=moment.due,
        unanswered_open_due=moment.due_open,
        waiting_minutes=waiting,
        callback_topic=wish.topic if wish else "",
        suspicious=message.suspicious,
        fields={field.name: field.value for field in message.fields} if message.fields else _NOTHING,
        button=(message.choice, message.text) if message.choice else (),
    )


def with_texts(facts: Facts, subject: str, text: str, load: Load) -> Facts:
    """The facts as a decision sees them: with the texts that the message holds and the load of the snapshot."""
    return msgspec.structs.replace(
        facts,
        subject=subject,
        text=text,
        queue_load=load.waiting,
        queue_waiting=load.oldest,
        agents_on_duty=load.on_duty,
    )


def _ages(others: list[Recent], now: int) -> tuple[int, ...]:
    """Whole days since each began, the youngest first."""
    if not others:
        return ()
    ages = sorted((now - recent.created_at) // DAY for recent in others)
    return tuple(age for age in ages[:AGES] if age <= AGE_DAYS)
