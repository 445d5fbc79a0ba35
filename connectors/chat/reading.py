"""What a visitor's page sends, checked, as what intake takes; the same for the page and for ``centrala parse``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from connectors._fields import CONSENT, MISSING, Field, kept, parties, read_value
from connectors._files import BadFile, Taken, attachment, take
from connectors._forms import BAD_EMAIL, TICKED, TOO_LONG, Problem, Words, doubt
from connectors._i18n import N_
from connectors._posted import posted
from connectors._widget import (
    CLIENT,
    HONEYPOT,
    clean_line,
    clean_text,
    client_id,
    email_address,
    submission_id,
)
from connectors.chat.settings import STANDARD_CONSENT, Settings
from connectors.chat.visitors import KIND, ME
from connectors.contract import (
    Attachment,
    Choice,
    DeliveryReport,
    FormField,
    Inbound,
    InboxId,
    LiveChat,
    Message,
    Micros,
    ParseContext,
    Party,
    UploadedFile,
    Visit,
)

NO_CONSENT = N_("Without this consent we cannot talk to you here.")
NO_TEXT = N_("Write something, or attach a file.")
NO_ADDRESS = N_("Nobody is here now: say where we shall answer, by e-mail or telephone.")

DEEDS = ("end", "transcript")
"""What else than a message is posted to the page (``do``)."""

PAGE = 500
"""Most characters of the address of the page around the chat."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it was sent: cleaned values by name, files, and what is wrong by field name."""

    values: Mapping[str, str]
    text: str
    files: Sequence[Taken]
    problems: Mapping[str, Problem]
    client: str | None
    suspicious: str


class Writer(msgspec.Struct, frozen=True, kw_only=True):
    """Who writes, where, when, in which language. ``visitor`` is the verified id, ``consent`` what they agreed to."""

    inbox: InboxId
    visitor: str
    now: Micros
    language: str = "pl"
    consent: str = ""
    guest: str = ""
    """What somebody without a name is called."""


def read(
    fields: Mapping[str, str], files: Sequence[UploadedFile], settings: Settings, *, first: bool
) -> Written:
    """Check everything at once. With the ``first`` message come the configured fields and the consent."""
    problems: dict[str, Problem] = {}
    values = _first(fields, settings, problems) if first else {}
    text = clean_text(fields.get("text", ""))
    taken = _files(files, settings, problems)
    if not text and not taken and "file" not in problems:
        problems["text"] = Problem(NO_TEXT)
    elif len(text) > settings.max_length:
        problems["text"] = Problem(TOO_LONG, {"n": settings.max_length, "count": len(text)})
    values["page"] = clean_line(fields.get("page", ""))[:PAGE]
    return Written(
        values=values,
        text=text,
        files=taken,
        problems=problems,
        client=client_id(fields),
        suspicious=doubt(fields),
    )


def _first(fields: Mapping[str, str], settings: Settings, problems: dict[str, Problem]) -> dict[str, str]:
    values: dict[str, str] = {}
    for field in settings.fields:
        values[field.name], problem = read_value(field, fields.get(field.name, ""))
        if problem is not None:
            problems[field.name] = problem
    values[CONSENT] = TICKED if fields.get(CONSENT) == TICKED else ""
    if not values[CONSENT]:
        problems[CONSENT] = Problem(NO_CONSENT)
    return values


def _files(files: Sequence[UploadedFile], settings: Settings, problems: dict[str, Problem]) -> list[Taken]:
    try:
        return take([file for file in files if file.field == "file"], settings)
    except BadFile as error:
        problems["file"] = Problem(error.reason, error.details)
        return []


def needs_address(written: Written, settings: Settings) -> Mapping[str, Problem]:
    """What is wrong besides while nobody is there: without an address there is no answer."""
    if parties(settings.fields, written.values, "pl"):
        return written.problems
    name = next((field.name for field in settings.fields if field.type == "email"), "email")
    found = written.problems.get(name)
    return {**written.problems, name: found or Problem(NO_ADDRESS if settings.reachable else MISSING)}


def live_message(
    written: Written, who: Writer, settings: Settings, attachments: Sequence[Attachment] = ()
) -> Message:
    """A message of a chat. The addresses that were given are where answers go once the visitor has left."""
    reached = parties(settings.fields, written.values, who.language) if CONSENT in written.values else []
    by_kind = {party.kind: party.address for party in reversed(reached)}
    return msgspec.structs.replace(
        _message(written, who, settings, attachments),
        sender=visitor_party(who, written.values.get("name", "")),
        also=tuple(reached),
        direct=True,
        chat=LiveChat(
            email=by_kind.get("email", ""), phone=by_kind.get("phone", ""), page=written.values["page"]
        ),
    )


def left_message(
    written: Written, who: Writer, settings: Settings, attachments: Sequence[Attachment] = ()
) -> Message:
    """A message that was left while nobody was there: of the address that they gave, so that the answer goes there."""
    reached = parties(settings.fields, written.values, who.language)
    message = _message(written, who, settings, attachments)
    return msgspec.structs.replace(message, sender=reached[0], also=tuple(reached[1:]))


