"""What connectors tell the same inbox in other processes: see :class:`connectors.contract.Siblings`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from connectors.contract import InboxId

Hear = Callable[[bytes], None]


class Circle:
    """All inboxes of this process. ``tell(inbox, what)`` goes to the others; ``reachable`` says whether it arrives."""

    def __init__(
        self, tell: Callable[[str, bytes], None], reachable: Callable[[], bool], *, alone: bool
    ) -> None:
        self.tell = tell
        self.reachable = reachable
        self.alone = alone
        self._heard: defaultdict[str, list[Hear]] = defaultdict(list)

    def of(self, inbox: InboxId) -> InboxSiblings:
        """The port of one inbox."""
        return InboxSiblings(self, inbox)

    def follow(self, inbox: str, call: Hear) -> Callable[[], None]:
        """Have ``call`` given what is told to an inbox."""
        self._heard[inbox].append(call)
        return lambda: self._heard[inbox].remove(call)

    def hear(self, inbox: str, what: bytes) -> None:
        """Another process tells ours."""
        for call in list(self._heard[inbox]):
            call(what)


class InboxSiblings:
    """The port."""

    def __init__(self, circle: Circle, inbox: InboxId) -> None:
        self._circle = circle
        self._inbox = inbox

    @property
    def reachable(self) -> bool:
        """See the port."""
        return self._circle.reachable()

    @property
    def alone(self) -> bool:
        """See the port."""
        return self._circle.alone

    def tell(self, what: bytes) -> None:
        """See the port."""
        self._circle.tell(self._inbox, what)

    def hear(self, call: Hear) -> Callable[[], None]:
        """See the port."""
        return self._circle.follow(self._inbox, call)
