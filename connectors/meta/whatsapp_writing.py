"""WhatsApp messages on the way out: the JSON of one message each. Pure.

By https://developers.facebook.com/documentation/business-messaging/whatsapp/messages (text, media, interactive) and
.../whatsapp/templates/overview (2026).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from connectors._forms import about
from connectors._i18n import N_
from connectors._text import one_line
from connectors.contract import Choice, Outbound, Party, SendError, Template
from connectors.meta.errors import BAD_TEMPLATE, NO_TEMPLATE, TOO_LARGE
from connectors.meta.limits import LONG_LABEL, LONG_TEXT, NOT_TAKEN

LONGEST = 4096
CAPTION = 1024
BUTTON_BODY = 1024
LIST_BODY = 4096
BUTTONS = 3
BUTTON_LABEL = 20
ROWS = 10
ROW_LABEL = 24

CHOOSE = N_("Choose")
"""On the button that opens a list; at most 20 characters in every language."""

Header = Literal["", "image", "document", "video"]

KINDS: dict[str, tuple[str, int]] = {
    **dict.fromkeys(("image/jpeg", "image/png"), ("image", 5_000_000)),
    **dict.fromkeys(("video/mp4", "video/3gpp"), ("video", 16_000_000)),
    **dict.fromkeys(
        ("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"), ("audio", 16_000_000)
    ),
    **dict.fromkeys(
        (
            "text/plain",
            "application/pdf",
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        ),
        ("document", 50_000_000),
    ),
}
"""Content types that WhatsApp takes: what it calls them, and the most bytes of one. (Documents may have 100 MB there;
a hub that holds a file in memory stops earlier.)"""


class TemplateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text that WhatsApp has approved, as it stands there with ``{1}``, ``{2}``, … for its parameters."""

    name: Annotated[
        str, about("Its name at WhatsApp.", pattern="^[a-z0-9_]{1,512}$", examples=["odpowiedz_gotowa"])
    ]
    language: Annotated[
        str, about("Its language there.", pattern="^[a-z]{2,3}(_[A-Z]{2})?$", examples=["pl"])
    ] = "pl"
    text: Annotated[
        str, about("The approved text, which agents see and the record keeps.", min_length=1, max_length=1024)
    ]
    header: Annotated[Header, about("The kind of file that it begins with.")] = ""
    parameter_names: Annotated[
        tuple[str, ...],
        about("The names of the parameters in order, where they have names there and no numbers."),
    ] = ()
    fallbacks: Annotated[
        tuple[str, ...],
        about("Languages of the same template to be tried in order where WhatsApp lacks the first."),
    ] = ()


def template_of(settings: TemplateSettings) -> Template:
    """What the composer is told of it."""
    count = 0
    while f"{{{count + 1}}}" in settings.text:
        count += 1
    return Template(
        id=settings.name,
        language=settings.language,
        text=settings.text,
        parameters=count,
        header=settings.header,
    )


def find_template(templates: Sequence[TemplateSettings], wanted: str, language: str) -> TemplateSettings:
    """The template that an agent chose (``name language``), or a rule by its name alone: in the person's language, else
    the first. Raises SendError where there is none."""
    name, _, chosen = wanted.partition(" ")
    named = [one for one in templates if one.name == name]
    exact = [one for one in named if one.language == (chosen or language)]
    near = [one for one in named if one.language.partition("_")[0] == (chosen or language).partition("_")[0]]
    found = exact or near or ([] if chosen else named)
    if not found:
        raise SendError("permanent", NO_TEMPLATE)
    return found[0]


def frame(to: Party) -> dict[str, Any]:
    """To whom: a number, or WhatsApp's own id of somebody who hides theirs."""
    base: dict[str, Any] = {"messaging_product": "whatsapp", "recipient_type": "individual"}
    return base | ({"to": to.address.lstrip("+")} if to.kind == "phone" else {"recipient": to.address})


def text_message(text: str) -> dict[str, Any]:
    """A plain text; no preview, so that WhatsApp fetches no address on the person's behalf."""
    return {"type": "text", "text": {"preview_url": False, "body": text}}


def media_message(kind: str, media: str, filename: str, caption: str) -> dict[str, Any]:
    """A file that was uploaded."""
    content = {"id": media}
    if kind == "document":
        content["filename"] = filename
    if caption and kind != "audio":
        content["caption"] = caption
    return {"type": kind, kind: content}


def kind_of(content_type: str, size: int) -> str:
    """What WhatsApp calls a file. Raises SendError for one that it does not take."""
    found = KINDS.get(content_type.partition(";")[0].strip().lower())
    if found is None:
        raise SendError("permanent", NOT_TAKEN)
    if size > found[1]:
        raise SendError("permanent", TOO_LARGE)
    return found[0]


def choices_message(text: str, choices: Sequence[Choice], open_label: str) -> dict[str, Any]:
    """Up to three buttons under a short text, else a list. Raises SendError for what fits neither."""
    short = all(len(choice.label) <= BUTTON_LABEL for choice in choices)
    if len(choices) <= BUTTONS and len(text) <= BUTTON_BODY and short:
        buttons = [{"type": "reply", "reply": {"id": choice.id, "title": choice.label}} for choice in choices]
        return _interactive("button", text, {"buttons": buttons})
    if any(len(choice.label) > ROW_LABEL for choice in choices):
        raise SendError("permanent", LONG_LABEL)
    if len(text) > LIST_BODY:
        raise SendError("permanent", LONG_TEXT)
    rows = [{"id": choice.id, "title": choice.label} for choice in choices[:ROWS]]
    return _interactive("list", text, {"button": open_label[:BUTTON_LABEL], "sections": [{"rows": rows}]})


def _interactive(kind: str, text: str, action: dict[str, Any]) -> dict[str, Any]:
    return {"type": "interactive", "interactive": {"type": kind, "body": {"text": text}, "action": action}}


def template_message(
    template: TemplateSettings, language: str, outbound: Outbound, header: dict[str, Any] | None
) -> dict[str, Any]:
    """A template with its parameters. Raises SendError where they do not fit."""
    if len(outbound.parameters) != template_of(template).parameters:
        raise SendError("permanent", BAD_TEMPLATE)
    if (header is None) is bool(template.header):
        raise SendError("permanent", BAD_TEMPLATE)
    components: list[dict[str, Any]] = []
    if header is not None:
        components.append({"type": "header", "parameters": [header]})
    if outbound.parameters:
        components.append({"type": "body", "parameters": _parameters(template, outbound.parameters)})
    content: dict[str, Any] = {"name": template.name, "language": {"code": language}}
    if components:
        content["components"] = components
    return {"type": "template", "template": content}


def _parameters(template: TemplateSettings, values: Sequence[str]) -> list[dict[str, str]]:
    """WhatsApp refuses line ends, tabs and runs of spaces in a parameter (132018)."""
    found = [{"type": "text", "text": one_line(value)} for value in values]
    for parameter, name in zip(found, template.parameter_names, strict=False):
        parameter["parameter_name"] = name
    return found
