"""From an update of the Bot API to what intake takes; names and addresses are made in ``naming.py``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from connectors.contract import (
    Automatic,
    Consent,
    Deletion,
    Edit,
    Inbound,
    Message,
    Micros,
    ParseContext,
    Party,
    Reaction,
    ThreadKey,
    Unknown,
    conversation_key,
)
from connectors.telegram import wire
from connectors.telegram.content import KIND, Content, content, names, quoted
from connectors.telegram.naming import full_name, message_id, party, start_payload, thread_key, topic_of
from connectors.telegram.wire import BadUpdate, Chat, Strange, Update, User

_T = TypeVar("_T")

_SECOND = 1_000_000
_LAST_SECOND = 2**32
"""No message is from after 2106; a larger number is no time in seconds."""

_REFERENCE = re.compile(r"\b[0-9A-Z]{3}-[0-9A-Z]{3}-[0-9A-Z]{3}\b")

_PLAIN = frozenset(
    (
        "message_id",
        "message_thread_id",
        "is_topic_message",
        "date",
        "edit_date",
        "chat",
        "from",
        "sender_chat",
        "reply_to_message",
        "quote",
        "forward_origin",
        "forward_from",
        "forward_from_chat",
        "forward_from_message_id",
        "forward_sender_name",
        "forward_date",
        "via_bot",
        "media_group_id",
        "has_protected_content",
        "author_signature",
        "is_from_offline",
        "reply_markup",
        "business_connection_id",
        "sender_boost_count",
        "sender_business_bot",
        "link_preview_options",
        "effect_id",
    )
)
"""Fields of a message that say nothing of what it holds."""


def parse(raw: bytes, context: ParseContext) -> list[Inbound]:
    """The body of a webhook's POST, or the answer to getUpdates, as intake would see it. Raises :class:`BadUpdate`."""
    try:
        return read(wire.decode(raw), raw, context)
    except BadUpdate:
        many = wire.several(raw)
        if many is None:
            raise
    return [item for body in map(bytes, many) for item in read(wire.decode(body), body, context)]


def read(update: Update | Strange, body: bytes, context: ParseContext) -> list[Inbound]:
    """What intake takes of one update; ``body`` is its JSON. Nothing only for the steps of a moving location."""
    if isinstance(update, Update):
        try:
            return list(_items(update, body, context))
        except Exception:
            # An id longer than any id, or a fault of ours: one update must not hold up the others.
            update = wire.strange(body)
    return [_unknown(update, context)]


def _items(update: Update, body: bytes, context: ParseContext) -> Iterator[Inbound]:
    number = update.update_id
    if (message := update.message or update.business_message or update.channel_post) is not None:
        yield _message(message, number, body, context)
    elif (
        edited := update.edited_message or update.edited_business_message or update.edited_channel_post
    ) is not None:
        yield from _edit(edited, number, context)
    elif update.callback_query is not None:
        yield _pressed(update.callback_query, context)
    elif update.message_reaction is not None:
        yield _reaction(update.message_reaction, number, context)
    elif update.my_chat_member is not None:
        yield _membership(update.my_chat_member, number, context)
    elif update.deleted_business_messages is not None:
        yield from _deleted(update.deleted_business_messages, context)


def _sent_at(seconds: int) -> Micros | None:
    return Micros(seconds * _SECOND) if 0 < seconds < _LAST_SECOND else None


def _changed_at(seconds: int, number: int) -> Micros | None:
    """When something was changed; of several changes of a second the update's number tells which came last. Webhooks
    may be told side by side, and what was refused is told again later."""
    at = _sent_at(seconds)
    return Micros(at + number % _SECOND) if at is not None else None


# --- messages ------------------------------------------------------------------------------------------------------


