"""The configuration as types: what may stand in ``config/centrala.toml``, with its meaning and its default.

Reading the file, its secrets and its errors is :mod:`hub.configfile`'s work. The descriptions here are the only
ones: the JSON Schema for editors (``config/centrala.schema.json``) and ``docs/configuration.md`` are made from them.
Durations carry their unit in the name. ``Config()`` alone is a valid configuration without offices and inboxes.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from hub.config.desk import Chats, Desk, Rules, Survey
from hub.config.installation import (
    Hub,
    Intake,
    Limits,
    Listener,
    Metrics,
    Outbox,
    Private,
    Public,
    Redis,
    Store,
    Stream,
)
from hub.config.offices import WEEKDAYS, Hook, Inbox, Office, Queue, Team, Week, minutes
from hub.config.words import Hours, Id, Language, Rate, Section, TimeOfDay, about

__all__ = [
    "WEEKDAYS",
    "Chats",
    "Config",
    "Desk",
    "Hook",
    "Hours",
    "Hub",
    "Id",
    "Inbox",
    "Intake",
    "Language",
    "Limits",
    "Listener",
    "Metrics",
    "Office",
    "Outbox",
    "Private",
    "Public",
    "Queue",
    "Rate",
    "Redis",
    "Rules",
    "Section",
    "Store",
    "Stream",
    "Survey",
    "Team",
    "TimeOfDay",
    "Week",
    "minutes",
]

_Named = TypeVar("_Named", Office, Queue, Inbox)


class Config(Section, frozen=True, kw_only=True):
    """The whole configuration."""

    hub: Annotated[Hub, about("The installation as a whole.")] = Hub()
    store: Annotated[Store, about("Where the truth is kept.")] = Store()
    redis: Annotated[Redis, about("The bus between several processes on one PostgreSQL.")] = Redis()
    public: Annotated[Public, about("The listener that citizens and webhooks reach.")] = Public()
    private: Annotated[Private, about("The listener of the console and the API.")] = Private()
    metrics: Annotated[Metrics, about("Health and figures of a process without the role web.")] = Metrics()
    intake: Annotated[Intake, about("The way in.")] = Intake()
    outbox: Annotated[Outbox, about("The way out.")] = Outbox()
    stream: Annotated[Stream, about("The one unified stream of events.")] = Stream()
    limits: Annotated[Limits, about("Bounds against floods, mistakes and guessing.")] = Limits()
    desk: Annotated[Desk, about("What happens when a flow could go two ways.")] = Desk()
    chats: Annotated[Chats, about("Live chats: what holds for all of them.")] = Chats()
    survey: Annotated[Survey, about("Asking people what they think once their matter is resolved.")] = (
        Survey()
    )
    rules: Annotated[Rules, about("How changed routing rules come into force.")] = Rules()
    offices: Annotated[tuple[Office, ...], about("Offices, the national line included.")] = ()
    queues: Annotated[tuple[Queue, ...], about("Waiting lines.")] = ()
    teams: Annotated[tuple[Team, ...], about("Teams.")] = ()
    inboxes: Annotated[tuple[Inbox, ...], about("Accounts on channels.")] = ()
    hooks: Annotated[tuple[Hook, ...], about("Addresses that rules may call.")] = ()

    def office(self, office: str) -> Office:
        """By id. Raises KeyError."""
        return _by_id(self.offices, office)

    def queue(self, queue: str) -> Queue:
        """By id. Raises KeyError."""
        return _by_id(self.queues, queue)

    def inbox(self, inbox: str) -> Inbox:
        """By id. Raises KeyError."""
        return _by_id(self.inboxes, inbox)


def _by_id(items: tuple[_Named, ...], wanted: str) -> _Named:
    for item in items:
        if item.id == wanted:
            return item
    raise KeyError(wanted)
