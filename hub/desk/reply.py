"""Replying: the message, its deliveries and what becomes of the conversation, in one transaction.

Idempotent by the window's own id of the message (:mod:`hub.desk.repeats`). A reply names the last message its author
saw; when somebody wrote since, nothing is sent and they are shown what is new. For some seconds it can be taken back;
the text is a draft again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import Row, and_, func, select, update

from connectors._split import length, units
from connectors.contract import Capabilities, Choice, Recipient, Template
from hub.desk import drafts
from hub.desk.actions import QUIET, keep_timer
from hub.desk.addresses import is_address, without_repetition
from hub.desk.repeats import own_words, written_before
from hub.desk.row import change, opened
from hub.desk.transfer import office_answered
from hub.desk.undoing import remember
from hub.desk.ways import Reach, Way, chosen, last_inbound, reach
from hub.house import House
from hub.i18n import mark as N_
from hub.messages import append, system_line
from hub.outbox.queue import derive_state, enqueue
from hub.people.tokens import is_person
from hub.scope import Conflict, Scope
from hub.store import schema
from hub.store.tx import Reader, Tx

message, delivery = schema.message, schema.delivery

SECOND = 1_000_000

After = Literal["open", "waiting-citizen", "resolve"]
"""What becomes of the conversation with the reply."""

EMPTY = N_("There is nothing to send: write a text or add a file.")
STALE = N_("Something new came in since you began to write. Read it, then send.")
NO_WAY = N_("Nothing that runs here reaches this person. Choose another address of theirs.")
NO_ONE = N_("Say whom it goes to.")
BAD_ADDRESS = N_("One of the recipients is not an e-mail address.")
TOO_LONG = N_("The text is longer than this channel takes.")
SILENT = N_("The person asked not to be written to on this channel.")
CLOSED = N_("This channel takes no answer any more: too long ago since the person wrote.")
NO_FILES = N_("This channel does not take these files.")
ONLY_APPROVED = N_("Too long ago since the person wrote: this channel takes only approved texts now.")
NO_TEMPLATE = N_("This channel does not know that approved text.")
PARAMETERS = N_("Fill in every place of the approved text, each on one line.")
FILE_ON_TOP = N_("This approved text has a file above it: attach one file of that kind.")
CHOICES = N_("This channel takes fewer buttons, or shorter ones.")
LABEL = 20
"""Characters of a button's label that every channel with buttons shows (WhatsApp and Messenger: 20)."""

PLACE = re.compile(r"\{(\d+)\}")

LEFT = N_("It has left already and cannot be taken back.")


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent hands in. ``recipients`` empty: the default. ``identity``: another address of the person, reached
    through ``inbox`` where several reach it.

    ``based_on``: number of the last message the author saw. ``draft``: whose files go with it. ``template`` with its
    ``parameters`` is an approved text, sent instead of ``text``. ``choices`` are the labels of buttons under it.
    """

    text: str
    client_id: str
    based_on: int
    recipients: tuple[Recipient, ...] = ()
    subject: str = ""
    identity: int | None = None
    inbox: str | None = None
    draft: int | None = None
    after: After = "open"
    topic: str | None = None
    outcome: str | None = None
    undo_seconds: float | None = None
    template: str = ""
    parameters: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()


class Replied(msgspec.Struct, frozen=True, kw_only=True):
    """``undo``: the id to take it back with; ``repeated``: it had been sent before by the same window."""

    message: int
    number: int
    undo: int | None = None
    repeated: bool = False


class Stale(Conflict):
    """Somebody wrote since; ``numbers`` of the messages that the author has not seen."""

    def __init__(self, numbers: Sequence[int]) -> None:
        super().__init__(STALE)
        self.numbers = tuple(numbers)


def reply(tx: Tx, house: House, scope: Scope, conversation: int, draft: Draft) -> Replied:
    """Send a reply. Raises Denied, NotFound, Stale, TakenBefore, and Conflict with the reason why it cannot be sent."""
    row = opened(tx, scope, conversation)
    if (before := already(tx, scope, draft.client_id, None if draft.template else draft.text)) is not None:
        return before
    if (numbers := unseen(tx, scope, conversation, draft.based_on)) != ():
        raise Stale(numbers)
    found = reach(tx, house, scope, row)
    way = _way_now(house, found, draft)
    if way is None:
        raise Conflict(NO_WAY)
    draft = with_template(way, draft)
    recipients = _recipients(way, draft.recipients)
    _check(tx, house, way, draft)
    signature = found.signature if way.can.subject else ""
    sent = _append(tx, scope, row, way, draft, recipients, signature, found.subject)
    send(tx, house, row, way.inbox, sent, recipients, 0.0 if way.can.live else draft.undo_seconds)
    kept = _settle(tx, scope, row, draft)
    _finish_draft(tx, scope, draft.draft, sent)
    if not _is_front(house, scope) and scope.office == row.office:
        office_answered(tx, house, row.id)
    # What goes at once cannot be taken back.
    back = {"message": sent, "conversation": row.id, "kind": "reply", **kept}
    undo = None if way.can.live else remember(tx, scope, "send", back)
    return Replied(message=sent, number=row.messages + 1, undo=undo)


def _way_now(house: House, found: Reach, draft: Draft) -> Way | None:
    """The way that was chosen. Where that was the one private answer to a comment, and the person has written back
    since, the same person's direct messages take its place."""
    way = chosen(found.ways, draft.identity, draft.inbox)
    can = house.capabilities.get(draft.inbox or "")
    if way is None and can is not None and can.private_replies:
        return chosen(found.ways, draft.identity)
    return way


