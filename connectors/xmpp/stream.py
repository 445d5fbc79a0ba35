"""The connection to the server: slixmpp's streams with what a hub must not leave to them.

* Stanzas count as handled (XEP-0198) when they are committed, not when they were read: after a lost connection the
  server sends again what no commit holds.
* Nothing connects again by itself, TLS is demanded and not merely tried, and one stanza cannot fill the memory.
* The library's own log is off: it would hold every message and the login.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import ssl
import xml.etree.ElementTree as ET  # nosec: only to build
from collections.abc import Callable
from typing import Any

from slixmpp import ClientXMPP, ComponentXMPP, Message, Presence
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath
from slixmpp.xmlstream.stanzabase import StanzaBase
from slixmpp.xmlstream.xmlstream import NotConnectedError

from connectors.xmpp.acks import CommittedAcks, Ticket
from connectors.xmpp.names import CLIENT, MAX_BYTES, PING, core
from connectors.xmpp.settings import Settings

logging.getLogger("slixmpp").setLevel(logging.CRITICAL + 1)

FEATURES = (
    "urn:xmpp:receipts",
    "urn:xmpp:chat-markers:0",
    "http://jabber.org/protocol/chatstates",
    "urn:xmpp:message-correct:0",
    "urn:xmpp:message-retract:1",
    "urn:xmpp:reply:0",
    "urn:xmpp:reactions:0",
    "jabber:x:oob",
    "urn:xmpp:sid:0",
)
"""What a program that asks is told that we understand."""

_ROOT = re.compile(rb"<[A-Za-z_]")
_LONGEST_PROLOGUE = 2_000


class Lost(ConnectionError):
    """The server cannot be reached, or the connection to it broke. The message holds no address."""


class NotSent(Exception):
    """There was no line to send by; nothing has left."""


class WrongCredentials(Exception):
    """The server refused the login."""


class Misconfigured(Exception):
    """It never works until somebody changes the configuration, here or on the server."""


class Refusal(Exception):
    """The server answered a query with an error; ``condition`` is its name (RFC 6120, 8.3.3)."""

    def __init__(self, condition: str) -> None:
        super().__init__(condition)
        self.condition = condition


class _Careful:
    """What both kinds of stream do otherwise than the library. Mixed in before them."""

    xml_depth: int
    xml_root: ET.Element | None
    default_ns: str
    plugin: Any
    loop: asyncio.AbstractEventLoop
    event: Callable[..., None]
    abort: Callable[[], None]
    cancel_connection_attempt: Callable[[], None]

    def prepare(
        self, on_message: Callable[[ET.Element, Ticket], None], on_presence: Callable[[ET.Element], None]
    ) -> None:
        """Set up what every stream needs; call it once."""
        stream: Any = self
        self.on_message, self.on_presence = on_message, on_presence
        self.opening: asyncio.Future[str] | None = None
        self.ended = asyncio.Event()
        self.lines = 0
        self.problem: Exception | None = None
        self.acked: dict[str, asyncio.Future[None]] = {}
        self.asked: set[asyncio.Future[Any]] = set()
        self._received, self._prologue = 0, b""
        stream.use_message_ids = False
        stream.whitespace_keepalive = False  # our own heartbeat sees a dead connection too
        for name in ("IM", "IMError", "Presence"):
            stream.remove_handler(name)
        for name, handle in (("message", self._message), ("presence", self._presence)):
            path = MatchXPath(f"{{{self.default_ns}}}{name}")
            stream.register_handler(Callback(f"hub {name}", path, handle))
        events = {
            "session_start": lambda _: self._open("started"),
            "session_resumed": lambda _: self._open("resumed"),
            "stanza_acked": self._acked,
            "session_end": lambda _: self._unacked(),
            "failed_auth": self._refused,
            "failed_all_auth": lambda _: self._fail(self.problem or Misconfigured(_NO_LOGIN)),
            "ssl_invalid_chain": lambda _: self._fail(
                Misconfigured("the server's certificate is not trusted")
            ),
            "connection_failed": lambda reason: self._note(_unreached(reason)),
            "disconnected": self._disconnected,
        }
        for event, handler in events.items():
            stream.add_event_handler(event, handler)

    # --- opening and ending -----------------------------------------------------------------------------------------

    async def open(self, host: str, port: int, timeout: float) -> str:
        """Connect and log in: ``started`` or ``resumed``. Raises Lost, WrongCredentials, Misconfigured."""
        stream: Any = self
        self.ended.clear()
        self.lines += 1
        self.problem = None
        opening = self.opening = self.loop.create_future()
        try:
            async with asyncio.timeout(timeout):
                stream.connect(host or None, port if host else None)
                found: str = await opening
                return found
        except TimeoutError as error:
            raise Lost("the server does not answer") from error
        finally:
            self.opening = None

    async def close(self) -> None:
        """End it at once, with a word of goodbye if there is still a line."""
        stream: Any = self
        with contextlib.suppress(NotConnectedError):
            stream.send_raw("</stream:stream>")
        self.cut()
        sender = stream._run_out_filters
        if sender is not None:
            sender.cancel()
            await asyncio.wait({sender})
        for name in list(stream.scheduled_events):
            stream.cancel_schedule(name)
        # With these went the ends of queries that nobody answered; whoever waits for one must not wait for ever.
        for query in list(self.asked):
            if not query.done():
                query.set_exception(Lost("the connection was closed"))
        self._unacked()

    def cut(self) -> None:
        """End the connection as a broken one would; the session may be resumed."""
        self.cancel_connection_attempt()
        self.abort()

    def reschedule_connection_attempt(self) -> None:
        """All addresses were tried. When to try again is not the stream's business."""
        stream: Any = self
        stream._current_connection_attempt = None
        self._fail(self.problem or Lost("no connection"))

    def _open(self, how: str) -> None:
        if self.opening is not None and not self.opening.done():
            self.opening.set_result(how)

    def _note(self, problem: Exception) -> None:
        self.problem = problem

    def _fail(self, problem: Exception) -> None:
        self.problem = problem
        if self.opening is not None and not self.opening.done():
            self.opening.set_exception(problem)
        self.cut()

    def _disconnected(self, reason: object) -> None:
        if isinstance(reason, ssl.SSLError):
            self.problem = _untrusted(reason)
        if self.opening is not None and not self.opening.done():
            self.opening.set_exception(self.problem or Lost("the server ended the connection"))
        self.ended.set()

    def _refused(self, failure: Any) -> None:
        condition = str(failure["condition"])
        temporary = condition == "temporary-auth-failure"
        self.problem = Lost(condition) if temporary else WrongCredentials(condition)

    def _handle_stream_error(self, error: Any) -> None:
        """In the place of the library's own, which would follow a server that names another one."""
        condition = str(error["condition"])
        if condition == "not-authorized":
            self._fail(WrongCredentials(condition))
        elif condition in ("host-unknown", "host-gone"):
            self._fail(Misconfigured(f"the server does not know the address's domain ({condition})"))
        else:
            self._fail(Lost(f"the server ended the connection: {condition}"))

    # --- in ---------------------------------------------------------------------------------------------------------

    def init_parser(self) -> None:
        """A new stream begins."""
        stream: Any = super()
        stream.init_parser()
        self._received, self._prologue = 0, b""

    def data_received(self, data: bytes) -> None:
        """Bytes of the server: not more of them than a stanza may have, and no document type before the stream."""
        if self.xml_root is None:
            self._prologue += data
            root = _ROOT.search(self._prologue)
            before = self._prologue[: root.start() if root else len(self._prologue)]
            if b"<!" in before or len(before) > _LONGEST_PROLOGUE:
                self._fail(Lost("the server does not speak XMPP"))
                return
        self._received += len(data)
        stream: Any = super()
        stream.data_received(data)
        if self.xml_depth <= 1:
            self._received = 0
        elif self._received > 2 * MAX_BYTES:
            self._fail(Lost("the server sent a stanza that is too large"))

    def _message(self, stanza: StanzaBase) -> None:
        acks = self.acks
        self._guarded(lambda: self.on_message(stanza.xml, acks.take() if acks is not None else Ticket()))

    def _presence(self, stanza: StanzaBase) -> None:
        self._guarded(lambda: self.on_presence(stanza.xml))

    def _guarded(self, handle: Callable[[], None]) -> None:
        """The library would answer a fault of ours with an error to whoever wrote; here the server keeps the stanza."""
        try:
            handle()
        except Exception as error:
            self._fail(Lost(f"a stanza could not be handled: {type(error).__name__}"))

    @property
    def acks(self) -> CommittedAcks | None:
        """Stream management, where this connection has it."""
        if "committed_acks" not in self.plugin:
            return None
        found: CommittedAcks = self.plugin["committed_acks"]
        return found if found.enabled_in else None

    def handled(self, *tickets: Ticket) -> None:
        """These stanzas are committed."""
        if self.acks is not None:
            with contextlib.suppress(NotConnectedError):
                self.acks.done(*tickets)

    def flow(self, on: bool) -> None:
        """Let the server send, or wait until the hub has caught up."""
        stream: Any = self
        if stream.transport is not None:
            stream.transport.resume_reading() if on else stream.transport.pause_reading()

    # --- out --------------------------------------------------------------------------------------------------------

    def put(self, element: ET.Element) -> None:
        """Send a message or presence; what cannot leave now is dropped."""
        kind = Message if core(element.tag) == "message" else Presence
        stream: Any = self
        if not self.ended.is_set():
            stream.send(kind(stream, xml=_renamed(element, self.default_ns)))

    def put_surely(self, element: ET.Element) -> None:
        """Send a message to which a round trip will testify: the query would wait for the next line, where this is
        dropped. Raises NotSent when there is no line."""
        if self.ended.is_set():
            raise NotSent("the connection broke")
        self.put(element)

    def put_acked(self, element: ET.Element) -> asyncio.Future[None]:
        """Send a message; the future is done when the server has it, and fails with Lost when that cannot be known.

        One that is on its way already, under the same id, is not sent again. Raises NotSent when there is no line.
        """
        name = element.get("id", "")
        before = self.acked.get(name)
        if before is not None and not before.done() and self.acks is not None and self.acks.holds(name):
            return before
        if self.ended.is_set():
            raise NotSent("the connection broke")
        future: asyncio.Future[None] = self.loop.create_future()
        self.acked[name] = future
        self.put(element)
        return future

    def _acked(self, stanza: StanzaBase) -> None:
        future = self.acked.pop(str(stanza.xml.get("id", "")), None)
        if future is not None and not future.done():
            future.set_result(None)

    def _unacked(self) -> None:
        for future in self.acked.values():
            if not future.done():
                future.set_exception(Lost("the connection broke before the server took it"))
                future.exception()  # whoever waits sees it; nobody else has to
        self.acked.clear()

    async def ask(
        self, to: str, kind: str, query: ET.Element, timeout: float, sender: str = ""
    ) -> ET.Element:
        """The answer to a query (``kind``: ``get`` or ``set``), as the ``iq`` element. Raises Refusal, Lost."""
        stream: Any = self
        iq = stream.make_iq(ito=to or None, itype=kind, ifrom=sender or None)
        iq.xml.append(query)
        waiting: asyncio.Future[Any] = iq.send(timeout=timeout)
        self.asked.add(waiting)
        waiting.add_done_callback(self.asked.discard)
        try:
            answer: ET.Element = (await waiting).xml
            return answer
        except IqError as error:
            raise Refusal(str(error.condition)) from error
        except (IqTimeout, NotConnectedError) as error:
            raise Lost("the server does not answer") from error

    async def ping(self, to: str, timeout: float, sender: str = "") -> None:
        """One round trip; what was sent before is with the server then. Raises Lost."""
        line = self.lines
        with contextlib.suppress(Refusal):  # a refusal is an answer too
            await self.ask(to, "get", ET.Element(PING), timeout, sender)
        if self.lines != line:
            raise Lost("the answer came by another line")


