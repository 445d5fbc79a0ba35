"""What the benchmarks share: a house with a thousand rules, messages as an office gets them, a store that is full.

The mix: a fifth of the messages repeat or answer earlier ones (10 % are told twice, 20 % answer), two thirds of the
senders come more than once.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import create_engine

from connectors.contract import Capabilities
from hub.config import Config, Inbox, Office, Queue
from hub.directory import directory
from hub.house import House
from hub.i18n import translate
from hub.search.words import doc_words, reach_words
from hub.store.migrate import ensure_schema
from hub.tokens import SignedTokens
from rules import as_written, compile_rules, load

WORDS = (
    *(
        "zasiłek",
        "praca",
        "urząd",
        "wniosek",
        "dotacja",
        "szkolenie",
        "staż",
        "termin",
        "wypłata",
        "rejestracja",
    ),
    *(
        "cudzoziemiec",
        "zezwolenie",
        "umowa",
        "kurs",
        "oferta",
        "świadectwo",
        "decyzja",
        "odwołanie",
        "formularz",
    ),
    *("zaświadczenie", "doradca", "spotkanie", "konto", "hasło", "podpis", "dokument"),
)

CONFIG = Config(
    offices=(Office(id="krajowa", name="Infolinia"),),
    queues=tuple(
        Queue(id=f"q{n}", name_pl=f"Kolejka {n}", name_en=f"Queue {n}", office="krajowa") for n in range(20)
    ),
    inboxes=(
        Inbox(id="kontakt", kind="email", name="Kontakt", office="krajowa", queue="q0"),
        Inbox(id="system", kind="webhook", name="System", office="krajowa", queue="q0"),
    ),
)


def rule_text(count: int) -> str:
    """Rules as an office grows them: words with a channel, phrases, senders' domains; every hundredth stops."""
    lines = ["rules:"]
    for n in range(count):
        when = (
            f"{{all: [{{channel: [email, webhook]}}, {{words: [słowo{n}, {WORDS[n % len(WORDS)]}{n}]}}]}}",
            f'{{phrase: "{WORDS[n % 7]} {WORDS[n % 11]} numer{n}"}}',
            f"{{domain: firma{n}.example.pl}}",
        )[n % 3]
        lines += [f"  - id: r{n}", f"    name: Reguła {n}", f"    when: {when}"]
        lines += [
            f"    do: {{queue: q{n % 20}, tags: [t{n % 50}]}}",
            f"    then: {'stop' if n % 100 else 'continue'}",
        ]
    return "\n".join([*lines, "default: {queue: q1}"])


def a_house(rules: int = 1000) -> House:
    """The house of the benchmarks."""
    return House(
        directory=directory(CONFIG),
        capabilities={inbox.id: Capabilities(reaches=("email",), copies=True) for inbox in CONFIG.inboxes},
        channels={inbox.id: inbox.kind for inbox in CONFIG.inboxes},
        rules=compile_rules(load(rule_text(rules)), as_written),
        rules_version=1,
        tokens=SignedTokens(b"the secret of the benchmarks, 32 bytes"),
        translate=translate,
        random=random.Random(1),
    )


def some_text(draw: random.Random, words: int = 60) -> str:
    """Some sentences' worth of words."""
    return " ".join(draw.choices(WORDS, k=words))


def bodies(count: int, seed: int = 1, inbox: str = "kontakt") -> list[bytes]:
    """Messages of the contract as JSON, some 1 kB each."""
    draw = random.Random(seed)
    return [msgspec.json.encode(_body(draw, n, count, inbox)) for n in range(count)]


def _body(draw: random.Random, n: int, count: int, inbox: str) -> dict[str, Any]:
    text = some_text(draw)
    kind = draw.random()
    told = n if n < 100 or kind >= 0.1 else draw.randrange(n)
    answers = [f"mid:{draw.randrange(n)}"] if n >= 100 and 0.1 <= kind < 0.3 else []
    return {
        "kind": "message",
        "inbox": inbox,
        "external_id": f"event-{told}",
        "sender": {
            "kind": "email",
            "address": f"u{draw.randrange(count // 3 + 1)}@example.pl",
            "name": "Jan Kowalski",
        },
        "recipients": [{"address": "kontakt@example.org"}],
        "subject": f"Pytanie: {draw.choice(WORDS)}",
        "text": text,
        "full_text": text,
        "thread_keys": answers,
        "adds_keys": [f"mid:{n}"],
    }


