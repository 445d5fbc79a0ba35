"""Facts: everything that a decision may look at, as plain values.

The hub fills one :class:`Facts` for each event from the message, the store and its snapshot of load and duty, and
keeps it beside the trace, so that a decision can be explained or replayed later with the same answer. Nothing
here is read from a clock or a database by the rules themselves. Every field has a default that means "not
known" or "none", so that a caller fills in only what it knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

On = Literal["new", "message", "edit", "status", "timer"]
"""What happened: a conversation opened or reopened, a further message came, a message was edited, the status
or the tags changed, a timer ran out."""

TEXT_LIMIT = 65_536
"""Characters of ``text`` that rules look at (1,000 of ``subject`` and of ``callback_topic``, which are searched with
it). What lies behind is not searched, so that the work of one decision is bounded; the ``length`` predicate still
sees all of it."""


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known when a decision is made. Strings are empty, numbers 0 and None where nothing is known.

    Message: ``on``; ``channel``, ``inbox`` and ``kind`` as the contract names them; ``direction`` (in, out);
    ``language`` (ISO 639-1, lower case) with ``language_confidence`` from 0 to 1; ``subject``; ``text`` (what the
    person wrote now); ``attachments`` as (content type, size in bytes, file name); ``automatic`` (``no``,
    ``auto-reply``, ``bounce``, ``list``, …); ``reply_to_automatic`` (it answers an automatic answer of ours);
    ``suspicious`` (why a person should look first); ``fields`` of a form by name; ``article`` and ``section`` of a
    comment; ``callback_topic``; ``button``: name and label of the one that was pressed instead of writing.

    Sender: ``sender_address`` as the channel writes it (mail in lower case, phone in E.164), ``sender_name``,
    ``sender_kind`` (``email``, ``phone``, ``web``, …), ``sender_verified``; ``contact``: the contact's attributes.

    History: ``history_count`` conversations of the contact in the last 30 days; ``history_ages`` whole days since each
    earlier one began, the youngest first (90 days back, at most 50); ``last_queue`` of their latest one;
    ``open_elsewhere`` open conversations of theirs besides this; ``returning``: ``history_count`` is
    not 0; ``duplicates`` open conversations of the same sender from the last 7 days;
    ``join_candidates`` conversation ids this one could be joined to, the best first.

    Conversation: ``status``, ``tags``, ``previous_queue`` (where a reopened one was), ``waiting_minutes`` since
    the oldest unanswered message; ``unanswered_minutes`` the same by a clock that only a person's answer stops, and
    ``unanswered_open_minutes`` counting opening hours only (both 0 when nothing waits for an answer).
    ``unanswered_due`` and ``unanswered_open_due``: the durations in minutes that came true just now; on a timer no
    other counts, so that each counts once (without either, and without a named ``timer``, all do).

    Change (``on: status`` and ``on: timer``): ``status_before``, ``tags_added``, ``tags_removed``; ``timer`` is the
    name of the one that ran out, empty when time itself made the rules be asked.

    Time, in the zone of the inbox's office: ``local_minutes`` since midnight, ``local_date`` (YYYY-MM-DD),
    ``weekday`` (1 is Monday, 7 Sunday), ``holiday``, ``open_hours`` (None: the office has no hours configured).

    Desk, from a snapshot a few seconds old: ``office`` of the inbox; ``queue_load`` waiting conversations by queue;
    ``queue_waiting`` minutes for which the oldest of them has waited; ``agents_on_duty`` by queue.
    """

    on: On = "new"
    channel: str = ""
    inbox: str = ""
    kind: str = "message"
    direction: str = "in"
    language: str = ""
    language_confidence: float = 0.0
    subject: str = ""
    text: str = ""
    sender_address: str = ""
    sender_name: str = ""
    sender_kind: str = ""
    sender_verified: bool = False
    contact: Mapping[str, str] = {}
    history_count: int = 0
    history_ages: tuple[int, ...] = ()
    last_queue: str = ""
    open_elsewhere: int = 0
    returning: bool = False
    office: str = ""
    article: str = ""
    section: str = ""
    attachments: tuple[tuple[str, int, str], ...] = ()
    automatic: str = "no"
    local_minutes: int = 0
    local_date: str = ""
    weekday: int = 0
    holiday: bool = False
    open_hours: bool | None = None
    queue_load: Mapping[str, int] = {}
    queue_waiting: Mapping[str, int] = {}
    agents_on_duty: Mapping[str, int] = {}
    reply_to_automatic: bool = False
    duplicates: int = 0
    join_candidates: tuple[int, ...] = ()
    previous_queue: str = ""
    tags: tuple[str, ...] = ()
    status: str = ""
    status_before: str = ""
    tags_added: tuple[str, ...] = ()
    tags_removed: tuple[str, ...] = ()
    waiting_minutes: int = 0
    unanswered_minutes: int = 0
    unanswered_open_minutes: int = 0
    unanswered_due: tuple[int, ...] = ()
    unanswered_open_due: tuple[int, ...] = ()
    timer: str = ""
    callback_topic: str = ""
    suspicious: str = ""
    fields: Mapping[str, str] = {}
    button: tuple[str, ...] = ()
