"""Ids of sent messages: message centres write the same one in hexadecimal in their answer and in decimal in the report.

Or the other way round, or with zeros in front. Nothing on the wire says which; it is configured, or found out from
reports of messages that were sent lately.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

Way = Literal["auto", "same", "hex-then-decimal", "decimal-then-hex"]

_REMEMBERED = 20_000


def canonical(text: str) -> str:
    """An id without what differs though it is the same: zeros in front, capitals, a ``0x``."""
    plain = text.strip().lower().removeprefix("0x")
    return plain.lstrip("0") or plain[:1]


def converted(reported: str, way: Way) -> str | None:
    """What the answer called a message that a report calls ``reported``; None where it cannot be written that way."""
    plain = canonical(reported)
    try:
        if way == "hex-then-decimal":
            return f"{int(plain):x}"
        if way == "decimal-then-hex":
            return str(int(plain, 16))
    except ValueError:
        return None
    return plain


_WAYS: tuple[Way, ...] = ("same", "hex-then-decimal", "decimal-then-hex")


class Ids:
    """What was sent lately, and how the centre writes ids.

    With the way ``auto``, ``learned`` is what reports of messages sent lately have shown; it counts for those that
    nobody here remembers, and changes when it makes no sense any more.
    """

    def __init__(self, way: Way) -> None:
        self._ways = _WAYS if way == "auto" else (way,)
        self.learned: Way = way
        self._sent: OrderedDict[str, str] = OrderedDict()

    def recall(self, learned: str | None) -> None:
        """Take over what was learned before a restart; a configured way is stronger."""
        if self.learned == "auto":
            self.learned = next((way for way in self._ways if way == learned), "auto")

    def sent(self, answered: Sequence[str]) -> str:
        """Note the ids of the parts of one message, in order. Returns the one that reports are told under, the last."""
        names = [canonical(name) for name in answered]
        for name in names:
            self._sent[name] = names[-1]
        while len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)
        return names[-1]

    def knows(self, reported: str) -> bool:
        """Whether a report is about something that was sent lately."""
        return any(name in self._sent for name in self._readings(reported).values())

    def target(self, reported: str) -> tuple[str, bool]:
        """The id under which :meth:`sent` returned what a report is about, and whether it is about the last part of it
        (or something that nobody here remembers)."""
        readings = self._readings(reported)
        known = {way: name for way, name in readings.items() if name in self._sent}
        if known and self.learned not in known and len(readings) > 1:
            self.learned = next(iter(known))
        name = known.get(self.learned) or next(iter(known.values()), None) or readings.get(self.learned)
        name = name or canonical(reported)
        whole = self._sent.get(name, name)
        return whole, whole == name

    def _readings(self, reported: str) -> dict[Way, str]:
        """What the answer may have called it; readings that say the same as an earlier one are left out."""
        found: dict[Way, str] = {}
        for way in self._ways:
            name = converted(reported, way)
            if name is not None and name not in found.values():
                found[way] = name
        return found
