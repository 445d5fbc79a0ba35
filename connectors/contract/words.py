"""What everything else is made of: ids, times, secrets, people, and the parts of messages."""

from __future__ import annotations

import hmac
import re
from typing import ClassVar, Literal, NewType

import msgspec

Micros = NewType("Micros", int)
"""Integer microseconds since 1970-01-01T00:00:00Z."""


InboxId = NewType("InboxId", str)
"""One configured account on a channel; stable, chosen in the configuration."""


ThreadKey = NewType("ThreadKey", str)
"""A name under which later messages find a conversation. Keys live in one space for the whole hub:
a connector puts its own prefix before it (``mid:`` for Message-IDs, ``thread:INBOX:`` for an id that
is unique only within an account)."""


BlobId = NewType("BlobId", int)
"""Bytes kept by the hub; see :class:`Blobs`."""


Automatic = Literal["no", "auto-reply", "bounce", "list", "report", "complaint"]
"""Whether a machine wrote it. Anything but ``no`` is never answered automatically (RFC 3834)."""


Operation = Literal["send", "edit", "delete", "publish", "hide"]


Standing = Literal["published", "held", "hidden"]
"""How a comment stands on a platform that is not ours: in public, waiting there for its approval, out of sight."""


class Secret:
    """A password, token or key from the configuration; only :meth:`reveal` shows it, never a log or an error.

    The type of every secret field of a connector's ``config``: ``password: Secret | None = None``. The file may then
    also say ``password_file = "…"``. Decode such a struct with ``msgspec.convert(…, dec_hook=decode_secret)``.
    """

    __slots__ = ("_value", "file")

    def __init__(self, value: str, file: str = "") -> None:
        self._value = value
        self.file = file
        """The file that it was read from; empty where it came from nowhere that others could read."""

    def reveal(self) -> str:
        """The secret itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(("secret", self._value))

    def __bool__(self) -> bool:
        return bool(self._value)


def decode_secret(kind: type, value: object) -> object:
    """The ``dec_hook`` of msgspec for structs that hold a :class:`Secret`."""
    if kind is Secret and isinstance(value, str | Secret):
        return Secret(value) if isinstance(value, str) else value
    raise TypeError(f"Expected `{kind.__name__}`, got `{type(value).__name__}`")


MAX_KEY = 512
"""Longest external id or thread key in characters; a connector hashes what is longer."""


def conversation_key(conversation: int) -> ThreadKey:
    """The key of a conversation that a *verified* signed token named (see :class:`Tokens`)."""
    return ThreadKey(f"conversation:{conversation}")


def storable(text: str) -> str:
    """``text`` with what a store cannot hold replaced by U+FFFD.

    PostgreSQL refuses NUL and SQLite's driver refuses lone surrogates; both do come in real mail.
    """
    if "\x00" in text:
        text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


_values = msgspec.structs.astuple


def _make_storable(struct: msgspec.Struct) -> None:
    # Nearly everything is storable, and looking at all the texts at once costs less than looking at each.
    texts: list[str] = []
    for value in _values(struct):
        if value.__class__ is str:
            texts.append(value)
        elif value.__class__ is tuple and value and value[0].__class__ is str:
            texts += value
    together = "".join(texts)
    if storable(together) is not together:
        _replace_texts(struct)


def _replace_texts(struct: msgspec.Struct) -> None:
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        if type(value) is str:
            msgspec.structs.force_setattr(struct, name, storable(value))
        elif type(value) is tuple and value and type(value[0]) is str:
            msgspec.structs.force_setattr(struct, name, tuple(storable(item) for item in value))


_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
"""Characters that turn the direction of what follows them (UAX 9, 2) or are never seen: with them ``fdp.exe`` is shown
as ``exe.pdf``, and a name reaches into the line that it stands in."""

_BREAKING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
"""Line breaks and control characters (U+0084 is what a quotation mark becomes that was encoded twice). No header field
may hold them: a name with one could be read, but nobody could be answered by it."""


def _set_straight(struct: msgspec.Struct, field: str) -> None:
    """A name without such characters. A text keeps them: it stands alone, and Hebrew and Arabic may need them."""
    value: str = getattr(struct, field)
    if value.isprintable():
        return
    if _TURNING.search(value):
        value = _TURNING.sub("", value)
    if _BREAKING.search(value):
        value = _BREAKING.sub(" ", value).strip()
    msgspec.structs.force_setattr(struct, field, value)


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every struct that carries text from outside: building one makes it storable.

    ``_inline`` names the field that people see inside a line, which must neither end it nor turn what follows it.
    """

    _inline: ClassVar[str] = ""

    def __post_init__(self) -> None:
        _make_storable(self)
        if self._inline:
            _set_straight(self, self._inline)


