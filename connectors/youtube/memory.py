"""What this process has seen of the comments: so that a page read again tells only what changed.

It is no truth: after a start it is empty, and what is told again then is a repetition to the hub.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from connectors.contract import Deletion, Inbound, Micros, Moderated, Party
from connectors.youtube.payloads import Thread
from connectors.youtube.reading import KIND, Found, Place, as_edit, as_message, inbound

REMEMBERED = 50_000


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """One comment as it was last committed. ``thread`` is the comment at its top, itself for that one."""

    thread: str
    written: Micros
    changed: Micros
    standing: str


class Memory:
    """Comments by id, the oldest forgotten first; and how many answers each thread had."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._answers: dict[str, int] = {}

    def news(self, found: Found, place: Place, mark: Micros) -> list[Inbound]:
        """What of a comment the hub may not know yet. What was written up to ``mark`` it was told before."""
        known = self._known.get(found.id)
        if known is None:
            return [as_message(found, place)] if found.written > mark else inbound(found, place)
        told: list[Inbound] = []
        if found.changed > known.changed:
            told.append(as_edit(found, place))
        if found.standing != known.standing:
            told.append(moderated(found.id, found.standing, place))
        return told

    def keep(self, comments: Iterable[Found]) -> None:
        """They are committed as they stand."""
        for found in comments:
            self._known[found.id] = Known(
                thread=thread_of(found.id),
                written=found.written,
                changed=found.changed,
                standing=found.standing,
            )
            self._known.move_to_end(found.id)
        while len(self._known) > REMEMBERED:
            gone, _ = self._known.popitem(last=False)
            self._answers.pop(gone, None)

    def stands(self, comment: str, standing: str) -> None:
        """We made it stand like that; the lists will follow."""
        if known := self._known.get(comment):
            self._known[comment] = msgspec.structs.replace(known, standing=standing)

    def forget(self, comment: str) -> None:
        """It is gone."""
        self._known.pop(comment, None)
        self._answers.pop(comment, None)

    # --- answers of threads ---------------------------------------------------------------------------------------

    def has_more(self, thread: Thread) -> bool:
        """Whether a thread has answers that neither its page shows nor anybody asked for."""
        count = thread.snippet.total_reply_count
        return count > len(thread.replies.comments) and self._answers.get(thread.id) != count

    def has_less(self, thread: Thread) -> bool:
        """Whether a thread has fewer answers than it had."""
        return thread.snippet.total_reply_count < self._answers.get(thread.id, 0)

    def counted(self, thread: Thread) -> None:
        """The answers of a thread were read."""
        self._answers[thread.id] = thread.snippet.total_reply_count

    def dropped(self, thread: str, seen: set[str]) -> list[str]:
        """Answers of a thread that are known and not among those just seen."""
        return [
            comment
            for comment, known in self._known.items()
            if known.thread == thread and comment != thread and comment not in seen
        ]

    # --- what is missing ------------------------------------------------------------------------------------------

    def missing(self, seen: set[str], since: Micros, until: Micros) -> list[str]:
        """Threads that stood in public, were written in that time, and are not among those just seen there."""
        return [
            comment
            for comment, known in self._known.items()
            if known.thread == comment
            and known.standing == "published"
            and since < known.written < until
            and comment not in seen
        ]


def thread_of(comment: str) -> str:
    """The comment at the top of a thread: an answer's id begins with it."""
    return comment.partition(".")[0]


def moderated(comment: str, standing: str, place: Place) -> Moderated:
    """Somebody changed how a comment stands. The API tells no event, so the time that we saw it names it."""
    return Moderated(
        inbox=place.inbox,
        external_id=f"{comment}:{standing}:{place.now}",
        target=comment,
        received_at=place.now,
        standing="held" if standing == "held" else "hidden" if standing == "hidden" else "published",
    )


def deleted(comment: str, place: Place) -> Deletion:
    """A comment is gone; who took it away is not told."""
    return Deletion(
        inbox=place.inbox,
        external_id=f"{comment}:deleted",
        target=comment,
        received_at=place.now,
        sender=Party(kind=KIND, address="unknown"),
    )
