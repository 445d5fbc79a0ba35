"""What the contact form and the callback form share beside the widget itself: settings, problems of fields, answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Protocol

import msgspec

from connectors._http import later, page
from connectors._i18n import N_
from connectors._widget import LANGUAGES, trapped
from connectors.contract import Handler, Refused, Request, Response, Route, Translate


def about(description: str, **limits: Any) -> msgspec.Meta:
    """What a setting means, and between which values it may lie; the reference pages are made from it."""
    return msgspec.Meta(description=description, **limits)


Origin = Annotated[
    str,
    msgspec.Meta(pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$", examples=["https://praca.example.pl"]),
]
"""Scheme, host and port of a site, as in the Origin header (RFC 6454)."""

PageUrl = Annotated[
    str, msgspec.Meta(pattern=r"^$|^https?://\S+$", examples=["https://praca.example.pl/rodo"])
]
"""Address of a page for citizens; empty: none."""

Rate = Annotated[
    str,
    msgspec.Meta(pattern="^$|^[1-9][0-9]*/([1-9][0-9]* ?)?(second|minute|hour|day)$", examples=["10/minute"]),
]

TICKED = "yes"
"""The value of a box that is ticked."""

TOO_LONG = N_("Characters: at most {n}, and there are {count}.")
BAD_EMAIL = N_("This is not an e-mail address. It should look like name@example.pl.")

TRAPPED = N_("A field that people do not see was filled in, as programs do it.")
"""Why a message is suspicious that came with the hidden field filled in: it is kept, and a person looks first."""

ONCE_MORE = N_("Nothing was sent: a field that nobody sees was filled in. Press the button once more.")
"""For what is no message, and could do harm before anybody looks at it."""


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text in the languages of the widget; an empty English one falls back to the Polish."""

    pl: Annotated[str, about("In Polish.", min_length=1)]
    en: Annotated[str, about("In English; empty: the Polish text.")] = ""

    def of(self, language: str) -> str:
        """The text in a language."""
        return self.en if language == "en" and self.en else self.pl


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a field: a msgid and its placeholders."""

    text: str
    details: Mapping[str, object] = {}


def doubt(fields: Mapping[str, str]) -> str:
    """What makes a posted message ``suspicious``: :data:`TRAPPED` or nothing."""
    return TRAPPED if trapped(fields) else ""


def in_words(translate: Translate, language: str, problems: Mapping[str, Problem]) -> dict[str, str]:
    """Problems by field, in a language."""
    return {name: translate(language, found.text, **found.details) for name, found in problems.items()}


def named(errors: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, str]:
    """The same problems for the summary above a form: each with the name of its field, where it has one.

    A name that is a question keeps its mark: "When shall we call? Choose a time."
    """
    return {name: _after(labels.get(name, ""), error) for name, error in errors.items()}


def _after(label: str, error: str) -> str:
    if not label:
        return error
    return f"{label} {error}" if label.endswith(("?", "!", ":")) else f"{label}: {error}"


def language_of(request: Request) -> str:
    """The language in which a widget answers."""
    return request.language if request.language in LANGUAGES else LANGUAGES[0]


class _Limits(Protocol):
    """The settings that a route needs."""

    @property
    def origins(self) -> tuple[str, ...]: ...
    @property
    def per_address(self) -> str: ...
    @property
    def per_site(self) -> str: ...


def page_route(path: str, handler: Handler, settings: _Limits) -> Route:
    """A page that may stand in a frame of the configured sites."""
    origins = settings.origins
    return Route(method="GET", path=path, handler=handler, max_body=0, origins=origins, embeddable=True)


def form_route(path: str, handler: Handler, settings: _Limits, max_body: int) -> Route:
    """Where a form is posted to."""
    return Route(
        method="POST",
        path=path,
        handler=handler,
        max_body=max_body,
        per_address=settings.per_address,
        per_site=settings.per_site,
        origins=settings.origins,
        embeddable=True,
        form=True,
    )


def try_later(body: str, refused: Refused) -> Response:
    """Nothing was taken: the form comes back, and the browser is told when to try again."""
    return later(page(body, status=503), refused)


def plain_reference(reference: str) -> str:
    """A reference number as a signed token can carry it."""
    return reference.replace("-", "").lower()


def shown_reference(plain: str) -> str:
    """The number again as people read it, in groups of three."""
    return "-".join(plain[at : at + 3] for at in range(0, len(plain), 3)).upper()
