"""The configuration as types: what may stand in ``config/centrala.toml``, with its meaning and its default.

Reading the file, its secrets and its errors is :mod:`hub.configfile`'s work. The descriptions here are the only
ones: the JSON Schema for editors (``config/centrala.schema.json``) and ``docs/configuration.md`` are made from them.
Durations carry their unit in the name. ``Config()`` alone is a valid configuration without offices and inboxes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from connectors.contract import Secret
from hub.cluster.roles import ROLES, Role

Language = Literal["pl", "en"]
"""Languages in which the hub's own screens and texts exist."""

Id = Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9-]{0,62}$", examples=["pup-lomza"])]
"""A name chosen in the configuration and stored with messages: never change one that was in use."""

TimeOfDay = Annotated[str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["08:00"])]
"""``HH:MM`` in the zone of the office that it concerns."""

Rate = Annotated[
    str,
    msgspec.Meta(
        pattern="^$|^[1-9][0-9]*/([1-9][0-9]* ?)?(second|minute|hour|day)$",
        examples=["20/minute", "5/15 minute"],
    ),
]
"""``"20/minute"`` or ``"5/15 minute"``; empty: no limit."""

_SPAN = "[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]"

Hours = Annotated[
    str,
    msgspec.Meta(pattern=f"^$|^{_SPAN}(, ?{_SPAN})*$", examples=["07:30-15:30", "08:00-12:00, 13:00-16:00"]),
]
"""Opening hours of one day: ``"07:30-15:30"``, with a break ``"08:00-12:00, 13:00-16:00"``; empty: closed."""


