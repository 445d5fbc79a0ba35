"""Direct messages on the way out, as Messenger and Instagram do alike: text, files, buttons, the window, typing.

By https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages (2026-05-05) and
https://developers.facebook.com/documentation/business-messaging/instagram-messaging/features/send-message (2026-07-02).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from connectors._pieces import Progress, Step
from connectors.contract import (
    Env,
    Inbound,
    InboxId,
    Message,
    OutAttachment,
    Outbound,
    Party,
    Presence,
    Profile,
    Raw,
    Refused,
    SendError,
    Sent,
    Unknown,
)
from connectors.meta.direct import message_key
from connectors.meta.errors import CLOSED
from connectors.meta.inbox import MetaInbox
from connectors.meta.limits import HOUR, HUMAN_WINDOW, LONG_LABEL, NOTHING, ONLY_SENDING, WINDOW
from connectors.meta.settings import DirectSettings

BUTTONS = 13
BUTTON_LABEL = 20

KNOWN = 20_000
"""People whose names were asked for lately."""
ASKING = 4
"""Names that are asked for at once."""
WAITING = 200
"""Names that wait to be asked for; more are asked for when those people write again."""

PROFILES = {"messenger": "name", "instagram": "name,username"}
"""What Meta is asked of somebody, by the kind of their address."""

ACTIONS = {"typing": "typing_on", "paused": "typing_off", "read": "mark_seen"}


class _Sent(msgspec.Struct, frozen=True):
    message_id: str = ""


class _Uploaded(msgspec.Struct, frozen=True):
    attachment_id: str | int = ""


class _Any(msgspec.Struct, frozen=True):
    """An answer of which nothing is read."""


class _Name(msgspec.Struct, frozen=True):
    name: str = ""
    username: str = ""


def within_window(outbound: Outbound, now: int, human_agent: bool) -> dict[str, str]:
    """What Meta wants to be told about the time since the person wrote, checked at the last moment.

    Raises a permanent :class:`SendError` when the window has closed. A machine may never use the longer one.
    """
    age = now - outbound.inbound_at if outbound.inbound_at is not None else 0
    if age <= WINDOW:
        return {"messaging_type": "RESPONSE"}
    if human_agent and not outbound.automatic and age <= HUMAN_WINDOW:
        return {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
    raise SendError("permanent", CLOSED, f"the person wrote {age // HOUR} hours ago")


def quick_replies(outbound: Outbound) -> list[dict[str, str]]:
    """The buttons under a text. Raises SendError for a label that Meta would cut."""
    if any(len(choice.label) > BUTTON_LABEL for choice in outbound.choices):
        raise SendError("permanent", LONG_LABEL)
    return [
        {"content_type": "text", "title": choice.label, "payload": choice.id}
        for choice in outbound.choices[:BUTTONS]
    ]


class DirectMessages(MetaInbox):
    """The half of a connector that Messenger and Instagram share. ``sender`` is whose ``/messages`` is called."""

    def __init__(self, settings: DirectSettings, env: Env) -> None:
        super().__init__(settings, env)
        self._direct = settings
        self._progress = Progress(self.door, env.clock)
        self._names: OrderedDict[str, None] = OrderedDict()
        self._slots = asyncio.Semaphore(ASKING)

    @property
    def sender(self) -> str:
        """The page through which messages leave."""
        return self._meta.account

    # --- out ------------------------------------------------------------------------------------------------------

    async def send(self, outbound: Outbound) -> Sent:
        """Text first, then files; with buttons the text last, because they vanish under a later message."""
        if outbound.operation != "send":
            raise SendError("permanent", ONLY_SENDING)
        how = within_window(outbound, self.env.clock.now(), self._direct.human_agent)
        recipient = {"id": outbound.to[0].address}
        steps = self._steps(outbound, {"recipient": recipient, **how})
        mids = await self._progress.through(outbound, steps)
        text_last = not outbound.attachments or bool(outbound.choices)
        named = mids[-1] if text_last or not outbound.text.strip() else mids[0]
        keys = tuple(message_key(self.kind, self.env.inbox, mid) for mid in mids if mid)
        return Sent(remote_id=named or None, adds_keys=keys)

    def _steps(self, outbound: Outbound, frame: dict[str, Any]) -> list[Step]:
        words = [self._text_step(outbound, frame)] if outbound.text.strip() else []
        files: list[Step] = [
            partial(self._send_file, frame, file) for file in map(self.fitting, outbound.attachments)
        ]
        steps = [*files, *words] if outbound.choices else [*words, *files]
        if not steps:
            raise SendError("permanent", NOTHING)
        return steps

    def _text_step(self, outbound: Outbound, frame: dict[str, Any]) -> Step:
        self.check_text(outbound.text)
        message: dict[str, Any] = {
            "text": outbound.text,
            "metadata": f"centrala:{outbound.delivery}:{outbound.part}",
        }
        if outbound.choices:
            message["quick_replies"] = quick_replies(outbound)
        return partial(self._send_message, {**frame, "message": message})

    def check_text(self, text: str) -> None:
        """Raises SendError for a text that the platform would refuse."""

    def fitting(self, file: OutAttachment) -> tuple[str, OutAttachment]:
        """A file with the type that Meta gives it. Raises SendError for one that the channel does not take."""
        raise NotImplementedError

    async def _send_message(self, body: dict[str, Any]) -> str:
        sent = await self.graph.post(f"{self.sender}/messages", body, _Sent)
        return sent.message_id

    async def _send_file(self, frame: dict[str, Any], file: tuple[str, OutAttachment]) -> str:
        """Upload, then send: an upload that fails leaves nothing behind that the person sees."""
        kind, content = file
        uploaded = await self._upload(kind, content)
        attachment = {"type": kind, "payload": {"attachment_id": str(uploaded)}}
        return await self._send_message({**frame, "message": {"attachment": attachment}})

    async def _upload(self, kind: str, file: OutAttachment) -> str | int:
        message = msgspec.json.encode(
            {"attachment": {"type": kind, "payload": {"is_reusable": False}}}
        ).decode()
        fields = {"platform": self.kind, "message": message}
        path = f"{self.sender}/message_attachments"
        return (await self.graph.upload(path, fields, "filedata", file, _Uploaded)).attachment_id

    # --- presence -------------------------------------------------------------------------------------------------

    async def show(self, presence: Presence) -> None:
        """Typing, its end, and that we read; what fails is left."""
        body = {"recipient": {"id": presence.to.address}, "sender_action": ACTIONS[presence.what]}
        try:
            await self.graph.post(f"{self.sender}/messages", body, _Any, quietly=True)
        except SendError as error:
            self.env.log.info("presence not shown", reason=error.private)

    # --- names ----------------------------------------------------------------------------------------------------

    def heard(self, items: Sequence[Inbound]) -> None:
        """Ask for the names of people whom we meet, also on behalf of inboxes that share the callback; nothing waits
        for them."""
        if not self._direct.profiles:
            return
        for item in items:
            if isinstance(item, Message | Unknown) and item.sender.kind in PROFILES and not item.sender.name:
                self._ask_name(item.inbox, item.sender)

    def _ask_name(self, inbox: InboxId, person: Party) -> None:
        key = f"{person.kind}:{person.address}"
        if key in self._names or not person.address.isdigit() or len(self._background) >= WAITING:
            return
        self._names[key] = None
        while len(self._names) > KNOWN:
            self._names.popitem(last=False)
        task = asyncio.create_task(self._learn_name(inbox, person, key), name=f"name-{self.env.inbox}")
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _learn_name(self, inbox: InboxId, person: Party, key: str) -> None:
        """Best effort: a name that cannot be had is asked for again when the person writes the next time."""
        try:
            async with self._slots:
                told = await self.graph.get(person.address, _Name, quietly=True, fields=PROFILES[person.kind])
            name = shown_name(told)
            if name:
                known = Party(kind=person.kind, address=person.address, name=name[:200], verified=True)
                profile = Profile(inbox=inbox, received_at=self.env.clock.now(), sender=known)
                raw = Raw(content=msgspec.json.encode(told), content_type="application/json")
                await self.door.sink.accept(raw, [profile])
        except (SendError, Refused):
            self._names.pop(key, None)


def shown_name(told: _Name) -> str:
    """The name and, where there is one, the handle, because handles are what people know each other by."""
    handle = f"@{told.username}" if told.username else ""
    return f"{told.name} ({handle})" if told.name and handle else told.name or handle