def _message(message: wire.Message, number: int, body: bytes, context: ParseContext) -> Message | Unknown:
    found = content(message)
    name = message_id(message.chat.id, message.message_id, message.business_connection_id)
    sender, ours = _sender(message)
    if found is None:
        return _wordless(name, sender, body, context)
    text, html = found.text, found.html
    keys: tuple[ThreadKey, ...] = ()
    private = message.chat.type == "private"
    if private and (payload := start_payload(text)) and (token_key := _by_token(payload, context)):
        # The token is as good as a password of this conversation: it is not shown.
        text, html, keys = "/start", "", (token_key,)
    elif private and message.reply_to_message is not None:
        replied = message_id(
            message.chat.id, message.reply_to_message.message_id, message.business_connection_id
        )
        keys = (thread_key(context.inbox, replied),)
    return Message(
        inbox=context.inbox,
        external_id=name,
        received_at=context.now,
        sender=sender,
        text=text,
        full_text=_full_text(message, text),
        html=html,
        attachments=found.attachments,
        thread_keys=keys,
        adds_keys=(thread_key(context.inbox, name),),
        mentions=tuple(_REFERENCE.findall(text)) if text.count("-") > 1 else (),
        direct=True,
        sent_at=_sent_at(message.date),
        automatic=_automatic(message),
        also=_also(message, found),
        ours=ours,
    )


def _sender(message: wire.Message) -> tuple[Party, bool]:
    """Whose message it is, and whether the office wrote it itself, in the app of its business account."""
    chat, user = message.chat, message.sender
    if message.business_connection_id and user is not None and user.id != chat.id:
        return party(chat, None), True
    return party(chat, user, message.sender_chat, topic_of(message)), False


def _also(message: wire.Message, found: Content) -> tuple[Party, ...]:
    """In a group: the same person in private."""
    user = message.sender
    if message.chat.type == "private" or user is None or message.sender_chat is not None or user.is_bot:
        return found.also
    return (*found.also, Party(kind=KIND, address=str(user.id), name=full_name(user)))


def _automatic(message: wire.Message) -> Automatic:
    if message.is_automatic_forward:
        return "list"
    machine = message.sender is not None and message.sender.is_bot and message.sender_chat is None
    return "auto-reply" if machine and not message.business_connection_id else "no"


def _by_token(payload: str, context: ParseContext) -> ThreadKey | None:
    """The conversation that a link of ours names, when the signature is ours."""
    value = context.tokens.verify("conversation", payload) if context.tokens else None
    return conversation_key(int(value)) if value and value.isdecimal() else None


def _full_text(message: wire.Message, text: str) -> str:
    """With what was answered or forwarded, which the sender did not write."""
    if author := _author(message):
        return f"\N{RIGHTWARDS ARROW WITH HOOK} {author}:\n{text}"
    replied = message.reply_to_message
    before = message.quote.text if message.quote else (replied.text or replied.caption if replied else "")
    return f"{quoted(before)}\n\n{text}" if before else text


def _author(message: wire.Message) -> str:
    """Who wrote first what was forwarded; empty for what was not, or by somebody without a name."""
    origin = message.forward_origin or wire.Origin(
        sender_user=message.forward_from,
        sender_user_name=message.forward_sender_name,
        chat=message.forward_from_chat,
    )
    user, chat = origin.sender_user, origin.sender_chat or origin.chat
    return names((full_name(user) if user else "", origin.sender_user_name, chat.title if chat else ""))


def _edit(message: wire.Message, number: int, context: ParseContext) -> Iterator[Inbound]:
    if message.location is not None and message.location.live_period:
        return  # a moving location tells every few seconds where it is; where it stopped comes as the last edit
    found = content(message) or Content()
    name = message_id(message.chat.id, message.message_id, message.business_connection_id)
    yield Edit(
        inbox=context.inbox,
        external_id=f"edit:{name}:{number}",
        target=name,
        received_at=context.now,
        sender=_sender(message)[0],
        text=found.text,
        html=found.html,
        at=_changed_at(message.edit_date, number),
    )


def _deleted(deleted: wire.Deleted, context: ParseContext) -> Iterator[Inbound]:
    for number in deleted.message_ids:
        name = message_id(deleted.chat.id, number, deleted.business_connection_id)
        yield Deletion(
            inbox=context.inbox,
            external_id=f"deleted:{name}",
            target=name,
            received_at=context.now,
            sender=party(deleted.chat, None),
        )