def copy(filled: Path, path: Path) -> None:
    """A copy that is on the disk: else the first commit on it would pay for all of it."""
    shutil.copyfile(filled, path)
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def fill(path: Path, rows: int, *, search: bool = False) -> None:
    """A new store at ``path`` with so many conversations of one message each, most of them resolved."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as opened:
        ensure_schema(opened)
    engine.dispose()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -500000")
    draw = random.Random(7)
    for start in range(0, rows, 20_000):
        _fill_part(connection, draw, range(start, min(rows, start + 20_000)), search)
        connection.commit()
    connection.execute("UPDATE id_block SET next = ?", (10 * rows + 1_000_000,))
    connection.execute("ANALYZE")
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


START = 1_700_000_000_000_000
MINUTE = 60_000_000

_STATUSES = ("open", "waiting-citizen", "snoozed", "resolved")
_SHARES = (3, 3, 1, 93)


def _fill_part(connection: sqlite3.Connection, draw: random.Random, numbers: range, search: bool) -> None:
    people, conversations, messages, docs, keys, seen = [], [], [], [], [], []
    for n in numbers:
        base, at = 10 * n + 1, START + n * MINUTE
        text = some_text(draw, 30)
        status = draw.choices(_STATUSES, _SHARES)[0]
        if n % 3 == 0:
            people.append((base + 2, f"old{n}@example.pl", f"Jan Nowak {n}", at))
        owner = 10 * (n - n % 3) + 3
        waiting = at if status == "open" else None
        conversations.append(
            {
                "id": base,
                "reference": f"R{n:09d}",
                "office": "krajowa",
                "queue": f"q{draw.randrange(20)}",
                "status": status,
                "priority": 1 if draw.random() < 0.05 else 0,
                "tier": 1,
                "contact": owner,
                "identity": owner,
                "inbox": "kontakt",
                "channel": "email",
                "subject": f"Sprawa {draw.choice(WORDS)}",
                "preview": text[:120],
                "language": "pl",
                "tags": "[]",
                "messages": 1,
                "version": 1,
                "created_at": at,
                "activity_at": at,
                "inbound_at": at,
                "waiting_since": waiting,
                "due_at": at + 480 * MINUTE if waiting else None,
                "resolved_at": at if status == "resolved" else None,
                "listed": 1,
            }
        )
        messages.append((base + 1, base, owner, at, text, f"old-{n}"))
        keys.append((f"mid:old-{n}", base, at))
        seen.append(("kontakt", f"old-{n}", base, base + 1, at))
        if search:
            reach = reach_words(["krajowa"], "email")
            docs.append((base + 1, base, doc_words([text]), reach))
    _insert(connection, people, conversations, messages, keys, seen)
    if docs:
        _index(connection, docs)


def _insert(
    connection: sqlite3.Connection, people: Any, conversations: Any, messages: Any, keys: Any, seen: Any
) -> None:
    many = connection.executemany
    many("INSERT INTO contact (id, name, created_at) SELECT ?1, ?3, ?4", people)
    many(
        "INSERT INTO identity (id, kind, address, contact, name, verified, created_at) "
        "SELECT ?1, 'email', ?2, ?1, ?3, 0, ?4",
        people,
    )
    names = list(conversations[0])
    values = ", ".join(f":{name}" for name in names)
    many(f"INSERT INTO conversation ({', '.join(names)}) VALUES ({values})", conversations)
    many(
        "INSERT INTO message (id, conversation, number, kind, channel, inbox, identity, at, subject, text, recipients, "
        "external_id, automatic, language) "
        "VALUES (?1, ?2, 1, 'inbound', 'email', 'kontakt', ?3, ?4, 'Sprawa', ?5, '[]', ?6, 'no', 'pl')",
        messages,
    )
    many("INSERT INTO thread_key VALUES (?, ?, ?)", keys)
    many("INSERT INTO seen VALUES (?, ?, ?, ?, ?)", seen)


def _index(connection: sqlite3.Connection, docs: Any) -> None:
    """As the follower of the stream would; the index itself follows by triggers."""
    connection.executemany(
        "INSERT INTO search_doc (message, conversation, words, reach) VALUES (?, ?, ?, ?)", docs
    )
