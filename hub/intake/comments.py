"""The public side of a comment: its article, its place in the thread, and whether it is shown at once."""

from __future__ import annotations

from typing import cast

from connectors.contract import CommentPlace
from hub.moderation.masking import masked_place
from hub.moderation.placing import Parent, Setting, place_comment, post_row
from hub.store.tx import Tx
from rules import Actions

from .read import Known
from .state import ConversationState, Item, Person, Rows
from .write import POST


def place_post(
    tx: Tx,
    rows: Rows,
    known: Known,
    item: Item,
    person: Person,
    state: ConversationState,
    actions: Actions,
    message_id: int,
) -> str:
    """Put the post of a comment (and its article, where it is the first there) up for writing; returns its state."""
    message = item.message
    place = message.comment
    if place is None:
        raise ValueError("not a comment")
    article, setting = _article(tx, rows, known, message.inbox, masked_place(place))
    above = known.posts.get(place.parent) if place.parent is not None else None
    parent = Parent(id=place.parent, article=above[0], path=above[1]) if above and place.parent else None
    placing = place_comment(
        post=message_id,
        article=article,
        place=place,
        setting=setting,
        text=message.text,
        author_name=message.sender.name,
        parent=parent,
        hold=actions.hold or ("spam" if actions.spam else None),
        distress=actions.distress is not None,
        blocked=person.blocked_until is not None and person.blocked_until > tx.now,
    )
    known.posts[message_id] = (article, placing.path)
    row = post_row(
        placing,
        post=message_id,
        conversation=state.id,
        inbox=message.inbox,
        office=state.office,
        article=article,
        author=person.id,
        at=tx.now,
    )
    rows.posts.append(tuple(row[column] for column in POST))
    tx.emit("post", office=state.office, conversation=state.id, message=message_id, version=1)
    return placing.state


def _article(tx: Tx, rows: Rows, known: Known, inbox: str, place: CommentPlace) -> tuple[int, Setting | None]:
    """The article's id and its own setting. Its title and address stay as the first comment gave them: they come
    from a form, and a later commenter must not rename it. The site's way is the configuration's and follows it."""
    found = known.articles.get((inbox, place.article))
    if found is None:
        article = tx.new_id()
        known.articles[inbox, place.article] = (article, None, place.moderation)
        row = (article, inbox, place.article, place.title, place.url, place.section, place.moderation, tx.now)
        rows.articles.append(row)
        return article, None
    article, setting, site = found
    if site != place.moderation:
        known.articles[inbox, place.article] = (article, setting, place.moderation)
        rows.sites.append((place.moderation, article))
    return article, cast("Setting | None", setting)
