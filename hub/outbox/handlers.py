"""What each kind of effect does: notices to citizens, notifications to staff, webhooks, files fetched later."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, and_, or_, select, update

from connectors._failpoint import failpoint
from connectors.contract import Blobs, Clock, Connector, Egress, SendError
from hub.deciding.ending import EFFECT_KIND as DECIDE
from hub.deciding.existing import on_status
from hub.deciding.naming import names_of
from hub.desk import office_mail
from hub.desk.notify import tell
from hub.house import House
from hub.i18n import mark as N_
from hub.notices import deliver_answer, deliver_notice
from hub.outbox.effects import Inside
from hub.outbox.errands import Outside
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader, Tx

ROLES = ("agent", "moderator", "supervisor", "administrator")

SIGNATURE = "X-Centrala-Signature"
TIMESTAMP = "X-Centrala-Timestamp"


class _Call(msgspec.Struct, frozen=True):
    """Whom rules call: ``calls`` by the rule's id. Processes of an earlier version write and read ``whom`` alone."""

    whom: tuple[str, ...] = ()
    calls: dict[str, tuple[str, ...]] = {}


class _Hook(msgspec.Struct, frozen=True):
    """The webhook that rules call, and their ids."""

    name: str
    rules: tuple[str, ...] = ()


_call = msgspec.json.Decoder(_Call).decode
_hook = msgspec.json.Decoder(_Hook).decode


def notify_staff(tx: Tx, house: House, order: Row[Any]) -> bool:
    """Tell users, roles, teams and queues that rules name, each once; False where the names lead to nobody."""
    ordered = _call(order.data)
    called: dict[int, list[str]] = {}
    for rule, names in (ordered.calls or {"": ordered.whom}).items():
        for person in _people(tx, house, order.conversation, names):
            called.setdefault(person, []).extend([rule] if rule else [])
    for person, rules in called.items():
        tell(tx, person, "rule", order.conversation, order.message, rules)
    return bool(called)


def _people(tx: Tx, house: House, conversation: int | None, names: Sequence[str]) -> list[int]:
    """Active users behind names. A role means its people at the office that has the conversation and at the front."""
    teams = {team.id: team.queues for team in house.directory.config.teams}
    queues = {queue for name in names for queue in teams.get(name, (name,))}
    user, member = schema.user, schema.user_queue
    works = select(member.c.user).where(member.c.queue.in_(queues))
    row = tx.row(select(schema.conversation.c.office).where(schema.conversation.c.id == conversation))
    offices = sorted({*house.directory.front, *([row.office] if row else [])})
    has_role = and_(user.c.role.in_(set(names) & set(ROLES)), user.c.office.in_(offices))
    named = or_(user.c.login.in_(names), user.c.id.in_(works), has_role)
    return [
        row.id for row in tx.rows(select(user.c.id).where(user.c.active.is_(True), named).order_by(user.c.id))
    ]


INSIDE: Mapping[str, Inside] = {
    "notice": deliver_notice,
    "answer": deliver_answer,
    "notify": notify_staff,
    office_mail.KIND: office_mail.deliver_office_mail,
    DECIDE: on_status,
}
"""Effects that need the store alone."""


def outside(
    store: Store,
    house: Callable[[], House],
    connectors: Callable[[], Mapping[str, Connector]],
    egress: Egress,
    blobs: Blobs,
    clock: Clock,
) -> Mapping[str, Outside]:
    """Effects with I/O."""

    async def webhook(row: Row[Any]) -> None:
        await _call_hook(store, house(), egress, clock, row)

    async def fetch(row: Row[Any]) -> None:
        await _fetch(store, connectors(), blobs, row)

    return {"webhook": webhook, "fetch": fetch}


async def _call_hook(store: Store, house: House, egress: Egress, clock: Clock, row: Row[Any]) -> None:
    """Post the event with ids only: the receiver reads content through the API, under its own scope."""
    wanted = _hook(row.data)
    hook = next((hook for hook in house.directory.config.hooks if hook.id == wanted.name), None)
    if hook is None:
        raise SendError("permanent", N_("The webhook is not configured."), f"no hook {wanted.name}")
    body = await store.read(lambda tx: _hook_body(tx, house, row, wanted.rules))
    timestamp = str(clock.now() // 1_000_000)
    secret = hook.secret.reveal().encode()
    signature = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    failpoint("effects.webhook.before")
    answer = await egress.request(
        "POST",
        hook.url,
        headers={
            "Content-Type": "application/json",
            TIMESTAMP: timestamp,
            SIGNATURE: f"sha256={signature}",
            "Idempotency-Key": str(row.id),
        },
        body=body,
    )
    failpoint("effects.webhook.after")
    if answer.status >= 300:
        kind = "permanent" if 400 <= answer.status < 500 and answer.status not in (408, 429) else "temporary"
        raise SendError(kind, N_("The webhook was refused."), f"status {answer.status}")  # type: ignore[arg-type]


def _hook_body(tx: Reader, house: House, row: Row[Any], rules: Sequence[str]) -> bytes:
    found = tx.get(schema.conversation, row.conversation)
    conversation = (
        {"id": str(found.id), "reference": found.reference, "queue": found.queue} if found else None
    )
    names = names_of(house, rules)
    event = {
        "event": "rule",
        "id": str(row.id),
        "rules": [{"id": rule, "name": names.get(rule, rule)} for rule in rules],
        "conversation": conversation,
        "message": None if row.message is None else str(row.message),
        "why": f"{house.directory.config.hub.console_url}/conversations/{row.conversation}/why",
    }
    return msgspec.json.encode(event)


async def _fetch(store: Store, connectors: Mapping[str, Connector], blobs: Blobs, row: Row[Any]) -> None:
    """Bring the remote files of a message in, one by one; those that are here already stay. One that cannot be had
    keeps no other away. Raises SendError, where there is a choice one after which it is worth trying again."""
    attachment = schema.attachment

    def missing(tx: Reader) -> list[Row[Any]]:
        wanted = select(attachment, schema.message.c.inbox).join(
            schema.message, schema.message.c.id == attachment.c.message
        )
        return list(tx.rows(wanted.where(attachment.c.message == row.message, attachment.c.blob.is_(None))))

    failed: list[SendError] = []
    for file in await store.read(missing):
        if file.remote is None or (connector := connectors.get(file.inbox)) is None:
            continue
        try:
            content = await connector.fetch(file.remote)
        except SendError as error:
            failed.append(error)
            continue
        key = await blobs.put(content)
        digest = hashlib.sha256(content).hexdigest()
        size = len(content)
        await store.write(_attach(file.id, row.message, key, size, digest))
    if failed:
        raise min(failed, key=lambda error: error.kind == "permanent")


def _attach(file: int, message: int, key: int, size: int, digest: str) -> Callable[[Tx], None]:
    """The bytes belong to the message, unless it was erased meanwhile, or another process has brought them: then they
    have no owner, and are swept."""
    attachment = schema.attachment
    waits = and_(attachment.c.id == file, attachment.c.blob.is_(None))

    def command(tx: Tx) -> None:
        brought = {"blob": key, "size": size, "sha256": digest}
        if tx.execute(update(attachment).where(waits).values(brought)).rowcount:
            tx.change(schema.blob, key, owner=message)

    return command
