"""Settings of the desk: what happens when a flow could go two ways, live chats, surveys, how rules come into force."""

from __future__ import annotations

from typing import Annotated

from hub.config.words import Section, TimeOfDay, about


class Desk(Section, frozen=True, kw_only=True):
    """The rules of the desk: what happens when a flow could go two ways."""

    join_hours: Annotated[
        float,
        about(
            "On channels without threads, a message joins a conversation resolved less than this ago.", ge=0
        ),
    ] = 72.0
    reopen_days: Annotated[
        float,
        about("A message within this time of the resolve reopens; later ones open a new conversation.", ge=0),
    ] = 14.0
    duplicate_days: Annotated[
        float,
        about(
            "A new mail is marked a possible duplicate when its sender has an open conversation this young.",
            ge=0,
        ),
    ] = 7.0
    thanks_characters: Annotated[
        int, about("Longest text that can be mere thanks, which never reopens.", ge=0)
    ] = 60
    loud_from: Annotated[TimeOfDay, about("Automatic SMS and offered calls go from this time of day.")] = (
        "08:00"
    )
    loud_until: Annotated[TimeOfDay, about("Automatic SMS and offered calls go until this time of day.")] = (
        "20:00"
    )
    sms_answer_minutes: Annotated[
        float, about("An automatic SMS this soon after the citizen's own is not bound by quiet hours.", ge=0)
    ] = 15.0
    language_letters: Annotated[
        int, about("A conversation's language is taken from texts with at least so many letters.", ge=1)
    ] = 20
    language_confidence: Annotated[
        float, about("Least confidence at which a text's language is believed.", ge=0, le=1)
    ] = 0.8
    snooze_until: Annotated[
        TimeOfDay, about("Snoozing without a time wakes at this time of the next working day.")
    ] = "08:00"
    away_minutes: Annotated[
        float, about("Offline for so long, an agent's untouched conversations go back to the queue.", gt=0)
    ] = 15.0
    office_due_days: Annotated[
        int, about("Working days a county office has to answer unless a date is given.", ge=1)
    ] = 3
    office_check_days: Annotated[
        int, about("Working days after an office's answer when the owner is asked to check.", ge=1)
    ] = 2
    report_hides: Annotated[int, about("Different reporters after which a comment is hidden.", ge=1)] = 3
    report_again: Annotated[
        int, about("Reports for the same reason after a decision to keep that bring a comment back.", ge=1)
    ] = 5
    edit_minutes: Annotated[float, about("How long the author of a comment may change it.", ge=0)] = 15.0
    callback_attempts: Annotated[int, about("Attempts before a callback is unreachable.", ge=1, le=10)] = 3
    callback_gap_minutes: Annotated[
        float, about("Wait between the first attempt of a callback and the second.", gt=0)
    ] = 120.0
    callback_offer_minutes: Annotated[
        float, about("How long an offered call waits for the agent before it lapses.", gt=0)
    ] = 2.0
    callback_days: Annotated[int, about("How many days ahead a call can be wished for.", ge=1, le=60)] = 10
    callback_slot_minutes: Annotated[
        int, about("Distance between two times that can be wished for.", ge=5, le=240)
    ] = 30
    callback_expire_days: Annotated[
        int, about("Working days after its time when a call that no agent could take is given up.", ge=1)
    ] = 2


class Chats(Section, frozen=True, kw_only=True):
    """Live chats: what holds for all of them."""

    per_agent: Annotated[
        int, about("Live chats of one agent at which “take next” brings no further one.", ge=1, le=50)
    ] = 4
    idle_minutes: Annotated[
        float, about("A visitor who says nothing for so long after our answer is warned.", gt=0)
    ] = 10.0
    close_minutes: Annotated[
        float, about("A warned visitor's chat is closed after this time; writing opens it again.", gt=0)
    ] = 5.0


class Survey(Section, frozen=True, kw_only=True):
    """Asking people what they think of how their matter was handled; queues and inboxes say whether."""

    delay_minutes: Annotated[
        float,
        about(
            "Wait after a resolve; quiet hours come on top. Who is still in the chat is asked at once.", ge=0
        ),
    ] = 60.0
    answer_days: Annotated[float, about("How long after the question it can be answered.", gt=0)] = 30.0
    change_days: Annotated[float, about("How long after it was given an answer can be changed.", ge=0)] = 7.0
    rest_days: Annotated[
        float, about("A person is asked at most once in this time, about whatever matter.", ge=0)
    ] = 7.0


class Rules(Section, frozen=True, kw_only=True):
    """How changed routing rules come into force."""

    approval: Annotated[
        bool, about("Whether a second administrator must approve a draft before it is published.")
    ] = False
