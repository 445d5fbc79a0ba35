"""What is known of one call, put together from events in any order. Pure.

An exchange tells that a telephone rings, that somebody answered, that nobody did, that it was hung up; late, again, or
not at all. So nothing here depends on what came first: each event adds its facts, and the state follows from them.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from connectors.contract import Call

State = Literal["ringing", "missed", "answered", "ended", "logged"]
"""``ended``: it was talked, and topic and outcome are still to be noted. ``logged``: they are."""

LIVE: frozenset[State] = frozenset({"ringing", "answered"})

OTHERS = 20
"""Most words of an exchange that are kept of one call."""

SECOND = 1_000_000
DAY = 86_400 * SECOND


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call; kept with its message under ``call``. Times in microseconds UTC, ``duration`` in seconds of talk.

    ``rang`` are the users whose telephones rang, ``extension`` the telephone that answered, else the first that rang;
    ``other`` what else the exchange told, in its own words.
    """

    direction: Literal["in", "out"] = "in"
    line: str = ""
    extension: str = ""
    rang: tuple[int, ...] = ()
    began_at: int | None = None
    answered_at: int | None = None
    ended_at: int | None = None
    missed: bool = False
    duration: int | None = None
    other: tuple[str, ...] = ()
    topic: str = ""
    outcome: str = ""
    logged_at: int | None = None

    @property
    def unclear(self) -> bool:
        """Hung up, neither answered nor missed as far as anybody told."""
        return self.ended_at is not None and self.answered_at is None and not self.missed


def state_of(facts: Facts) -> State:
    """The state that follows from the facts: who talked has talked, whatever other telephones were not answered."""
    if facts.logged_at is not None:
        return "logged"
    if facts.answered_at is not None:
        return "answered" if facts.ended_at is None else "ended"
    return "missed" if facts.missed or facts.ended_at is not None else "ringing"


def told(facts: Facts, event: Call, user: int | None, now: int) -> Facts:
    """The facts with what an event adds; ``user`` has the event's extension."""
    if event.state == "other":
        others = tuple(dict.fromkeys((*facts.other, event.what)))[:OTHERS]
        return msgspec.structs.replace(facts, other=others, direction=event.direction)
    at = _moment(event.at, now)
    began = at if facts.began_at is None else min(facts.began_at, at)
    more: dict[str, object] = {
        "began_at": began,
        "line": facts.line or event.line,
        "direction": event.direction,
    }
    if event.state == "answered":
        more |= _answered(facts, event, at)
    elif event.state == "ended":
        more |= _ended(facts, event, at)
    elif event.state == "missed":
        more["missed"] = True
    if facts.answered_at is None and not facts.extension and "extension" not in more:
        more["extension"] = event.extension
    if user is not None and event.state == "ringing" and user not in facts.rang:
        more["rang"] = (*facts.rang, user)
    return msgspec.structs.replace(facts, **more)


def _answered(facts: Facts, event: Call, at: int) -> dict[str, object]:
    """Whoever answered last has the call: it may have been handed on."""
    if facts.answered_at is None:
        return {"answered_at": at, "extension": event.extension or facts.extension}
    later = event.extension if at > facts.answered_at else ""
    return {"answered_at": min(facts.answered_at, at), "extension": later or facts.extension}


def _ended(facts: Facts, event: Call, at: int) -> dict[str, object]:
    if facts.ended_at is not None:
        at = min(facts.ended_at, at)
    known = facts.duration if event.duration is None else max(event.duration, facts.duration or 0)
    more: dict[str, object] = {"ended_at": at, "duration": known}
    if known and facts.answered_at is None:
        more["answered_at"] = at - known * SECOND
        more["extension"] = event.extension or facts.extension
    elif known == 0 and facts.answered_at is None:
        more["missed"] = True
    return more


def _moment(told_at: int | None, now: int) -> int:
    """When it happened; an exchange whose clock is wrong by more than a day is not believed."""
    if told_at is None or abs(now - told_at) > DAY:
        return now
    return min(told_at, now)


def talked(facts: Facts) -> int | None:
    """Seconds of talk: as told, else from answer to end; None where there was none or it goes on."""
    if facts.duration:
        return facts.duration
    if facts.answered_at is None or facts.ended_at is None:
        return None
    return max(0, (facts.ended_at - facts.answered_at) // SECOND)
