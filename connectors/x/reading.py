"""A body that X sent, whichever of its three forms it has, as what intake takes.

What we have no word for becomes :class:`Unknown` under the name that X gives it; so does an entry that is not as
documented. ``parse`` raises only for what is no JSON object at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from connectors._i18n import N_
from connectors._json import decoded
from connectors.contract import Inbound, InboxId, Message, ParseContext, Party, ThreadKey, Unknown
from connectors.x.common import KIND, NOBODY, Place, account_id, party, thread, users_by_id
from connectors.x.directs import decode_users, new_direct, old_direct, seen_up_to
from connectors.x.payloads import (
    Activity,
    Deleted,
    Liked,
    NewDirect,
    NewPost,
    OldDeletion,
    OldDirect,
    OldPost,
    Page,
    Pair,
    Revoke,
    Seen,
    User,
    UserEvent,
)
from connectors.x.posts import liked, new_deletion, new_post, old_deletion, old_post

REVOKED = "oauth.revoke"

ENCRYPTED = N_("An encrypted message, which X shows to no app. Ask the person to write without encryption.")


class BadBody(ValueError):
    """The body is no JSON object that X sends; the text says what is wrong, quoting nothing."""


class Read(NamedTuple):
    """What a body holds: events to commit, and the conversations of people who are typing to us right now."""

    items: list[Inbound]
    typing: list[ThreadKey]


_top = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list = msgspec.json.Decoder(list[msgspec.Raw])
_name = msgspec.json.Decoder(str | int)
_page = msgspec.json.Decoder(Page)
_activity = msgspec.json.Decoder(Activity)
_old_direct = msgspec.json.Decoder(OldDirect)
_old_post = msgspec.json.Decoder(OldPost)
_seen = msgspec.json.Decoder(Seen)
_liked = msgspec.json.Decoder(Liked)
_old_deletion = msgspec.json.Decoder(OldDeletion)
_pair = msgspec.json.Decoder(Pair)
_new_direct = msgspec.json.Decoder(NewDirect)
_new_post = msgspec.json.Decoder(NewPost)
_deletion = msgspec.json.Decoder(Deleted)
_user_event = msgspec.json.Decoder(UserEvent)
_revoke = msgspec.json.Decoder(Revoke)

_BESIDE = frozenset(("for_user_id", "users", "apps", "user_has_blocked", "is_blocked_by", "source", "target"))
"""Keys of an Account Activity body that are no events."""

_PAIRS = {"follow_events": "follow", "block_events": "block", "mute_events": "mute"}

_POSTS = frozenset(("post.create", "post.mention.create", "post.reply.create", "post.quote.create"))


def parse(raw: bytes, context: ParseContext) -> list[Inbound]:
    """A webhook's raw body, or a page of the API, as intake would see it. Raises :class:`BadBody`."""
    return read(raw, Place(inbox=context.inbox, now=context.now)).items


def read(raw: bytes, place: Place) -> Read:
    """Everything in a body. Raises :class:`BadBody`."""
    try:
        return decoded(partial(_read, place=place), raw)
    except ValueError as error:  # msgspec's own errors are of that kind, too
        raise BadBody("The body is no JSON object of a form that X documents.") from error


def _read(raw: bytes, place: Place) -> Read:
    top = _top.decode(raw)
    data = _opening(top["data"]) if "data" in top else b""
    if data == b"[" or ("meta" in top and not data):
        return Read(list(read_page(_page.decode(raw), place)), [])
    if data == b"{":
        return _activity_event(top["data"], place)
    return _account(top, place)


def _opening(raw: msgspec.Raw) -> bytes:
    """The first character of a JSON value, which tells lists, objects and the rest apart."""
    return bytes(memoryview(raw)[:1])


def unreadable(raw: bytes, place: Place) -> Inbound:
    """A body that X signed and we cannot read: kept, for a person to look at."""
    return _kept("unreadable", raw, place)


# --- Account Activity ----------------------------------------------------------------------------------------------


def _account(top: dict[str, msgspec.Raw], place: Place) -> Read:
    """A bundle of events of one account."""
    account = str(_name.decode(top["for_user_id"])) if "for_user_id" in top else ""
    ours = place.of(account)
    if ours is None:
        return _nobodys(account, msgspec.json.encode(top), place)
    place = ours
    users = decode_users(top["users"]) if "users" in top else {}
    items: list[Inbound] = []
    typing: list[ThreadKey] = []
    for name, content in top.items():
        if name == "direct_message_indicate_typing_events":
            typing += _typing(content, place)
        elif name == "user_event":
            items += _withdrawn(content, place)
        elif name not in _BESIDE:
            items += _bundle(name, content, users, place)
    return Read(items, typing)


