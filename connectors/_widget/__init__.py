"""What the public widgets (comments, contact form, callback) share: pages, static files, colours, honest forms.

A widget is HTML from the server in Polish or English, works without JavaScript and without third-party cookies, and
takes its site's colours by CSS custom properties. Its own templates extend ``widget.html`` here; nothing is inline,
because the hub serves every page under a strict Content-Security-Policy. Forms are parsed by the hub (``Route.form``).
"""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
import random
import re
import unicodedata
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec

from connectors._templates import page_environment
from connectors.contract import Refused, Request, Response, Route, Sink, Translate

SHARED = Path(__file__).parent
LANGUAGES = ("pl", "en")
"""Languages that a widget speaks; the first is the one for everybody else."""

HONEYPOT = "extra_line"
"""A field that people do not see (``guard()`` in templates). Programs fill it in; what fills in forms for people knows
no such name, but nobody can be sure of that."""

CLIENT = "client"
"""The field with the id that the form was served with (``client_field()`` in templates)."""

Colour = Annotated[
    str,
    msgspec.Meta(
        description="A colour as in CSS; empty: the widget's own.",
        pattern=r"^$|^#[0-9a-fA-F]{3,8}$|^[a-z]{3,20}$",
        examples=["#0b5cad"],
    ),
]


