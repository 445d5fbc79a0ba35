"""What is called how: messages, the threads that they belong to, people, and what a link put behind ``/start``.

A message is ``CHAT:NUMBER`` everywhere (its external id, the target of an edit, the remote id of what we sent), with
``:CONNECTION`` behind it where it went through a business account. In a private chat the address is the person's id; in
a group it is ``CHAT/PERSON`` or ``CHAT/PERSON/TOPIC``, so that what somebody wrote in public and in private never mixes
and an answer goes back to where it was asked.
"""

from __future__ import annotations

import hashlib
import re

from connectors.contract import InboxId, Party, ThreadKey
from connectors.telegram.content import KIND, names
from connectors.telegram.wire import Chat, Message, User

_START = re.compile(r"/start(?:@[A-Za-z0-9_]{1,64})?(?:\s+([A-Za-z0-9_-]{1,64}))?\s*")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


def message_id(chat: int, number: int, connection: str = "") -> str:
    """What a message is called everywhere."""
    return f"{chat}:{number}:{connection}" if connection else f"{chat}:{number}"


def thread_key(inbox: InboxId, message: str) -> ThreadKey:
    """The key by which an answer to a message finds its conversation."""
    key = f"telegram:{inbox}:{message}"
    return ThreadKey(key if len(key) <= 256 else f"telegram:{hashlib.sha256(key.encode()).hexdigest()}")


def start_payload(text: str) -> str | None:
    """What a link put behind ``/start``; empty for a bare one, None for any other text."""
    found = _START.fullmatch(text) if text.startswith("/start") else None
    return None if found is None else found[1] or ""


def party(chat: Chat, user: User | None, sender_chat: Chat | None = None, topic: int = 0) -> Party:
    """Whoever did something in a chat: a person, or a group or channel that speaks for itself."""
    if user is None or (sender_chat is not None and chat.type != "private"):
        other = sender_chat or chat
        name = names((other.title, f"{other.first_name} {other.last_name}".strip(), other.username))
        return Party(kind=KIND, address=_address(chat, other.id, topic), name=name, verified=True)
    language = _LANGUAGE.match(user.language_code.lower())
    return Party(
        kind=KIND,
        address=_address(chat, user.id, topic),
        name=full_name(user),
        language=language[0] if language else "",
        verified=True,
    )


def full_name(user: User) -> str:
    """The name, or what they are called by."""
    full = f"{user.first_name} {user.last_name}".strip()
    return full or (f"@{user.username}" if user.username else "")


def _address(chat: Chat, person: int, topic: int) -> str:
    if chat.type == "private":
        return str(person)
    return f"{chat.id}/{person}/{topic}" if topic else f"{chat.id}/{person}"


def topic_of(message: Message) -> int:
    """The topic of a group that it stands in; replies outside topics have thread numbers too."""
    return message.message_thread_id if message.is_topic_message else 0
