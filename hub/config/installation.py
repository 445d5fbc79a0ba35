"""Settings of an installation: where the truth is kept, where it listens, how much may wait, how it sends."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from connectors.contract import Secret
from hub.cluster.roles import ROLES, Role
from hub.config.words import Id, Language, Rate, Section, about


class Hub(Section, frozen=True, kw_only=True):
    """The installation as a whole."""

    name: Annotated[str, about("Name of the contact centre, shown to citizens and agents.", min_length=1)] = (
        "Centrala"
    )
    public_url: Annotated[
        str,
        about(
            "Address of the public listener as citizens reach it, without a slash at the end.",
            pattern="^https?://.*[^/]$",
            examples=["https://kontakt.example.pl"],
        ),
    ] = "http://127.0.0.1:8080"
    console_url: Annotated[
        str,
        about(
            "Address of the console as agents reach it, without a slash at the end.",
            pattern="^https?://.*[^/]$",
            examples=["https://kontakt.example.pl"],
        ),
    ] = "http://127.0.0.1:8081"
    language: Annotated[Language, about("Language of texts for people whose own is not known.")] = "pl"
    zone: Annotated[str, about("IANA time zone of offices that name none.")] = "Europe/Warsaw"
    data_dir: Annotated[
        str,
        about(
            "Folder of the database, the blobs and the control socket; relative to where centrala is started.",
            min_length=1,
        ),
    ] = "data"
    secret: Annotated[
        Secret | None,
        about(
            "Signs conversation tokens and cookies; at least 32 characters. "
            "Without it one is made at the first start and kept in data_dir."
        ),
    ] = None
    node: Annotated[
        str,
        about(
            "Name of this process where several share one store; its leases and attempts bear it.",
            min_length=1,
        ),
    ] = "hub"
    roles: Annotated[
        tuple[Role, ...],
        about(
            "What this process does: web, connectors, outbox, timers. Several processes on one PostgreSQL may share "
            "the work; `centrala run --role` goes before this.",
            min_length=1,
        ),
    ] = ROLES
    lease_seconds: Annotated[
        float,
        about(
            "A process that has been silent for so long is replaced by another one, where several share one store.",
            ge=1,
            le=60,
        ),
    ] = 10.0
    rules_file: Annotated[str, about("The routing rules; relative to the configuration file.")] = "rules.yaml"
    offices_file: Annotated[
        str | None,
        about(
            "A second file of [[offices]] with their [[queues]] and [[teams]]; relative to the configuration file."
        ),
    ] = None
    log_format: Annotated[
        Literal["console", "json"], about("How log lines are written to standard error.")
    ] = "console"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], about("The least important lines that are logged.")
    ] = "info"
    egress_allow: Annotated[
        tuple[str, ...],
        about("Private networks (CIDR) that addresses coming from outside may lead to; none by default."),
    ] = ()


class Store(Section, frozen=True, kw_only=True):
    """Where the truth is kept."""

    url: Annotated[
        str,
        about(
            "sqlite:PATH (relative to where centrala is started) or postgresql://USER@HOST:PORT/NAME, with what "
            "PostgreSQL's own programs know, as ?sslmode=verify-full&sslrootcert=FILE, or several hosts with "
            "?target_session_attrs=read-write.",
            pattern="^(sqlite:.+|postgresql://.+)$",
            examples=["sqlite:data/centrala.db", "postgresql://centrala@127.0.0.1:5432/centrala"],
        ),
    ] = "sqlite:data/centrala.db"
    password: Annotated[Secret | None, about("Password of the PostgreSQL role, kept out of the URL.")] = None
    readers: Annotated[int, about("Connections for reading.", ge=1, le=64)] = 4

    def sqlite_path(self) -> Path | None:
        """The database file of the embedded store; None on PostgreSQL."""
        kind, _, path = self.url.partition(":")
        return Path(path) if kind == "sqlite" else None


class Redis(Section, frozen=True, kw_only=True):
    """The bus between several processes on one PostgreSQL. Without it they find each other's work by looking for it."""

    url: Annotated[
        str | None,
        about(
            "redis://USER@HOST:PORT/DB, rediss:// with TLS, or behind Sentinels "
            "redis+sentinel://HOST:PORT,HOST:PORT/MASTER?db=N; without it there is no bus.",
            examples=["redis://127.0.0.1:6379/0", "rediss+sentinel://s1:26379,s2:26379,s3:26379/centrala"],
        ),
    ] = None
    password: Annotated[Secret | None, about("Password of Redis, kept out of the URL.")] = None
    sentinel_password: Annotated[
        Secret | None, about("Password of the Sentinels, where they ask for one.")
    ] = None
    ca_file: Annotated[
        str | None,
        about(
            "Certificates (PEM file, relative to the configuration file) that vouch for Redis with TLS; "
            "without it those of the system."
        ),
    ] = None
    name: Annotated[
        Id, about("What the names of all keys and channels begin with; each installation has its own.")
    ] = "centrala"
    keep_events: Annotated[
        int, about("Events kept in Redis' stream for integrators; older ones are in the store.", ge=1000)
    ] = 100_000


HOST = (
    "Addresses to listen on, separated by commas: IPv4 or IPv6 ones, names (all addresses that they have), 0.0.0.0 "
    "(all of IPv4), :: (all of IPv6) or * (all of both)."
)


