"""Who looks at a conversation: told once, and forgotten."""

from __future__ import annotations

from hub.desk.presence import Presence


def test_presence_is_told_once_and_forgotten() -> None:
    presence, now = Presence(), 1_000_000_000
    told: list[int] = []
    leave = presence.follow(told.append)
    presence.mark(7, 1, "Ola", "looking", now)
    presence.mark(7, 1, "Ola", "looking", now + 1)
    presence.mark(7, 2, "Jan", "writing", now + 2)
    assert told == [7, 7]
    here = [(person.name, person.what) for person in presence.at(7, now + 3)]
    assert here == [("Jan", "writing"), ("Ola", "looking")]
    assert [person.name for person in presence.at(7, now + 3, but=2)] == ["Ola"]
    assert [p.what for p in presence.at(7, now + 8_000_000)] == ["looking", "looking"]
    assert presence.at(7, now + 40_000_000) == []
    presence.stopped_writing(7, 2)
    presence.gone(7, 1)
    presence.gone(7, 1)
    assert told == [7, 7, 7, 7]
    leave()
    presence.gone(7, 2)
    assert told == [7, 7, 7, 7]
