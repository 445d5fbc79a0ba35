"""A small XMPP server that writes down every byte and fails when told to; for what a real one does not do on demand."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

STREAM = "http://etherx.jabber.org/streams"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
SM = "urn:xmpp:sm:3"
MAM = "urn:xmpp:mam:2"
UPLOAD = "urn:xmpp:http:upload:0"
DISCO = "http://jabber.org/protocol/disco"

_MESSAGE = re.compile(rb"<message .*?</message>", re.DOTALL)


class FakeServer:
    """One account or one component; ``heard`` are all bytes that came.

    ``how``: what fails (``silence``: messages are not acknowledged, ``cut``: the line is cut instead, ``forgetful``:
    the archive says nothing). ``features``: what the first stream offers, where a test wants something else.
    """

    def __init__(self, password: str, *, component: bool = False, features: str = "") -> None:
        self.heard = bytearray()
        self.how = ""
        self.acked = 0
        self.told = 0
        self.preface = ""
        self.without_archive = False
        self._password = password
        self._component = component
        self._features = features
        self._stanzas = 0
        self._authenticated = False
        self._writer: asyncio.StreamWriter | None = None

    @property
    def messages(self) -> bytes:
        """The messages that came, one a line."""
        return b"".join(found + b"\n" for found in _MESSAGE.findall(bytes(self.heard)))

    def write(self, xml: str) -> None:
        """Bytes to whoever is connected."""
        if self._writer is not None:
            self._writer.write(xml.encode())

    def cut(self) -> None:
        """Break the line at once."""
        if self._writer is not None:
            self._writer.transport.abort()

    def deliver(self, xml: str) -> int:
        """One stanza, and the question whether it is handled; returns the count that says so."""
        self.told += 1
        self.write(f"{xml}<r xmlns='{SM}'/>")
        return self.told

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self._writer, self._authenticated, self.told, self.acked, self._stanzas = writer, False, 0, 0, 0
        parser: Any = ET.XMLPullParser(("start", "end"))
        depth = 0
        with contextlib.suppress(ConnectionError, ET.ParseError):
            while data := await reader.read(65536):
                self.heard += data
                if data.lstrip().startswith((b"<stream:stream", b"<?xml")):
                    parser, depth = ET.XMLPullParser(("start", "end")), 0
                parser.feed(data)
                for event, element in parser.read_events():
                    depth += 1 if event == "start" else -1
                    if event == "start" and depth == 1:
                        self._opened()
                    elif event == "end" and depth == 1 and not self._answer(element):
                        return
        writer.close()

    def _opened(self) -> None:
        space = "jabber:component:accept" if self._component else "jabber:client"
        self.write(
            f"{self.preface}<stream:stream xmlns='{space}' xmlns:stream='{STREAM}' id='s1' "
            "from='localhost' version='1.0'>"
        )
        if self._component:
            return
        offered = f"<mechanisms xmlns='{SASL}'><mechanism>PLAIN</mechanism></mechanisms>"
        bound = f"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='{SM}'/>"
        self.write(
            f"<stream:features>{bound if self._authenticated else self._features or offered}</stream:features>"
        )

    def _answer(self, element: ET.Element) -> bool:
        """Whether the connection goes on."""
        name = element.tag.rpartition("}")[2]
        if name in ("iq", "message", "presence"):
            self._stanzas += 1
        answer = getattr(self, f"_{name}", None)
        return bool(answer(element)) if answer is not None else True

    def _handshake(self, element: ET.Element) -> bool:
        self.write("<handshake/>")
        return True

    def _auth(self, element: ET.Element) -> bool:
        self._authenticated = base64.b64decode(element.text or "").decode().endswith(f"\0{self._password}")
        failed = f"<failure xmlns='{SASL}'><not-authorized/></failure>"
        self.write(f"<success xmlns='{SASL}'/>" if self._authenticated else failed)
        return True

    def _enable(self, element: ET.Element) -> bool:
        self._stanzas = self.told = self.acked = 0
        self.write(f"<enabled xmlns='{SM}' id='sm1' resume='true'/>")
        return True

    def _resume(self, element: ET.Element) -> bool:
        self.write(
            f"<failed xmlns='{SM}'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
        )
        return True

    def _r(self, element: ET.Element) -> bool:
        if self.how != "silence":
            self.write(f"<a xmlns='{SM}' h='{self._stanzas}'/>")
        return True

    def _a(self, element: ET.Element) -> bool:
        self.acked = int(element.get("h", "0"))
        return True

    def _message(self, element: ET.Element) -> bool:
        if self.how == "cut":
            self.cut()
        return self.how != "cut"

    def _iq(self, element: ET.Element) -> bool:
        query = next(iter(element), None)
        if element.get("type") not in ("get", "set") or query is None:
            return True
        if self.how == "silence" and query.tag.endswith("}ping"):
            return True
        if self.how == "forgetful" and query.tag.startswith(f"{{{MAM}}}"):
            return True
        if self.without_archive and query.tag.startswith(f"{{{MAM}}}"):
            self.told += 1
            missing = "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
            self.write(
                f"<iq type='error' id='{element.get('id')}'><error type='cancel'>{missing}</error></iq>"
            )
            return True
        inner = _ANSWERS.get(query.tag.rpartition("}")[0].lstrip("{"), "")
        names = " ".join(
            f"{ours}='{element.get(theirs)}'"
            for ours, theirs in (("to", "from"), ("from", "to"))
            if element.get(theirs)
        )
        self.told += 1
        self.write(f"<iq type='result' id='{element.get('id')}' {names}>{inner}</iq>")
        return True


_ANSWERS = {
    "urn:ietf:params:xml:ns:xmpp-bind": (
        "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>kontakt@localhost/centrala</jid></bind>"
    ),
    MAM: f"<fin xmlns='{MAM}' complete='true'><set xmlns='http://jabber.org/protocol/rsm'><count>0</count></set></fin>",
    f"{DISCO}#items": f"<query xmlns='{DISCO}#items'/>",
    f"{DISCO}#info": f"<query xmlns='{DISCO}#info'><feature var='{UPLOAD}'/></query>",
    UPLOAD: (
        f"<slot xmlns='{UPLOAD}'><put url='https://upload.example.org/slot/1'><header name='Authorization'>t</header>"
        "</put><get url='https://upload.example.org/1/pismo.pdf'/></slot>"
    ),
}

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def served(serve: Serve) -> AsyncIterator[int]:
    """Listens on a free port of loopback; gives the port."""
    writers: set[asyncio.StreamWriter] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            await serve(reader, writer)
        finally:
            writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in list(writers):
            writer.transport.abort()
        await asyncio.sleep(0)
