"""Fields that a page asks for, as a site configures them: their settings, and what was typed into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec

from connectors._forms import BAD_EMAIL, TICKED, TOO_LONG, Problem, Words, about
from connectors._i18n import N_
from connectors._phone import BadNumber, normalise
from connectors._widget import CLIENT, HONEYPOT, clean_line, clean_text, email_address
from connectors.contract import FormField, Party

FieldName = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_-]{0,39}$", examples=["message"])]

FieldType = Literal["text", "email", "phone", "select", "textarea", "checkbox", "file"]

CONSENT = "consent"
"""Name of the box beside the consent text."""


class Option(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One choice of a ``select``."""

    value: Annotated[str, about("What rules and agents' tools see.", min_length=1, max_length=100)]
    label: Annotated[Words, about("What people see.")]


class Field(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One field of a form."""

    name: Annotated[
        FieldName,
        about(
            "Name of the field. Three have a meaning: name is the person's, subject becomes the subject, "
            "message the text."
        ),
    ]
    type: Annotated[
        FieldType,
        about(
            "Kind of field. The first of the type email (else of the type phone) is where the answer goes."
        ),
    ] = "text"
    label: Annotated[Words, about("What people see.")]
    hint: Annotated[Words | None, about("Help beside the field.")] = None
    required: Annotated[bool, about("Whether it must be filled in.")] = False
    max_length: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=20_000)] | None,
        about("Most characters; without it what suits the type."),
    ] = None
    options: Annotated[tuple[Option, ...], about("The choices of a select.")] = ()

    def __post_init__(self) -> None:
        if (self.type == "select") != bool(self.options):
            raise ValueError(
                f"field {self.name!r}: options belong to a field of the type select, and only there"
            )
        if self.name in (CONSENT, CLIENT, HONEYPOT):
            raise ValueError(f"field {self.name!r}: the form itself uses this name; choose another one")

    @property
    def limit(self) -> int:
        """Most characters."""
        return self.max_length or _LIMITS.get(self.type, 200)


_LIMITS = {"textarea": 5000, "email": 254, "phone": 30}


MISSING = N_("Fill in this field.")
NO_CHOICE = N_("Choose one of the answers.")


def twice(fields: Sequence[Field]) -> str | None:
    """A name that more than one field has."""
    names = [field.name for field in fields]
    return next((name for name in sorted(set(names)) if names.count(name) > 1), None)


def read_value(field: Field, typed: str) -> tuple[str, Problem | None]:
    """The cleaned value of a field, or what was typed with what is wrong with it."""
    value = clean_text(typed) if field.type == "textarea" else clean_line(typed)
    if field.type == "checkbox":
        value = TICKED if typed == TICKED else ""
    if not value:
        return "", Problem(MISSING) if field.required else None
    if len(value) > field.limit:
        return value, Problem(TOO_LONG, {"n": field.limit, "count": len(value)})
    return _typed_value(field, value)


def _typed_value(field: Field, value: str) -> tuple[str, Problem | None]:
    if field.type == "email":
        address = email_address(value)
        return (address, None) if address else (value, Problem(BAD_EMAIL))
    if field.type == "phone":
        try:
            return normalise(value), None
        except BadNumber as error:
            return value, Problem(error.reason)
    if field.type == "select" and value not in {option.value for option in field.options}:
        return "", Problem(NO_CHOICE)
    return value, None


def kept(fields: Sequence[Field], values: Mapping[str, str], language: str) -> tuple[FormField, ...]:
    """The fields as agents see them. The value of a choice stays the configured one, which rules know."""
    return tuple(
        FormField(name=field.name, label=field.label.of(language), value=values[field.name])
        for field in fields
        if field.type != "file"
    )


def parties(fields: Sequence[Field], values: Mapping[str, str], language: str) -> list[Party]:
    """The addresses that a person gave, the one that is answered first."""
    name = values.get("name", "")
    return [
        Party(kind=kind, address=values[field.name], name=name, language=language)
        for kind in ("email", "phone")
        for field in fields
        if field.type == kind and values[field.name]
    ]