class Theme(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A site's own colours; empty ones stay as they are. The site must mind the contrast (WCAG 1.4.3)."""

    accent: Colour = ""
    accent_text: Colour = ""
    text: Colour = ""
    muted: Colour = ""
    background: Colour = ""
    surface: Colour = ""
    border: Colour = ""


def theme_css(theme: Theme) -> bytes:
    """The colours as custom properties: ``accent_text`` becomes ``--widget-accent-text``."""
    values = msgspec.structs.asdict(theme)
    lines = [f"  --widget-{name.replace('_', '-')}: {value};" for name, value in values.items() if value]
    return (
        ("\n".join([":root {", *lines, "}"]) + "\n").encode() if lines else b"/* no colours of its own */\n"
    )


class Asset(msgspec.Struct, frozen=True):
    """A static file in memory."""

    content: bytes
    content_type: str

    @property
    def version(self) -> str:
        """Changes with the content."""
        return hashlib.sha256(self.content).hexdigest()[:12]


def assets(folder: Path, theme: Theme) -> dict[str, Asset]:
    """Static files of a widget by name: the shared ones, those in ``folder`` and ``theme.css``."""
    found = {}
    for file in sorted([*(SHARED / "static").iterdir(), *folder.iterdir()]):
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        if kind in ("text/javascript", "text/css"):
            kind += "; charset=utf-8"
        found[file.name] = Asset(file.read_bytes(), kind)
    found["theme.css"] = Asset(theme_css(theme), "text/css; charset=utf-8")
    return found


def asset_route(base: str, files: Mapping[str, Asset]) -> Route:
    """``GET {base}/static/{name}``. Only names of ``files`` exist, so no path comes from outside."""

    async def serve(request: Request) -> Response:
        asset = files.get(request.params["name"])
        if asset is None:
            return Response(
                status=404, body=b"There is no such file.", content_type="text/plain; charset=utf-8"
            )
        etag = f'"{asset.version}"'
        # A versioned address never changes its content; an unversioned one (in a site's page) is asked again.
        age = "public, max-age=31536000, immutable" if "v" in request.query else "public, max-age=600"
        headers = {"Cache-Control": age, "ETag": etag, "Cross-Origin-Resource-Policy": "cross-origin"}
        if request.headers.get("if-none-match") == etag:
            return Response(status=304, headers=headers, content_type=asset.content_type)
        return Response(body=asset.content, content_type=asset.content_type, headers=headers)

    return Route(method="GET", path=f"{base}/static/{{name}}", handler=serve, max_body=0)


class Pages:
    """Templates of one widget: ``folder`` first, the shared ones behind it."""

    def __init__(
        self, folder: Path, base: str, files: Mapping[str, Asset], translate: Translate, random: random.Random
    ) -> None:
        self._environment = page_environment(folder, SHARED / "templates")
        self._translate = translate
        self._environment.globals.update(
            asset=lambda name: f"{base}/static/{name}?v={files[name].version}",
            base=base,
            CLIENT=CLIENT,
            HONEYPOT=HONEYPOT,
            new_client_id=lambda: new_client_id(random),
        )

    def render(self, template: str, language: str, **values: Any) -> str:
        """HTML of ``template`` in a language. In it ``_("text with {name}", name=…)`` is gettext."""
        gettext = partial(self._translate, language)
        return self._environment.get_template(template).render({**values, "_": gettext, "language": language})


class Door:
    """Keeps the sink for the handlers of a connector. It may be held open several times at once: by what serves the
    routes, and by what reads the wire under the inbox's lease. Then the one that was there first is used."""

    def __init__(self) -> None:
        self._sinks: list[Sink] = []

    @property
    def open(self) -> bool:
        """Whether anything can be taken."""
        return bool(self._sinks)

    @property
    def sink(self) -> Sink:
        """Raises :class:`Refused` while the inbox is not running: the browser gets 503 and may try again."""
        if not self._sinks:
            raise Refused("the inbox is not running", retry_after=5.0)
        return self._sinks[0]

    @contextmanager
    def held(self, sink: Sink) -> Iterator[None]:
        """The door is open within the block."""
        self.open_for(sink)
        try:
            yield
        finally:
            self.close_for(sink)

    def open_for(self, sink: Sink) -> None:
        """As :meth:`held`, until :meth:`close_for`."""
        self._sinks.append(sink)

    def close_for(self, sink: Sink) -> None:
        """Keep ``sink`` no longer."""
        self._sinks.remove(sink)

    async def run(self, sink: Sink) -> None:
        """Hold the door open until cancelled."""
        with self.held(sink):
            await asyncio.Event().wait()


def trapped(fields: Mapping[str, str]) -> bool:
    """Whether the hidden field was filled in: by a program, or by what fills in forms for people."""
    return bool(fields.get(HONEYPOT, "").strip())


def new_client_id(random: random.Random) -> str:
    """A UUID (version 4, RFC 9562) for one form as it is served."""
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def client_id(fields: Mapping[str, str]) -> str | None:
    """The id that the form was served with, or None where it is missing or no UUID."""
    try:
        return str(uuid.UUID(fields.get(CLIENT, "")))
    except ValueError:
        return None


def submission_id(client: str, *content: str) -> str:
    """The external id of a submission: the same for a double click, another one after "back" and other words.

    ``client`` alone would swallow what somebody writes after going back to a page served earlier.
    """
    digest = hashlib.sha256("\x1f".join((client, *content)).encode("utf-8", "replace"))
    return f"web:{digest.hexdigest()[:40]}"


_SPACES = re.compile(r"\s+")
_MANY_LINES = re.compile(r"\n{4,}")


def clean_line(text: str) -> str:
    """One line of what a person typed: no control or direction characters, single spaces (UTS #55)."""
    return _SPACES.sub(" ", _visible(text)).strip()


def clean_text(text: str) -> str:
    """Several lines of what a person typed: line ends as ``\\n``, no control characters, no walls of empty lines."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return _MANY_LINES.sub("\n\n\n", "\n".join(_visible(line).rstrip() for line in lines)).strip()


def _visible(text: str) -> str:
    """Without characters that steer the display; joiners stay, because emoji and some scripts need them."""
    return "".join(
        char for char in text if char in "\t\u200c\u200d" or unicodedata.category(char) not in ("Cc", "Cf")
    )


_EMAIL = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,63}")


def email_address(text: str) -> str | None:
    """An e-mail address as somebody typed it, in lower case, or None where it cannot be one (RFC 5321, without
    quoted local parts and address literals, which forms do not need)."""
    address = clean_line(text).lower()
    return address if len(address) <= 254 and _EMAIL.fullmatch(address) else None
