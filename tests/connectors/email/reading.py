"""How tests read a mail: a context with one genuine token, specimens, and mails after an accident."""

from __future__ import annotations

import random
from pathlib import Path

from connectors.contract import InboxId, Message, Micros, ParseContext
from connectors.email.normalise import parse

HERE = Path(__file__).parent
SPECIMENS = [*sorted((HERE / "notices").glob("*.eml")), *sorted((HERE / "mails").glob("*.eml"))]


class OneToken:
    """Signed names of which exactly one is genuine."""

    def sign(self, what: str, value: int | str) -> str:
        return f"tok{what}{value}"

    def verify(self, what: str, token: str) -> str | None:
        prefix = f"tok{what}"
        return token.removeprefix(prefix) if token.startswith(prefix) else None


CONTEXT = ParseContext(inbox=InboxId("kontakt"), now=Micros(1_794_000_000_000_000), tokens=OneToken())


def read(raw: bytes | str) -> Message:
    [event] = parse(raw.encode() if isinstance(raw, str) else raw, CONTEXT)
    assert isinstance(event, Message)
    return event


def simple(headers: str = "", body: str = "Treść\n") -> str:
    return f"From: Jan Nowak <jan@example.pl>\nTo: kontakt@urzad.example\nSubject: Sprawa\n{headers}\n{body}"


def mutated(raw: bytes, rng: random.Random) -> bytes:
    """A mail after an accident: bytes flipped, lines lost, doubled or moved, the end cut off."""
    lines = raw.split(b"\n")
    for _ in range(rng.randint(1, 6)):
        place = rng.randrange(len(lines))
        what = rng.randrange(6)
        if what == 0:
            del lines[place]
        elif what == 1:
            lines.insert(place, rng.choice(lines) if lines else b"")
        elif what == 2:
            lines[place] = lines[place][: rng.randint(0, len(lines[place]))]
        elif what == 3:
            lines[place] += rng.randbytes(rng.randint(1, 8))
        elif what == 4:
            lines = lines[: max(1, place)]
        else:
            line = bytearray(lines[place] or b" ")
            line[rng.randrange(len(line))] = rng.randrange(256)
            lines[place] = bytes(line)
        lines = lines or [b""]
    return b"\n".join(lines)