def visitor_party(who: Writer, name: str = "") -> Party:
    """A visitor as a sender."""
    return Party(kind=KIND, address=who.visitor, name=name or who.guest, language=who.language)


def _message(written: Written, who: Writer, settings: Settings, attachments: Sequence[Attachment]) -> Message:
    shown: tuple[FormField, ...] = ()
    if CONSENT in written.values:
        agreed = FormField(name=CONSENT, label=who.consent, value=TICKED)
        shown = (*kept(settings.fields, written.values, who.language), agreed)
    return Message(
        inbox=who.inbox,
        external_id=_identity(written),
        received_at=who.now,
        sender=visitor_party(who),
        text=written.text,
        full_text=written.text,
        attachments=tuple(attachments),
        sent_at=who.now,
        fields=tuple(field for field in shown if field.value),
        suspicious=written.suspicious,
    )


def _identity(written: Written) -> str | None:
    """The same for a double click and a retry; None where the page's own id was stripped."""
    if written.client is None:
        return None
    return submission_id(written.client, written.text, *(file.sha256 for file in written.files))


def chosen(fields: Mapping[str, str], choice: Choice, who: Writer) -> Message:
    """A pressed button instead of a message."""
    client = client_id(fields)
    return Message(
        inbox=who.inbox,
        external_id=submission_id(client, "choice", choice.id) if client else None,
        received_at=who.now,
        sender=visitor_party(who),
        text=choice.label,
        full_text=choice.label,
        sent_at=who.now,
        direct=True,
        chat=LiveChat(),
        choice=choice.id,
    )


def deed(fields: Mapping[str, str], who: Writer) -> tuple[Visit | None, Mapping[str, Problem]]:
    """The end of a chat or the wish for its transcript, or what is wrong with it. The text of a transcript is the
    connector's to add."""
    client = client_id(fields)
    identity = submission_id(client, fields.get("do", "")) if client else None
    visit = Visit(
        inbox=who.inbox, external_id=identity, received_at=who.now, sender=visitor_party(who), what="ended"
    )
    if fields.get("do") == "end":
        return visit, {}
    address = email_address(fields.get("email", ""))
    if address is None:
        return None, {"email": Problem(BAD_EMAIL)}
    return msgspec.structs.replace(visit, what="transcript", email=address), {}


def with_text(visit: Visit, text: str) -> Visit:
    """The same with the text of a transcript."""
    return msgspec.structs.replace(visit, text=text)


# --- centrala parse -----------------------------------------------------------------------------------------------


_USUAL = Settings()
_OWN = {field.name for field in _USUAL.fields} | {
    CONSENT,
    CLIENT,
    HONEYPOT,
    ME,
    "text",
    "page",
    "choice",
    "do",
    "fresh",
}


def parse(raw: bytes, context: ParseContext) -> list[Inbound]:
    """A posted body, urlencoded or multipart (its boundary is its first line), as intake would see it.

    Without the inbox's settings the usual fields are known, others are taken as text. A sign of typing gives nothing.
    Raises ValueError for what would be refused.
    """
    fields, files = posted(raw)
    token = fields.get(ME, "")
    visitor = context.tokens.verify(KIND, token) if context.tokens is not None else token
    if not visitor:
        raise ValueError("me: this token is not of a visitor of this hub")
    who = Writer(inbox=context.inbox, visitor=visitor, now=context.now, consent=STANDARD_CONSENT)
    if "what" in fields:
        return signalled(fields, who)
    if pressed := fields.get("choice"):
        return [chosen(fields, Choice(id=pressed, label=pressed), who)]
    if fields.get("do") in DEEDS:
        visit, problems = deed(fields, who)
        _refuse(problems)
        return [visit] if visit else []
    first = CONSENT in fields
    settings = _relaxed(fields) if first else _USUAL
    written = read(fields, files, settings, first=first)
    _refuse(written.problems)
    return [live_message(written, who, settings, [attachment(file) for file in written.files])]


def signalled(fields: Mapping[str, str], who: Writer) -> list[Inbound]:
    """What of a page's signals is worth a commit: that a message of ours was read, that the visitor left."""
    if fields.get("what") == "left":
        return [Visit(inbox=who.inbox, received_at=who.now, sender=visitor_party(who), what="left")]
    if fields.get("what") == "read" and fields.get("upto", "").isdecimal():
        report = DeliveryReport(
            inbox=who.inbox,
            received_at=who.now,
            target=fields["upto"],
            to=visitor_party(who),
            state="read",
            at=who.now,
        )
        return [report]
    return []


def _refuse(problems: Mapping[str, Problem]) -> None:
    if problems:
        name, problem = next(iter(problems.items()))
        raise ValueError(f"{name}: {problem.text}")


def _relaxed(fields: Mapping[str, str]) -> Settings:
    """The usual fields, and what else was posted as text."""
    more = [Field(name=name, label=Words(pl=name)) for name in fields if name not in _OWN]
    return msgspec.structs.replace(_USUAL, fields=(*_USUAL.fields, *more)) if more else _USUAL