def _is_front(house: House, scope: Scope) -> bool:
    return scope.front or scope.role == "system" or scope.office in house.directory.front


def already(tx: Reader, scope: Scope, client_id: str, words: str | None) -> Replied | None:
    """The message that this window sent under this id before. Raises what :func:`written_before` raises."""
    row = written_before(tx, scope, client_id, words)
    return None if row is None else Replied(message=row.id, number=row.number, repeated=True)


def unseen(tx: Reader, scope: Scope, conversation: int, based_on: int) -> tuple[int, ...]:
    """Numbers of what others wrote after ``based_on``; own words and automatic messages do not count."""
    new = and_(
        message.c.conversation == conversation,
        message.c.number > based_on,
        message.c.kind.in_(("inbound", "outbound", "note", "call")),
        message.c.deleted_at.is_(None),
        func.coalesce(message.c.author, 0) != (scope.user or -1),
    )
    rows = tx.rows(
        select(message.c.number, message.c.kind, message.c.automatic).where(new).order_by(message.c.number)
    )
    return tuple(row.number for row in rows if row.kind == "inbound" or row.automatic == "no")


def _recipients(way: Way, wanted: Sequence[Recipient]) -> list[Recipient]:
    """Whom it goes to. A channel without copies reaches the chosen address alone."""
    if not wanted or not way.can.copies:
        return [Recipient(address=way.address, name=way.name)]
    recipients = without_repetition(wanted)
    if not any(recipient.role == "to" for recipient in recipients):
        raise Conflict(NO_ONE)
    if not all(is_address(recipient.address) for recipient in recipients):
        raise Conflict(BAD_ADDRESS)
    return recipients


def _check(tx: Tx, house: House, way: Way, draft: Draft) -> None:
    """Raises Conflict for what the channel does not take."""
    held = drafts.files(tx, draft.draft) if draft.draft is not None else []
    if not draft.text.strip() and not held:
        raise Conflict(EMPTY)
    longest = house.directory.config.limits.text_characters
    if way.longest and not way.splits and length(draft.text, way.counts) > way.longest:
        raise Conflict(TOO_LONG)
    if units(draft.text) > longest:
        raise Conflict(TOO_LONG)
    if way.silent:
        raise Conflict(SILENT)
    if way.closed and not draft.template:
        raise Conflict(ONLY_APPROVED if way.can.templates else CLOSED)
    if draft.template:
        _check_header(_template(way, draft.template), [row.content_type for row in held])
    if not takes_files(way.can, [(row.content_type, row.size) for row in held]):
        raise Conflict(NO_FILES)
    if len(draft.choices) > way.can.choices or any(len(label) > LABEL for label in draft.choices):
        raise Conflict(CHOICES)


def with_template(way: Way, draft: Draft) -> Draft:
    """The draft with its approved text filled in, for the conversation to show what was said. Raises Conflict."""
    if not draft.template:
        return draft
    template = _template(way, draft.template)
    values = tuple(" ".join(value.split()) for value in draft.parameters)
    if len(values) != template.parameters or not all(values):
        raise Conflict(PARAMETERS)
    text = PLACE.sub(lambda place: values[int(place[1]) - 1], template.text)
    return msgspec.structs.replace(draft, text=text, parameters=values, choices=())


def _template(way: Way, wanted: str) -> Template:
    """``wanted`` is ``ID LANGUAGE``: one text may be approved in several languages."""
    found = next((one for one in way.can.templates if f"{one.id} {one.language}" == wanted), None)
    if found is None:
        raise Conflict(NO_TEMPLATE)
    return found


def _check_header(template: Template, kinds: Sequence[str]) -> None:
    """What an approved text has above it is one file of its kind; one without takes none."""
    if not template.header and kinds:
        raise Conflict(NO_FILES)
    wanted = {"image": "image/", "video": "video/"}.get(template.header, "")
    if template.header and (len(kinds) != 1 or not kinds[0].startswith(wanted)):
        raise Conflict(FILE_ON_TOP)


def takes_files(can: Capabilities, files: Sequence[tuple[str, int]]) -> bool:
    """Whether a channel takes files of these types and sizes together."""
    if not files:
        return True
    if can.attachment_bytes and sum(size for _, size in files) > can.attachment_bytes:
        return False
    return all(any(_fits(kind, accepted) for accepted in can.attachments) for kind, _ in files)


