"""The words that connectors and the hub share, and the promises on both sides.

A connector turns one channel's wire into :data:`Inbound` values and :class:`Outbound` values into
that wire. It knows nothing of queues, agents or storage. The hub knows nothing of any channel but
what stands here. Times are integer microseconds UTC everywhere (:data:`Micros`).

Who does what, in order:

1. the connector reads the wire, keeps the raw bytes and normalises them (addresses lower-cased or
   in E.164, text as Unicode, HTML sanitised);
2. it calls :meth:`Sink.accept`, which returns only after the commit;
3. only then does it acknowledge the wire (flag the mail, move the offset, answer 200).
"""

from __future__ import annotations

import hmac
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, NewType, Protocol, runtime_checkable

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

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

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


def _make_storable(struct: msgspec.Struct) -> None:
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        if type(value) is str:
            clean = storable(value)
            if clean is not value:
                msgspec.structs.force_setattr(struct, name, clean)
        elif type(value) is tuple and value and type(value[0]) is str:
            msgspec.structs.force_setattr(struct, name, tuple(storable(item) for item in value))


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every struct that carries text from outside: building one makes it storable."""

    def __post_init__(self) -> None:
        _make_storable(self)


class Party(Text, frozen=True, kw_only=True):
    """A person or machine on the other side.

    ``kind`` names the space of ``address``: ``email`` (lower case), ``phone`` (E.164), ``web`` (an
    anonymous visitor's random id), or the channel's own name (``telegram``, ``xmpp``, …).
    ``verified`` is true only where the channel itself proves the address.
    """

    kind: str
    address: str
    name: str = ""
    language: str = ""
    verified: bool = False


class Recipient(Text, frozen=True, kw_only=True):
    """Somebody a message was addressed to, as the wire said it."""

    address: str
    name: str = ""
    role: Literal["to", "cc", "bcc"] = "to"


class Attachment(Text, frozen=True, kw_only=True):
    """A file of a message. Exactly one of ``content``, ``blob`` and ``remote`` is set.

    ``content`` holds the bytes (up to 64 kB; larger ones go through :class:`Blobs` first, so that they are
    durable before the commit that refers to them); ``remote`` is what :meth:`Connector.fetch` takes.
    ``filename`` is data for people and never a path.
    """

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


class Event(Text, tag_field="kind", frozen=True, kw_only=True):
    """What every kind of :data:`Inbound` has.

    ``external_id`` is the identity of the *event*, unique per inbox, the same whenever the wire tells it again;
    None where the channel gives it none. ``target`` names the message it is about, as the channel
    names it (the ``remote id`` that a send returned, or the external id of an inbound message).
    """

    inbox: InboxId
    external_id: str | None = None
    target: str | None = None
    received_at: Micros = Micros(0)

    def __post_init__(self) -> None:
        _make_storable(self)
        if self.external_id is not None and not 0 < len(self.external_id) <= MAX_KEY:
            raise ValueError(f"external_id must have 1 to {MAX_KEY} characters")


class Message(Event, tag="message", frozen=True, kw_only=True):
    """Something a person (or a machine, see ``automatic``) wrote to us.

    ``text`` is what was written now, ``full_text`` all of it with quotations; ``html`` is sanitised.
    ``thread_keys`` are candidates of where it belongs, the best first; ``adds_keys`` are keys by which later
    messages find this one. ``direct`` says that the channel has no threads (SMS, direct messages): the
    hub then joins by sender and inbox. ``mentions`` are reference numbers seen in the subject; they join only for
    somebody who already takes part.
    """

    sender: Party
    recipients: tuple[Recipient, ...] = ()
    subject: str = ""
    text: str = ""
    full_text: str = ""
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    thread_keys: tuple[ThreadKey, ...] = ()
    adds_keys: tuple[ThreadKey, ...] = ()
    mentions: tuple[str, ...] = ()
    direct: bool = False
    sent_at: Micros | None = None
    automatic: Automatic = "no"
    comment: CommentPlace | None = None
    callback: CallbackWish | None = None
    chat: LiveChat | None = None
    fields: tuple[FormField, ...] = ()
    reply_to: tuple[Party, ...] = ()
    """Where the sender wants the answer, where that is not the address it came from (Reply-To)."""
    also: tuple[Party, ...] = ()
    """Further addresses of the same person, as the person claims (the phone number on a form)."""
    wire_id: str | None = None
    """What the channel calls it and a reply must name, where that is not ``external_id`` (a Message-ID)."""
    suspicious: str = ""
    """Why a person should look first (a forged office sender, a failed signature); empty if nothing."""
    authenticated: bool | None = None
    """Whether the office's own receiving server proved the sender's domain; None where nothing was asked."""
    complained: tuple[BouncedRecipient, ...] = ()
    """Of an ``automatic`` complaint: who called a mail of ours spam."""
    choice: str = ""
    """The button that was pressed instead of writing (see :class:`Choice`); ``text`` is its label."""
    ours: bool = False
    """Written by the office itself on another way (the platform's own inbox, another client): ``sender`` is the person
    to whom it went (of a comment: the page that wrote it), and it is shown as sent by us. One that names a sending of
    ours is recognised as that."""


class Edit(Event, tag="edit", frozen=True, kw_only=True):
    """The sender changed ``target``; of a comment on our own pages that is the post's id, as in :class:`PostReport`.

    Of a comment on a platform it is the external id, and whoever may change it there is believed.
    """

    sender: Party
    text: str = ""
    html: str = ""
    at: Micros | None = None
    """When, as the channel says: an older change that is told later changes nothing."""


class Deletion(Event, tag="deletion", frozen=True, kw_only=True):
    """The sender took ``target`` back; of a comment on our own pages that is the post's id.

    Of a comment on a platform it is the external id, and whoever may delete it there is believed.
    """

    sender: Party


class Moderated(Event, tag="moderated", frozen=True, kw_only=True):
    """Somebody (we ourselves, a colleague, the platform's filter) moderated the comment ``target`` on a platform.

    ``standing`` is how it stands since then; ``at`` when that was, as the platform says.
    """

    standing: Standing
    at: Micros | None = None


class Reaction(Event, tag="reaction", frozen=True, kw_only=True):
    """A sign under ``target``; an empty ``emoji`` takes it back."""

    sender: Party
    emoji: str = ""
    at: Micros | None = None
    """As in :class:`Edit`."""


class DeliveryReport(Event, tag="delivery", frozen=True, kw_only=True):
    """What became of something we sent; ``target`` is its remote id. States never go backwards.

    A channel with watermarks names no message: with ``to`` and ``until``, without ``target``, it is about all that this
    inbox sent to that person up to then. With both a ``target`` and ``to``, about that message and all before it.
    """

    state: Literal["accepted", "delivered", "read", "failed"]
    reason: str = ""
    at: Micros | None = None
    to: Party | None = None
    until: Micros | None = None


class Bounce(Event, tag="bounce", frozen=True, kw_only=True):
    """A mail that says another mail was not (yet) delivered; ``target`` is the original Message-ID."""

    recipients: tuple[BouncedRecipient, ...]
    subject: str = ""
    text: str = ""
    sender: Party | None = None
    sent_at: Micros | None = None
    thread_keys: tuple[ThreadKey, ...] = ()
    to: tuple[Recipient, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    """What came with it (the machine's report, the mail that came back), named only: the raw mail holds the bytes."""


class PostReport(Event, tag="report", frozen=True, kw_only=True):
    """A reader reports a published comment; ``target`` is the post id, ``version`` what they saw.

    ``origin`` is a keyed hash of the network address: reports of one origin count as one reporter, because anybody
    can get as many visitor ids as they like.
    """

    sender: Party
    version: int
    reason: Literal["spam", "abuse", "threat", "personal-data", "other"]
    text: str = ""
    origin: str = ""


class Appeal(Event, tag="appeal", frozen=True, kw_only=True):
    """The author of a comment asks that another moderator decides again; ``target`` is the post id."""

    sender: Party
    version: int
    text: str = ""


class CallbackChange(Event, tag="callback", frozen=True, kw_only=True):
    """The citizen moves or cancels; ``target`` is the callback's id from a verified link."""

    action: Literal["move", "cancel"]
    at: Micros | None = None


class Consent(Event, tag="consent", frozen=True, kw_only=True):
    """The person does not want to be written to any more on this channel (STOP, blocked), or wants it again.

    Every later sending to the address is refused by the hub, with the reason in plain words.
    """

    sender: Party
    allowed: bool
    text: str = ""


class Profile(Event, tag="profile", frozen=True, kw_only=True):
    """What the channel told later about somebody who wrote: fills a name or a language that is missing."""

    sender: Party


class Article(Event, tag="article", frozen=True, kw_only=True):
    """What a platform told later about what comments stand under: fills a title or an address that is missing."""

    article: str
    title: str = ""
    url: str = ""


class Call(Event, tag="call", frozen=True, kw_only=True):
    """What a telephone exchange tells about a call, which it names ``call`` in every event; these may come in any order
    and again.

    ``sender`` is the other side (kind ``phone``), None where the number is hidden; ``extension`` the telephone of ours
    that rings, answered or did not; ``line`` the number of ours that was called. ``duration`` of the talk in seconds,
    of an ``ended`` call: 0 says that nobody answered, None that the exchange does not tell. ``other`` is something that
    we have no word for; ``what`` is the exchange's.
    """

    call: str
    state: Literal["ringing", "answered", "missed", "ended", "other"]
    what: str = ""
    sender: Party | None = None
    direction: Literal["in", "out"] = "in"
    extension: str = ""
    line: str = ""
    at: Micros | None = None
    duration: int | None = None


class Visit(Event, tag="visit", frozen=True, kw_only=True):
    """What somebody does in a live conversation besides writing: they came back, left, ended it, or ask for what was
    said (``text``, as their page shows it) by ``email``. Of somebody without such a conversation it is forgotten."""

    sender: Party
    what: Literal["came", "left", "ended", "transcript"]
    email: str = ""
    text: str = ""


class Unknown(Event, tag="unknown", frozen=True, kw_only=True):
    """Something the channel sent that we have no word for: kept and shown as such, never dropped."""

    sender: Party
    what: str
    text: str = ""
    thread_keys: tuple[ThreadKey, ...] = ()
    direct: bool = False


Inbound = (
    Message
    | Edit
    | Deletion
    | Moderated
    | Reaction
    | DeliveryReport
    | Bounce
    | PostReport
    | Appeal
    | CallbackChange
    | Consent
    | Profile
    | Article
    | Call
    | Visit
    | Unknown
)
"""What a connector hands to intake; in JSON the field ``kind`` tells them apart."""


class Raw(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes as the wire gave them: ``content`` up to 64 kB, else ``blob``."""

    content: bytes | None = None
    blob: BlobId | None = None
    content_type: str = "application/octet-stream"


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """A connector's own place on the wire (an offset, a UID), committed together with the items."""

    key: str
    value: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one item. ``duplicate`` items point at what they repeat.

    ``parked`` events wait up to 72 h for the message they are about; ``quarantined`` ones wait for a person.
    """

    conversation: int | None = None
    message: int | None = None
    reference: str = ""
    duplicate: bool = False
    parked: bool = False
    quarantined: bool = False
    post_state: str = ""


class Refused(Exception):
    """``accept`` did not commit anything: the wire must keep it and try again.

    ``retry_after`` is in seconds, for a 503 with Retry-After, a 4xx of LMTP, or a pause before the next poll.
    """

    def __init__(self, reason: str, retry_after: float = 5.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Sink(Protocol):
    """The hub as a connector sees it on the way in."""

    async def accept(self, raw: Raw, items: Sequence[Inbound], state: Cursor | None = None) -> list[Receipt]:
        """Commit all of ``items`` with ``raw`` and ``state``, or none.

        Returns one receipt an item, in order, after the commit. Raises :class:`Refused` when nothing was
        committed (full, or the storage failed). Cancelling the caller never cancels the commit: after a
        cancellation the items may or may not be in, and telling them again is harmless.
        An empty ``items`` with a ``state`` just moves the cursor.
        """

    async def cursor(self, key: str) -> str | None:
        """The last committed value of a cursor of this inbox."""

    def signal(self, conversation_key: ThreadKey, what: str) -> None:
        """Tell what is not worth a commit (typing, presence); may be dropped."""


class OutAttachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file to send; ``content`` is loaded by the hub before ``send``."""

    filename: str
    content_type: str
    content: bytes


class Outbound(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery to carry out. The same ``delivery`` and ``message_id`` on every attempt.

    ``token`` is the signed name of the conversation: what a connector puts where a reply brings it back (the
    Message-ID, the reply address). ``reply_to`` is the external id of the message answered, ``references`` the chain
    of the channel's ids before it, oldest first. ``quoted`` is the text of the message answered.
    ``target`` is the remote id for an edit, delete, publish or hide. ``part`` counts the parts of a text that was too
    long for one. ``inbound_at``: when the person wrote last, for windows that the channel closes. ``template`` with its
    ``parameters`` is sent instead of ``text``, which is what it says. ``public``: under ``target`` on its page, for all
    to read.
    """

    delivery: int
    inbox: InboxId
    operation: Operation = "send"
    message: int
    to: tuple[Party, ...]
    cc: tuple[Party, ...] = ()
    bcc: tuple[Party, ...] = ()
    subject: str = ""
    text: str = ""
    attachments: tuple[OutAttachment, ...] = ()
    token: str = ""
    reference: str = ""
    reply_to: str | None = None
    references: tuple[str, ...] = ()
    quoted: str = ""
    quoted_from: str = ""
    quoted_at: Micros | None = None
    from_name: str = ""
    language: str = "pl"
    target: str | None = None
    part: int = 0
    automatic: bool = False
    created_at: Micros = Micros(0)
    inbound_at: Micros | None = None
    template: str = ""
    parameters: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    public: bool = False


class Presence(Text, frozen=True, kw_only=True):
    """What an agent does that the person on the other side may see and nobody stores.

    ``target`` is the external id of the last message of theirs (of what was ``read``); ``paused`` ends ``typing``.
    """

    inbox: InboxId
    to: Party
    what: Literal["typing", "paused", "read"]
    target: str | None = None
    conversation: int = 0


class Refusal(Text, frozen=True, kw_only=True):
    """One recipient that the channel refused while it took the others."""

    address: str
    reason: str
    permanent: bool = True


class Sent(Text, frozen=True, kw_only=True):
    """What the channel said when it took an outbound message.

    ``remote_id`` is what later reports call it; ``adds_keys`` are thread keys by which an answer finds the
    conversation.
    """

    remote_id: str | None = None
    adds_keys: tuple[ThreadKey, ...] = ()
    state: Literal["accepted", "delivered"] = "accepted"
    refused: tuple[Refusal, ...] = ()


class SendError(Exception):
    """A send that did not (certainly) succeed.

    ``kind``: ``temporary`` (try again later), ``permanent`` (never), ``throttled`` (again after ``retry_after``
    seconds), ``ambiguous`` (it may have left: the inbox's policy decides). ``public`` is a msgid for agents,
    ``private`` goes to the log and must hold no secret and no personal number. ``gone``: what an order was about (a
    comment on a platform) certainly exists no longer.
    """

    def __init__(
        self,
        kind: Literal["temporary", "permanent", "throttled", "ambiguous"],
        public: str,
        private: str = "",
        retry_after: float | None = None,
        gone: bool = False,
    ) -> None:
        super().__init__(f"{kind}: {private or public}")
        self.kind = kind
        self.public = public
        self.private = private or public
        self.retry_after = retry_after
        self.gone = gone


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A text that the provider approved (WhatsApp); ``text`` holds ``{1}``, ``{2}``, … for the parameters."""

    id: str
    language: str
    text: str
    parameters: int = 0
    header: Literal["", "image", "document", "video"] = ""


class Choice(Text, frozen=True, kw_only=True):
    """A button under a message; ``id`` comes back in :attr:`Message.choice`."""

    id: str
    label: str


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel can do; the composer and the outbox read it before anything is typed or sent.

    ``max_length`` (None: no limit) in UTF-16 units or, as ``counts`` says, bytes of UTF-8; with ``splits`` a longer
    text leaves in several parts, each a delivery of its own, without it it is refused; ``reply_window`` in seconds
    after the last
    inbound message; ``attachments`` as accepted content types (``*/*`` any, empty none) up to ``attachment_bytes`` in
    all;
    ``cost_per_segment`` in the smallest unit of the office's currency. ``sends_from`` says whether any node may send or
    only the holder of the inbox's lease. ``send_limit`` is the longest a send may take, in seconds.
    ``reaches`` names the kinds of address that it sends to (see :class:`Party`); empty: another inbox carries answers.
    ``on_ambiguous`` is the default policy after a crash between attempt and outcome. ``public_replies``, ``hides`` and
    ``deletions`` say what a moderator's decision can do on a platform that is not ours; ``private_replies`` that a
    plain ``send`` with a comment as ``target`` reaches its author in private, for as long as ``reply_window`` says.
    ``platform`` is the name of such a platform (Facebook), empty for everything else. ``choices`` is how many buttons a
    message may carry. ``templates`` are texts that the provider approved, the only ones it takes outside the window.
    ``live``: both sides are there at the same time, so nothing is held for undo, and what the person has not seen when
    they leave is sent where they said (:class:`LiveChat`).
    """

    reaches: tuple[str, ...] = ()
    max_length: int | None = None
    counts: Literal["utf16", "utf8"] = "utf16"
    splits: bool = False
    formatting: Literal["plain", "html", "markdown"] = "plain"
    attachments: tuple[str, ...] = ()
    attachment_bytes: int = 0
    subject: bool = False
    copies: bool = False
    starts: bool = False
    reply_window: int | None = None
    edits: bool = False
    deletions: bool = False
    read_receipts: bool = False
    typing: bool = False
    cost_per_segment: int = 0
    sends_from: Literal["anywhere", "lease"] = "anywhere"
    send_limit: float = 60.0
    on_ambiguous: Literal["retry", "hold"] = "hold"
    public_replies: bool = False
    private_replies: bool = False
    hides: bool = False
    platform: str = ""
    choices: int = 0
    templates: tuple[Template, ...] = ()
    live: bool = False


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How an inbox is. ``wrong_credentials``, ``unreachable`` (will be retried) and ``misconfigured`` (never works
    until somebody changes the configuration) are different and shown differently.
    ``lag`` is in seconds, ``backlog`` in messages known to wait on the wire. ``expires_at``: when the credentials end;
    people are warned before.
    """

    state: Literal["ok", "starting", "degraded", "unreachable", "wrong_credentials", "misconfigured"]
    detail: str = ""
    last_seen: Micros | None = None
    lag: float | None = None
    backlog: int | None = None
    expires_at: Micros | None = None


class UploadedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a submitted form."""

    field: str
    filename: str
    content_type: str
    content: bytes


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP request as a route's handler gets it: size, limits and origin are already checked.

    ``fields`` and ``files`` are filled for form posts; ``cookies`` and ``headers`` have lower-case names.
    ``query_string`` is what stands after the question mark, byte for byte, for what must be checked or is not UTF-8.
    """

    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    body: bytes
    remote: str
    language: str
    fields: Mapping[str, str] = {}
    files: tuple[UploadedFile, ...] = ()
    query_string: str = ""


class SetCookie(msgspec.Struct, frozen=True, kw_only=True):
    """A cookie to set; always HttpOnly, Secure where the site is https.

    ``framed``: it comes back in a frame on another site's page too, where it is kept for that site alone (Partitioned,
    CHIPS). Browsers want https for that; on plain http it is an ordinary one.
    """

    name: str
    value: str
    max_age: int
    path: str = "/"
    framed: bool = False


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP answer. ``stream`` instead of ``body`` for server-sent events."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = {}
    cookies: tuple[SetCookie, ...] = ()
    stream: AsyncIterator[bytes] | None = None


Handler = Callable[[Request], Awaitable[Response]]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A path that a connector serves; the hub mounts it and enforces what it declares.

    ``path`` may hold ``{name}`` parts. ``max_body`` in bytes; ``per_address`` and ``per_site`` are limits in the
    notation ``"20/minute"`` (empty: none); ``origins`` that may call it from another site's page, or frame it when
    ``embeddable``.
    ``form``: the hub parses urlencoded and multipart bodies before calling. ``streams``: the answer stays open, so it
    counts among open streams (``at_once`` of one address) and not among requests in hand.
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    max_body: int = 1_000_000
    per_address: str = ""
    per_site: str = ""
    origins: tuple[str, ...] = ()
    embeddable: bool = False
    form: bool = False
    streams: bool = False
    at_once: int = 20


class Clock(Protocol):
    """Time as a parameter."""

    def now(self) -> Micros:
        """Microseconds UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    async def sleep(self, seconds: float) -> None:
        """Wait; cancellable."""


class Blobs(Protocol):
    """Large bytes: durable before ``put`` returns, unreferenced ones are swept after 24 h."""

    async def put(self, content: bytes | AsyncIterator[bytes]) -> BlobId:
        """Keep bytes; returns once they would survive a power cut."""

    async def get(self, blob: BlobId) -> bytes:
        """All bytes. Raises KeyError for an unknown id."""


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP answer from outside, with the body already read."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Egress(Protocol):
    """The one client for HTTP to addresses that come from outside: resolved addresses are checked and pinned at
    each hop, private ranges refused unless configured, size and time limited."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = {},
        body: bytes | None = None,
        timeout: float = 15.0,
        max_bytes: int = 10_000_000,
    ) -> Fetched:
        """Raises :class:`SendError` (``temporary`` before anything was sent, ``ambiguous`` after)."""


class Tokens(Protocol):
    """Signed names. ``what`` keeps the spaces apart (``conversation``, ``callback``, ``visitor``)."""

    def sign(self, what: str, value: int | str) -> str:
        """Lower-case letters and digits only, so that it survives the local part of an address."""

    def verify(self, what: str, token: str) -> str | None:
        """The value as text, or None."""


class PublicPost(msgspec.Struct, frozen=True, kw_only=True):
    """A comment as readers may see it: masked, and never an address of its author."""

    id: int
    parent: int | None
    depth: int
    author: str
    text: str
    at: Micros
    version: int
    state: str
    office: bool = False
    edited: bool = False
    mine: bool = False
    editable: bool = False
    appealable: bool = False
    reason: str = ""
    """Told to the author only: why it was rejected; a msgid, or the moderator's own words."""
    pending: str = ""
    """Shown to the author only: an edit that waits for approval."""
    reported: Literal["", "open", "kept", "removed"] = ""
    """Told to whoever reported it: what came of it."""


class ThreadPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of an article's comments; ``next`` is the cursor of the following page.

    ``moderation`` is what the editorial team set for the article; None: as the site says.
    """

    posts: tuple[PublicPost, ...]
    total: int
    next: str | None
    moderation: Literal["pre", "post"] | None = None
    open: bool = True


class PublicThread(Protocol):
    """The narrow port through which a comment section reads. ``visitor`` is the reader's own author id."""

    async def page(
        self, inbox: InboxId, article: str, *, visitor: str | None, cursor: str | None, size: int
    ) -> ThreadPage:
        """Published posts in thread order, and the visitor's own in any state."""

    async def post(self, inbox: InboxId, post: int, *, visitor: str | None) -> PublicPost | None:
        """One post, if this visitor may see it."""


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """A callback as its citizen may see it."""

    id: int
    state: str
    at: Micros | None
    number: str
    """With all but the last three digits masked."""
    topic: str
    attempts: int
    movable: bool


class Appointments(Protocol):
    """The narrow port of the callback form."""

    async def slots(self, inbox: InboxId, days: int) -> tuple[Micros, ...]:
        """Times that can still be wished for within the office's hours."""

    async def booking(self, callback: int) -> Booking | None:
        """By the id of a verified token."""


class ChatFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a chat's message; ``size`` in bytes."""

    id: int
    filename: str
    size: int


class ChatMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the visitor may see it. ``author`` is the agent's name in the house, which a page shows only as far
    as it is configured to; empty for what the hub wrote by itself."""

    id: int
    number: int
    mine: bool
    text: str
    at: Micros
    author: str = ""
    files: tuple[ChatFile, ...] = ()


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A visitor's chat as it is now.

    ``waiting``: nobody has taken it; ``place`` is the place in the line from 1, ``wait`` the expected seconds, None
    where too little is known. ``agent``: the name of whoever has it. ``closes_at``: the visitor was warned that it
    will be closed then. ``leads_to`` says where answers go when they leave: ``email``, ``phone`` or nowhere.
    ``answered``: one of us has written. ``left``: the hub was told that they left. ``messages`` in order.
    """

    conversation: int
    reference: str
    state: Literal["waiting", "active", "closed"]
    agent: str = ""
    place: int | None = None
    wait: float | None = None
    closes_at: Micros | None = None
    leads_to: Literal["", "email", "phone"] = ""
    answered: bool = False
    left: bool = False
    messages: tuple[ChatMessage, ...] = ()


class ChatHours(msgspec.Struct, frozen=True, kw_only=True):
    """Whether anybody is there to talk to. ``staffed``: within the hours and somebody is on duty; ``opens_at``: when
    that may be again. ``waiting`` people in the line and the expected ``wait`` of one more, in seconds. ``mails``: the
    hub can send mails (transcripts, answers to those who left)."""

    staffed: bool
    opens_at: Micros | None = None
    waiting: int = 0
    wait: float | None = None
    mails: bool = False


class VisitorConversation(Protocol):
    """The narrow port of a chat's visitor pages: they see what was sent to that visitor, and nothing else.

    What a visitor does goes to the :class:`Sink`, as everything that comes in.
    """

    async def hours(self, inbox: InboxId) -> ChatHours:
        """As of now, or a moment ago."""

    async def chats(self, inbox: InboxId, visitors: Sequence[str], *, messages: int) -> Mapping[str, Chat]:
        """The chats of these visitors, each with its last ``messages``. Who has none, or wrote last so long ago that it
        begins anew, is left out."""

    async def file(self, inbox: InboxId, visitor: str, file: int) -> OutAttachment | None:
        """A file of a message that this visitor may see."""

    def news(self, inbox: InboxId) -> AsyncIterator[frozenset[str]]:
        """Visitors whose chats changed, again and again; several changes of a moment are told once."""

    async def present(self, inbox: InboxId) -> Sequence[str]:
        """Visitors who did not leave as far as the hub knows: after a start, those that are to be waited for."""


Translate = Callable[..., str]
"""``translate(language, msgid, **placeholders)``: gettext with placeholders substituted, never evaluated."""


class Log(Protocol):
    """Structured log; ``event`` is a short phrase, details are keywords. Never an address, a number, a secret."""

    def info(self, event: str, **details: Any) -> None: ...
    def warning(self, event: str, **details: Any) -> None: ...
    def error(self, event: str, **details: Any) -> None: ...


class Office(msgspec.Struct, frozen=True, kw_only=True):
    """What of an office a connector needs."""

    id: str
    name: str
    zone: str
    language: str = "pl"


class Env(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub hands to a connector when it creates it. Nothing in it knows the store."""

    inbox: InboxId
    office: Office
    clock: Clock
    random: random.Random
    egress: Egress
    blobs: Blobs
    tokens: Tokens
    translate: Translate
    log: Log
    public_url: str
    threads: PublicThread
    appointments: Appointments
    budget: Budget
    chats: VisitorConversation
    reference_pattern: str = r"\b[0-9A-Z]{3}-[0-9A-Z]{3}-[0-9A-Z]{3}\b"


class Budget(Protocol):
    """A durable counter for what a day may cost: money, a provider's units. It holds under concurrency and restarts."""

    async def spend(self, what: str, amount: int, limit: int, *, zone: str) -> int | None:
        """Take ``amount`` from today's ``limit`` (the day of ``zone``); returns what is left, None if it is not enough,
        and then takes nothing. A negative amount gives back."""

    async def spent(self, what: str, *, zone: str) -> int:
        """What was taken today."""


class Connector(Protocol):
    """One inbox at work.

    The hub calls :meth:`routes` once before :meth:`run`; ``run`` from start to stop, again after it raised (with
    growing gaps); ``send`` concurrently for different lanes; ``check`` at any time. Cancelling ``run`` closes every
    socket at once. No method blocks the event loop for more than 10 ms.
    """

    capabilities: Capabilities

    def routes(self) -> Sequence[Route]:
        """Returned, not registered; may be empty. ``self.sink`` is not needed: handlers get it through ``run``."""

    async def run(self, sink: Sink) -> None:
        """Read the wire until cancelled. A connector that only has routes keeps ``sink`` and waits."""

    async def send(self, outbound: Outbound) -> Sent:
        """Carry out one delivery. Raises :class:`SendError`; any other exception counts as ambiguous."""

    async def fetch(self, ref: str) -> bytes:
        """The bytes of a remote attachment. Raises :class:`SendError`."""

    async def check(self) -> Health:
        """Ask the peer; tells wrong credentials from not reachable."""


@runtime_checkable
class ShowsPresence(Protocol):
    """What a connector adds whose capabilities say ``typing`` or ``read_receipts``."""

    async def show(self, presence: Presence) -> None:
        """Pass it on, at most once in a few seconds for one person; what fails is dropped and only logged."""


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the registry: how to configure, create and parse one kind of inbox.

    ``kind`` is what the configuration and ``centrala parse`` name; ``channel`` the medium it belongs to. ``parse``
    turns one raw input into what intake would see, without any I/O; ``config`` is a frozen msgspec struct that forbids
    unknown fields.
    """

    kind: str
    channel: str
    config: type[msgspec.Struct]
    create: Callable[[Any, Env], Connector]
    parse: Callable[[bytes, ParseContext], list[Inbound]]


class ParseContext(msgspec.Struct, frozen=True, kw_only=True):
    """What ``parse`` needs of its surroundings: no I/O, no clock of its own.

    ``receiver``: the name under which our own mail server stamps what it found out about senders (RFC 8601).
    """

    inbox: InboxId
    now: Micros
    tokens: Tokens | None = None
    zone: str = "Europe/Warsaw"
    receiver: str = ""
