"""A small house for tests: a national line, one county office, a few queues, people and conversations."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from connectors.contract import Capabilities
from hub.config import Config, Inbox, Limits, Office, Queue
from hub.directory import directory
from hub.house import House
from hub.i18n import translate
from hub.people.users import add_user, set_queues
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.tx import Tx
from hub.tokens import SignedTokens
from rules import Compiled, as_written, compile_rules, load

RULES = """
rules:
  - id: employers
    name: Przedsiębiorcy
    when: {words: [pracodawca, firma]}
    do: {queue: pracodawcy}
default: {queue: bezrobotni}
"""

CONFIG = Config(
    offices=(
        Office(id="krajowa", name="Infolinia urzędów pracy", city="Białystok"),
        Office(id="pup-lomza", name="PUP Łomża", city="Łomża", county="łomżyński", postcodes=("18-4",)),
        Office(id="pup-suwalki", name="PUP Suwałki", city="Suwałki", county="suwalski", postcodes=("16-4",)),
    ),
    queues=(
        Queue(id="bezrobotni", name_pl="Bezrobotni", name_en="Job seekers", office="krajowa"),
        Queue(
            id="pracodawcy", name_pl="Pracodawcy", name_en="Employers", office="krajowa", skills=("prawo",)
        ),
        Queue(id="redakcja", name_pl="Redakcja", name_en="Editors", office="krajowa", moderation=True),
        Queue(id="spam", name_pl="Spam", name_en="Spam", office="krajowa", spam=True),
        Queue(id="lomza", name_pl="PUP Łomża", name_en="Łomża", office="pup-lomza", tier=3),
        Queue(id="suwalki", name_pl="PUP Suwałki", name_en="Suwałki", office="pup-suwalki", tier=3),
    ),
    inboxes=(
        Inbox(id="kontakt", kind="email", name="Kontakt", office="krajowa", queue="bezrobotni"),
        Inbox(id="lomza-mail", kind="email", name="PUP Łomża", office="pup-lomza", queue="lomza"),
        Inbox(id="artykuly", kind="comments", name="Artykuły", office="krajowa", queue="redakcja"),
    ),
    limits=Limits(login_per_account="5/15 minute", login_per_address="20/15 minute"),
)


MAIL = Capabilities(
    reaches=("email",),
    attachments=("*/*",),
    attachment_bytes=20_000_000,
    subject=True,
    copies=True,
    starts=True,
)


def compiled(text: str = RULES) -> Compiled:
    """Rules without a dictionary: a word matches itself only."""
    return compile_rules(load(text), as_written)


def a_house(config: Config = CONFIG, *, rules: str = RULES) -> House:
    """The specimen's house; its mailboxes can send."""
    return House(
        directory=directory(config),
        capabilities={
            inbox.id: MAIL if inbox.kind == "email" else Capabilities() for inbox in config.inboxes
        },
        channels={inbox.id: inbox.kind for inbox in config.inboxes},
        rules=compiled(rules),
        rules_version=7,
        tokens=SignedTokens(b"specimen secret of at least 32 bytes"),
        translate=translate,
        random=random.Random(1),
    )


def add_person(
    tx: Tx,
    login: str,
    *,
    role: str = "agent",
    office: str = "krajowa",
    name: str = "",
    password: str | None = None,
    language: str = "pl",
    skills: tuple[str, ...] = (),
    queues: tuple[str, ...] = (),
) -> int:
    """An account; ``password`` is a hash."""
    shown = name or login.title()
    person = add_user(tx, SYSTEM, login, shown, role, office, password, language, skills)
    set_queues(tx, SYSTEM, directory(CONFIG), person, queues)
    return person


def add_contact(tx: Tx, name: str, *, email: str = "", phone: str = "") -> tuple[int, int]:
    """A contact with its first identity; returns both ids."""
    contact = tx.add(schema.contact, {"name": name, "created_at": tx.now})
    kind, address = ("phone", phone) if phone else ("email", email or f"{tx.new_id()}@example.pl")
    row = {"kind": kind, "address": address, "contact": contact, "name": name}
    identity = tx.add(schema.identity, {**row, "verified": False, "created_at": tx.now})
    return contact, identity


_reference = 0


def add_conversation(
    tx: Tx,
    *,
    subject: str = "Zasiłek",
    text: str = "Kiedy dostanę zasiłek?",
    name: str = "Anna Nowak",
    email: str = "",
    phone: str = "",
    office: str = "krajowa",
    queue: str | None = "bezrobotni",
    channel: str = "email",
    inbox: str = "kontakt",
    **columns: Any,
) -> int:
    """An open conversation with one inbound message; ``columns`` overwrite its row."""
    global _reference
    _reference += 1
    contact, identity = add_contact(tx, name, email=email, phone=phone)
    row: dict[str, Any] = {
        "reference": f"000-{_reference // 1000:03d}-{_reference % 1000:03d}",
        "office": office,
        "queue": queue,
        "status": "open",
        "priority": 0,
        "tier": 1,
        "contact": contact,
        "identity": identity,
        "inbox": inbox,
        "channel": channel,
        "subject": subject,
        "preview": text[:100],
        "language": "pl",
        "tags": "[]",
        "messages": 1,
        "version": 1,
        "created_at": tx.now,
        "activity_at": tx.now,
        "inbound_at": tx.now,
        "waiting_since": tx.now,
        "listed": True,
    }
    conversation = tx.add(schema.conversation, row | columns)
    message = add_message(
        tx,
        conversation,
        number=1,
        text=text,
        subject=subject,
        channel=channel,
        inbox=inbox,
        identity=identity,
    )
    place = {"office": office, "queue": queue, "conversation": conversation}
    tx.emit("message", message=message, version=1, **place)
    return conversation


def add_message(tx: Tx, conversation: int, *, number: int, kind: str = "inbound", **columns: Any) -> int:
    """One message; the conversation's counters are the caller's business."""
    row: Mapping[str, Any] = {
        "conversation": conversation,
        "number": number,
        "kind": kind,
        "channel": "email",
        "at": tx.now,
        "subject": "",
        "text": "",
        "recipients": "[]",
        "automatic": "no",
        "language": "pl",
    }
    return tx.add(schema.message, {**row, **columns})
