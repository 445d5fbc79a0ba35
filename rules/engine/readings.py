"""What the facts say: for each predicate the value that it looks at, and how values of rules are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rules.engine.scan import Scan
from rules.facts import Facts
from rules.text import Text, mark, predicate


class Unknown(Exception):
    """The facts don't say whether a condition holds; ``text`` says what is missing."""

    def __init__(self, text: Text) -> None:
        self.text = text
        super().__init__(str(text))


def unknown(name: str) -> Unknown:
    """What is raised when the fact that the predicate ``name`` looks at is missing."""
    return Unknown(Text(mark("{name} is not known"), {"name": predicate(name)}))


TEXTS: Mapping[str, Callable[[Facts], str]] = {
    "on": lambda facts: facts.on,
    "channel": lambda facts: facts.channel,
    "inbox": lambda facts: facts.inbox,
    "kind": lambda facts: facts.kind,
    "direction": lambda facts: facts.direction,
    "sender": lambda facts: facts.sender_address,
    "sender_kind": lambda facts: facts.sender_kind,
    "last_queue": lambda facts: facts.last_queue,
    "previous_queue": lambda facts: facts.previous_queue,
    "office": lambda facts: facts.office,
    "article": lambda facts: facts.article,
    "section": lambda facts: facts.section,
    "automatic": lambda facts: facts.automatic,
    "suspicious": lambda facts: facts.suspicious,
    "callback_topic": lambda facts: facts.callback_topic,
    "status": lambda facts: facts.status,
    "status_from": lambda facts: facts.status_before,
    "timer": lambda facts: facts.timer,
}

LISTS: Mapping[str, Callable[[Facts], tuple[str, ...]]] = {
    "tags": lambda facts: facts.tags,
    "tag_added": lambda facts: facts.tags_added,
    "tag_removed": lambda facts: facts.tags_removed,
    "button": lambda facts: facts.button,
}


def _known(value: bool | None, name: str) -> bool:
    if value is None:
        raise unknown(name)
    return value


FLAGS: Mapping[str, Callable[[Scan], bool]] = {
    "sender_verified": lambda scan: scan.facts.sender_verified,
    "returning": lambda scan: scan.facts.returning,
    "automatic": lambda scan: scan.facts.automatic.lower() not in ("no", ""),
    "suspicious": lambda scan: scan.facts.suspicious != "",
    "reply_to_automatic": lambda scan: scan.facts.reply_to_automatic,
    "holiday": lambda scan: scan.facts.holiday,
    "open_hours": lambda scan: _known(scan.facts.open_hours, "open_hours"),
    "pesel": lambda scan: bool(scan.numbers("pesel")),
    "phone": lambda scan: bool(scan.numbers("phone")),
    "account": lambda scan: bool(scan.numbers("account")),
    "email": lambda scan: bool(scan.numbers("email")),
}

NUMBERS: Mapping[str, Callable[[Scan], int]] = {
    "history": lambda scan: scan.facts.history_count,
    "open_elsewhere": lambda scan: scan.facts.open_elsewhere,
    "duplicates": lambda scan: scan.facts.duplicates,
    "join_candidates": lambda scan: len(scan.facts.join_candidates),
    "length": lambda scan: len(scan.facts.text),
    "waiting": lambda scan: scan.facts.waiting_minutes,
    "unanswered": lambda scan: scan.facts.unanswered_minutes,
    "unanswered_open": lambda scan: scan.facts.unanswered_open_minutes,
    "links": lambda scan: len(scan.numbers("link")),
}

JUST_NOW: Mapping[str, Callable[[Facts], tuple[int, ...]]] = {
    "unanswered": lambda facts: facts.unanswered_due,
    "unanswered_open": lambda facts: facts.unanswered_open_due,
}
"""Durations among the numbers, with those that came true just now."""

MAPPINGS: Mapping[str, Callable[[Facts], Mapping[str, Any]]] = {
    "contact": lambda facts: facts.contact,
    "fields": lambda facts: facts.fields,
    "queue_load": lambda facts: facts.queue_load,
    "queue_waiting": lambda facts: facts.queue_waiting,
    "agents_on_duty": lambda facts: facts.agents_on_duty,
}


def domains(facts: Facts) -> list[str]:
    """The domain of the sender's mail address and those above it: ``a.b.pl``, ``b.pl``, ``pl``."""
    _, at, host = facts.sender_address.rpartition("@")
    if not at or not host:
        return []
    host = host.lower()
    found = [host]
    while "." in host and len(found) < 10:
        host = host.partition(".")[2]
        found.append(host)
    return found


def matcher(values: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Values in lower case: the whole ones, and the beginnings of those that end in ``*``."""
    lower = [value.lower() for value in values]
    return (
        frozenset(value for value in lower if not value.endswith("*")),
        tuple(value[:-1] for value in lower if value.endswith("*")),
    )
