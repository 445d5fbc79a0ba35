"""Named places where a test can kill, stop or delay the process: ``failpoint("intake.committed")``.

Unset, a place costs one comparison with None. The environment arms them before the process starts::

    CENTRALA_FAILPOINTS="intake.committed=kill@3;outbox.sent=error%0.1~42;smtp.data=sleep:0.5"

``NAME=ACTION`` acts on every pass; ``@N`` on the N-th pass only; ``%P~SEED`` on each pass with probability P, drawn
from a generator with that seed, so that a run can be repeated. Actions: ``kill`` (SIGKILL to the own process, as a
power cut would), ``error`` (raises :class:`FailpointError`), ``sleep:SECONDS`` (blocks the calling thread: a stalled
disk). Tests in the same process use :func:`armed`.
"""

from __future__ import annotations

import ast
import contextlib
import os
import random
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

VARIABLE = "CENTRALA_FAILPOINTS"
"""The environment variable that arms places at start."""

_GRAMMAR = re.compile(
    r"(?P<name>[a-z0-9_.-]+)=(?P<action>kill|error|sleep:(?P<seconds>[0-9.]+))"
    r"(?:@(?P<nth>[1-9][0-9]*)|%(?P<probability>[01](?:\.[0-9]+)?|\.[0-9]+)~(?P<seed>[0-9]+))?"
)


class FailpointError(Exception):
    """What an armed place with the action ``error`` raises."""


class _Armed:
    """One armed place: what it does, when, and how often it was passed."""

    __slots__ = ("_draw", "_lock", "action", "name", "nth", "passes", "probability", "seconds")

    def __init__(self, match: re.Match[str]) -> None:
        self.name = match["name"]
        self.action = match["action"].partition(":")[0]
        self.seconds = float(match["seconds"] or 0)
        self.nth = int(match["nth"] or 0)
        self.probability = float(match["probability"]) if match["probability"] else 1.0
        self.passes = 0
        self._draw = random.Random(int(match["seed"] or 0))
        self._lock = threading.Lock()

    def due(self) -> bool:
        """Count one pass and say whether it is one to act on."""
        with self._lock:
            self.passes += 1
            if self.nth:
                return self.passes == self.nth
            return self.probability >= 1.0 or self._draw.random() < self.probability

    def act(self) -> None:
        if self.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.action == "error":
            raise FailpointError(f"failpoint {self.name}")
        else:
            time.sleep(self.seconds)


def _parse(spec: str) -> dict[str, _Armed]:
    places: dict[str, _Armed] = {}
    for part in filter(None, (piece.strip() for piece in spec.split(";"))):
        match = _GRAMMAR.fullmatch(part)
        if match is None:
            raise ValueError(f"{VARIABLE}: {part!r} is not NAME=kill|error|sleep:SECONDS[@N|%P~SEED]")
        places[match["name"]] = _Armed(match)
    return places


_armed: dict[str, _Armed] | None = _parse(os.environ.get(VARIABLE, "")) or None
_note: Callable[[str], None] | None = None


def failpoint(name: str) -> None:
    """Mark a place. Does nothing unless a test armed it; then it may not return.

    ``name`` is a literal, ``ROOM.STEP`` in lower case, so that :func:`names` finds it.
    """
    if _armed is None:
        return
    if _note is not None:
        _note(name)
    if (place := _armed.get(name)) is not None and place.due():
        place.act()


@contextlib.contextmanager
def armed(spec: str, note: Callable[[str], None] | None = None) -> Iterator[dict[str, int]]:
    """Arm places for the length of a ``with`` block in this process; raises ValueError for a spec it cannot read.

    The mapping that it gives is filled at the end with how often each place was passed, so that a test can tell
    that it went through there at all. ``note`` is told the name of every place at each pass, of those that are not
    armed too, before anything happens there.
    """
    global _armed, _note
    before, places, passed = (_armed, _note), _parse(spec), dict[str, int]()
    _armed, _note = {**(_armed or {}), **places}, note or _note
    try:
        yield passed
    finally:
        _armed, _note = before
        passed.update({name: place.passes for name, place in places.items()})


def names(*folders: Path) -> tuple[str, ...]:
    """Every place that stands in the Python source below ``folders``, sorted.

    Read from the source and not from memory: a place in a module that nobody imported yet counts too.
    """
    found: set[str] = set()
    for folder in folders:
        for file in sorted(folder.rglob("*.py")):
            source = file.read_bytes()
            if b"failpoint" in source:  # one file in twenty has any; reading all as trees takes seconds
                found.update(_names_in(ast.parse(source, str(file))))
    return tuple(sorted(found))


def _names_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "failpoint":
            argument = node.args[0]
            if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
                raise ValueError(f"line {node.lineno}: the name of a failpoint must be a literal")
            yield argument.value
