"""WhatsApp by the Cloud API: one telephone number of an office. docs/channels/whatsapp.md says how to set it up."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Annotated, Any

import msgspec

from connectors._forms import about
from connectors._i18n import N_
from connectors._pieces import Progress, Step
from connectors.contract import (
    Capabilities,
    Channel,
    Env,
    OutAttachment,
    Outbound,
    Presence,
    SendError,
    Sent,
)
from connectors.meta.direct import message_key
from connectors.meta.errors import MISSING, TEMPLATE_ONLY, TOO_LARGE, GraphError
from connectors.meta.family import parse
from connectors.meta.inbox import GONE, NOT_META, MetaInbox
from connectors.meta.limits import HOUR, NOTHING, ONLY_SENDING, SECOND, SEND_SECONDS, WINDOW
from connectors.meta.settings import Account, MetaSettings
from connectors.meta.whatsapp_words import MEDIA_REF
from connectors.meta.whatsapp_writing import (
    CAPTION,
    CHOOSE,
    KINDS,
    LONGEST,
    ROWS,
    TemplateSettings,
    choices_message,
    find_template,
    frame,
    kind_of,
    media_message,
    template_message,
    template_of,
    text_message,
)

NO_SUCH_TEMPLATE = 132001

DAMAGED = N_("The file arrived damaged; it will be fetched again.")


class Settings(MetaSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One number; ``account`` is Meta's id of it (not the number itself)."""

    business_account: Annotated[
        Account | None,
        about("Meta's number of the WhatsApp business account; what concerns all of it is then shown."),
    ] = None
    templates: Annotated[
        tuple[TemplateSettings, ...], about("Approved texts: all that may be sent after 24 hours.")
    ] = ()

    @property
    def accounts(self) -> tuple[str, ...]:
        """The number's own and, where it is named, the business account's."""
        return (self.account, self.business_account) if self.business_account else (self.account,)


class _Message(msgspec.Struct, frozen=True):
    id: str = ""


class _Sent(msgspec.Struct, frozen=True):
    messages: tuple[_Message, ...] = ()


class _Media(msgspec.Struct, frozen=True):
    id: str | int = ""
    url: str = ""
    file_size: int = 0


class _Any(msgspec.Struct, frozen=True):
    """An answer of which nothing is read."""


