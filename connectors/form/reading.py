"""A submitted form: checked field by field, then one message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from connectors._fields import CONSENT, MISSING, Field, kept, parties, read_value
from connectors._files import BadFile, Taken, attachment, fit, take
from connectors._forms import TICKED, Problem, Words, doubt
from connectors._i18n import N_
from connectors._posted import posted
from connectors._widget import (
    CLIENT,
    HONEYPOT,
    client_id,
    submission_id,
)
from connectors.contract import (
    Attachment,
    FormField,
    Inbound,
    InboxId,
    Message,
    Micros,
    ParseContext,
    Party,
    UploadedFile,
)
from connectors.form.settings import STANDARD_CONSENT, Settings

NO_CONSENT = N_("Without this consent we cannot answer you.")


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """A form as it was sent: cleaned values by name, files, and what is wrong by field name."""

    values: Mapping[str, str]
    files: Sequence[Taken]
    problems: Mapping[str, Problem]
    client: str | None
    suspicious: str


def read(fields: Mapping[str, str], files: Sequence[UploadedFile], settings: Settings) -> Filled:
    """Check everything, so that the person learns all that is wrong at once."""
    values: dict[str, str] = {}
    problems: dict[str, Problem] = {}
    for field in settings.fields:
        if field.type != "file":
            values[field.name], problem = read_value(field, fields.get(field.name, ""))
            if problem is not None:
                problems[field.name] = problem
    values[CONSENT] = TICKED if fields.get(CONSENT) == TICKED else ""
    taken = _files(files, settings, problems)
    if not values[CONSENT]:
        problems[CONSENT] = Problem(NO_CONSENT)
    return Filled(
        values=values, files=taken, problems=problems, client=client_id(fields), suspicious=doubt(fields)
    )


def _files(files: Sequence[UploadedFile], settings: Settings, problems: dict[str, Problem]) -> list[Taken]:
    taken: list[Taken] = []
    for field in settings.fields:
        if field.type != "file":
            continue
        try:
            found = take([file for file in files if file.field == field.name], settings)
            fit([*taken, *found], settings)
        except BadFile as error:
            problems[field.name] = Problem(error.reason, error.details)
            continue
        if field.required and not found:
            problems[field.name] = Problem(MISSING)
        taken += found
    return taken


def message(
    filled: Filled,
    settings: Settings,
    *,
    inbox: InboxId,
    language: str,
    consent: str,
    now: Micros,
    attachments: Sequence[Attachment] = (),
) -> Message:
    """The message of a form without problems. ``consent`` is the text that the person agreed to, kept as proof."""
    shown = kept(settings.fields, filled.values, language)
    agreed = FormField(name=CONSENT, label=consent, value=TICKED)
    senders = _senders(filled, settings, language, now)
    text = filled.values.get("message") or _as_lines(shown)
    return Message(
        inbox=inbox,
        external_id=_identity(filled),
        received_at=now,
        sender=senders[0],
        also=tuple(senders[1:]),
        subject=filled.values.get("subject") or settings.title.of(language),
        text=text,
        full_text=_as_lines(shown),
        attachments=tuple(attachments),
        sent_at=now,
        fields=(*(field for field in shown if field.value), agreed),
        suspicious=filled.suspicious,
    )


def _identity(filled: Filled) -> str | None:
    """The same for a double click, another one for other words; None where the form's own id was stripped."""
    if filled.client is None:
        return None
    return submission_id(filled.client, *_content(filled))


def _content(filled: Filled) -> list[str]:
    content = [f"{name}={value}" for name, value in sorted(filled.values.items())]
    return [*content, *(file.sha256 for file in filled.files)]


def _senders(filled: Filled, settings: Settings, language: str, now: Micros) -> list[Party]:
    """The person's addresses; a made-up one for somebody who left none, so that two of them are not taken for one."""
    found = parties(settings.fields, filled.values, language)
    name = filled.values.get("name", "")
    nobody = filled.client or submission_id(str(now), *_content(filled))
    return found or [Party(kind="web", address=nobody, name=name, language=language)]


def _as_lines(fields: Sequence[FormField]) -> str:
    """All that was filled in, for the original and for forms without a text of their own."""
    return "\n".join(f"{field.label}: {field.value}" for field in fields if field.value)


# --- centrala parse -----------------------------------------------------------------------------------------------


def parse(raw: bytes, context: ParseContext) -> list[Inbound]:
    """A posted body, urlencoded or multipart (its boundary is its first line), as intake would see it.

    Without the inbox's settings every field is taken: the well-known names by their meaning, others as text. Raises
    ValueError with what is wrong for a form that would be refused.
    """
    fields, files = posted(raw)
    known = Settings()
    names = {field.name for field in known.fields} | {CONSENT, CLIENT, HONEYPOT}
    extra = [Field(name=name, type="textarea", label=Words(pl=name)) for name in fields if name not in names]
    relaxed = [msgspec.structs.replace(field, required=False) for field in known.fields]
    settings = msgspec.structs.replace(known, fields=(*relaxed, *extra))
    filled = read({**fields, CONSENT: TICKED}, files, settings)
    if filled.problems:
        name, problem = next(iter(filled.problems.items()))
        raise ValueError(f"{name}: {problem.text}")
    return [
        message(
            filled,
            settings,
            inbox=context.inbox,
            language="pl",
            consent=STANDARD_CONSENT,
            now=context.now,
            attachments=[attachment(file) for file in filled.files],
        )
    ]
