"""What the bot itself does once an update is committed: it answers presses, greets, and leaves groups politely.

None of it is worth a delivery: what fails is logged and forgotten.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from connectors.contract import Consent, Env, Inbound, Message, Receipt
from connectors.telegram import wire
from connectors.telegram.api import Api, Declined
from connectors.telegram.naming import start_payload
from connectors.telegram.settings import Settings
from connectors.telegram.wire import Chat, Strange, Update
from connectors.telegram.words import GOES_ON, NOT_HERE, TAKEN

_LANGUAGES = ("pl", "en", "uk", "ru")

_REMEMBERED = 1000
"""Groups that are not told again."""


class Manners:
    """One bot's manners."""

    def __init__(self, settings: Settings, env: Env, api: Api) -> None:
        self._settings = settings
        self._env = env
        self._api = api
        self._told: OrderedDict[int, None] = OrderedDict()

    def refused(self, update: Update | Strange) -> bool:
        """Whether it is from a group or channel, where this bot does not work."""
        chat = _chat(update)
        return chat is not None and chat.type != "private" and self._settings.groups == "refuse"

    def greeted(self, items: list[Inbound]) -> list[Inbound]:
        """With a greeting configured, a bare ``/start`` opens no conversation; it says that we may write."""
        match items:
            case [Message(ours=False, thread_keys=(), attachments=()) as start] if (
                self._settings.greeting is not None
                and start_payload(start.text) == ""
                and start.sender.address.isdecimal()
            ):
                return [_consent(start)]
        return items

    def needed(self, update: Update | Strange, items: Sequence[Inbound]) -> bool:
        """Whether :meth:`after` has anything to do."""
        pressed = isinstance(update, Update) and update.callback_query is not None
        return pressed or self.refused(update) or (len(items) == 1 and _begins(items[0]))

    async def after(
        self, update: Update | Strange, items: Sequence[Inbound], receipts: Sequence[Receipt]
    ) -> None:
        """Do what follows. Never raises but for cancellation."""
        try:
            if self.refused(update):
                await self._leave(update)
            elif isinstance(update, Update) and update.callback_query is not None:
                await self._answer(update.callback_query)
            elif items and not receipts[0].duplicate:
                await self._greet(items[0], receipts[0])
        except Exception as error:
            why = error.description if isinstance(error, Declined) else type(error).__name__
            self._env.log.info("courtesy not done", inbox=self._env.inbox, why=why)

    async def _answer(self, query: wire.CallbackQuery) -> None:
        """Without an answer the button would seem to work for a minute; then the buttons go, as one was chosen."""
        language = self._language(query.sender.language_code)
        bot, message = self._api.bot, query.message
        await bot.answer_callback_query(query.id, text=self._env.translate(language, TAKEN))
        if message is not None and message.date and message.reply_markup is not None:
            await bot.edit_message_reply_markup(
                message.chat.id,
                message.message_id,
                business_connection_id=message.business_connection_id or None,
            )

    async def _greet(self, item: Inbound, receipt: Receipt) -> None:
        greeting = self._settings.greeting
        if isinstance(item, Consent):
            if greeting is not None and start_payload(item.text) == "":
                await self._say(item.sender.address, greeting.of(item.sender.language))
        elif isinstance(item, Message) and item.text == "/start" and item.thread_keys and receipt.reference:
            language = self._language(item.sender.language)
            text = self._env.translate(language, GOES_ON, reference=receipt.reference)
            await self._say(item.sender.address, text)

    async def _say(self, address: str, text: str) -> None:
        if address.isdecimal():
            await self._api.bot.send_message(int(address), text)

    async def _leave(self, update: Update | Strange) -> None:
        """Say once where to write instead, and leave the group."""
        chat = _chat(update)
        if chat is None:
            return
        if _is_gone(update):
            self._told.pop(chat.id, None)  # whoever takes the bot in again is told again
            return
        if chat.id in self._told:
            return
        self._told[chat.id] = None
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        me = await self._api.bot.get_me()
        language = self._env.office.language
        text = self._env.translate(language, NOT_HERE, address=f"https://t.me/{me.username}")
        try:
            await self._api.bot.send_message(chat.id, text)
        except Declined:  # it may read there, and not write
            self._env.log.info("refusal not told in a group", inbox=self._env.inbox)
        await self._api.bot.leave_chat(chat.id)

    def _language(self, code: str) -> str:
        spoken = code.lower()[:2]
        return spoken if spoken in _LANGUAGES else self._env.office.language


def _chat(update: Update | Strange) -> Chat | None:
    """Where it happened, for the kinds of update that happen in groups."""
    if isinstance(update, Strange):
        try:
            return msgspec.convert(update.content.get("chat"), Chat)
        except msgspec.ValidationError:
            return None
    if update.callback_query is not None:
        return update.callback_query.message.chat if update.callback_query.message else None
    found = (
        update.message
        or update.edited_message
        or update.channel_post
        or update.edited_channel_post
        or update.message_reaction
        or update.my_chat_member
    )
    return found.chat if found is not None else None


def _is_gone(update: Update | Strange) -> bool:
    """Whether it tells that the bot is not in the group any more."""
    member = update.my_chat_member if isinstance(update, Update) else None
    return member is not None and member.new_chat_member.status in ("left", "kicked")


def _begins(item: Inbound) -> bool:
    return isinstance(item, Message | Consent) and item.text.startswith("/start")


def _consent(start: Message) -> Consent:
    return Consent(
        inbox=start.inbox,
        external_id=start.external_id,
        received_at=start.received_at,
        sender=start.sender,
        allowed=True,
        text=start.text,
    )
