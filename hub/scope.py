"""Who may see and do what: every service and query takes a :class:`Scope` first and filters by it here.

The front office sees all private conversations; a territorial office those of its own and those it was asked
about; moderators see comments (of a county office: on its own pages) and the conversations that they opened (they own
them). Whoever opened another office's
matter with a reason sees that one for a day (see :mod:`hub.desk.access`).
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, and_, false, or_, select, true

from hub.store.schema import access_grant, conversation, conversation_office
from hub.store.tx import Reader

Role = Literal["agent", "moderator", "supervisor", "administrator", "system"]

Permission = Literal["answer", "moderate", "supervise", "administer"]

_GRANTS: dict[Role, frozenset[Permission]] = {
    "agent": frozenset({"answer"}),
    "moderator": frozenset({"answer", "moderate"}),
    "supervisor": frozenset({"answer", "moderate", "supervise"}),
    "administrator": frozenset({"answer", "moderate", "supervise", "administer"}),
    "system": frozenset({"answer", "moderate", "supervise", "administer"}),
}


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """The actor behind a request. ``user`` is None for the hub itself. ``front``: of the front office.

    ``queues`` are those the person works; they decide what is offered, not what may be seen.
    """

    user: int | None
    role: Role
    office: str
    front: bool = False
    queues: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    language: str = "pl"
    name: str = ""
    rule: str = ""
    """The name of the rule for which the hub acts; lines of the conversation say it."""


SYSTEM = Scope(user=None, role="system", office="", front=True, name="Centrala")
"""The hub itself: rules, timers, the outbox."""


class Denied(Exception):
    """The actor may not do this."""


class NotFound(Exception):
    """There is no such thing, or none that this actor may see: the two are not told apart."""


class Conflict(Exception):
    """It changed meanwhile, or its state does not allow it. The text is a msgid for the person who asked, ``params``
    what its placeholders stand for."""

    def __init__(self, msgid: str = "", **params: object) -> None:
        super().__init__(msgid)
        self.params = params


def allows(scope: Scope, permission: Permission) -> bool:
    """Whether the actor's role grants it."""
    return permission in _GRANTS[scope.role]


def require(scope: Scope, permission: Permission) -> None:
    """Raises :class:`Denied` unless the actor's role grants it."""
    if not allows(scope, permission):
        raise Denied(permission)


def visible(scope: Scope) -> ColumnElement[bool]:
    """The condition on ``conversation`` rows that this actor may read."""
    if scope.role == "system":
        return true()
    granted = select(access_grant.c.conversation).where(access_grant.c.user == scope.user)
    own = or_(
        conversation.c.assignee == scope.user,
        conversation.c.owner == scope.user,
        conversation.c.id.in_(granted),
    )
    if scope.role == "moderator":
        return or_(comments_of(scope), own)
    if scope.front:
        return true()
    if not scope.office:
        return false()
    asked = select(conversation_office.c.conversation).where(conversation_office.c.office == scope.office)
    return or_(conversation.c.office == scope.office, conversation.c.id.in_(asked), own)


def comments_of(
    scope: Scope,
    comments: ColumnElement[bool] = conversation.c.channel == "comments",
    office: ColumnElement[Any] = conversation.c.office,
) -> ColumnElement[bool]:
    """The condition on comments whose moderation is this actor's business.

    ``comments`` and ``office`` say the same in other words, where an index wants them.
    """
    return comments if scope.front else and_(comments, office == scope.office)


def own_office(scope: Scope, office: str) -> bool:
    """Whether something of this office (a queue, a comment, a callback) is this actor's business."""
    return scope.role == "system" or scope.front or office == scope.office


def may_see(tx: Reader, scope: Scope, conversation_id: int) -> bool:
    """Whether this actor may read the conversation with this id."""
    statement = select(conversation.c.id).where(and_(conversation.c.id == conversation_id, visible(scope)))
    return tx.row(statement) is not None
