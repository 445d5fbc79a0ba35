"""An XMPP server that one component is connected to (XEP-0114), and the people who write to it.

By XEP-0114 (Jabber Component Protocol, 1.6), RFC 6120 (streams, errors), RFC 6121 (messages), XEP-0184 (receipts),
XEP-0199 (ping) and XEP-0172 (nicknames). It imports nothing of the hub and keeps a ledger of what it took. What people
write while the component is away comes back to them with ``service-unavailable``, as from a real server.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import hmac
import itertools
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from hub.demo.peers.tcp import TcpPeer

COMPONENT = "jabber:component:accept"
STREAM = "http://etherx.jabber.org/streams"
STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"
RECEIPTS = "urn:xmpp:receipts"
NICK = "http://jabber.org/protocol/nick"
PING = "urn:xmpp:ping"

LONGEST = 1_000_000
"""Bytes of one stanza."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Taken:
    """A message of the component."""

    id: str
    to: str
    text: str


class NotThere(Exception):
    """The component is not connected: what was written came back."""


class XmppPeer(TcpPeer[Taken]):
    """The server of ``domain``'s component. ``port`` is known once it is :meth:`open`.

    People are addresses of their own; what is sent to anybody of them is taken and receipted. ``first`` is the number
    that ids begin with.
    """

    def __init__(self, *, domain: str, secret: str, first: int = 1) -> None:
        super().__init__()
        self.refused = 0
        self.receipted: set[str] = set()
        self._domain = domain
        self._secret = secret
        self._ids = itertools.count(first)
        self._streams = itertools.count(1)
        self._component: asyncio.StreamWriter | None = None

    async def writes(self, person: str, to: str, text: str, *, name: str = "", seconds: float = 10.0) -> str:
        """Somebody writes, once the component is there; the id of the message. Raises NotThere."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self._component is not None)
        except TimeoutError as error:
            raise NotThere("service-unavailable") from error
        known = f"person-{next(self._ids):012d}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        nick = f"<nick xmlns='{NICK}'>{escape(name)}</nick>" if name else ""
        self._write(
            f"<message type='chat' from={quoteattr(person + '/telefon')} to={quoteattr(to)} id='{known}'>"
            f"<body>{escape(text)}</body>{nick}<request xmlns='{RECEIPTS}'/></message>"
        )
        return known

    # --- the component ---------------------------------------------------------------------------------------------

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(_Elements(reader), writer)
        except (ConnectionError, ET.ParseError):
            pass  # they hung up, or do not speak XML
        finally:
            if self._component is writer:
                self._component = None
            writer.close()

    async def _serve(self, elements: _Elements, writer: asyncio.StreamWriter) -> None:
        head = await elements.root()
        stream = f"strumien-{next(self._streams)}"
        writer.write(
            f"<?xml version='1.0'?><stream:stream xmlns='{COMPONENT}' xmlns:stream='{STREAM}' "
            f"from={quoteattr(self._domain)} id='{stream}'>".encode()
        )
        if head.get("to") != self._domain:
            self._fail(writer, "host-unknown")
            return
        handshake = await elements.next()
        wanted = hashlib.sha1((stream + self._secret).encode(), usedforsecurity=False).hexdigest()
        if handshake.tag != f"{{{COMPONENT}}}handshake" or not hmac.compare_digest(
            (handshake.text or "").strip().encode(), wanted.encode()
        ):
            self.refused += 1
            self._fail(writer, "not-authorized")
            return
        writer.write(b"<handshake/>")
        async with self._changed:
            self._component = writer
            self._changed.notify_all()
        while True:
            await self._take(await elements.next())

    def _fail(self, writer: asyncio.StreamWriter, condition: str) -> None:
        """A stream error (RFC 6120, 4.9), and the end."""
        error = f"<stream:error><{condition} xmlns='{STREAM_ERRORS}'/></stream:error></stream:stream>"
        writer.write(error.encode())

    async def _take(self, stanza: ET.Element) -> None:
        kind = stanza.tag.rpartition("}")[2]
        if kind == "message":
            await self._message(stanza)
        elif kind == "iq" and stanza.get("type") in ("get", "set"):
            self._answer(stanza)

    async def _message(self, stanza: ET.Element) -> None:
        for received in stanza.iter(f"{{{RECEIPTS}}}received"):
            self.receipted.add(received.get("id", ""))
        body = stanza.find(f"{{{COMPONENT}}}body")
        if body is None or stanza.get("type") == "error":
            return
        taken = Taken(id=stanza.get("id", ""), to=bare(stanza.get("to", "")), text=body.text or "")
        if stanza.find(f"{{{RECEIPTS}}}request") is not None:
            self._write(
                f"<message from={quoteattr(taken.to + '/telefon')} to={quoteattr(stanza.get('from', ''))}>"
                f"<received xmlns='{RECEIPTS}' id={quoteattr(taken.id)}/></message>"
            )
        await self._took(taken)

    def _answer(self, query: ET.Element) -> None:
        """A ping is answered; of everything else a server says that it does not do it (RFC 6120, 8.2.3)."""
        addresses = f"from={quoteattr(query.get('to', ''))} to={quoteattr(query.get('from', ''))}"
        known = quoteattr(query.get("id", ""))
        if query.find(f"{{{PING}}}ping") is not None:
            self._write(f"<iq type='result' {addresses} id={known}/>")
            return
        error = f"<error type='cancel'><service-unavailable xmlns='{STANZA_ERRORS}'/></error>"
        self._write(f"<iq type='error' {addresses} id={known}>{error}</iq>")

    def _write(self, stanza: str) -> None:
        if self._component is not None:
            with contextlib.suppress(RuntimeError, OSError):
                self._component.write(stanza.encode())


class _Elements:
    """Reads a stream's head and then its children, one by one."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._parser: ET.XMLPullParser[ET.Element] = ET.XMLPullParser(["start", "end"])
        self._depth = 0
        self._read = 0
        self._root: ET.Element | None = None
        self._ready: list[ET.Element] = []

    async def root(self) -> ET.Element:
        """The head. Raises ConnectionError, ParseError."""
        while self._root is None:
            await self._more()
        return self._root

    async def next(self) -> ET.Element:
        """The next whole child. Raises ConnectionError, ParseError."""
        while not self._ready:
            await self._more()
        self._read = 0
        return self._ready.pop(0)

    async def _more(self) -> None:
        data = await self._reader.read(65_536)
        self._read += len(data)
        if not data or self._read > LONGEST:
            raise ConnectionError("the stream ended")
        self._parser.feed(data)
        for told in self._parser.read_events():
            event, found = told[0], told[-1]
            if not isinstance(found, ET.Element):
                continue
            self._depth += 1 if event == "start" else -1
            if event == "start" and self._depth == 1:
                self._root = found
            elif event == "end" and self._depth == 1:
                self._ready.append(found)
                if self._root is not None:
                    self._root.remove(found)
            elif self._depth == 0:
                raise ConnectionError("the stream was closed")


def bare(address: str) -> str:
    """An address without its resource."""
    return address.partition("/")[0]