_NO_LOGIN = "the server offers no way to log in that is safe here"


class Client(_Careful, ClientXMPP):  # type: ignore[misc]
    """A connection to an account."""

    def __init__(self, settings: Settings, resource: str, context: ssl.SSLContext | None) -> None:
        plain = settings.tls == "none"
        base: Any = super()
        base.__init__(
            f"{settings.address}/{resource}",
            settings.password.reveal(),
            plugin_config={"feature_mechanisms": {"unencrypted_plain": plain, "unencrypted_scram": plain}},
            ssl_context=context,
        )
        self.enable_starttls = settings.tls == "starttls"
        self.enable_direct_tls = settings.tls == "direct"
        self.enable_plaintext = plain
        self.default_port = settings.to_port
        for name in ("xep_0030", "xep_0115", "xep_0199", "committed_acks"):
            self.register_plugin(name)
        self.remove_handler("Entity Capabilities")  # we ask nobody what they can do
        self.plugin["xep_0115"].caps_node = "urn:centrala:xmpp"
        _announce(self.plugin["xep_0030"], None)

    async def _handle_stream_features(self, features: Any) -> Any:
        """A server that offers no TLS, or somebody between who took the offer away, gets no password."""
        encrypted = self.transport is not None and self.transport.get_extra_info("ssl_object") is not None
        if not encrypted and not self.enable_plaintext and "starttls" not in features["features"]:
            self._fail(Misconfigured("the server offers no TLS"))
            return True
        return await super()._handle_stream_features(features)


