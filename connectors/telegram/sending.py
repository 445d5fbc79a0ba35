"""Deliveries as calls of the Bot API: where they go, in which steps, and what is left of one that failed half-way.

A delivery is one call, or a text and then its files (see ``connectors._pieces`` for one that breaks between them).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, InputFile, Message, ReplyParameters

from connectors._i18n import N_
from connectors._pieces import Progress
from connectors._split import units
from connectors.contract import InboxId, OutAttachment, Outbound, SendError, Sent
from connectors.telegram.api import Api, Declined
from connectors.telegram.errors import TOO_LONG
from connectors.telegram.naming import message_id, thread_key

TEXT = 4096
"""UTF-16 units of a text."""

CAPTION = 1024
"""UTF-16 units of the text that goes with a file; a longer one goes before it."""

UPLOAD = 50_000_000
"""Bytes of a file that a bot may send."""

PHOTO = 10_000_000
"""Bytes of a photo; a larger one goes as a document."""

BUTTON_DATA = 64
"""Bytes of what a button carries."""

BUTTONS = 100
"""Buttons of one message."""

_ROW = 12
"""Characters of the labels of a row; longer ones get a row each."""

NO_CHAT = N_("This is not an address on Telegram.")
NO_TARGET = N_("The hub does not know which message on Telegram that was.")
NOTHING = N_("There is nothing to send: no text and no file.")
TOO_LARGE = N_("A file is larger than the 50 MB that Telegram takes.")
EMPTY_FILE = N_("A file is empty; Telegram takes none without content.")
BAD_BUTTON = N_("A button's name is too long for Telegram.")
NOT_PUBLIC = N_("Telegram has no public comments.")
FILE_REFUSED = N_("The text has arrived, but Telegram refused a file.")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A message (``number``) or, without one, a chat or a ``topic`` of it; ``connection`` where a business account
    stands between."""

    chat: int
    number: int | None = None
    connection: str = ""
    topic: int | None = None


def spot(name: str | None) -> Spot | None:
    """What a message's name (see :func:`connectors.telegram.naming.message_id`) means; None for other ids."""
    chat, _, rest = (name or "").partition(":")
    number, _, connection = rest.partition(":")
    if not (_is_number(chat) and number.isascii() and number.isdigit() and len(number) < 20):
        return None
    return Spot(chat=int(chat), number=int(number), connection=connection)


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 20


def destination(outbound: Outbound) -> Spot:
    """Where a delivery goes, and which message there it answers. Raises SendError for what is no address."""
    parts = outbound.to[0].address.split("/") if outbound.to else [""]
    if not all(map(_is_number, parts)) or len(parts) > 3:
        raise SendError("permanent", NO_CHAT)
    chat, topic = int(parts[0]), int(parts[2]) if len(parts) == 3 else None
    answered = spot(outbound.reply_to)
    if answered is not None and answered.chat == chat:
        number = answered.number if outbound.part == 0 else None
        return dataclasses.replace(answered, number=number, topic=topic)
    earlier = (spot(name) for name in reversed(outbound.references))
    connection = next((one.connection for one in earlier if one and one.chat == chat), "")
    return Spot(chat=chat, connection=connection, topic=topic)


def buttons(outbound: Outbound) -> InlineKeyboardMarkup | None:
    """Choices as buttons under the text: short ones beside each other. Raises SendError for what does not fit."""
    choices = outbound.choices
    if not choices:
        return None
    if len(choices) > BUTTONS or any(len(c.id.encode()) > BUTTON_DATA or not c.label for c in choices):
        raise SendError("permanent", BAD_BUTTON)
    row = [InlineKeyboardButton(choice.label, callback_data=choice.id) for choice in choices]
    beside = sum(units(choice.label) for choice in choices) <= _ROW and len(row) <= 8
    return InlineKeyboardMarkup([row] if beside else [[button] for button in row])


Step = Callable[[Spot], Awaitable[Message]]
"""One call; gets the chat anew, because a group may have moved meanwhile."""


