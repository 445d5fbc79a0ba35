"""What types alone cannot say of a configuration: that names lead somewhere and values fit each other."""

from __future__ import annotations

import ipaddress
import itertools
import zoneinfo
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from connectors import _listening
from hub.bus.address import parse_address
from hub.config import WEEKDAYS, Config, Inbox, Listener, Metrics, Office, Queue, Team, Week, minutes
from hub.config_check import Mistake, nearest
from hub.toml_lines import Path

SECRET_LENGTH = 32
"""Fewest characters of ``hub.secret``."""

_LOOPBACK = "127.0.0.1"
"""Where the door of an inbox is when its settings name no host."""


def link_mistakes(config: Config) -> Iterator[Mistake]:
    """Everything that does not fit together, with the path of the key to change."""
    yield from _hub(config)
    yield from _store(config)
    yield from _redis(config)
    yield from _listener(config.public, "public")
    yield from _listener(config.private, "private")
    yield from _host(config.metrics, "metrics")
    yield from _same_port(config)
    yield from _desk(config)
    for name in ("offices", "queues", "teams", "inboxes", "hooks"):
        yield from _repeated([item.id for item in getattr(config, name)], name)
    yield from _indexed(config)


def _indexed(config: Config) -> Iterator[Mistake]:
    offices = [office.id for office in config.offices]
    queues = [queue.id for queue in config.queues]
    for index, office in enumerate(config.offices):
        yield from _office(office, ("offices", index))
    for index, queue in enumerate(config.queues):
        yield from _queue(queue, offices, ("queues", index))
    for index, team in enumerate(config.teams):
        yield from _team(team, offices, queues, ("teams", index))
    for index, inbox in enumerate(config.inboxes):
        yield from _inbox(inbox, offices, queues, ("inboxes", index))
        yield from _siblings(inbox, config.inboxes, ("inboxes", index, "settings", "siblings"))
    for index, hook in enumerate(config.hooks):
        yield from _url(hook.url, ("hooks", index, "url"))
    spam = [index for index, queue in enumerate(config.queues) if queue.spam]
    for index in spam[1:]:
        yield ("queues", index, "spam"), "there can be one queue for spam only"


def _hub(config: Config) -> Iterator[Mistake]:
    yield from _zone(config.hub.zone, ("hub", "zone"))
    if config.hub.secret is not None and len(config.hub.secret.reveal()) < SECRET_LENGTH:
        yield ("hub", "secret"), f"must have at least {SECRET_LENGTH} characters"
    for index, network in enumerate(config.hub.egress_allow):
        yield from _network(network, ("hub", "egress_allow", index))
    for name in ("public_url", "console_url"):
        url = getattr(config.hub, name)
        yield from _url(url, ("hub", name))
        if "?" in url or "#" in url:
            yield ("hub", name), "must end with the host or a path: addresses of pages are put behind it"


def _url(url: str, path: Path) -> Iterator[Mistake]:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host:
        yield path, "names no host"


def _store(config: Config) -> Iterator[Mistake]:
    """A URL of PostgreSQL is shown, and handed to its own programs, where everybody on the machine can read it."""
    if config.store.sqlite_path() is not None:
        return
    try:
        parts = urlsplit(config.store.url)
    except ValueError:
        yield ("store", "url"), "cannot be read: an address of IPv6 stands in brackets, as [::1]"
        return
    before, _, places = parts.netloc.rpartition("@")
    if ":" in before or "password" in parse_qs(parts.query):
        yield ("store", "url"), 'holds a password; give it as "password" or "password_file"'
    for place in places.split(","):
        port = place.rpartition("]")[2].partition(":")[2]
        if port and not (port.isdecimal() and int(port) <= 65535):
            yield ("store", "url"), f'"{port}" is no port'


def _redis(config: Config) -> Iterator[Mistake]:
    if config.redis.url is None:
        return
    try:
        parse_address(config.redis.url)
    except ValueError as error:
        yield ("redis", "url"), str(error)
    if config.store.sqlite_path() is not None:
        yield ("redis", "url"), "goes with PostgreSQL only: one process on SQLite has nobody to talk to"


def _host(listener: Listener | Metrics, name: str) -> Iterator[Mistake]:
    if sentence := _listening.wrong(listener.host):
        yield (name, "host"), sentence


def _listener(listener: Listener, name: str) -> Iterator[Mistake]:
    yield from _host(listener, name)
    for index, proxy in enumerate(listener.trusted_proxies):
        yield from _network(proxy, (name, "trusted_proxies", index))
    if listener.certificate and not listener.certificate_key:
        yield (name, "certificate"), 'needs "certificate_key" beside it'
    if listener.certificate_key and not listener.certificate:
        yield (name, "certificate_key"), 'needs "certificate" beside it'