class Component(_Careful, ComponentXMPP):  # type: ignore[misc]
    """A connection that serves a domain (XEP-0114)."""

    def __init__(self, settings: Settings) -> None:
        base: Any = super()
        base.__init__(settings.domain, settings.password.reveal(), settings.host, settings.to_port)
        for name in ("xep_0030", "xep_0199"):
            self.register_plugin(name)
        _announce(self.plugin["xep_0030"], settings.address)


def _announce(disco: Any, address: str | None) -> None:
    for feature in FEATURES:
        disco.add_feature(feature, jid=address)
    disco.add_identity(category="client", itype="bot", name="Centrala", jid=address)


def _renamed(element: ET.Element, namespace: str) -> ET.Element:
    """The element with its core names in the stream's own namespace."""
    if namespace != CLIENT:
        for part in element.iter():
            if part.tag.startswith(f"{{{CLIENT}}}"):
                part.tag = f"{{{namespace}}}{core(part.tag)}"
    return element


def _unreached(reason: object) -> Exception:
    """Why no connection came about, without addresses: messages of the system name them."""
    if isinstance(reason, ssl.SSLError):
        return _untrusted(reason)
    return Lost((reason.strerror if isinstance(reason, OSError) else None) or "no connection")


def _untrusted(reason: object) -> Exception:
    """TLS did not come about. A certificate stays what it is; other faults may pass."""
    if isinstance(reason, ssl.SSLCertVerificationError):
        return Misconfigured(f"the server's certificate is not trusted: {reason.verify_message}")
    return Lost("no TLS connection")
