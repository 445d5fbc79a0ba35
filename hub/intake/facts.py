"""Facts for a decision: what the batch knows of a message and its sender, as the rules' plain values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import msgspec

from connectors.contract import Message, Micros
from hub.calendar import Calendar, LocalTime, add_open_minutes, calendar, is_open, local
from hub.directory import Directory
from rules import Facts, On

from .joining import DAY
from .load import Load
from .state import ConversationState, Person, Recent

MINUTE = 60_000_000

_attributes = msgspec.json.Decoder(dict[str, str]).decode
_NO_ATTRIBUTES: Mapping[str, str] = {}
_ACTIVE = frozenset({"open", "waiting-citizen", "waiting-office", "snoozed"})


@lru_cache(maxsize=512)
def _wall(cal: Calendar, minute: int) -> tuple[LocalTime, bool]:
    at = Micros(minute * MINUTE)
    return local(cal, at), is_open(cal, at)


@lru_cache(maxsize=512)
def _due(cal: Calendar, minute: int, target: int) -> int:
    return add_open_minutes(cal, Micros(minute * MINUTE), target)


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
) -> Facts:
    """Everything but the texts and the load, which are stored once elsewhere: see :func:`with_texts`."""
    wall, open_now = clockwork.wall(office, now)
    others = [r for r in history if state is None or r.id != state.id]
    active = [r for r in others if r.status in _ACTIVE]
    place, wish = message.comment, message.callback
    return Facts(
        on=on,
        channel=state.channel if state else "",
        inbox=message.inbox,
        language=language[0],
        language_confidence=language[1],
        sender_address=message.sender.address,
        sender_name=message.sender.name,
        sender_kind=message.sender.kind,
        sender_verified=message.sender.verified,
        contact=_NO_ATTRIBUTES if person.attributes == "{}" else _attributes(person.attributes),
        history_count=len(others),
        last_queue=(others[0].queue or "") if others else "",
        open_elsewhere=len(active),
        returning=bool(others),
        office=office,
        article=place.article if place else "",
        section=place.section if place else "",
        attachments=tuple((a.content_type, a.size, a.filename) for a in message.attachments),
        automatic=message.automatic,
        local_minutes=wall.minutes,
        local_date=wall.date.isoformat(),
        weekday=wall.weekday,
        holiday=wall.holiday,
        open_hours=open_now,
        duplicates=sum(1 for r in active if now - r.activity_at <= 7 * DAY),
        join_candidates=tuple(r.id for r in active),
        previous_queue=(state.queue or "") if state else "",
        tags=tags,
        status=state.status if state else "",
        waiting_minutes=(now - state.waiting_since) // MINUTE if state and state.waiting_since else 0,
        callback_topic=wish.topic if wish else "",
        suspicious=message.suspicious,
        fields={field.name: field.value for field in message.fields},
    )


def with_texts(facts: Facts, subject: str, text: str, load: Load) -> Facts:
    """The facts as a decision sees them: with the texts that the message holds and the load of the snapshot."""
    return msgspec.structs.replace(
        facts, subject=subject, text=text, queue_load=load.waiting, agents_on_duty=load.on_duty
    )
