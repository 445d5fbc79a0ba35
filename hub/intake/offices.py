"""The third tier by mail: what comes in a county office's name is its answer, or a forgery, or an ordinary mail.

Anybody can write anything into a From field. A mail is an office's answer only when all of this holds: it came to the
conversation's address with our signed token; its From is exactly the office's registered address; that office was
asked about this conversation; and, where the receiving server says what it found out about senders, it proved the
domain. The answer then leaves from the national inbox with the office's signature. What merely claims to come from
an office joins nothing, is answered by no machine, and waits in quarantine for a person.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, select

from connectors.contract import Message, Receipt, Recipient
from hub.config import Office
from hub.desk.actions import QUIET
from hub.desk.office_mail import letter_link
from hub.desk.row import ACTIVE, change
from hub.desk.transfer import office_answered
from hub.desk.ways import last_inbound, reply_subject
from hub.directory import Directory, folded
from hub.house import House
from hub.i18n import mark as N_
from hub.messages import append
from hub.notices import reachable
from hub.outbox.queue import enqueue
from hub.scope import SYSTEM
from hub.store import bulk, schema
from hub.store.tx import Reader, Tx

from .attachments import keep_attachments
from .batch import Wish, run
from .state import Item, Rows
from .write import write

NOT_ADDRESSED = N_(
    "It comes in an office's name, but not to the address that the office was given for its answer."
)
NOT_ASKED = N_("It comes in the name of an office that was not asked about this matter.")
UNPROVEN = N_("It comes in an office's name, but the mail server could not prove that the office sent it.")
OTHER_ADDRESS = N_("It comes in an office's name, but not from the office's registered address.")
EMPTY = N_("It comes from an office that was asked, but holds no words of its own.")
SEALED = N_("It comes from an office that was asked, but not all of it can be read here.")
UNCUT = N_(
    "It comes from an office that was asked, but its words could not be told from our letter below them."
)

MERGES = 5
"""How often a merged conversation may itself have been merged."""

conversation, identity, seen = schema.conversation, schema.identity, schema.seen


class Answer(msgspec.Struct, frozen=True):
    """An office's answer to a conversation."""

    office: Office
    row: Any


# --- who is it -----------------------------------------------------------------------------------------------------


def concerns(directory: Directory, message: Message) -> bool:
    """Whether a mail may have to do with an office: cheap, for it is asked of every message."""
    sender = message.sender
    if sender.kind != "email" or not directory.writers:
        return False
    if sender.address in directory.writers or claims_an_office(directory, sender.name):
        return True
    return bool(message.thread_keys) and _domain(sender.address) in directory.writer_domains


def claims_an_office(directory: Directory, name: str) -> bool:
    """Whether a sender's name holds the name of a county office or of its queue, with or without Polish letters."""
    shown = f" {folded(name)} " if name else ""
    if directory.county_words.isdisjoint(shown.split()):
        return False
    return any(known in shown for known in directory.county_names)


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def judge(tx: Tx, house: House, message: Message) -> Answer | str | None:
    """An office's answer, or why it is taken for a forgery (a msgid), or None for an ordinary mail."""
    if message.automatic != "no":
        return None  # never passed on, whoever wrote it
    named = _by_address(tx, house, message)
    known = named or _by_thread(tx, message)
    offices = house.directory.writers.get(message.sender.address, frozenset())
    if known is None or known.contact == _contact(tx, message):
        return _ordinary(house.directory, message, offices, new=known is None)
    if not offices:
        asked = _asked(tx, known.id)
        near = _domain(message.sender.address) in _domains_of(house.directory, asked)
        return OTHER_ADDRESS if near or claims_an_office(house.directory, message.sender.name) else None
    if named is None:
        return NOT_ADDRESSED
    asked = _asked(tx, named.id) & offices
    if not asked or named.status == "spam":
        return NOT_ASKED
    if message.authenticated is False:
        return UNPROVEN
    if not message.text.strip() and not message.attachments:
        return EMPTY
    if message.unreadable:
        return SEALED  # the person would get what is left of it, as all that the office had to say
    if letter_link(house, "") in message.text:
        return UNCUT  # a colleague's note stands in the letter: never to be passed on
    chosen = named.office if named.office in asked else min(asked)
    return Answer(house.directory.offices[chosen], named)


def _ordinary(directory: Directory, message: Message, offices: frozenset[str], *, new: bool) -> str | None:
    """About a mail that is no answer to somebody else's matter: an office may write to us like anybody."""
    if offices:
        return UNPROVEN if message.authenticated is False else None
    return OTHER_ADDRESS if new and claims_an_office(directory, message.sender.name) else None


def _domains_of(directory: Directory, asked: frozenset[str]) -> set[str]:
    return {_domain(address) for address, offices in directory.writers.items() if offices & asked}


def _asked(tx: Reader, conversation_id: int) -> frozenset[str]:
    table = schema.conversation_office
    rows = tx.rows(select(table.c.office).where(table.c.conversation == conversation_id))
    return frozenset(row.office for row in rows)


def _contact(tx: Reader, message: Message) -> int | None:
    key = (identity.c.kind == message.sender.kind) & (identity.c.address == message.sender.address)
    found: int | None = tx.scalar(select(identity.c.contact).where(key))
    return found


