"""The simulated office: its queues, inboxes, rules and people. What a run may read of it is built once a process."""

from __future__ import annotations

import functools
import random

from connectors.contract import Capabilities, Micros
from hub.config import Config, Desk, Inbox, Limits, Office, Outbox, Queue
from hub.directory import Directory, directory
from hub.house import House
from hub.i18n import translate
from hub.people.users import add_user, set_queues
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.tx import Tx
from hub.tokens import SignedTokens
from rules import Compiled, as_written, compile_rules, load

EPOCH = Micros(1_794_816_000_000_000)
"""2026-11-16 08:00 UTC, a Monday: 09:00 in Warsaw."""

TOKENS = SignedTokens(b"a secret of the simulation, 32 bytes at least")

BREACH = "czeka"
"""The tag of a conversation in which somebody has waited for longer."""

RULES = """
rules:
  - id: acknowledge
    name: Potwierdzenie
    when: {automatic: "no"}
    do: {answer: acknowledgement}
    then: continue
  - id: employers
    name: Przedsiębiorcy
    when: {words: [pracodawca]}
    do: {queue: pracodawcy}
  - id: silence
    name: Zbyt długo bez odpowiedzi
    on: timer
    when: {unanswered: {min: SILENCEm}}
    do: {priority: high, tags: [czeka]}
default: {queue: bezrobotni}
"""

MAIL, TEXTS, APP = "kontakt", "sms", "aplikacja"
"""The inboxes: a mailbox that is read, text messages over one connection, an application that posts to us."""

CAPABILITIES = {
    MAIL: Capabilities(
        reaches=("email",), subject=True, starts=True, send_limit=30.0, on_ambiguous="hold", copies=True
    ),
    TEXTS: Capabilities(
        reaches=("phone",), starts=True, sends_from="lease", send_limit=20.0, on_ambiguous="hold"
    ),
    APP: Capabilities(reaches=("app",), starts=True, send_limit=10.0, on_ambiguous="retry"),
}

AGENTS = ("anna", "bartek", "celina")


@functools.cache
def _rules(silence: int) -> Compiled:
    return compile_rules(load(RULES.replace("SILENCE", str(silence))), as_written)


def config(outbox: Outbox) -> Config:
    """One office with two queues and three inboxes."""
    return Config(
        offices=(Office(id="krajowa", name="Infolinia urzędów pracy", city="Białystok"),),
        queues=(
            Queue(id="bezrobotni", name_pl="Bezrobotni", name_en="Job seekers", office="krajowa"),
            Queue(id="pracodawcy", name_pl="Pracodawcy", name_en="Employers", office="krajowa"),
        ),
        inboxes=(
            Inbox(id=MAIL, kind="email", name="Kontakt", office="krajowa", queue="bezrobotni"),
            Inbox(id=TEXTS, kind="sms", name="SMS", office="krajowa", queue="bezrobotni"),
            Inbox(id=APP, kind="webhook", name="Aplikacja", office="krajowa", queue="bezrobotni"),
        ),
        limits=Limits(login_per_account="5/15 minute", login_per_address="20/15 minute"),
        outbox=outbox,
        desk=Desk(),
    )


@functools.cache
def _directory(outbox: Outbox) -> Directory:
    return directory(config(outbox))


def house(outbox: Outbox, draw: random.Random, silence: int) -> House:
    """The house as one node has it; ``draw`` is its own randomness, ``silence`` the minutes that somebody may wait."""
    return House(
        directory=_directory(outbox),
        capabilities=CAPABILITIES,
        channels={MAIL: "email", TEXTS: "sms", APP: "webhook"},
        rules=_rules(silence),
        rules_version=1,
        tokens=TOKENS,
        translate=translate,
        random=draw,
    )


def hire(tx: Tx, house: House) -> list[int]:
    """Make the accounts; everybody is at work and takes from both queues."""
    found = []
    for login in AGENTS:
        person = add_user(tx, SYSTEM, login, login.title(), "agent", "krajowa", None, "pl", ())
        set_queues(tx, SYSTEM, house.directory, person, ("bezrobotni", "pracodawcy"))
        tx.change(schema.user, person, presence="available", presence_at=tx.now)
        found.append(person)
    return found