# --- everything else -----------------------------------------------------------------------------------------------


def _pressed(query: wire.CallbackQuery, context: ParseContext) -> Message | Unknown:
    """A pressed button is a message whose text is the button's label."""
    message = query.message
    if query.data is None or message is None:
        return Unknown(
            inbox=context.inbox,
            external_id=f"callback:{query.id}",
            received_at=context.now,
            sender=party(Chat(id=query.sender.id), query.sender),
            what="callback_query",
            text=query.data or "",
            direct=True,
        )
    pressed = message_id(message.chat.id, message.message_id, message.business_connection_id)
    return Message(
        inbox=context.inbox,
        external_id=f"callback:{query.id}",
        target=pressed,
        received_at=context.now,
        sender=party(message.chat, query.sender, topic=topic_of(message)),
        text=(label := _label(message, query.data)),
        full_text=label,
        thread_keys=(thread_key(context.inbox, pressed),),
        direct=True,
        wire_id=pressed,
        choice=query.data,
    )


def _label(message: wire.Message, data: str) -> str:
    rows = message.reply_markup.inline_keyboard if message.reply_markup else ()
    return next((button.text for row in rows for button in row if button.callback_data == data), data)


def _reaction(reactions: wire.Reactions, number: int, context: ParseContext) -> Reaction:
    name = message_id(reactions.chat.id, reactions.message_id)
    return Reaction(
        inbox=context.inbox,
        external_id=f"reaction:{name}:{number}",
        target=name,
        received_at=context.now,
        sender=party(reactions.chat, reactions.user, reactions.actor_chat),
        emoji="".join(_sign(reaction) for reaction in reactions.new_reaction),
        at=_changed_at(reactions.date, number),
    )


def _sign(reaction: wire.ReactionType) -> str:
    """Signs of a user's own making have no letter; a paid one is a star in Telegram's own apps."""
    return reaction.emoji or ("\N{WHITE MEDIUM STAR}" if reaction.type == "paid" else "[emoji]")


def _membership(member: wire.Membership, number: int, context: ParseContext) -> Consent | Unknown:
    """In a private chat: the person blocked the bot, or took it back."""
    chat, status = member.chat, member.new_chat_member.status
    name = f"member:{chat.id}:{number}"
    if chat.type == "private":
        return Consent(
            inbox=context.inbox,
            external_id=name,
            received_at=context.now,
            sender=party(chat, member.sender),
            allowed=status not in ("kicked", "left"),
            text=status,
        )
    return Unknown(
        inbox=context.inbox,
        external_id=name,
        received_at=context.now,
        sender=party(chat, member.sender),
        what=f"my_chat_member: {status}"[:80],
        text=chat.title,
        direct=True,
    )


def _wordless(name: str, sender: Party, body: bytes, context: ParseContext) -> Unknown:
    """A message of a kind that we have no word for (a gift, a checklist, a changed title): its name at least."""
    fields = wire.strange(body).content
    kinds = [field for field in fields if field not in _PLAIN]
    return Unknown(
        inbox=context.inbox,
        external_id=name,
        received_at=context.now,
        sender=sender,
        what=", ".join(kinds)[:80] or "message",
        direct=True,
    )


def _unknown(update: Strange, context: ParseContext) -> Unknown:
    """Whom and what it names is read without trusting any of it."""
    inside = update.content
    text = inside.get("text") or inside.get("query") or ""
    return Unknown(
        inbox=context.inbox,
        external_id=f"update:{update.update_id}",
        received_at=context.now,
        sender=_somebody(inside),
        what=update.what,
        text=text[:10_000] if isinstance(text, str) else "",
        direct=True,
    )


def _somebody(inside: dict[str, Any]) -> Party:
    chat = _converted(inside.get("chat"), Chat)
    user = _converted(inside.get("from"), User) or _converted(inside.get("user"), User)
    if chat is None and user is None:
        return Party(kind=KIND, address="unknown")
    return party(chat or Chat(id=user.id if user else 0), user)


def _converted(value: object, kind: type[_T]) -> _T | None:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None
