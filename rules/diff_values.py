"""What changed in the actions of a rule or in a list of values, in sentences: for :mod:`rules.diff`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rules.decision import PRIORITIES, Actions, CallbackOrder
from rules.files.durations import duration
from rules.text import Text, mark

SHOWN = 12
"""How many words of a list are named."""

ACTION_NAMES: Mapping[str, str] = {
    "queue": mark("queue"),
    "office": mark("office"),
    "suggest_office": mark("suggested office"),
    "tier": mark("tier"),
    "priority": mark("priority"),
    "tags": mark("tags"),
    "assign": mark("assigned to"),
    "join": mark("joining"),
    "answer": mark("automatic answer"),
    "hold": mark("held for moderation"),
    "mask": mark("masking of personal numbers"),
    "notify": mark("notified"),
    "webhook": mark("webhooks"),
    "spam": mark("filing as spam"),
    "close": mark("resolving without a person"),
    "topic": mark("topic"),
    "distress": mark("protocol for distress"),
    "set_contact": mark("attributes of the contact"),
    "split": mark("a conversation of its own"),
    "callback": mark("callback order"),
    "timer": mark("timers"),
}


def changed_actions(old: Actions, new: Actions) -> Iterator[Text]:
    """What a rule asks for now and did not before, or the other way round."""
    for name in Actions.__struct_fields__:
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        if isinstance(before, tuple) and before and after:
            yield from under(Text(ACTION_NAMES[name]), changed_values(before, after))
        elif _nothing(after):
            yield Text(mark("no longer {action}"), {"action": _action(name, before)})
        elif _nothing(before):
            yield Text(mark("now also {action}"), {"action": _action(name, after)})
        else:
            values: dict[str, str | int | Text] = {
                "what": Text(ACTION_NAMES[name]),
                "old": _shown(name, before),
                "new": _shown(name, after),
            }
            yield Text(mark("{what} changed from {old} to {new}"), values)


def actions_of(actions: Actions) -> Text:
    """All that a rule asks for."""
    values = ((name, getattr(actions, name)) for name in Actions.__struct_fields__)
    *others, told = [_action(name, value) for name, value in values if not _nothing(value)] or [_NONE]
    for one in reversed(others):
        told = Text("{first}; {rest}", {"first": one, "rest": told})
    return told


_NONE = Text(mark("nothing"))


def _nothing(value: Any) -> bool:
    """Whether an action is not asked for; the normal priority is a number and asked for."""
    return value is None or value is False or value == () or value == {}


def _action(name: str, value: Any) -> Text:
    if value is True or value == CallbackOrder():
        return Text(ACTION_NAMES[name])
    return Text("{name}: {value}", {"name": Text(ACTION_NAMES[name]), "value": _shown(name, value)})


_PRIORITIES: Mapping[int, str] = {
    PRIORITIES["low"]: mark("low"),
    PRIORITIES["normal"]: mark("normal"),
    PRIORITIES["high"]: mark("high"),
    PRIORITIES["urgent"]: mark("urgent"),
    PRIORITIES["top"]: mark("top"),
}


def _shown(name: str, value: Any) -> Text | str:
    if name == "priority":
        return Text(_PRIORITIES[value]) if value in _PRIORITIES else str(value)
    if isinstance(value, CallbackOrder):
        told = filter(None, (value.topic, duration(value.minutes) if value.minutes else ""))
        return " ".join(told) or Text(mark("yes"))
    if isinstance(value, Mapping):
        text: Callable[[Any], str] = duration if name == "timer" else str
        return ", ".join(f"{key} {text(found)}" for key, found in value.items())
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def under(name: Text, changes: Iterator[Text]) -> Iterator[Text]:
    """Changes with the name of what they are about before them."""
    yield from (Text("{name}: {what}", {"name": name, "what": change}) for change in changes)


def changed_values(old: Sequence[str], new: Sequence[str]) -> Iterator[Text]:
    """What came into a list and what left it."""
    added, removed = (
        [value for value in one if value not in set(two)] for one, two in ((new, old), (old, new))
    )
    if added and removed:
        values: dict[str, str | int | Text] = {"added": names_of(added), "removed": names_of(removed)}
        yield Text(mark("added {added}, removed {removed}"), values)
    elif added:
        yield Text(mark("added {added}"), {"added": names_of(added)})
    elif removed:
        yield Text(mark("removed {removed}"), {"removed": names_of(removed)})
    elif tuple(old) != tuple(new):
        yield Text(mark("put in another order"))


def names_of(values: Sequence[str]) -> str:
    """Values one behind the other; of many only the first."""
    more = f", … (+{len(values) - SHOWN})" if len(values) > SHOWN else ""
    return ", ".join(values[:SHOWN]) + more
