"""A calendar invitation (RFC 5545) as text, for mails that say nothing else."""

from __future__ import annotations

import re

_FOLD = re.compile(r"\n[ \t]")
_LINE = re.compile(
    r"(SUMMARY|DTSTART|DTEND|LOCATION|DESCRIPTION|ORGANIZER)(?:;(?:[^:\"\n]|\"[^\"\n]{0,200}\"){0,300}+)?:(.*)",
    re.IGNORECASE,
)
_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d\d(Z?))?")
_ALARM = re.compile(r"BEGIN:VALARM.*?(?:END:VALARM|\Z)", re.DOTALL)
_ESCAPED = re.compile(r"\\([\\;,nN])")


def as_text(calendar: str) -> str:
    """The first event's title, times, place, organiser and description, a line each; empty if there is none."""
    begin = calendar.find("BEGIN:VEVENT")
    if begin < 0:
        return ""
    event = _ALARM.sub("", _FOLD.sub("", calendar[begin : begin + 20_000].partition("END:VEVENT")[0]))
    known: dict[str, str] = {}
    for line in event.split("\n"):
        if match := _LINE.match(line):
            known.setdefault(match[1].upper(), _readable(match[2].strip()))
    times = " – ".join(known[name] for name in ("DTSTART", "DTEND") if known.get(name))
    organiser = re.sub(r"(?i)^mailto:", "", known.get("ORGANIZER", ""))
    shown = (known.get("SUMMARY"), times, known.get("LOCATION"), organiser, known.get("DESCRIPTION"))
    return "\n".join(line for line in shown if line)


def _readable(value: str) -> str:
    if stamp := _STAMP.fullmatch(value):
        day = f"{stamp[1]}-{stamp[2]}-{stamp[3]}"
        return f"{day} {stamp[4]}:{stamp[5]}{' UTC' if stamp[6] else ''}" if stamp[4] else day
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)
