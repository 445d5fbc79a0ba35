"""From the bytes of one mail to a commit: what the IMAP reader and the listener have in common.

Small mails travel inside the commit; what is larger goes to the blob store first, streamed. Taking a mail apart may
be slow, so above a few kilobytes it happens in a thread. A mail that cannot be taken apart is kept and shown as such:
nothing that a citizen sent can stop the mails behind it.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from connectors._i18n import N_
from connectors.contract import (
    Attachment,
    Cursor,
    Env,
    Event,
    Inbound,
    Message,
    ParseContext,
    Party,
    Raw,
    Receipt,
    Sink,
    Unknown,
    fault,
)

INLINE_BYTES = 64_000
"""Largest raw mail or attachment that travels inside the commit."""

THREAD_BYTES = 8_000
"""Mails above this are taken apart in a thread."""

HEAD_BYTES = 64_000
"""Of a mail above the inbox's limit only so much is taken apart: its header fields and the beginning of the text."""

CONTENT_TYPE = "message/rfc822"

OURSELVES = N_("The mail names our own address as its sender.")

Parser = Callable[[bytes, ParseContext], list[Inbound]]


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that is durable or small: ``raw`` for the commit, ``content`` to take apart.

    ``whole`` is false when ``content`` is only the beginning; ``size`` is of all of it, in bytes.
    """

    raw: Raw
    content: bytes
    size: int
    whole: bool = True


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that has only to be committed."""

    raw: Raw
    items: list[Inbound]


async def keep(content: bytes, env: Env) -> Mail:
    """A mail that is already in memory."""
    if len(content) <= INLINE_BYTES:
        return Mail(raw=Raw(content=content, content_type=CONTENT_TYPE), content=content, size=len(content))
    blob = await env.blobs.put(content)
    return Mail(raw=Raw(blob=blob, content_type=CONTENT_TYPE), content=content, size=len(content))


async def keep_stream(chunks: AsyncIterator[bytes], env: Env, limit: int) -> Mail:
    """A large mail as it comes off the wire; memory holds at most ``limit`` bytes of it and one chunk."""
    head, size = bytearray(), 0

    async def copied() -> AsyncIterator[bytes]:
        nonlocal size
        async for chunk in chunks:
            size += len(chunk)
            if size <= limit:
                head.extend(chunk)
            else:
                head.extend(chunk[: max(0, HEAD_BYTES - len(head))])
                del head[HEAD_BYTES:]
            yield chunk

    blob = await env.blobs.put(copied())
    raw = Raw(blob=blob, content_type=CONTENT_TYPE)
    return Mail(raw=raw, content=bytes(head), size=size, whole=size <= limit)


class Taker:
    """The way in of one inbox: what every mail goes through, whichever way it came.

    ``owns`` tells an address of the inbox itself: a mail from there is forged or goes in a circle, so a person looks at
    it first and nothing answers it automatically.
    """

    def __init__(
        self,
        env: Env,
        sink: Sink,
        parse: Parser,
        receiver: str = "",
        owns: Callable[[str], bool] = lambda address: False,
    ) -> None:
        self.env = env
        self.sink = sink
        self._parse = parse
        self._receiver = receiver
        self._owns = owns
        self._turn = asyncio.Lock()

    async def take(self, mail: Mail, state: Cursor | None = None) -> list[Receipt]:
        """Take a mail apart and commit it. Raises :class:`Refused` when nothing was committed."""
        return await self.commit(await self.ready(mail), state)

    async def ready(self, mail: Mail) -> Ready:
        """A mail taken apart, its large attachments kept."""
        items = [self._doubted(_apart(item, self.env)) for item in await self.understand(mail)]
        return Ready(raw=mail.raw, items=await _stored(items, self.env))

    def _doubted(self, item: Inbound) -> Inbound:
        if not isinstance(item, Message) or item.suspicious or not self._owns(item.sender.address):
            return item
        return msgspec.structs.replace(item, suspicious=OURSELVES)

    async def commit(self, ready: Ready, state: Cursor | None = None) -> list[Receipt]:
        """The last step of :meth:`take`; who calls it first is first. Raises :class:`Refused`."""
        return await self.sink.accept(ready.raw, ready.items, state)

    async def understand(self, mail: Mail) -> list[Inbound]:
        """What intake sees of a mail; never fails and never gives nothing."""
        if len(mail.content) > THREAD_BYTES:
            return await asyncio.to_thread(_understood, mail, self.env, self._parse, self._receiver)
        async with self._turn:  # a batch would hold up everything else; so the sockets get a look in between
            items = _understood(mail, self.env, self._parse, self._receiver)
            await asyncio.sleep(0)
        return items