def _about(description: str, **limits: Any) -> msgspec.Meta:
    """What a setting means, and between which values it may lie."""
    return msgspec.Meta(description=description, **limits)


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table of the configuration."""


class Hub(Section, frozen=True, kw_only=True):
    """The installation as a whole."""

    name: Annotated[
        str, _about("Name of the contact centre, shown to citizens and agents.", min_length=1)
    ] = "Centrala"
    public_url: Annotated[
        str,
        _about(
            "Address of the public listener as citizens reach it, without a slash at the end.",
            pattern="^https?://.*[^/]$",
            examples=["https://kontakt.example.pl"],
        ),
    ] = "http://127.0.0.1:8080"
    console_url: Annotated[
        str,
        _about(
            "Address of the console as agents reach it, without a slash at the end.",
            pattern="^https?://.*[^/]$",
            examples=["https://kontakt.example.pl"],
        ),
    ] = "http://127.0.0.1:8081"
    language: Annotated[Language, _about("Language of texts for people whose own is not known.")] = "pl"
    zone: Annotated[str, _about("IANA time zone of offices that name none.")] = "Europe/Warsaw"
    data_dir: Annotated[
        str,
        _about(
            "Folder of the database, the blobs and the control socket; relative to where centrala is started.",
            min_length=1,
        ),
    ] = "data"
    secret: Annotated[
        Secret | None,
        _about(
            "Signs conversation tokens and cookies; at least 32 characters. "
            "Without it one is made at the first start and kept in data_dir."
        ),
    ] = None
    node: Annotated[
        str,
        _about(
            "Name of this process where several share one store; its leases and attempts bear it.",
            min_length=1,
        ),
    ] = "hub"
    roles: Annotated[
        tuple[Role, ...],
        _about(
            "What this process does: web, connectors, outbox, timers. Several processes on one PostgreSQL may share "
            "the work; `centrala run --role` goes before this.",
            min_length=1,
        ),
    ] = ROLES
    lease_seconds: Annotated[
        float,
        _about(
            "A process that has been silent for so long is replaced by another one, where several share one store.",
            ge=1,
            le=60,
        ),
    ] = 10.0
    rules_file: Annotated[str, _about("The routing rules; relative to the configuration file.")] = (
        "rules.yaml"
    )
    offices_file: Annotated[
        str | None,
        _about(
            "A second file of [[offices]] with their [[queues]] and [[teams]]; relative to the configuration file."
        ),
    ] = None
    log_format: Annotated[
        Literal["console", "json"], _about("How log lines are written to standard error.")
    ] = "console"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], _about("The least important lines that are logged.")
    ] = "info"
    egress_allow: Annotated[
        tuple[str, ...],
        _about("Private networks (CIDR) that addresses coming from outside may lead to; none by default."),
    ] = ()


class Store(Section, frozen=True, kw_only=True):
    """Where the truth is kept."""

    url: Annotated[
        str,
        _about(
            "sqlite:PATH (relative to where centrala is started) or postgresql://USER@HOST:PORT/NAME, with what "
            "PostgreSQL's own programs know, as ?sslmode=verify-full&sslrootcert=FILE, or several hosts with "
            "?target_session_attrs=read-write.",
            pattern="^(sqlite:.+|postgresql://.+)$",
            examples=["sqlite:data/centrala.db", "postgresql://centrala@127.0.0.1:5432/centrala"],
        ),
    ] = "sqlite:data/centrala.db"
    password: Annotated[Secret | None, _about("Password of the PostgreSQL role, kept out of the URL.")] = None
    readers: Annotated[int, _about("Connections for reading.", ge=1, le=64)] = 4

    def sqlite_path(self) -> Path | None:
        """The database file of the embedded store; None on PostgreSQL."""
        kind, _, path = self.url.partition(":")
        return Path(path) if kind == "sqlite" else None


class Redis(Section, frozen=True, kw_only=True):
    """The bus between several processes on one PostgreSQL. Without it they find each other's work by looking for it."""

    url: Annotated[
        str | None,
        _about(
            "redis://USER@HOST:PORT/DB, rediss:// with TLS, or behind Sentinels "
            "redis+sentinel://HOST:PORT,HOST:PORT/MASTER?db=N; without it there is no bus.",
            examples=["redis://127.0.0.1:6379/0", "rediss+sentinel://s1:26379,s2:26379,s3:26379/centrala"],
        ),
    ] = None
    password: Annotated[Secret | None, _about("Password of Redis, kept out of the URL.")] = None
    sentinel_password: Annotated[
        Secret | None, _about("Password of the Sentinels, where they ask for one.")
    ] = None
    ca_file: Annotated[
        str | None,
        _about(
            "Certificates (PEM file, relative to the configuration file) that vouch for Redis with TLS; "
            "without it those of the system."
        ),
    ] = None
    name: Annotated[
        Id, _about("What the names of all keys and channels begin with; each installation has its own.")
    ] = "centrala"
    keep_events: Annotated[
        int, _about("Events kept in Redis' stream for integrators; older ones are in the store.", ge=1000)
    ] = 100_000


