"""What the hub has a connector send, what came of it, and what a channel can do."""

from __future__ import annotations

from typing import Literal

import msgspec

from connectors.contract.words import InboxId, Micros, Operation, Party, Text, ThreadKey


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
    to read. ``taken_as``: the remote id of a sending of it that the channel took and afterwards reported as failed; all
    of it is wanted again.
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
    taken_as: str | None = None


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
    they leave is sent where they said (:class:`LiveChat`). ``public_length`` is the most that an answer to a ``public``
    message may have, counted as ``public_counts`` says (``weighted``: as X counts); None where there are none such.
    ``private_length`` is the most of a private answer to a public comment, counted as ``private_counts`` says; None: as
    ``max_length``. ``segments``: texts leave as SMS, at most so many in one message; None for everything else.
    ``invites``: a link leads a person who wrote elsewhere into this channel (:class:`Invites`).
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
    public_length: int | None = None
    public_counts: Literal["utf16", "utf8", "weighted"] = "utf16"
    private_length: int | None = None
    private_counts: Literal["utf16", "utf8"] = "utf16"
    segments: int | None = None
    invites: bool = False


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How an inbox is. ``wrong_credentials``, ``unreachable`` (will be retried) and ``misconfigured`` (never works
    until somebody changes the configuration) are different and shown differently.
    ``lag`` is in seconds, ``backlog`` in messages known to wait on the wire. ``expires_at``: when the credentials end;
    people are warned before. ``outgoing``: it is the way out alone that is so.
    """

    state: Literal["ok", "starting", "degraded", "unreachable", "wrong_credentials", "misconfigured"]
    detail: str = ""
    last_seen: Micros | None = None
    lag: float | None = None
    backlog: int | None = None
    expires_at: Micros | None = None
    outgoing: bool = False