def _understood(mail: Mail, env: Env, parse: Parser, receiver: str) -> list[Inbound]:
    context = ParseContext(
        inbox=env.inbox,
        now=env.clock.now(),
        tokens=env.tokens,
        zone=env.office.zone,
        receiver=receiver,
    )
    try:
        items = parse(mail.content, context)
    except Exception as error:  # whatever a mail does to the parser, the mail itself is kept
        env.log.error("mail could not be taken apart", **fault(error), bytes=mail.size)
        items = []
    if not items:
        return [_unreadable(mail, env)]
    return items if mail.whole else [_shortened(item, mail, env) for item in items]


def _apart(item: Inbound, env: Env) -> Inbound:
    """Whom nobody can read is a person of their own with each mail: two of them have nothing in common."""
    if not isinstance(item, Message | Unknown) or item.sender.address:
        return item
    digest = hashlib.sha256((item.external_id or "").encode()).hexdigest()
    name = item.sender.name or env.translate(env.office.language, "Unknown person")
    sender = msgspec.structs.replace(item.sender, address=f"unknown-{digest[:16]}", name=name)
    return msgspec.structs.replace(item, sender=sender)


def _unreadable(mail: Mail, env: Env) -> Inbound:
    """A stand-in under a name that the same bytes always get."""
    return Unknown(
        inbox=env.inbox,
        external_id=f"raw:{hashlib.sha256(mail.content).hexdigest()}",
        received_at=env.clock.now(),
        sender=Party(kind="email", address=_sender_of(mail.content)),
        what="mail that could not be taken apart",
        text=env.translate(
            env.office.language, "This mail could not be taken apart. Its original source is kept with it."
        ),
    )


_FROM = re.compile(rb"^from:[^\r\n]*?([a-z0-9._%+-]{1,64}@[a-z0-9.-]{1,190})", re.IGNORECASE | re.MULTILINE)


def _sender_of(content: bytes) -> str:
    found = _FROM.search(content[:HEAD_BYTES])
    return found[1].decode("ascii").lower() if found else ""


def _shortened(item: Inbound, mail: Mail, env: Env) -> Inbound:
    """Of a mail above the limit: what its beginning says, and a note; never half an attachment."""
    if not isinstance(item, Message):
        return item
    note = env.translate(
        env.office.language,
        "This mail of {megabytes} MB is too large to be shown whole. Its original source is kept with it.",
        megabytes=max(1, round(mail.size / 1_000_000)),
    )
    return msgspec.structs.replace(
        item,
        external_id=_with_size(item, mail.size),
        text=f"{note}\n\n{item.text}".rstrip(),
        full_text=f"{note}\n\n{item.full_text}".rstrip(),
        html="",
        attachments=(),
    )


def _with_size(item: Event, size: int) -> str | None:
    """Two mails that only begin alike are two mails."""
    if item.external_id is None:
        return None
    return hashlib.sha256(f"{item.external_id}:{size}".encode()).hexdigest()


async def _stored(items: Sequence[Inbound], env: Env) -> list[Inbound]:
    """The same items with large attachments in the blob store."""
    return [await _with_blobs(item, env) if isinstance(item, Message) else item for item in items]


async def _with_blobs(message: Message, env: Env) -> Message:
    if all(len(attachment.content or b"") <= INLINE_BYTES for attachment in message.attachments):
        return message
    attachments = tuple([await _in_blob(attachment, env) for attachment in message.attachments])
    return msgspec.structs.replace(message, attachments=attachments)


async def _in_blob(attachment: Attachment, env: Env) -> Attachment:
    if attachment.content is None or len(attachment.content) <= INLINE_BYTES:
        return attachment
    blob = await env.blobs.put(attachment.content)
    return msgspec.structs.replace(attachment, content=None, blob=blob)