def _nobodys(account: str, raw: bytes, place: Place) -> Read:
    """What X tells about an account that no inbox is for."""
    what = f"account.{account}"
    return Read([] if place.ignores(what) else [_kept(what, raw, place)], [])


def _bundle(name: str, content: msgspec.Raw, users: dict[str, User], place: Place) -> Iterator[Inbound]:
    for raw in _entries(content):
        yield from _guarded(name, raw, place, lambda raw: _old_event(name, raw, users, place))


def _entries(content: msgspec.Raw) -> Sequence[msgspec.Raw]:
    """The entries of a list; anything else counts as one."""
    return _list.decode(content) if _opening(content) == b"[" else [content]


def _guarded(
    what: str, raw: msgspec.Raw, place: Place, events: Callable[[msgspec.Raw], Iterable[Inbound]]
) -> list[Inbound]:
    """The events of one entry; an entry that is not as documented is kept as it is."""
    try:
        return list(events(raw))
    except ValueError:  # msgspec's own errors are of that kind, too
        return [_kept(what, raw, place)]


def _kept(what: str, raw: bytes | msgspec.Raw, place: Place, sender: Party | None = None) -> Unknown:
    """Its content is its identity: X sends the same bytes when it sends it again."""
    name = hashlib.sha256(what.encode() + b"\n" + bytes(raw)).hexdigest()[:40]
    return Unknown(
        **place.event(f"unknown:{name}"), sender=sender or Party(kind=KIND, address=NOBODY), what=what
    )


def _old_event(name: str, raw: msgspec.Raw, users: dict[str, User], place: Place) -> Iterator[Inbound]:
    match name:
        case "direct_message_events":
            yield old_direct(_old_direct.decode(raw), users, place)
        case "tweet_create_events":
            yield from old_post(_old_post.decode(raw), place)
        case "direct_message_mark_read_events":
            yield from _if_any(seen_up_to(_seen.decode(raw), users, place))
        case "tweet_delete_events":
            yield old_deletion(_old_deletion.decode(raw), place)
        case "favorite_events" if not place.ignores("like.create"):
            event = _liked.decode(raw)
            if account_id(event.favorited_status.user) == place.me != account_id(event.user):
                yield liked(event, place)
        case "favorite_events":
            return
        case "follow_events" | "block_events" | "mute_events":
            yield from _pair_event(_PAIRS[name], raw, place)
        case _ if not place.ignores(name):
            yield _kept(name, raw, place)


def _if_any(item: Inbound | None) -> Iterator[Inbound]:
    if item is not None:
        yield item


def _pair_event(family: str, raw: msgspec.Raw, place: Place) -> Iterator[Inbound]:
    event = _pair.decode(raw)
    what = f"{family}.{event.type or family}"
    if not place.ignores(what):
        who = account_id(event.source)
        yield _kept(what, raw, place, party(who, {who: event.source}))


def _typing(content: msgspec.Raw, place: Place) -> list[ThreadKey]:
    """Who types to us, as far as it can be read: it is no message, so nothing is lost with the rest."""
    try:
        events = [_seen.decode(raw) for raw in _entries(content)]
    except msgspec.ValidationError:
        return []
    return [thread(place, event.sender_id, "dm") for event in events if event.sender_id != place.me]


def _withdrawn(content: msgspec.Raw, place: Place) -> list[Inbound]:
    """An account took its consent back from our app; whoever looks after the inbox must see it."""
    try:
        told = _user_event.decode(content).revoke
    except msgspec.ValidationError:
        told = None
    if told is None:
        return [_kept("user_event", content, place)]
    account = told.source.user_id
    ours = place.of(account)
    return [_kept(REVOKED, content, ours)] if ours else _nobodys(account, bytes(content), place).items


def is_withdrawal(items: Iterable[Inbound], inbox: InboxId) -> bool:
    """Whether one of them says that our app may no longer use the account of this inbox."""
    return any(isinstance(item, Unknown) and item.what == REVOKED and item.inbox == inbox for item in items)


# --- X Activity ----------------------------------------------------------------------------------------------------


