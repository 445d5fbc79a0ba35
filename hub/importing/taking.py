"""Comments of an export put into the store as what they are: old comments under articles, which nobody has to answer.

No rule runs and nobody is told anything. Personal numbers are masked as everywhere; a comment with a PESEL waits on the
bench. What was taken once is not taken again.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import select

from connectors.contract import CommentPlace
from hub.audit import record
from hub.directory import Directory
from hub.importing.reading import Comment
from hub.intake.references import new_reference
from hub.moderation.masking import mask
from hub.moderation.placing import Parent, place_comment, post_row
from hub.scope import SYSTEM, NotFound
from hub.store import schema as s
from hub.store.tx import Tx


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """How many were taken, how many of these wait on the bench, and how many were there already."""

    taken: int = 0
    waiting: int = 0
    known: int = 0


def take(
    tx: Tx, directory: Directory, draw: random.Random, inbox: str, kind: str, comments: Sequence[Comment]
) -> Taken:
    """Put some comments into an inbox of the channel ``comments``, in their order. Raises NotFound for another one."""
    configured = directory.inboxes.get(inbox)
    if configured is None or configured.kind != "comments":
        raise NotFound("inbox")
    names = {comment.key: _name(kind, comment.key) for comment in comments}
    before = tx.lookup(
        s.seen,
        ("inbox", "external_id"),
        ("external_id", "message"),
        [(inbox, name) for name in names.values()],
    )
    there = {name for name, _ in before}
    states = [
        _one(tx, draw, inbox, configured.office, kind, comment)
        for comment in comments
        if names[comment.key] not in there
    ]
    if states:
        record(tx, SYSTEM.user, "comments-imported", f"inbox:{inbox}", {"comments": len(states)})
    return Taken(taken=len(states), waiting=states.count("held"), known=len(comments) - len(states))


def _name(kind: str, key: str) -> str:
    """What the hub calls a comment or an author of an export."""
    return f"import:{kind}:{key}"


def _one(tx: Tx, draw: random.Random, inbox: str, office: str, kind: str, comment: Comment) -> str:
    """One comment; returns the state of its post."""
    article = _article(tx, inbox, comment)
    author = _author(tx, _name(kind, comment.author), comment)
    conversation = _conversation(tx, draw, inbox, office, author, comment)
    number = tx.new_id()
    placing = place_comment(
        post=number,
        article=article,
        place=CommentPlace(
            article=comment.article,
            title=comment.title,
            url=comment.url,
            moderation="pre" if comment.waits else "post",
        ),
        setting=None,
        text=comment.text,
        author_name=comment.name,
        parent=_parent(tx, inbox, kind, comment),
    )
    tx.add(s.message, _message(number, conversation, inbox, author[0], placing.text, comment, kind))
    row = post_row(
        placing,
        post=number,
        conversation=conversation,
        inbox=inbox,
        office=office,
        article=article,
        author=author[0],
        at=comment.at,
    )
    tx.add(s.post, row)
    seen = {"inbox": inbox, "external_id": _name(kind, comment.key), "at": tx.now}
    tx.execute(s.seen.insert().values(**seen, conversation=conversation, message=number))
    tx.emit("message", office=office, queue=None, conversation=conversation, message=number, version=1)
    return placing.state


def _article(tx: Tx, inbox: str, comment: Comment) -> int:
    there = select(s.article.c.id).where(s.article.c.inbox == inbox, s.article.c.key == comment.article)
    known = tx.scalar(there)
    if known is not None:
        return int(known)
    row = {"inbox": inbox, "key": comment.article, "title": mask(comment.title), "url": comment.url}
    return tx.add(s.article, {**row, "section": "", "created_at": comment.at})


def _author(tx: Tx, address: str, comment: Comment) -> tuple[int, int]:
    """Identity and contact of an author, known or new."""
    there = select(s.identity.c.id, s.identity.c.contact).where(
        s.identity.c.kind == "web", s.identity.c.address == address
    )
    known = tx.row(there)
    if known is not None:
        return int(known.id), int(known.contact)
    name = mask(comment.name)
    contact = tx.add(s.contact, {"name": name, "created_at": comment.at})
    row = {"kind": "web", "address": address, "contact": contact, "name": name, "verified": False}
    return tx.add(s.identity, {**row, "created_at": comment.at}), contact


def _conversation(
    tx: Tx, draw: random.Random, inbox: str, office: str, author: tuple[int, int], comment: Comment
) -> int:
    row: dict[str, Any] = {
        "reference": new_reference(draw),
        "office": office,
        "status": "resolved",
        "priority": 0,
        "tier": 1,
        "contact": author[1],
        "identity": author[0],
        "inbox": inbox,
        "channel": "comments",
        "subject": mask(comment.title),
        "preview": mask(comment.text)[:200],
        "language": "",
        "tags": "[]",
        "messages": 1,
        "version": 1,
        "created_at": comment.at,
        "activity_at": comment.at,
        "inbound_at": comment.at,
        "resolved_at": comment.at,
        "listed": False,
    }
    return tx.add(s.conversation, row)


def _message(
    number: int, conversation: int, inbox: str, identity: int, text: str, comment: Comment, kind: str
) -> dict[str, Any]:
    return {
        "id": number,
        "conversation": conversation,
        "number": 1,
        "kind": "inbound",
        "channel": "comments",
        "inbox": inbox,
        "identity": identity,
        "at": comment.at,
        "subject": mask(comment.title),
        "text": text,
        "recipients": "[]",
        "external_id": _name(kind, comment.key),
        "automatic": "no",
        "language": "",
    }


def _parent(tx: Tx, inbox: str, kind: str, comment: Comment) -> Parent | None:
    if not comment.parent:
        return None
    row = tx.row(
        select(s.post.c.id, s.post.c.article, s.post.c.path)
        .join(s.seen, s.seen.c.message == s.post.c.id)
        .where(s.seen.c.inbox == inbox, s.seen.c.external_id == _name(kind, comment.parent))
    )
    return None if row is None else Parent(id=row.id, article=row.article, path=row.path)
