"""A replay from the command line: over the store of a running hub or of a closed one, read-only, nothing kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hub.clock import SystemClock
from hub.config import Config
from hub.directory import directory
from hub.replay.protocol import Part
from hub.replay.replaying import Refused, ask_spans, compare
from hub.replay.report import as_text
from hub.replay.runs import Wanted
from hub.ruleset.versions import published
from hub.store.reading import reading
from rules.text import Text, mark

EMPTY = mark("There are no messages in that time.")
NO_RULES = mark("No rules are published in this store yet, so there is nothing to compare with.")


def replay_text(
    config: Config, source: str, wanted: Wanted, progress: Callable[[int, int], None], language: str = "en"
) -> str:
    """Replay the rules of ``source`` and return the tables as text. ``progress`` is told how many of how many are done.

    Raises :class:`Refused` with a sentence (nothing to replay, rules that cannot be compiled), the driver's errors
    where the store cannot be read, ChildEnded and OSError where the child processes cannot work.
    """
    password = config.store.password
    with reading(config.store.url, password.reveal() if password else None, SystemClock().now) as ask:
        current = ask(published)
        spans = ask_spans(ask, wanted)
    if current is None:
        raise Refused(Text(NO_RULES))
    if not spans:
        raise Refused(Text(EMPTY))
    total, done = sum(span.total for span in spans), 0

    async def heard(part: Part) -> None:
        nonlocal done
        done += part.done
        progress(done, total)

    tally = asyncio.run(compare(config, source, current.source, spans, heard))
    house = directory(config)
    return as_text(tally, lambda queue: house.queue_name(queue, language) or "–")
