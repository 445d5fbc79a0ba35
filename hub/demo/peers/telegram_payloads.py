"""Updates of the Telegram Bot API as Telegram makes them (https://core.telegram.org/bots/api#update, Bot API 9.x).

Pure functions from a person, a text, numbers and a time to the JSON that a bot gets; :mod:`hub.demo.peers.telegram`
delivers them. Times are whole seconds since 1970.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a Telegram account."""

    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    language: str = "pl"

    def user(self) -> Json:
        """As the ``User`` of an update."""
        given = {"last_name": self.last_name, "username": self.username, "language_code": self.language}
        known = {name: value for name, value in given.items() if value}
        return {"id": self.id, "is_bot": False, "first_name": self.first_name, **known}

    def chat(self) -> Json:
        """As their private ``Chat`` with the bot."""
        known = {"last_name": self.last_name, "username": self.username}
        named = {name: value for name, value in known.items() if value}
        return {"id": self.id, "type": "private", "first_name": self.first_name, **named}


def group(chat_id: int, title: str, kind: str = "supergroup") -> Json:
    """A group as a ``Chat``; its id is negative."""
    return {"id": chat_id, "type": kind, "title": title}


def message(
    person: Person, number: int, at: int, *, chat: Mapping[str, Any] | None = None, **content: Any
) -> Json:
    """A ``Message``; ``content`` are further fields of it (``text``, ``photo``, ``reply_to_message``, …)."""
    where = dict(chat) if chat is not None else person.chat()
    return {"message_id": number, "from": person.user(), "chat": where, "date": at, **content}


def text(written: str, entities: Sequence[Mapping[str, Any]] = ()) -> Json:
    """The content of a text; a command at its beginning gets its entity, as Telegram's apps make it."""
    found = [dict(entity) for entity in entities]
    if written.startswith("/") and not found:
        found.append({"type": "bot_command", "offset": 0, "length": len(written.split()[0])})
    return {"text": written, **({"entities": found} if found else {})}


def photo(file_id: str, size: int, caption: str = "") -> Json:
    """The content of a photo: the same in three sizes, the largest last."""
    sizes = [
        {
            "file_id": file_id if width == 1280 else f"{file_id}-{width}",
            "file_unique_id": f"u{file_id}{width}",
            "width": width,
            "height": width * 3 // 4,
            "file_size": size if width == 1280 else max(1, size * width // 5000),
        }
        for width in (90, 320, 1280)
    ]
    return {"photo": sizes, **({"caption": caption} if caption else {})}


def file(kind: str, file_id: str, size: int, **about: Any) -> Json:
    """The content of a document, voice, video, audio, animation, video note or sticker."""
    return {kind: {"file_id": file_id, "file_unique_id": f"u{file_id}", "file_size": size, **about}}


def pressed(person: Person, query_id: str, under: Mapping[str, Any], data: str) -> Json:
    """A ``CallbackQuery``: a button under a message of the bot."""
    return {
        "id": query_id,
        "from": person.user(),
        "message": dict(under),
        "chat_instance": "-4242",
        "data": data,
    }


def reaction(person: Person, number: int, at: int, emoji: str, before: str = "") -> Json:
    """A ``MessageReactionUpdated``; an empty ``emoji`` takes it back."""

    def signs(sign: str) -> list[Json]:
        return [{"type": "emoji", "emoji": sign}] if sign else []

    return {
        "chat": person.chat(),
        "message_id": number,
        "user": person.user(),
        "date": at,
        "old_reaction": signs(before),
        "new_reaction": signs(emoji),
    }


def membership(
    person: Person,
    bot: Mapping[str, Any],
    at: int,
    was: str,
    status: str,
    chat: Mapping[str, Any] | None = None,
) -> Json:
    """A ``ChatMemberUpdated`` about the bot: ``kicked`` is how Telegram says that a person blocked it."""
    return {
        "chat": dict(chat) if chat is not None else person.chat(),
        "from": person.user(),
        "date": at,
        "old_chat_member": {"user": dict(bot), "status": was},
        "new_chat_member": {"user": dict(bot), "status": status},
    }


def update(number: int, kind: str, content: Mapping[str, Any]) -> Json:
    """An ``Update``."""
    return {"update_id": number, kind: dict(content)}


def written(number: int, name: str, what: str, at: int, *, person_id: int, message_id: int) -> Json:
    """The whole update of a plain text, from a name alone."""
    first, _, last = name.partition(" ")
    person = Person(id=person_id, first_name=first, last_name=last)
    return update(number, "message", message(person, message_id, at, **text(what)))