class Listener(Section, frozen=True, kw_only=True):
    """One HTTP listener."""

    host: Annotated[str, _about("Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, _about("TCP port; 0 takes a free one.", ge=0, le=65535)] = 0
    certificate: Annotated[
        str | None,
        _about(
            "TLS certificate chain (PEM file, relative to the configuration file); without it plain HTTP."
        ),
    ] = None
    certificate_key: Annotated[
        str | None, _about("Private key of the certificate (PEM file, relative to the configuration file).")
    ] = None
    trusted_proxies: Annotated[
        tuple[str, ...],
        _about("Peers (addresses or CIDR) whose X-Forwarded-For and X-Forwarded-Proto are believed."),
    ] = ()


class Public(Listener, frozen=True, kw_only=True):
    """The listener that citizens and webhooks reach."""

    port: Annotated[int, _about("TCP port; 0 takes a free one.", ge=0, le=65535)] = 8080


class Private(Listener, frozen=True, kw_only=True):
    """The listener of the console and the API; keep it inside the office's network."""

    port: Annotated[int, _about("TCP port; 0 takes a free one.", ge=0, le=65535)] = 8081


class Intake(Section, frozen=True, kw_only=True):
    """The way in: how much may wait."""

    queue: Annotated[
        int, _about("Most items waiting for the writer; above it the wire is told to try later.", ge=1)
    ] = 4096
    queue_bytes: Annotated[int, _about("Most bytes waiting for the writer.", ge=1_000_000)] = 256_000_000
    park_hours: Annotated[
        int, _about("How long a report about a message not known yet waits for it.", ge=1)
    ] = 72


class Outbox(Section, frozen=True, kw_only=True):
    """The way out: sending, trying again, giving up."""

    workers: Annotated[int, _about("Deliveries in hand at once.", ge=1, le=256)] = 16
    undo_seconds: Annotated[float, _about("How long an agent can take a reply back.", ge=0)] = 15.0
    gap_seconds: Annotated[
        float, _about("Wait before the second attempt; it doubles with each further one.", gt=0)
    ] = 60.0
    gap_seconds_most: Annotated[float, _about("Longest wait between two attempts.", gt=0)] = 14_400.0
    jitter: Annotated[
        float, _about("Part of a wait that is random, so that retries do not come together.", ge=0, le=1)
    ] = 0.2
    give_up_hours: Annotated[
        float, _about("Age at which a delivery that only failed for the time being fails for good.", gt=0)
    ] = 120.0
    breaker_failures: Annotated[int, _about("Failures in a row after which a destination rests.", ge=1)] = 5
    breaker_seconds: Annotated[float, _about("How long a destination rests.", gt=0)] = 60.0
    poll_seconds: Annotated[
        float, _about("How often work is looked for when nothing woke the outbox.", gt=0)
    ] = 5.0
    drain_seconds: Annotated[float, _about("How long SIGTERM waits for what is in hand.", gt=0, le=10)] = 8.0


class Stream(Section, frozen=True, kw_only=True):
    """The one unified stream of events."""

    keep_days: Annotated[
        int, _about("How long events can be read again; older places get a reset.", ge=1)
    ] = 30
    buffer: Annotated[
        int, _about("Events that a slow reader may lag behind before it is sent to the store.", ge=16)
    ] = 1024


class Limits(Section, frozen=True, kw_only=True):
    """Bounds against floods, mistakes and guessing."""

    upload_bytes: Annotated[int, _about("Largest attachment of a form or a reply.", ge=1000)] = 20_000_000
    uploads: Annotated[int, _about("Most attachments of one form or reply.", ge=0)] = 10
    text_characters: Annotated[int, _about("Longest text of a form, comment or reply.", ge=100)] = 50_000
    public_per_address: Annotated[
        Rate, _about("Requests to public pages from one address; webhooks have limits of their own.")
    ] = "300/minute"
    login_per_account: Annotated[Rate, _about("Failed logins to one account.")] = "10/15 minute"
    login_per_address: Annotated[Rate, _about("Failed logins from one address.")] = "50/15 minute"
    session_hours: Annotated[float, _about("A session ends after this time without use.", gt=0)] = 10.0
    session_days: Annotated[float, _about("A session ends after this time in any case.", gt=0)] = 7.0
    search_results: Annotated[int, _about("Most results of one search.", ge=10, le=1000)] = 100
    list_rows: Annotated[int, _about("Rows of a list that are fetched at once.", ge=10, le=500)] = 50


class Desk(Section, frozen=True, kw_only=True):
    """The rules of the desk: what happens when a flow could go two ways."""

    join_hours: Annotated[
        float,
        _about(
            "On channels without threads, a message joins a conversation resolved less than this ago.", ge=0
        ),
    ] = 72.0
    reopen_days: Annotated[
        float,
        _about(
            "A message within this time of the resolve reopens; later ones open a new conversation.", ge=0
        ),
    ] = 14.0
    duplicate_days: Annotated[
        float,
        _about(
            "A new mail is marked a possible duplicate when its sender has an open conversation this young.",
            ge=0,
        ),
    ] = 7.0
    thanks_characters: Annotated[
        int, _about("Longest text that can be mere thanks, which never reopens.", ge=0)
    ] = 60
    loud_from: Annotated[TimeOfDay, _about("Automatic SMS and offered calls go from this time of day.")] = (
        "08:00"
    )
    loud_until: Annotated[TimeOfDay, _about("Automatic SMS and offered calls go until this time of day.")] = (
        "20:00"
    )
    sms_answer_minutes: Annotated[
        float, _about("An automatic SMS this soon after the citizen's own is not bound by quiet hours.", ge=0)
    ] = 15.0
    language_letters: Annotated[
        int, _about("A conversation's language is taken from texts with at least so many letters.", ge=1)
    ] = 20
    language_confidence: Annotated[
        float, _about("Least confidence at which a text's language is believed.", ge=0, le=1)
    ] = 0.8
    snooze_until: Annotated[
        TimeOfDay, _about("Snoozing without a time wakes at this time of the next working day.")
    ] = "08:00"
    away_minutes: Annotated[
        float, _about("Offline for so long, an agent's untouched conversations go back to the queue.", gt=0)
    ] = 15.0
    office_due_days: Annotated[
        int, _about("Working days a county office has to answer unless a date is given.", ge=1)
    ] = 3
    office_check_days: Annotated[
        int, _about("Working days after an office's answer when the owner is asked to check.", ge=1)
    ] = 2
    report_hides: Annotated[int, _about("Different reporters after which a comment is hidden.", ge=1)] = 3
    report_again: Annotated[
        int, _about("Reports for the same reason after a decision to keep that bring a comment back.", ge=1)
    ] = 5
    edit_minutes: Annotated[float, _about("How long the author of a comment may change it.", ge=0)] = 15.0
    callback_attempts: Annotated[int, _about("Attempts before a callback is unreachable.", ge=1, le=10)] = 3
    callback_gap_minutes: Annotated[
        float, _about("Wait between the first attempt of a callback and the second.", gt=0)
    ] = 120.0
    callback_offer_minutes: Annotated[
        float, _about("How long an offered call waits for the agent before it lapses.", gt=0)
    ] = 2.0
    callback_days: Annotated[int, _about("How many days ahead a call can be wished for.", ge=1, le=60)] = 10
    callback_slot_minutes: Annotated[
        int, _about("Distance between two times that can be wished for.", ge=5, le=240)
    ] = 30
    callback_expire_days: Annotated[
        int, _about("Working days after its time when a call that no agent could take is given up.", ge=1)
    ] = 2


class Chats(Section, frozen=True, kw_only=True):
    """Live chats: what holds for all of them."""

    per_agent: Annotated[
        int, _about("Live chats of one agent at which “take next” brings no further one.", ge=1, le=50)
    ] = 4
    idle_minutes: Annotated[
        float, _about("A visitor who says nothing for so long after our answer is warned.", gt=0)
    ] = 10.0
    close_minutes: Annotated[
        float, _about("A warned visitor's chat is closed after this time; writing opens it again.", gt=0)
    ] = 5.0


class Survey(Section, frozen=True, kw_only=True):
    """Asking people what they think of how their matter was handled; queues and inboxes say whether."""

    delay_minutes: Annotated[
        float,
        _about(
            "Wait after a resolve; quiet hours come on top. Who is still in the chat is asked at once.", ge=0
        ),
    ] = 60.0
    answer_days: Annotated[float, _about("How long after the question it can be answered.", gt=0)] = 30.0
    change_days: Annotated[float, _about("How long after it was given an answer can be changed.", ge=0)] = 7.0
    rest_days: Annotated[
        float, _about("A person is asked at most once in this time, about whatever matter.", ge=0)
    ] = 7.0


class Rules(Section, frozen=True, kw_only=True):
    """How changed routing rules come into force."""

    approval: Annotated[
        bool, _about("Whether a second administrator must approve a draft before it is published.")
    ] = False


class Week(Section, frozen=True, kw_only=True):
    """Opening hours of a week, for example ``tue = "08:00-12:00, 13:00-16:00"``; an empty day is closed."""

    mon: Annotated[Hours, _about("Monday.")] = "07:30-15:30"
    tue: Annotated[Hours, _about("Tuesday.")] = "07:30-15:30"
    wed: Annotated[Hours, _about("Wednesday.")] = "07:30-15:30"
    thu: Annotated[Hours, _about("Thursday.")] = "07:30-15:30"
    fri: Annotated[Hours, _about("Friday.")] = "07:30-15:30"
    sat: Annotated[Hours, _about("Saturday.")] = ""
    sun: Annotated[Hours, _about("Sunday.")] = ""

    def spans(self, weekday: int) -> tuple[tuple[int, int], ...]:
        """Open times of a weekday (0 is Monday) as pairs of minutes since midnight, in order.

        Raises ValueError for a span that ends before it begins.
        """
        text: str = getattr(self, WEEKDAYS[weekday])
        return tuple(_span(part) for part in text.split(",") if part.strip())


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def minutes(time_of_day: str) -> int:
    """``"08:30"`` as minutes since midnight."""
    hour, minute = time_of_day.strip().split(":")
    return int(hour) * 60 + int(minute)


def _span(text: str) -> tuple[int, int]:
    start, end = (minutes(part) for part in text.split("-"))
    if not start < end <= 24 * 60:
        raise ValueError(f"opening hours {text.strip()!r} end before they begin")
    return start, end


class Office(Section, frozen=True, kw_only=True):
    """One labour office, or the national line itself. It has queues, people and hours of its own."""

    id: Annotated[Id, _about("Stable name, for example pup-lomza.")]
    name: Annotated[str, _about("Name as citizens know it.", min_length=1)]
    city: Annotated[str, _about("Town of its seat.")] = ""
    county: Annotated[str, _about("County (powiat) it serves, without the word powiat.")] = ""
    postcodes: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern="^[0-9]{2}(-[0-9]{0,3})?$", examples=["18-4"])], ...],
        _about('Beginnings of the postcodes that it serves: "18-4" is all of 18-400 to 18-499.'),
    ] = ()
    zone: Annotated[str | None, _about("IANA time zone; without it the hub's.")] = None
    language: Annotated[Language, _about("Language of its texts.")] = "pl"
    hours: Annotated[Week, _about("Opening hours.")] = Week()
    holidays: Annotated[
        str,
        _about(
            "ISO country whose public holidays it keeps; empty: none.",
            pattern="^([A-Z]{2})?$",
            examples=["PL"],
        ),
    ] = "PL"
    closed: Annotated[
        tuple[
            Annotated[str, msgspec.Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2026-12-24"])], ...
        ],
        _about("Further days (YYYY-MM-DD) on which it is closed."),
    ] = ()
    email: Annotated[
        str | None, _about("Its registered address: the only one from which it may answer by mail.")
    ] = None
    address: Annotated[str, _about("Street address as shown to citizens.")] = ""
    signature: Annotated[str, _about("Text under its answers.")] = ""


class Queue(Section, frozen=True, kw_only=True):
    """A waiting line that agents work from."""

    id: Annotated[Id, _about("Stable name, used by rules.")]
    name_pl: Annotated[str, _about("Name on Polish screens.", min_length=1)]
    name_en: Annotated[str, _about("Name on English screens.", min_length=1)]
    office: Annotated[Id, _about("The office it belongs to.")]
    tier: Annotated[int, _about("1 front office, 2 back office, 3 territorial office.", ge=1, le=3)] = 1
    signature: Annotated[str, _about("Text under replies; without it the office's.")] = ""
    target_minutes: Annotated[
        int, _about("Opening-hours minutes within which a first answer is due.", ge=1)
    ] = 480
    skills: Annotated[tuple[str, ...], _about("Skills an agent needs to be offered its conversations.")] = ()
    hours: Annotated[Week | None, _about("Hours in which its clocks run; without them the office's.")] = None
    moderation: Annotated[bool, _about("Worked on the moderation bench, not from the list.")] = False
    spam: Annotated[bool, _about("Where spam goes; nobody is offered its conversations.")] = False
    survey: Annotated[
        bool, _about("Whether people are asked what they think once their matter here is resolved.")
    ] = False


class Team(Section, frozen=True, kw_only=True):
    """People who work the same queues; who belongs to it is kept in the database."""

    id: Annotated[Id, _about("Stable name.")]
    name_pl: Annotated[str, _about("Name on Polish screens.", min_length=1)]
    name_en: Annotated[str, _about("Name on English screens.", min_length=1)]
    office: Annotated[Id, _about("The office it belongs to.")]
    queues: Annotated[tuple[Id, ...], _about("Queues it works.")] = ()


class Inbox(Section, frozen=True, kw_only=True):
    """One account on a channel."""

    id: Annotated[Id, _about("Stable name; part of the webhook address /in/ID.")]
    kind: Annotated[str, _about("Kind of channel, as the pages in docs/channels name it.")]
    name: Annotated[str, _about("Name shown to agents, and as the sender of mails.", min_length=1)]
    office: Annotated[Id, _about("The office it belongs to.")]
    queue: Annotated[Id, _about("Queue of conversations that no rule routes.")]
    language: Annotated[
        Language, _about("Language of its site and of texts for people whose own is not known.")
    ] = "pl"
    on_ambiguous: Annotated[
        Literal["retry", "hold"] | None,
        _about(
            "What to do with a sending whose outcome a crash left unknown; without it the channel's own default."
        ),
    ] = None
    survey: Annotated[
        bool | None,
        _about("Whether people who wrote here are asked what they think; without it as the queue says."),
    ] = None
    enabled: Annotated[bool, _about("Whether it is started.")] = True
    settings: Annotated[
        dict[str, Any], _about("Settings of the channel itself; see the channel's page.")
    ] = {}

    def __repr__(self) -> str:
        # Settings are passwords until the channel's type says which of them are not.
        return f"Inbox(id={self.id!r}, kind={self.kind!r}, settings={sorted(self.settings)!r}, …)"


class Hook(Section, frozen=True, kw_only=True):
    """An address that rules may call with the action webhook."""

    id: Annotated[Id, _about("Stable name, used by rules.")]
    url: Annotated[str, _about("Where the event is posted as JSON.", pattern="^https?://")]
    secret: Annotated[
        Secret,
        _about("Signs the body: the header X-Centrala-Signature is HMAC-SHA256 over timestamp and body."),
    ]


_Named = TypeVar("_Named", Office, Queue, Inbox)


class Config(Section, frozen=True, kw_only=True):
    """The whole configuration."""

    hub: Annotated[Hub, _about("The installation as a whole.")] = Hub()
    store: Annotated[Store, _about("Where the truth is kept.")] = Store()
    redis: Annotated[Redis, _about("The bus between several processes on one PostgreSQL.")] = Redis()
    public: Annotated[Public, _about("The listener that citizens and webhooks reach.")] = Public()
    private: Annotated[Private, _about("The listener of the console and the API.")] = Private()
    intake: Annotated[Intake, _about("The way in.")] = Intake()
    outbox: Annotated[Outbox, _about("The way out.")] = Outbox()
    stream: Annotated[Stream, _about("The one unified stream of events.")] = Stream()
    limits: Annotated[Limits, _about("Bounds against floods, mistakes and guessing.")] = Limits()
    desk: Annotated[Desk, _about("What happens when a flow could go two ways.")] = Desk()
    chats: Annotated[Chats, _about("Live chats: what holds for all of them.")] = Chats()
    survey: Annotated[Survey, _about("Asking people what they think once their matter is resolved.")] = (
        Survey()
    )
    rules: Annotated[Rules, _about("How changed routing rules come into force.")] = Rules()
    offices: Annotated[tuple[Office, ...], _about("Offices, the national line included.")] = ()
    queues: Annotated[tuple[Queue, ...], _about("Waiting lines.")] = ()
    teams: Annotated[tuple[Team, ...], _about("Teams.")] = ()
    inboxes: Annotated[tuple[Inbox, ...], _about("Accounts on channels.")] = ()
    hooks: Annotated[tuple[Hook, ...], _about("Addresses that rules may call.")] = ()

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
