"""Settings of a chat: ``[inboxes.settings]`` of an inbox of the kind ``chat``."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from connectors._fields import Field, twice
from connectors._files import DOCUMENTS
from connectors._forms import Origin, PageUrl, Rate, Words, about
from connectors._i18n import N_
from connectors._widget import Theme

_DEFAULT = (
    Field(name="name", label=Words(pl="Imię", en="First name")),
    Field(
        name="email",
        type="email",
        label=Words(pl="Adres e-mail", en="E-mail address"),
        hint=Words(pl="Tu odpowiemy po wyjściu z czatu.", en="We answer there if you leave the chat."),
    ),
)

FIELD_TYPES = ("text", "email", "phone", "select", "checkbox")
"""Types of fields before a chat; the first message and its files have fields of their own."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One chat on the pages of one site; see docs/channels/chat.md. Raises ValueError for fields that cannot be."""

    origins: Annotated[tuple[Origin, ...], about("Sites that may show the chat in a frame.")] = ()
    title: Annotated[Words, about("Heading, and the text of the button that opens it.")] = Words(
        pl="Czat z konsultantem", en="Chat with a consultant"
    )
    intro: Annotated[Words | None, about("Text above the first message.")] = None
    fields: Annotated[
        tuple[Field, ...],
        about(
            "What is asked before the chat (text, email, phone, select, checkbox); without them the first name and "
            "the e-mail address, neither required."
        ),
    ] = _DEFAULT
    consent: Annotated[
        Words | None, about("Text beside the box that everybody must tick; without it a standard one.")
    ] = None
    privacy_url: Annotated[PageUrl, about("Where the consent text leads.")] = ""
    agents: Annotated[
        Literal["role", "first-name", "full-name"],
        about("How visitors see agents: as a consultant, by the first name, by the whole name."),
    ] = "role"
    max_length: Annotated[int, about("Most characters of one message.", ge=100, le=10_000)] = 2000
    max_files: Annotated[int, about("Most files of one message; 0: none are taken.", ge=0, le=10)] = 3
    max_file_bytes: Annotated[int, about("Largest file.", ge=1000, le=20_000_000)] = 5_000_000
    file_types: Annotated[tuple[str, ...], about("Content types that are taken, judged by the content.")] = (
        DOCUMENTS
    )
    leave_seconds: Annotated[
        float, about("How long a visitor's page may be gone before they have left.", ge=1, le=600)
    ] = 30.0
    streams_per_address: Annotated[
        int, about("Chats open at once from one network address; a large office has only one.", ge=1, le=1000)
    ] = 20
    per_address: Annotated[Rate, about("Messages that one network address may post.")] = "60/minute"
    per_site: Annotated[Rate, about("Messages that may be posted through one site.")] = "6000/minute"
    signals_per_address: Annotated[Rate, about("Signs of typing and reading from one network address.")] = (
        "600/minute"
    )
    theme: Annotated[Theme, about("The site's own colours.")] = Theme()

    def __post_init__(self) -> None:
        if (name := twice(self.fields)) is not None:
            raise ValueError(f"fields: the name {name!r} is used twice")
        wrong = next((field for field in self.fields if field.type not in FIELD_TYPES), None)
        if wrong is not None:
            known = ", ".join(FIELD_TYPES)
            raise ValueError(
                f"fields: {wrong.name!r} is of the type {wrong.type!r}; before a chat there are {known}"
            )
        taken = next((field.name for field in self.fields if field.name in OWN_NAMES), None)
        if taken is not None:
            raise ValueError(f"fields: the chat itself uses the name {taken!r}; choose another one")

    @property
    def max_bytes(self) -> int:
        """Most bytes of the files of one message."""
        return self.max_files * self.max_file_bytes

    @property
    def reachable(self) -> bool:
        """Whether an address to answer at is asked for."""
        return any(field.type in ("email", "phone") for field in self.fields)


OWN_NAMES = ("me", "fresh", "do", "text", "file", "page", "message", "subject", "upto", "what")
"""Names that the page's own fields have."""

STANDARD_CONSENT = N_("I agree that my data are processed to answer me in this chat.")