def _fits(content_type: str, accepted: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return accepted in ("*/*", kind) or (accepted.endswith("/*") and kind.startswith(accepted[:-1]))


def _append(
    tx: Tx,
    scope: Scope,
    row: Row[Any],
    way: Way,
    draft: Draft,
    recipients: list[Recipient],
    signature: str,
    subject: str,
) -> int:
    text = draft.text.strip()
    # Only a message of the same channel can be answered there: another's id means nothing to it.
    answered = last_inbound(tx, row.id, way.channel)
    extra = {
        "signature": signature,
        "template": draft.template,
        "parameters": draft.parameters,
        "target": way.target,
        "choices": [Choice(id=f"choice-{n}", label=label) for n, label in enumerate(draft.choices, 1)],
    }
    return append(
        tx,
        row.id,
        kind="outbound",
        text=f"{text}\n\n-- \n{signature}" if signature else text,
        author=scope.user,
        subject=(" ".join(draft.subject.split()) or subject)[:998] if way.can.subject else "",
        inbox=way.inbox,
        channel=way.channel or row.channel,
        recipients=recipients,
        reply_to=answered.id if answered is not None else None,
        client_id=draft.client_id,
        language=row.language,
        data={name: value for name, value in extra.items() if value} or None,
    ).id


def send(
    tx: Tx,
    house: House,
    row: Row[Any],
    inbox: str,
    sent: int,
    recipients: Sequence[Recipient],
    undo_seconds: float | None,
) -> None:
    """Put it on its way, held for as long as it can be taken back."""
    configured = house.directory.config.outbox.undo_seconds
    hold = int((configured if undo_seconds is None else undo_seconds) * SECOND)
    due = tx.now + hold if hold > 0 else None
    enqueue(tx, house, row, sent, recipients, inbox=inbox, due_at=due, held=hold > 0)


def _settle(tx: Tx, scope: Scope, row: Row[Any], draft: Draft) -> dict[str, Any]:
    """The conversation after the reply: nobody waits for us, whoever answered has it. What an integration answered goes
    to nobody, because nobody would see what the person writes back. Returns what undoing needs."""
    new: dict[str, Any] = {
        **QUIET,
        "status": {"resolve": "resolved", "open": "open"}.get(draft.after, draft.after),
        "first_reply_at": row.first_reply_at or tx.now,
        "assignee": row.assignee or (scope.user if is_person(tx, scope.user) else None),
        "resolved_at": None,
    }
    if draft.after == "resolve":
        told = {"topic": draft.topic, "outcome": draft.outcome}
        new |= {
            "resolved_at": tx.now,
            "failed": False,
            **{name: value for name, value in told.items() if value},
        }
    before = {name: getattr(row, name) for name in new}
    change(tx, scope, row.id, **new)
    keep_timer(tx, row.id, new)
    if draft.after == "resolve":
        system_line(tx, row.id, "resolved", scope.user, topic=new.get("topic"), outcome=new.get("outcome"))
    return {"before": before, "after": new}


def _finish_draft(tx: Tx, scope: Scope, draft_id: int | None, sent: int) -> None:
    if draft_id is None:
        return
    drafts.own_draft(tx, scope, draft_id)
    drafts.hand_over_files(tx, draft_id, sent)
    drafts.discard(tx, scope, draft_id)


def undo_send(tx: Tx, house: House, scope: Scope, data: Any) -> None:
    """Undo of kind ``send``: while it is held, it is taken back and is a draft again.

    Raises Conflict when it has left already. The conversation goes back to what it was where nobody changed it since.
    """
    sent = tx.locked(message, data["message"])
    row = opened(tx, scope, sent.conversation if sent is not None else data["conversation"])
    held = and_(delivery.c.message == data["message"], delivery.c.state == "held", delivery.c.attempts == 0)
    taken = tx.execute(update(delivery).where(held).values(state="cancelled", updated_at=tx.now)).rowcount
    left = tx.scalar(
        select(func.count()).where(delivery.c.message == data["message"], delivery.c.state != "cancelled")
    )
    if sent is None or not taken or left:
        raise Conflict(LEFT)
    derive_state(tx, sent.id)
    tx.change(message, sent.id, deleted_at=tx.now, client_id=None)
    drafts.give_back(tx, scope, row.id, data["kind"], sent, own_words(sent))
    still = {name for name, value in data["after"].items() if getattr(row, name) == value}
    back = {name: value for name, value in data["before"].items() if name in still}
    change(tx, scope, row.id, **back)
    keep_timer(tx, row.id, back)
    if "status" in back and data["after"]["status"] == "resolved":
        system_line(tx, row.id, "undone", scope.user)
    tx.emit(
        "delivery", office=row.office, queue=row.queue, conversation=row.id, message=sent.id, actor=scope.user
    )
