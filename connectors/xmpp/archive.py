"""The server's archive (XEP-0313): what came while nobody listened, or was lost between the line and the commit.

Only a look through the archive moves the inbox's cursor, never a live message: the archive's order has no gaps.
"""

from __future__ import annotations

import contextlib
import xml.etree.ElementTree as ET  # nosec: only to build

import msgspec

from connectors.contract import Micros
from connectors.xmpp.envelope import moment, stamp
from connectors.xmpp.names import DELAY, FORM, FORWARD, MAM, RSM, core
from connectors.xmpp.stream import Client, Lost, Refusal

PAGE = 50
"""Stanzas that are asked for at once."""

SEARCHED = 20
"""Most pages that are looked through for a message of ours."""

NONE = ("service-unavailable", "feature-not-implemented", "item-not-found")
"""How servers say that there is no archive."""


class Archived(msgspec.Struct, frozen=True, kw_only=True):
    """One entry: its id, the stanza that brought it, when it was archived (0 where the server does not say)."""

    id: str
    stanza: ET.Element
    at: int


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Entries in order. ``complete``: there is nothing behind them."""

    entries: tuple[Archived, ...]
    complete: bool


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the archive; without an ``id`` it is a moment. As a cursor it is ``MICROSECONDS ID``."""

    at: int = 0
    id: str = ""

    def __str__(self) -> str:
        return f"{self.at} {self.id}"


def mark(text: str) -> Mark:
    """The place that a cursor holds; the beginning for what none can be read of."""
    at, _, name = text.partition(" ")
    return Mark(at=int(at), id=name) if at.isascii() and at.isdigit() else Mark()


class Archive:
    """Asks through a stream. ``collect`` must be given every message that comes: it keeps what belongs to a query."""

    def __init__(self, stream: Client, own: str, timeout: float) -> None:
        self._stream = stream
        self._own = own
        self._timeout = timeout
        self._asked: dict[str, list[Archived]] = {}
        self._count = 0

    def collect(self, stanza: ET.Element) -> bool:
        """Whether a message is an answer of the archive, which only our own server can give."""
        result = stanza.find(f"{MAM}result")
        if result is None or (found := self._asked.get(result.get("queryid", ""))) is None:
            return False
        if len(found) < 2 * PAGE and stanza.get("from", self._own) == self._own:
            found.append(Archived(id=result.get("id", ""), stanza=stanza, at=_archived_at(result)))
        return True

    async def page(self, after: Mark, *, since: int = 0, person: str = "") -> Page:
        """The entries that follow a place. Raises Refusal (``item-not-found``: the place is gone), Lost."""
        fields = {"with": person} if person else {}
        if start := (since or (0 if after.id else after.at)):
            fields["start"] = stamp(Micros(start))
        return await self._page(fields, after.id)

    async def sent(self, person: str, prefix: str, since: int) -> frozenset[str]:
        """The ids of our own messages to a person that begin so; none where nobody can say. Raises Lost."""
        found: set[str] = set()
        after = Mark()
        with contextlib.suppress(Refusal):
            for _ in range(SEARCHED):
                page = await self.page(after, since=since, person=person)
                found.update(_id_of(entry.stanza) for entry in page.entries)
                if page.complete or not page.entries:
                    break
                after = Mark(id=page.entries[-1].id)
        return frozenset(name for name in found if name.startswith(prefix))

    async def _page(self, fields: dict[str, str], after: str) -> Page:
        self._count += 1
        name = f"look-{self._count}"
        found = self._asked[name] = []
        try:
            answer = await self._stream.ask("", "set", _query(name, fields, after), self._timeout)
        finally:
            del self._asked[name]
        fin = answer.find(f"{MAM}fin")
        if fin is None:
            raise Lost("the archive gave no answer that can be read")
        return Page(entries=tuple(found), complete=fin.get("complete") in ("true", "1"))


def _query(name: str, fields: dict[str, str], after: str) -> ET.Element:
    query = ET.Element(f"{MAM}query", {"queryid": name})
    if fields:
        form = ET.SubElement(query, f"{FORM}x", {"type": "submit"})
        for field, value in ({"FORM_TYPE": MAM.strip("{}")} | fields).items():
            hidden = {"type": "hidden"} if field == "FORM_TYPE" else {}
            ET.SubElement(
                ET.SubElement(form, f"{FORM}field", {"var": field, **hidden}), f"{FORM}value"
            ).text = value
    paging = ET.SubElement(query, f"{RSM}set")
    ET.SubElement(paging, f"{RSM}max").text = str(PAGE)
    if after:
        ET.SubElement(paging, f"{RSM}after").text = after
    return query


def _archived_at(result: ET.Element) -> int:
    delay = result.find(f"{FORWARD}/{DELAY}")
    return (moment(delay.get("stamp", "")) or 0) if delay is not None else 0


def _id_of(stanza: ET.Element) -> str:
    forwarded = stanza.find(f"{MAM}result/{FORWARD}")
    inner = (
        next((el for el in forwarded if core(el.tag) == "message"), None) if forwarded is not None else None
    )
    return inner.get("id", "") if inner is not None else ""