class Listener(Section, frozen=True, kw_only=True):
    """One HTTP listener."""

    host: Annotated[str, about(HOST, examples=["127.0.0.1, ::1"])] = "127.0.0.1"
    port: Annotated[int, about("TCP port; 0 takes a free one.", ge=0, le=65535)] = 0
    certificate: Annotated[
        str | None,
        about("TLS certificate chain (PEM file, relative to the configuration file); without it plain HTTP."),
    ] = None
    certificate_key: Annotated[
        str | None, about("Private key of the certificate (PEM file, relative to the configuration file).")
    ] = None
    trusted_proxies: Annotated[
        tuple[str, ...],
        about("Peers (addresses or CIDR) whose X-Forwarded-For and X-Forwarded-Proto are believed."),
    ] = ()


class Public(Listener, frozen=True, kw_only=True):
    """The listener that citizens and webhooks reach."""

    port: Annotated[int, about("TCP port; 0 takes a free one.", ge=0, le=65535)] = 8080


class Private(Listener, frozen=True, kw_only=True):
    """The listener of the console and the API; keep it inside the office's network."""

    port: Annotated[int, about("TCP port; 0 takes a free one.", ge=0, le=65535)] = 8081
    second_factor: Annotated[
        tuple[Literal["agent", "moderator", "supervisor", "administrator"], ...],
        about(
            "Roles that must log in with a code of an app besides the password; whoever has none yet sets it up first. "
            "Everybody else may.",
            examples=["administrator", "supervisor"],
        ),
    ] = ()


class Metrics(Section, frozen=True, kw_only=True):
    """The listener for Prometheus and for whoever asks whether a process lives. A process without the role ``web``
    always has it, one with that role where a port is named."""

    host: Annotated[str, about(f"{HOST} Nobody is asked for a password there.")] = "127.0.0.1"
    port: Annotated[int, about("TCP port; 0 takes a free one, which the log tells.", ge=0, le=65535)] = 0


class Intake(Section, frozen=True, kw_only=True):
    """The way in: how much may wait."""

    queue: Annotated[
        int, about("Most items waiting for the writer; above it the wire is told to try later.", ge=1)
    ] = 4096
    queue_bytes: Annotated[int, about("Most bytes waiting for the writer.", ge=1_000_000)] = 256_000_000
    park_hours: Annotated[
        int, about("How long a report about a message not known yet waits for it.", ge=1)
    ] = 72


class Outbox(Section, frozen=True, kw_only=True):
    """The way out: sending, trying again, giving up."""

    workers: Annotated[
        int, about("Deliveries of one channel in hand at once, in one process.", ge=1, le=256)
    ] = 16
    undo_seconds: Annotated[float, about("How long an agent can take a reply back.", ge=0)] = 15.0
    gap_seconds: Annotated[
        float, about("Wait before the second attempt; it doubles with each further one.", gt=0)
    ] = 60.0
    gap_seconds_most: Annotated[float, about("Longest wait between two attempts.", gt=0)] = 14_400.0
    jitter: Annotated[
        float, about("Part of a wait that is random, so that retries do not come together.", ge=0, le=1)
    ] = 0.2
    give_up_hours: Annotated[
        float, about("Age at which a delivery that only failed for the time being fails for good.", gt=0)
    ] = 120.0
    breaker_failures: Annotated[int, about("Failures in a row after which a destination rests.", ge=1)] = 5
    breaker_seconds: Annotated[float, about("How long a destination rests.", gt=0)] = 60.0
    poll_seconds: Annotated[
        float, about("How often work is looked for when nothing woke the outbox.", gt=0)
    ] = 5.0
    drain_seconds: Annotated[float, about("How long SIGTERM waits for what is in hand.", gt=0, le=10)] = 8.0


class Stream(Section, frozen=True, kw_only=True):
    """The one unified stream of events."""

    keep_days: Annotated[int, about("How long events can be read again; older places get a reset.", ge=1)] = (
        30
    )
    buffer: Annotated[
        int, about("Events that a slow reader may lag behind before it is sent to the store.", ge=16)
    ] = 1024


class Limits(Section, frozen=True, kw_only=True):
    """Bounds against floods, mistakes and guessing."""

    upload_bytes: Annotated[int, about("Largest attachment of a form or a reply.", ge=1000)] = 20_000_000
    uploads: Annotated[int, about("Most attachments of one form or reply.", ge=0)] = 10
    text_characters: Annotated[int, about("Longest text of a form, comment or reply.", ge=100)] = 50_000
    public_per_address: Annotated[
        Rate, about("Requests to public pages from one address; webhooks have limits of their own.")
    ] = "300/minute"
    login_per_account: Annotated[Rate, about("Failed logins to one account.")] = "10/15 minute"
    login_per_address: Annotated[Rate, about("Failed logins from one address.")] = "50/15 minute"
    session_hours: Annotated[float, about("A session ends after this time without use.", gt=0)] = 10.0
    session_days: Annotated[float, about("A session ends after this time in any case.", gt=0)] = 7.0
    search_results: Annotated[int, about("Most results of one search.", ge=10, le=1000)] = 100
    list_rows: Annotated[int, about("Rows of a list that are fetched at once.", ge=10, le=500)] = 50
