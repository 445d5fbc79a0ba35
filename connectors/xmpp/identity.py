"""What a message is called: the same when it comes live, from the archive, or again from its sender.

A message is named by who wrote it and the id that their program gave it, because that is what corrections,
retractions, replies and receipts name too. Programs that only count (``mir_12``) use the same ids again on the next
day; of these the id of our own server's archive (XEP-0359) comes before theirs.
"""

from __future__ import annotations

import hashlib
import re

_LONGEST = 400
_COUNTED = re.compile(r"[A-Za-z_:-]{0,8}[0-9]{1,7}")


def event_id(person: str, sent_id: str, *, archived: str = "", unique: bool = False) -> str | None:
    """The external id of what ``person`` (a bare address) sent; None where nothing names it.

    ``archived``: its id in our server's archive. ``unique``: the program promised that it uses the id once (origin-id).
    """
    if archived and not unique and (not sent_id or counted(sent_id)):
        return bounded(f"{person}//{archived}/{sent_id}")
    return target_id(person, sent_id) if sent_id else None


def counted(sent_id: str) -> bool:
    """Whether an id looks like one that a program uses again."""
    return _COUNTED.fullmatch(sent_id) is not None


def target_id(person: str, sent_id: str) -> str:
    """The name of a message that somebody names by its id; also the remote id of one that went to ``person``."""
    return bounded(f"{person}/{sent_id}")


def sent_id_of(name: str) -> str:
    """The id that a program gave a message, out of a name made here; empty where it cannot be told."""
    if name.startswith("sha256:"):
        return ""
    rest = name.partition("/")[2]
    return rest.rpartition("/")[2] if rest.startswith("/") else rest


def bounded(name: str) -> str:
    """``name``, or its hash where it is longer than a name may be."""
    return name if len(name) <= _LONGEST else f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"