def _by_address(tx: Tx, house: House, message: Message) -> Row[Any] | None:
    """The conversation whose signed token stands in one of the addresses that it was sent to."""
    for recipient in message.recipients:
        token = recipient.address.rpartition("@")[0].partition("+")[2]
        value = house.tokens.verify("conversation", token) if token else None
        if value is not None and value.isdecimal() and (row := _row(tx, int(value))) is not None:
            return row
    return None


def _by_thread(tx: Tx, message: Message) -> Row[Any] | None:
    for key in message.thread_keys:
        prefix, _, number = key.partition(":")
        if prefix == "conversation" and number.isdecimal():
            found: int | None = int(number)
        else:
            found = tx.scalar(
                select(schema.thread_key.c.conversation).where(schema.thread_key.c.key == str(key))
            )
        if found is not None and (row := _row(tx, found)) is not None:
            return row
    return None


def _row(tx: Tx, conversation_id: int) -> Row[Any] | None:
    """A conversation, or the one it was merged into, locked."""
    row = tx.locked(conversation, conversation_id)
    for _ in range(MERGES):
        if row is None or row.merged_into is None:
            return row
        row = tx.locked(conversation, row.merged_into)
    return row


# --- what becomes of it --------------------------------------------------------------------------------------------


def take(tx: Tx, item: Item) -> tuple[list[Receipt], list[Wish]]:
    """One mail that :func:`concerns` an office; the shape of :func:`hub.intake.batch.run`."""
    message = item.message
    if message.external_id is not None and _told_before(tx, message):
        return run(tx, [item])
    found = judge(tx, item.call.house, message)
    if isinstance(found, Answer):
        return [_pass_on(tx, item, found)], []
    if found is None:
        return run(tx, [item])
    receipts, wishes = run(tx, [_held(item, found)])
    tx.change(conversation, receipts[0].conversation or 0, quarantined=True)
    return receipts, wishes


def _told_before(tx: Tx, message: Message) -> bool:
    key = [(str(message.inbox), message.external_id)]
    return bool(tx.lookup(seen, ("inbox", "external_id"), ("message",), key))


def _held(item: Item, why: str) -> Item:
    """The same mail as a stranger's: it joins nothing, and says why a person has to look."""
    alone = msgspec.structs.replace(item.message, thread_keys=(), mentions=(), suspicious=why)
    return Item(item.call, alone, item.language, item.raw)


def _pass_on(tx: Tx, item: Item, answer: Answer) -> Receipt:
    """Send an office's answer on from the national inbox; where the citizen cannot be reached, keep it as a note."""
    message, house, row, office = item.message, item.call.house, answer.row, answer.office
    address = reachable(tx, house, row)
    before = last_inbound(tx, row.id)
    signature = office.signature.strip() or office.name
    recipients = [Recipient(address=address.address, name=address.name)] if address else []
    added = append(
        tx,
        row.id,
        kind="outbound" if address else "note",
        text=f"{message.text.strip()}\n\n-- \n{signature}",
        subject=reply_subject((before and before.subject) or row.subject),
        inbox=address.inbox if address else None,
        channel=house.channels[address.inbox] if address else None,
        recipients=recipients,
        reply_to=before.id if before else None,
        language=row.language,
        data={"by": office.name, "office": office.id, "signature": signature},
    )
    _keep_source(tx, item, row.id, added.id, office)
    if address is not None:
        enqueue(tx, house, row, added.id, recipients, inbox=address.inbox)
    _settle(tx, house, row, reached=address is not None)
    return Receipt(conversation=row.id, message=added.id, reference=row.reference)


def _keep_source(tx: Tx, item: Item, conversation_id: int, message_id: int, office: Office) -> None:
    """The mail itself, its files and its names: told again it is a duplicate, and what answers it finds the matter."""
    message = item.message
    tx.change(
        schema.message,
        message_id,
        raw=item.raw,
        identity=_identity(tx, message, office),
        external_id=message.external_id,
        sent_at=message.sent_at,
    )
    rows = Rows()
    keep_attachments(tx, rows, message, message_id)
    rows.thread_keys = {key: (key, conversation_id, tx.now) for key in message.adds_keys}
    if message.external_id is not None:
        rows.seen.append((str(message.inbox), message.external_id, conversation_id, message_id, tx.now))
    write(tx, rows)


def _identity(tx: Tx, message: Message, office: Office) -> int:
    """The office's own identity row; never the citizen's."""
    address = (message.sender.kind, message.sender.address)
    found = tx.lookup(identity, ("kind", "address"), ("id",), [address])
    if found:
        return int(found[0][0])
    person = tx.add(schema.contact, {"name": office.name, "created_at": tx.now})
    columns = ("id", "kind", "address", "contact", "name", "verified", "created_at")
    new = tx.new_id()
    bulk.insert(tx.connection, identity, columns, [(new, *address, person, office.name, False, tx.now)])
    return new


def _settle(tx: Tx, house: House, row: Row[Any], *, reached: bool) -> None:
    """The office's clock stops; the citizen's answer is waited for, and the owner is asked to check later."""
    if row.status in ACTIVE and reached:
        first = row.first_reply_at or tx.now
        change(tx, SYSTEM, row.id, **{**QUIET, "status": "waiting-citizen", "first_reply_at": first})
    elif row.status in ACTIVE:
        change(tx, SYSTEM, row.id, status="open")
    office_answered(tx, house, row.id)