class Sending:
    """All that leaves through one bot."""

    def __init__(self, api: Api, inbox: InboxId, progress: Progress) -> None:
        self._api = api
        self._inbox = inbox
        self._progress = progress

    async def send(self, outbound: Outbound) -> Sent:
        """Carry out one delivery. Raises SendError, Declined, NotReached."""
        if outbound.public:
            raise SendError("permanent", NOT_PUBLIC)
        if outbound.operation == "send":
            return await self._write(outbound)
        if outbound.operation == "edit":
            return await self._edit(outbound)
        if outbound.operation == "delete":
            return await self._delete(outbound)
        raise SendError("permanent", NOT_PUBLIC)

    # --- a new message --------------------------------------------------------------------------------------------

    async def _write(self, outbound: Outbound) -> Sent:
        place = destination(outbound)
        rest = dataclasses.replace(place, number=None)  # only the first of them is the answer
        first, *others = self._steps(outbound)
        done = await self._progress.through(
            outbound,
            [partial(self._carry_out, first, place), *(partial(self._behind, step, rest) for step in others)],
        )
        return Sent(remote_id=done[0], adds_keys=tuple(thread_key(self._inbox, name) for name in done))

    async def _behind(self, step: Step, place: Spot) -> str:
        """A further step: the person has what came before it."""
        try:
            return await self._carry_out(step, place)
        except Declined as refusal:
            if refusal.status in (400, 413):
                raise SendError("permanent", FILE_REFUSED, refusal.description) from refusal
            raise

    async def _carry_out(self, step: Step, place: Spot) -> str:
        try:
            sent = await step(place)
        except Declined as refusal:
            if refusal.migrated_to is None:
                raise
            sent = await step(dataclasses.replace(place, chat=refusal.migrated_to, number=None))
        return message_id(sent.chat.id, sent.message_id, place.connection)

    def _steps(self, outbound: Outbound) -> list[Step]:
        """The calls of a delivery; what Telegram would refuse is refused before the first of them."""
        files, text = outbound.attachments, outbound.text
        for file in files:
            if not file.content or len(file.content) > UPLOAD:
                raise SendError("permanent", TOO_LARGE if file.content else EMPTY_FILE)
        keyboard = buttons(outbound)
        if not text.strip():
            if not files:
                raise SendError("permanent", NOTHING)
            return self._file_steps(files, "", keyboard)
        if files and units(text) <= CAPTION:
            return self._file_steps(files, text, keyboard)
        return [self._text_step(text, keyboard), *self._file_steps(files, "", None)]

    def _text_step(self, text: str, keyboard: InlineKeyboardMarkup | None) -> Step:
        async def step(place: Spot) -> Message:
            return await self._api.bot.send_message(
                place.chat,
                text,
                reply_parameters=_reply(place),
                reply_markup=keyboard,
                business_connection_id=place.connection or None,
                message_thread_id=place.topic,
            )

        return step

    def _file_steps(
        self, files: Sequence[OutAttachment], caption: str, keyboard: InlineKeyboardMarkup | None
    ) -> list[Step]:
        """A call for each file; text and buttons go with the first."""
        return [
            self._file_step(file, "" if number else caption, None if number else keyboard)
            for number, file in enumerate(files)
        ]

    def _file_step(self, file: OutAttachment, caption: str, keyboard: InlineKeyboardMarkup | None) -> Step:
        bot = self._api.bot

        async def step(place: Spot) -> Message:
            content = InputFile(file.content, filename=file.filename)
            text, answers, business = caption or None, _reply(place), place.connection or None
            as_photo = file.content_type in ("image/jpeg", "image/png") and len(file.content) <= PHOTO
            if as_photo:
                try:
                    return await bot.send_photo(
                        place.chat,
                        content,
                        caption=text,
                        reply_parameters=answers,
                        reply_markup=keyboard,
                        business_connection_id=business,
                        message_thread_id=place.topic,
                    )
                except Declined as refusal:  # too wide, too high, not what its name says
                    if refusal.status != 400 or not refusal.says("photo_", "image_process"):
                        raise
            return await bot.send_document(
                place.chat,
                content,
                caption=text,
                disable_content_type_detection=True,
                reply_parameters=answers,
                reply_markup=keyboard,
                business_connection_id=business,
                message_thread_id=place.topic,
            )

        return step

    # --- a message that is there ----------------------------------------------------------------------------------

    async def _edit(self, outbound: Outbound) -> Sent:
        """A text, or the text that went with a file; Telegram alone knows which it was."""
        place = _target(outbound)
        if units(outbound.text) > TEXT or not outbound.text.strip():
            raise SendError("permanent", NOTHING if not outbound.text.strip() else TOO_LONG)
        bot, keyboard, business = self._api.bot, buttons(outbound), place.connection or None
        try:
            await bot.edit_message_text(
                outbound.text,
                place.chat,
                place.number,
                reply_markup=keyboard,
                business_connection_id=business,
            )
        except Declined as refusal:
            if refusal.says("no text in the message"):
                await bot.edit_message_caption(
                    place.chat,
                    place.number,
                    caption=outbound.text,
                    reply_markup=keyboard,
                    business_connection_id=business,
                )
            elif not refusal.says("not modified"):
                raise
        return Sent(remote_id=outbound.target, state="delivered")

    async def _delete(self, outbound: Outbound) -> Sent:
        place = _target(outbound)
        try:
            if place.connection:
                await self._api.bot.delete_business_messages(place.connection, [place.number or 0])
            else:
                await self._api.bot.delete_message(place.chat, place.number or 0)
        except Declined as refusal:
            if not refusal.says("message to delete not found"):  # gone already
                raise
        return Sent(remote_id=outbound.target, state="delivered")


def _target(outbound: Outbound) -> Spot:
    place = spot(outbound.target)
    if place is None:
        raise SendError("permanent", NO_TARGET)
    return place


def _reply(place: Spot) -> ReplyParameters | None:
    """The message that is answered; if it is gone meanwhile, the answer is sent all the same."""
    if place.number is None:
        return None
    return ReplyParameters(place.number, allow_sending_without_reply=True)
