"""Opening a matter that is not one's own: with a reason, for a day, written down, and shown to supervisors."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, select

from hub.audit import record
from hub.desk.notify import tell
from hub.house import House
from hub.i18n import mark as N_
from hub.messages import system_line
from hub.scope import Conflict, NotFound, Scope, may_see, require
from hub.store import schema
from hub.store.tx import Tx
from hub.timers import set_timer

NO_REASON = N_("Say why you need to open it: a supervisor sees the reason.")

GRANT_END = "grant-end"
DAY = 86_400_000_000


def open_with_reason(tx: Tx, house: House, scope: Scope, conversation_id: int, reason: str) -> None:
    """Let the actor read one conversation of another office until this time tomorrow.

    The reason stands in the conversation, in the audit log, and before the supervisors of its office.
    Raises Denied, NotFound for one that does not exist, Conflict without a reason.
    """
    require(scope, "answer")
    row = tx.get(schema.conversation, conversation_id)
    if row is None or scope.user is None or scope.role == "moderator":
        raise NotFound("conversation")
    if may_see(tx, scope, conversation_id):
        return
    why = " ".join(reason.split())[:500]
    if len(why) < 5:
        raise Conflict(NO_REASON)
    grant = {"user": scope.user, "conversation": conversation_id, "reason": why, "at": tx.now}
    set_timer(tx, GRANT_END, tx.add(schema.access_grant, grant), tx.now + DAY)
    record(tx, scope.user, "conversation-opened", f"conversation:{conversation_id}", {"office": scope.office})
    system_line(tx, conversation_id, "opened-with-reason", scope.user, reason=why)
    user = schema.user
    chiefs = select(user.c.id).where(
        user.c.role == "supervisor",
        user.c.active.is_(True),
        user.c.office.in_(sorted({row.office, scope.office})),
    )
    for chief in tx.rows(chiefs):
        if chief.id != scope.user:
            tell(tx, chief.id, "opened", conversation_id)


def end_grant(tx: Tx, house: House, timer: Row[Any]) -> None:
    """The handler of timer kind ``grant-end``."""
    tx.execute(delete(schema.access_grant).where(schema.access_grant.c.id == timer.subject))