class WhatsApp(MetaInbox):
    """See :class:`connectors.contract.Connector`. Addresses are telephone numbers, or WhatsApp's ids of people who hide
    theirs."""

    kind = "whatsapp"
    fields = "id,verified_name"

    def __init__(self, settings: Settings, env: Env) -> None:
        super().__init__(settings, env)
        self._settings = settings
        self._progress = Progress(self.door, env.clock)
        self.capabilities = Capabilities(
            reaches=("phone", "whatsapp"),
            max_length=LONGEST,
            splits=True,
            attachments=tuple(KINDS),
            attachment_bytes=max(most for _, most in KINDS.values()),
            starts=bool(settings.templates),
            reply_window=WINDOW // SECOND,
            read_receipts=True,
            typing=True,
            choices=ROWS,
            templates=tuple(template_of(template) for template in settings.templates),
            send_limit=SEND_SECONDS,
        )

    # --- out ------------------------------------------------------------------------------------------------------

    async def send(self, outbound: Outbound) -> Sent:
        """A template, or text, files and buttons while the window is open. Each leaves as a message of its own."""
        if outbound.operation != "send":
            raise SendError("permanent", ONLY_SENDING)
        if outbound.template:
            steps: list[Step] = [partial(self._send_template, outbound)]
        else:
            self._check_window(outbound)
            steps = self._steps(outbound)
        ids = await self._progress.through(outbound, steps)
        words_first = bool(outbound.text.strip()) and not outbound.choices and len(ids) > 1
        keys = tuple(message_key(self.kind, self.env.inbox, one) for one in ids if one)
        return Sent(remote_id=(ids[0] if words_first else ids[-1]) or None, adds_keys=keys)

    def _check_window(self, outbound: Outbound) -> None:
        if outbound.inbound_at is not None and self.env.clock.now() - outbound.inbound_at <= WINDOW:
            return
        hours = (
            (self.env.clock.now() - outbound.inbound_at) // HOUR if outbound.inbound_at is not None else None
        )
        why = "the person never wrote" if hours is None else f"the person wrote {hours} hours ago"
        raise SendError("permanent", TEMPLATE_ONLY, why)

    def _steps(self, outbound: Outbound) -> list[Step]:
        """What leaves, in order; one picture or document carries the text as its caption."""
        to, text = frame(outbound.to[0]), outbound.text.strip()
        files = [(kind_of(file.content_type, len(file.content)), file) for file in outbound.attachments]
        captioned = (
            len(files) == 1 and files[0][0] != "audio" and len(text) <= CAPTION and not outbound.choices
        )
        caption = text if captioned else ""
        sending: list[Step] = [partial(self._send_file, to, kind, file, caption) for kind, file in files]
        if outbound.choices:
            label = self.env.translate(outbound.language, CHOOSE)
            return [*sending, partial(self._post, to | choices_message(text, outbound.choices, label))]
        if text and not captioned:
            return [partial(self._post, to | text_message(outbound.text)), *sending]
        if not sending:
            raise SendError("permanent", NOTHING)
        return sending

    async def _post(self, body: dict[str, Any]) -> str:
        sent = await self.graph.post(f"{self._meta.account}/messages", body, _Sent)
        return sent.messages[0].id if sent.messages else ""

    async def _send_file(self, to: dict[str, Any], kind: str, file: OutAttachment, caption: str) -> str:
        media = await self._upload(file)
        return await self._post(to | media_message(kind, media, file.filename, caption))

    async def _upload(self, file: OutAttachment) -> str:
        fields = {"messaging_product": "whatsapp", "type": file.content_type}
        return str((await self.graph.upload(f"{self._meta.account}/media", fields, "file", file, _Media)).id)

    async def _send_template(self, outbound: Outbound) -> str:
        """In its language, or in the next one that is allowed where WhatsApp does not have it."""
        template = find_template(self._settings.templates, outbound.template, outbound.language)
        header = await self._header(template, outbound)
        languages = (template.language, *template.fallbacks)
        for language in languages[:-1]:
            try:
                return await self._post(
                    frame(outbound.to[0]) | template_message(template, language, outbound, header)
                )
            except GraphError as error:
                if error.code != NO_SUCH_TEMPLATE:
                    raise
        return await self._post(
            frame(outbound.to[0]) | template_message(template, languages[-1], outbound, header)
        )

    async def _header(self, template: TemplateSettings, outbound: Outbound) -> dict[str, Any] | None:
        """The file with which the template begins."""
        if not template.header or not outbound.attachments:
            return None
        file = outbound.attachments[0]
        kind_of(file.content_type, len(file.content))
        content = {"id": await self._upload(file)}
        if template.header == "document":
            content["filename"] = file.filename
        return {"type": template.header, template.header: content}

    # --- presence -------------------------------------------------------------------------------------------------

    async def show(self, presence: Presence) -> None:
        """That we read, or write: WhatsApp knows both only as an answer to a message. What fails is left."""
        if presence.target is None or presence.what == "paused":
            return
        body: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": presence.target,
        }
        if presence.what == "typing":
            body["typing_indicator"] = {"type": "text"}
        try:
            await self.graph.post(f"{self._meta.account}/messages", body, _Any, quietly=True)
        except SendError as error:
            self.env.log.info("presence not shown", reason=error.private)

    # --- files ----------------------------------------------------------------------------------------------------

    async def fetch(self, ref: str) -> bytes:
        """A file by its id: its address lives five minutes and needs the token; what comes must have the hash told.

        Raises SendError.
        """
        if not ref.startswith(MEDIA_REF):
            return await super().fetch(ref)
        media, _, digest = ref.removeprefix(MEDIA_REF).partition("/")
        if not media.isalnum():
            raise SendError("permanent", NOT_META, "an id of a file that is none")
        told = await self._described(media)
        if told.file_size > self._meta.media_bytes:
            raise SendError("permanent", TOO_LARGE)
        self.require_host(told.url)
        content = (await self.graph.download(told.url, self._meta.media_bytes)).body
        if digest and hashlib.sha256(content).hexdigest() != digest:
            raise SendError("temporary", DAMAGED, "the hash differs from the one in the webhook")
        return content

    async def _described(self, media: str) -> _Media:
        """Where a file is. Raises SendError: one that WhatsApp has no longer says nothing about the account."""
        try:
            return await self.graph.get(media, _Media, quietly=True, phone_number_id=self._meta.account)
        except GraphError as error:
            if (error.code, error.subcode) in MISSING:
                raise SendError("permanent", GONE, error.private) from error
            self.graph.learn(error)
            raise


CHANNEL = Channel(kind="whatsapp", channel="whatsapp", config=Settings, create=WhatsApp, parse=parse)