def _activity_event(data: msgspec.Raw, place: Place) -> Read:
    try:
        event = _activity.decode(data)
    except msgspec.ValidationError:
        return Read([_kept("activity", data, place)], [])
    what = event.event_type
    account = _revoked(event) if what == REVOKED else event.filter.user_id
    ours = place.of(account)
    if ours is None:
        return _nobodys(account, bytes(data), place)
    place = ours
    if what in ("dm.received", "dm.sent", "dm.read", "dm.indicate_typing"):
        return _direct_activity(what, event, place)
    return Read(_guarded(what, data, place, lambda _: _new_event(what, event, data, place)), [])


def _revoked(event: Activity) -> str:
    """Whose consent ended: the filter of such an event may be empty."""
    try:
        return _revoke.decode(event.payload).user_id
    except msgspec.ValidationError:
        return event.filter.user_id


def _direct_activity(what: str, event: Activity, place: Place) -> Read:
    """Direct messages stand in the envelope just as in Account Activity."""
    try:
        inside = _account(_top.decode(event.payload), place)
    except msgspec.ValidationError:
        return Read([_kept(what, event.payload, place)], [])
    if inside.items or inside.typing or what in ("dm.read", "dm.indicate_typing"):
        return inside
    return Read([_kept(what, event.payload, place)], [])


def _new_event(what: str, event: Activity, data: msgspec.Raw, place: Place) -> Iterator[Inbound]:
    users = users_by_id(event.includes.users)
    if what in _POSTS:
        yield from new_post(_new_post.decode(event.payload), event.includes, users, place)
    elif what == "post.delete":
        yield new_deletion(_deletion.decode(event.payload), place)
    elif not place.ignores(what):
        named, who = place.event(_event_name(event, data)), _somebody(event)
        if what == "chat.received":
            yield Message(**named, sender=who, direct=True, unreadable=ENCRYPTED)
        else:
            yield Unknown(**named, sender=who, what=what, direct=what.startswith("chat."))


def _event_name(event: Activity, data: msgspec.Raw) -> str:
    if event.event_uuid:
        return f"event:{event.event_uuid}"
    return f"unknown:{hashlib.sha256(bytes(data)).hexdigest()[:40]}"


class _Involved(msgspec.Struct, frozen=True, kw_only=True):
    """Who may be named in a payload that we have no word for."""

    sender_id: str = ""
    source: User = User()
    user: User = User()
    user_id: str = ""


_involved = msgspec.json.Decoder(_Involved)


def _somebody(event: Activity) -> Party:
    """Who it is about, as far as it can be seen."""
    try:
        found = _involved.decode(event.payload)
    except msgspec.ValidationError:
        found = _Involved()
    source = found.source if account_id(found.source) else found.user
    number = found.sender_id or account_id(source) or found.user_id or event.filter.user_id
    users = {**users_by_id(event.includes.users), account_id(source): source}
    return party(number, users)


# --- pages of the API ----------------------------------------------------------------------------------------------


def read_page(page: Page, place: Place) -> Iterator[Inbound]:
    """The entries of a page, the oldest first: they stand there the newest first."""
    users = users_by_id(page.includes.users)
    for raw in reversed(page.data):
        yield from _guarded("page entry", raw, place, lambda raw: _entry(raw, page, users, place))


def _entry(raw: msgspec.Raw, page: Page, users: dict[str, User], place: Place) -> Iterator[Inbound]:
    if b'"event_type"' in bytes(raw):
        yield from new_direct(_new_direct.decode(raw), page.includes, users, place)
    else:
        yield from new_post(_new_post.decode(raw), page.includes, users, place)


class _Mark(msgspec.Struct, frozen=True, kw_only=True):
    id: str


_mark = msgspec.json.Decoder(_Mark)


def marks(page: Page) -> list[int | None]:
    """The numbers of a page's entries, which grow with time; None for an entry that we cannot read."""
    return [_number(raw) for raw in page.data]


def _number(raw: msgspec.Raw) -> int | None:
    try:
        number = _mark.decode(raw).id
    except msgspec.ValidationError:
        return None
    return int(number) if number.isascii() and number.isdigit() else None


def decode_page(raw: bytes) -> Page:
    """Raises :class:`BadBody` for what is no page."""
    try:
        return decoded(_page.decode, raw)
    except ValueError as error:
        raise BadBody("The answer is no page of a list.") from error
