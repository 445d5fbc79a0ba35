"""Stream management (XEP-0198) that acknowledges commits and not readings."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

from slixmpp import Iq, Message, Presence
from slixmpp.plugins.base import register_plugin
from slixmpp.plugins.xep_0198.stream_management import XEP_0198
from slixmpp.xmlstream.stanzabase import StanzaBase
from slixmpp.xmlstream.xmlstream import NotConnectedError


@dataclasses.dataclass(eq=False, slots=True)
class Ticket:
    """The place of one stanza in the count of what was handled."""

    done: bool = False


class CommittedAcks(XEP_0198):
    """Stream management that tells the server of a stanza only when :meth:`done` was called for it."""

    name = "committed_acks"
    send_ack: Callable[..., Any]
    request_ack: Callable[..., Any]

    def plugin_init(self) -> None:
        """Called by the library."""
        self._tickets: collections.deque[Ticket] = collections.deque()
        self._asking = False
        base: Any = super()
        base.plugin_init()

    def take(self) -> Ticket:
        """The ticket of the stanza that is being handled; it is open until :meth:`done`."""
        if not self.enabled_in or not self._tickets:
            return Ticket()
        self._tickets[-1].done = False
        return self._tickets[-1]

    def done(self, *tickets: Ticket) -> None:
        """These are committed, or need no commit; those of an earlier connection count no more."""
        for ticket in tickets:
            ticket.done = True
        before = self.handled
        self._settle()
        if self.handled != before and self.enabled_in:
            self.send_ack()

    def holds(self, name: str) -> bool:
        """Whether a stanza has left, or will as soon as the session goes on, and is not acknowledged yet."""
        return any(stanza.xml.get("id") == name for _, stanza in self.unacked_queue)

    def disconnected(self, event: Any) -> None:
        """The server will send again whatever is not counted by now."""
        base: Any = super()
        base.disconnected(event)
        self._tickets.clear()

    def _handle_enabled(self, stanza: Any) -> None:
        self._tickets.clear()
        base: Any = super()
        base._handle_enabled(stanza)

    def _handle_incoming(self, stanza: StanzaBase) -> StanzaBase:
        if self.enabled_in and isinstance(stanza, Message | Presence | Iq):
            self._settle()
            self._tickets.append(Ticket(done=True))  # unless its handler takes the ticket
        return stanza

    def _handle_request_ack(self, request: Any) -> None:
        self._settle()
        base: Any = super()
        base._handle_request_ack(request)

    def _settle(self) -> None:
        while self._tickets and self._tickets[0].done:
            self._tickets.popleft()
            self.handled = (self.handled + 1) % 2**32

    def _handle_outgoing(self, stanza: StanzaBase) -> StanzaBase:
        """The library asks for an ack before the stanza has left; here it is asked once those of now have."""
        self.window_counter = 2**31
        base: Any = super()
        kept: StanzaBase = base._handle_outgoing(stanza)
        if self.enabled_out and isinstance(stanza, Message) and not self._asking:
            self._asking = True
            self.xmpp.loop.call_soon(self._ask)
        return kept

    def _ask(self) -> None:
        self._asking = False
        with contextlib.suppress(NotConnectedError):
            self.request_ack()


register_plugin(CommittedAcks)
