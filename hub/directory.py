"""The configured house as look-ups: offices, queues, inboxes, by id."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

import msgspec

from hub.config import Config, Inbox, Office, Queue


class Directory(msgspec.Struct, frozen=True, kw_only=True):
    """Swapped whole on a reload; whoever decides something keeps the one it began with."""

    config: Config
    offices: Mapping[str, Office]
    queues: Mapping[str, Queue]
    inboxes: Mapping[str, Inbox]
    front: frozenset[str]
    """Offices of the front and back office: those with a queue below tier 3."""
    writers: Mapping[str, frozenset[str]]
    """County offices by the registered address from which they may answer, in lower case."""
    writer_domains: frozenset[str]
    county_names: tuple[str, ...]
    """Names of county offices and of their queues, :func:`folded`, with a space on either side."""
    county_words: frozenset[str]
    """The first words of those names."""

    def zone(self, office: str) -> str:
        """IANA zone of an office; the hub's for an unknown one."""
        found = self.offices.get(office)
        return (found and found.zone) or self.config.hub.zone

    def office_of_queue(self, queue: str | None, default: str) -> str:
        """The office that a queue belongs to."""
        found = self.queues.get(queue or "")
        return found.office if found else default

    def may_work(self, office: str, queue: str) -> bool:
        """Whether people of an office may be offered what waits in a queue: those of the front office anywhere, of a
        county office in queues of its own."""
        found = self.queues.get(queue)
        return found is not None and (office in self.front or found.office == office)

    def queue_name(self, queue: str | None, language: str) -> str:
        """A queue's name on screens of that language; its id when it is not configured any more."""
        found = self.queues.get(queue or "")
        if found is None:
            return queue or ""
        return found.name_en if language == "en" else found.name_pl


def folded(text: str) -> str:
    """In small letters without accents, words parted by one space: how names are compared."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    letters = "".join(c for c in plain.replace("ł", "l") if not unicodedata.combining(c))
    return " ".join(re.findall(r"\w+", letters))


def directory(config: Config) -> Directory:
    """Build the look-ups of a configuration."""
    front = frozenset(queue.office for queue in config.queues if queue.tier < 3)
    writers: dict[str, frozenset[str]] = {}
    names = {folded(office.name) for office in config.offices if office.id not in front}
    names |= {folded(queue.name_pl) for queue in config.queues if queue.tier == 3}
    names.discard("")
    for office in config.offices:
        if office.email and office.id not in front:
            address = office.email.strip().lower()
            writers[address] = writers.get(address, frozenset()) | {office.id}
    return Directory(
        config=config,
        offices={office.id: office for office in config.offices},
        queues={queue.id: queue for queue in config.queues},
        inboxes={inbox.id: inbox for inbox in config.inboxes},
        front=front,
        writers=writers,
        writer_domains=frozenset(address.rpartition("@")[2] for address in writers),
        county_names=tuple(sorted(f" {name} " for name in names)),
        county_words=frozenset(name.split()[0] for name in names),
    )
