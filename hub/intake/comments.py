"""The public side of a comment: its article, its place in the thread, and whether it is shown at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from connectors.contract import CommentPlace, Receipt
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
    if state.version == 1 and not state.subject:
        state.subject = known.titles.get(article, "")
    parent = _parent(known, message.inbox, place)
    placing = place_comment(
        post=message_id,
        article=article,
        place=place,
        setting=setting,
        text=message.text,
        author_name=message.sender.name,
        parent=parent,
        hold=actions.hold or ("spam" if actions.spam or message.suspicious else None),
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


def new_elsewhere(items: Sequence[Item], receipts: Sequence[Receipt]) -> dict[tuple[str, str], int]:
    """Posts on platforms that just came, by inbox and what the platform calls them."""
    return {
        (str(item.message.inbox), item.message.external_id): receipt.message
        for item, receipt in zip(items, receipts, strict=True)
        if item.message.comment is not None
        and not item.message.comment.ours
        and item.message.external_id is not None
        and receipt.message is not None
        and not receipt.duplicate
    }


def _parent(known: Known, inbox: str, place: CommentPlace) -> Parent | None:
    """The post that a comment answers, if it is known."""
    number = place.parent if place.ours else known.seen.get((inbox, place.parent_ref), (None, None))[1]
    above = known.posts.get(number) if number is not None else None
    return Parent(id=number, article=above[0], path=above[1]) if above and number is not None else None


def _article(tx: Tx, rows: Rows, known: Known, inbox: str, place: CommentPlace) -> tuple[int, Setting | None]:
    """The article's id and its own setting. Its title and address stay as the first comment gave them: they come
    from a form, and a later commenter must not rename it. Of an article on a platform they come from the platform,
    which may not have told them at first. The site's way is the configuration's and follows it."""
    found = known.articles.get((inbox, place.article))
    if found is None:
        article = tx.new_id()
        known.articles[inbox, place.article] = (article, None, place.moderation)
        row = (article, inbox, place.article, place.title, place.url, place.section, place.moderation, tx.now)
        rows.articles.append(row)
        known.titles[article] = place.title
        return article, None
    article, setting, site = found
    if site != place.moderation:
        known.articles[inbox, place.article] = (article, setting, place.moderation)
        rows.sites.append((place.moderation, article))
    if not place.ours and place.title and not known.titles.get(article):
        known.titles[article] = place.title
        rows.titles.append((place.title, place.url, article))
    return article, cast("Setting | None", setting)