class Party(Text, frozen=True, kw_only=True):
    """A person or machine on the other side.

    ``kind`` names the space of ``address``: ``email`` (lower case), ``phone`` (E.164), ``web`` (an
    anonymous visitor's random id), or the channel's own name (``telegram``, ``xmpp``, …).
    ``verified`` is true only where the channel itself proves the address.
    """

    _inline = "name"

    kind: str
    address: str
    name: str = ""
    language: str = ""
    verified: bool = False


class Recipient(Text, frozen=True, kw_only=True):
    """Somebody a message was addressed to, as the wire said it."""

    _inline = "name"

    address: str
    name: str = ""
    role: Literal["to", "cc", "bcc"] = "to"


class Attachment(Text, frozen=True, kw_only=True):
    """A file of a message. Exactly one of ``content``, ``blob`` and ``remote`` is set.

    ``content`` holds the bytes (up to 64 kB; larger ones go through :class:`Blobs` first, so that they are
    durable before the commit that refers to them); ``remote`` is what :meth:`Connector.fetch` takes.
    ``filename`` is data for people and never a path. ``inline`` is a picture that the message's HTML shows inside
    itself, by its ``content_id``; whatever else came with the message is not.
    """

    _inline = "filename"

    filename: str
    content_type: str
    size: int = 0
    sha256: str = ""
    content: bytes | None = None
    blob: BlobId | None = None
    remote: str | None = None
    inline: bool = False
    content_id: str = ""


class CommentPlace(Text, frozen=True, kw_only=True):
    """Where on a site a comment stands. ``parent`` is the post that it answers.

    ``moderation`` is the site's way: approved first (``pre``) or published first (``post``); an article may be set
    otherwise by the editorial team. On a platform that is not ours (``ours`` false) the comment stands already as
    ``standing`` says, and ``moderation`` says whether a moderator looks at each (``pre``) or only at what a rule holds
    (``post``); ``parent_ref`` is the external id of the one it answers, ``link`` the address of the comment itself. A
    comment of the office's own, written there, is a message that is ``ours``.
    """

    article: str
    title: str = ""
    url: str = ""
    section: str = ""
    parent: int | None = None
    moderation: Literal["pre", "post"] = "pre"
    ours: bool = True
    parent_ref: str = ""
    standing: Standing = "published"
    link: str = ""


class CallbackWish(Text, frozen=True, kw_only=True):
    """A wish to be called: ``number`` in E.164, ``at`` the wished time or None for "soon".

    ``email`` is where the person wants the confirmation, if they said so.
    """

    number: str
    at: Micros | None = None
    topic: str = ""
    email: str = ""


class LiveChat(Text, frozen=True, kw_only=True):
    """Says that both sides are there while this is written. ``email`` and ``phone`` (E.164) are where the person wants
    answers once they have left; ``page`` is the address of the page that they wrote from."""

    email: str = ""
    phone: str = ""
    page: str = ""


class FormField(Text, frozen=True, kw_only=True):
    """One field of a form as the person filled it in; ``name`` is the configured one."""

    name: str
    label: str
    value: str


class BouncedRecipient(Text, frozen=True, kw_only=True):
    """One address that a bounce names. ``status`` is RFC 3463 (``5.1.1``), ``action`` RFC 3464."""

    address: str
    status: str = ""
    action: str = "failed"
    diagnostic: str = ""
