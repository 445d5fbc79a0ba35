"""Settings of a contact form: ``[inboxes.settings]`` of an inbox of the kind ``form``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from connectors._fields import Field, twice
from connectors._files import DOCUMENTS
from connectors._forms import Origin, PageUrl, Rate, Words, about
from connectors._i18n import N_
from connectors._widget import Theme

_DEFAULT = (
    Field(name="name", label=Words(pl="Imię i nazwisko", en="Name")),
    Field(name="email", type="email", label=Words(pl="Adres e-mail", en="E-mail address"), required=True),
    Field(name="phone", type="phone", label=Words(pl="Telefon", en="Telephone")),
    Field(name="subject", label=Words(pl="Temat", en="Subject"), required=True),
    Field(name="message", type="textarea", label=Words(pl="Wiadomość", en="Message"), required=True),
    Field(name="files", type="file", label=Words(pl="Załączniki", en="Attachments")),
)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One contact form."""

    origins: Annotated[tuple[Origin, ...], about("Sites that may show the form in a frame.")] = ()
    title: Annotated[Words, about("Heading above the fields.")] = Words(pl="Napisz do nas", en="Write to us")
    intro: Annotated[Words | None, about("Text above the fields.")] = None
    fields: Annotated[
        tuple[Field, ...],
        about(
            "The fields in order; without them name, address, telephone, subject, message and attachments."
        ),
    ] = _DEFAULT
    consent: Annotated[
        Words | None, about("Text beside the box that everybody must tick; without it a standard one.")
    ] = None
    privacy_url: Annotated[PageUrl, about("Where the consent text leads.")] = ""
    max_files: Annotated[int, about("Most files of one form.", ge=1, le=20)] = 5
    max_file_bytes: Annotated[int, about("Largest file.", ge=1000, le=50_000_000)] = 10_000_000
    max_bytes: Annotated[int, about("Most bytes of all files together.", ge=1000, le=100_000_000)] = (
        20_000_000
    )
    file_types: Annotated[tuple[str, ...], about("Content types that are taken, judged by the content.")] = (
        DOCUMENTS
    )
    per_address: Annotated[Rate, about("What one network address may post.")] = "10/minute"
    per_site: Annotated[Rate, about("What may be posted through one site.")] = "300/minute"
    theme: Annotated[Theme, about("The site's own colours.")] = Theme()

    def __post_init__(self) -> None:
        if (name := twice(self.fields)) is not None:
            raise ValueError(f"fields: the name {name!r} is used twice")
        if not self.fields:
            raise ValueError("fields: a form needs at least one field")

    @property
    def has_files(self) -> bool:
        """Whether the form takes files."""
        return any(field.type == "file" for field in self.fields)


STANDARD_CONSENT = N_("I agree that my data are processed to answer this message.")