class _Door(NamedTuple):
    """Where something of the hub listens, as the configuration names it."""

    name: str
    path: Path
    host: str
    port: int


def _doors(config: Config) -> Iterator[_Door]:
    for name in ("public", "private", "metrics"):
        listener: Listener | Metrics = getattr(config, name)
        yield _Door(f"[{name}]", (name, "port"), listener.host, listener.port)
    for index, inbox in enumerate(config.inboxes):
        # A channel whose settings have a table of this name opens a door of its own.
        if listen := inbox.settings.get("listen"):
            path = ("inboxes", index, "settings", "listen", "port")
            yield _Door(f'the inbox "{inbox.id}"', path, listen.get("host", _LOOPBACK), listen["port"])


def _same_port(config: Config) -> Iterator[Mistake]:
    taken: defaultdict[int, list[_Door]] = defaultdict(list)
    for door in _doors(config):
        others = taken[door.port]
        if door.port != 0 and (first := _first_met(door, others)):
            yield door.path, f"is the port of {first.name} already"
        others.append(door)


def _first_met(door: _Door, others: Sequence[_Door]) -> _Door | None:
    return next((other for other in others if _listening.overlap(door.host, other.host)), None)


def _desk(config: Config) -> Iterator[Mistake]:
    if minutes(config.desk.loud_from) >= minutes(config.desk.loud_until):
        yield ("desk", "loud_until"), 'must be later than "loud_from"'


def _repeated(ids: Sequence[str], table: str) -> Iterator[Mistake]:
    for index, item in enumerate(ids):
        if item in ids[:index]:
            yield (table, index, "id"), f'"{item}" is taken by an earlier one'


def _office(office: Office, path: Path) -> Iterator[Mistake]:
    if office.zone is not None:
        yield from _zone(office.zone, (*path, "zone"))
    yield from _week(office.hours, (*path, "hours"))
    if office.email is not None and "@" not in office.email:
        yield (*path, "email"), "is no e-mail address"
    for index, day in enumerate(office.closed):
        try:
            date.fromisoformat(day)
        except ValueError:
            yield (*path, "closed", index), f'there is no such day as "{day}"'


def _queue(queue: Queue, offices: Collection[str], path: Path) -> Iterator[Mistake]:
    yield from _known(queue.office, offices, (*path, "office"), "office")
    if queue.hours is not None:
        yield from _week(queue.hours, (*path, "hours"))


def _team(team: Team, offices: Collection[str], queues: Collection[str], path: Path) -> Iterator[Mistake]:
    yield from _known(team.office, offices, (*path, "office"), "office")
    for index, queue in enumerate(team.queues):
        yield from _known(queue, queues, (*path, "queues", index), "queue")


def _inbox(inbox: Inbox, offices: Collection[str], queues: Collection[str], path: Path) -> Iterator[Mistake]:
    yield from _known(inbox.office, offices, (*path, "office"), "office")
    yield from _known(inbox.queue, queues, (*path, "queue"), "queue")


def _siblings(inbox: Inbox, inboxes: Sequence[Inbox], path: Path) -> Iterator[Mistake]:
    """Inboxes that share a callback are there, and of the kind that is said of them."""
    kinds = {other.id: other.kind for other in inboxes}
    for index, sibling in enumerate(inbox.settings.get("siblings", ())):
        name, kind = sibling["inbox"], sibling["kind"]
        yield from _known(name, kinds, (*path, index, "inbox"), "inbox")
        if kinds.get(name, kind) != kind:
            yield (*path, index, "kind"), f'the inbox "{name}" is of the kind "{kinds[name]}"'


def _known(name: str, names: Collection[str], path: Path, what: str) -> Iterator[Mistake]:
    if name not in names:
        yield path, f'there is no {what} "{name}"{nearest(name, names)}'


def _zone(zone: str, path: Path) -> Iterator[Mistake]:
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        yield path, f'there is no time zone "{zone}"{nearest(zone, zoneinfo.available_timezones())}'


def _week(week: Week, path: Path) -> Iterator[Mistake]:
    for weekday, name in enumerate(WEEKDAYS):
        try:
            spans = week.spans(weekday)
        except ValueError as error:
            yield (*path, name), str(error)
            continue
        if any(later[0] < earlier[1] for earlier, later in itertools.pairwise(spans)):
            yield (*path, name), "opening hours overlap or are not in order"


def _network(network: str, path: Path) -> Iterator[Mistake]:
    try:
        ipaddress.ip_network(network)
    except ValueError:
        yield path, f'"{network}" is no address or network (like 10.0.0.0/8)'
