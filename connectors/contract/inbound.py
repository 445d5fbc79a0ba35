"""What a connector tells the hub: messages, what became of ours, what people do; and the sink that takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from connectors.contract.words import (
    MAX_KEY,
    Attachment,
    Automatic,
    BlobId,
    BouncedRecipient,
    CallbackWish,
    CommentPlace,
    FormField,
    InboxId,
    LiveChat,
    Micros,
    Party,
    Recipient,
    Standing,
    Text,
    ThreadKey,
)


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
        Text.__post_init__(self)
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

    _inline = "subject"

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
    public: bool = False
    """A post that everybody can read: a plain answer to it appears there too, no longer than the ``public_length`` of
    :class:`Capabilities`. (Comments on pages of ours and under posts of ours are ``comment``.)"""
    unreadable: str = ""
    """Why something of it cannot be read (it is encrypted): a marked text, translated where it is shown."""
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
    """A connector's own place on the wire (an offset, a UID), committed together with the items.

    ``replaces``: the value that must stand there still (None: none yet), for a cursor that several processes move;
    where another one stands, ``accept`` raises :class:`Overtaken`.
    """

    key: str
    value: str
    replaces: str | msgspec.UnsetType | None = msgspec.UNSET


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

    Every other port that asks the storage (:meth:`Sink.cursor`, :class:`Blobs`, :class:`Budget`, what pages read)
    raises it too while that is away: then nothing was read or changed. ``retry_after`` is in seconds, for a 503 with
    Retry-After, a 4xx of LMTP, or a pause before the next poll.
    """

    def __init__(self, reason: str, retry_after: float = 5.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Overtaken(Refused):
    """Another process has moved the cursor meanwhile, see :attr:`Cursor.replaces`: read it again and think again."""

    def __init__(self, key: str) -> None:
        super().__init__(f"another process has moved {key}", retry_after=0.1)


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
        """The last committed value of a cursor of this inbox. Raises :class:`Refused`."""

    def signal(self, conversation_key: ThreadKey, what: str) -> None:
        """Tell what is not worth a commit (typing, presence); may be dropped."""
