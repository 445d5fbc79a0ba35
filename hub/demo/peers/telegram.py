"""A stand-in for Telegram: one bot's API (:mod:`hub.demo.peers.telegram_api`) and the people who write to it.

``TelegramPeer.app`` is mounted on a port or under a prefix; its address is the ``api_url`` of an inbox.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hub.demo.peers import telegram_payloads as payloads
from hub.demo.peers.telegram_api import BotApi
from hub.demo.peers.telegram_payloads import Json, Person


class TelegramPeer(BotApi):
    """The provider, with its people. ``said_to`` is what somebody sees of the bot."""

    def meet(self, person: Person) -> Person:
        """They have pressed Start: the bot may write to them."""
        self.people[person.id] = person
        return person

    async def writes(self, person: Person, text: str, **more: Any) -> Json:
        """A text; returns the message. ``more`` are further fields of it (``reply_to_message``, ``chat``)."""
        return await self.says(person, **payloads.text(text), **more)

    async def says(self, person: Person, **content: Any) -> Json:
        """A message of any content."""
        chat = content.get("chat")
        if chat is None:
            self.meet(person)
        else:
            self.groups.setdefault(chat["id"], dict(chat))
        made = payloads.message(person, self._next("message"), int(self._now()), **content)
        self.messages[made["chat"]["id"], made["message_id"]] = made
        await self.tell("message", made)
        return made

    async def sends_file(
        self, person: Person, kind: str, content: bytes, caption: str = "", **about: Any
    ) -> Json:
        """A photo, document, voice, video or sticker; the bytes wait to be fetched."""
        file_id = self._keep(content)
        if kind == "photo":
            return await self.says(person, **payloads.photo(file_id, len(content), caption))
        made = payloads.file(kind, file_id, len(content), **about)
        return await self.says(person, **made, **({"caption": caption} if caption else {}))

    async def edits(self, message: Json, text: str) -> None:
        """They change what they wrote."""
        message["text"], message["edit_date"] = text, int(self._now())
        await self.tell("edited_message", message)

    async def presses(self, person: Person, message: Mapping[str, Any], label: str) -> str:
        """A button under a message of the bot, by its label; returns the query's id. Raises StopIteration."""
        rows = message["reply_markup"]["inline_keyboard"]
        data = next(button["callback_data"] for row in rows for button in row if button["text"] == label)
        query = f"{self._next('query')}0042"
        self._queries.add(query)
        await self.tell("callback_query", payloads.pressed(person, query, message, data))
        return query

    async def reacts(self, person: Person, number: int, emoji: str) -> None:
        """A sign under a message."""
        await self.tell("message_reaction", payloads.reaction(person, number, int(self._now()), emoji))

    async def blocks(self, person: Person) -> None:
        """They stop the bot."""
        self.blocked.add(person.id)
        made = payloads.membership(person, self.bot, int(self._now()), "member", "kicked")
        await self.tell("my_chat_member", made)

    async def unblocks(self, person: Person) -> None:
        """They let it write again."""
        self.blocked.discard(person.id)
        made = payloads.membership(person, self.bot, int(self._now()), "kicked", "member")
        await self.tell("my_chat_member", made)

    async def tell(self, kind: str, content: Mapping[str, Any]) -> Json:
        """An update of any kind, if the bot asked for that kind. The same content later is another update."""
        made = payloads.update(self._next("update"), kind, json.loads(json.dumps(content)))
        if self.updates.wanted(kind):
            await self.updates.deliver(made)
        return made

    def said_to(self, person: int) -> list[Json]:
        """What the bot wrote to somebody, in order, as it stands now."""
        return [
            made for (chat, _), made in self.messages.items() if chat == person and made["from"] == self.bot
        ]
