"""``text/enriched`` (RFC 1896) and the older ``text/richtext`` (RFC 1341, section 7.1.3) as plain text."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"<<|</?[A-Za-z0-9-]{1,60}>|\n+|[^<\n]+|<")
_OLD = {"<nl>": "\n", "<lt>": "<", "<np>": "\n\n"}
"""Commands of the older form that stand for a character."""

_UNSEEN = ("param", "comment")


def plain(text: str, *, old: bool = False) -> str:
    """What a person sees. ``old``: it is ``text/richtext``, where line ends mean nothing.

    A single line end is a space, of several one is taken away (RFC 1896, section 2); not so within ``nofill``. What is
    no command stays as it is.
    """
    out: list[str] = []
    unseen = nofill = 0
    for piece in _TOKEN.findall(text):
        name = piece.strip("</>").lower()
        if old and piece.lower() in _OLD:
            shown = _OLD[piece.lower()]
        elif piece == "<<":
            shown = "<<" if old else "<"
        elif piece.startswith("<") and len(piece) > 1:
            step = -1 if piece.startswith("</") else 1
            unseen = max(0, unseen + step) if name in _UNSEEN else unseen
            nofill = max(0, nofill + step) if name == "nofill" else nofill
            continue
        elif piece.startswith("\n") and not nofill:
            shown = " " if old or len(piece) == 1 else piece[1:]
        else:
            shown = piece
        if not unseen:
            out.append(shown)
    return "".join(out)
