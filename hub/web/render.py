"""Pages from templates: Jinja2 compiled once, autoescape always on, texts in the reader's language.

``render(request, "inbox/list.html", rows=rows)``. Every template has ``_``, ``ngettext``, ``when``, ``at``, ``span``,
``size``, ``number``, ``icon``, ``asset``, ``queue_name``, ``office_name``, ``allowed``, ``scope``, ``csrf``, ``path``,
and ``here``, where a form in the bar leads back to.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from functools import cache, lru_cache, partial
from pathlib import Path
from types import FunctionType
from typing import Any
from urllib.parse import quote, unquote

import jinja2
import msgspec
from aiohttp import web
from markupsafe import Markup

from connectors._templates import page_environment
from hub.i18n import mark as N_
from hub.i18n import template_functions, translate
from hub.people.preferences import Preferences
from hub.scope import Conflict, Permission, Scope, allows
from hub.web.assets import ASSETS
from hub.web.desk import LANGUAGE, PLACE, SIGNED, desk_of
from hub.web.words import filters

TEMPLATES = Path(__file__).parent / "templates"
ENVIRONMENT = web.AppKey("environment", jinja2.Environment)
FLASH = "centrala_said"


class Place(msgspec.Struct, frozen=True):
    """A place of the rail: address, icon, name, the key after ``g``, what its visitors must be allowed.

    ``also``: other addresses that belong to it.
    """

    path: str
    icon: str
    name: str
    key: str
    needs: Permission
    also: tuple[str, ...] = ()

    def holds(self, path: str) -> bool:
        """Whether a page is of this place."""
        return any(path == root or path.startswith(f"{root}/") for root in (self.path, *self.also))


RAIL = (
    Place("/inbox", "inbox", N_("Inbox"), "g i", "answer", ("/conversations", "/contacts", "/new", "/texts")),
    Place("/moderation", "shield", N_("Moderation"), "g m", "moderate"),
    Place("/callbacks", "phone", N_("Callbacks"), "g c", "answer", ("/phone",)),
    Place("/supervisor", "chart", N_("Queues"), "g q", "supervise", ("/inboxes", "/quarantine")),
    Place("/admin", "cog", N_("Administration"), "g a", "administer"),
)


CHANNEL_ICONS = {
    **dict.fromkeys(("sms", "kannel", "smpp", "smsapi", "twilio"), "sms"),
    **dict.fromkeys(("comments", "facebook_comments", "instagram_comments"), "comment"),
    **dict.fromkeys(("callback", "phone"), "phone"),
    "email": "mail",
    "form": "form",
    "webhook": "link",
    "chat": "chat",
}
"""What stands for a channel; a globe for any other."""


class _Context(jinja2.runtime.Context):
    """Calls our own functions straight away: a list has a thousand calls, and looking each time whether a function
    wants to be given the context costs more than most of them do. None of ours does."""

    def call(
        self, called: Any, /, *args: Any, _block_vars: object = None, _loop_vars: object = None, **named: Any
    ) -> Any:
        """As jinja2 calls what stands in a template; it passes the two names along with the arguments."""
        if isinstance(called, FunctionType | partial) and not hasattr(called, "jinja_pass_arg"):
            return called(*args, **named)
        return super().call(called, *args, _block_vars=_block_vars, _loop_vars=_loop_vars, **named)


@cache
def environment() -> jinja2.Environment:
    """The one environment of a process: each template is compiled once, whatever the number of applications."""
    made = page_environment(TEMPLATES)
    made.context_class = _Context
    return made


def language_of(request: web.Request) -> str:
    """The person's language; before log-in that of the browser, where we have it, else the hub's."""
    signed = request.get(SIGNED)
    if signed is not None:
        return str(signed.scope.language)
    return str(request.get(LANGUAGE, desk_of(request).house().directory.config.hub.language))


def text(request: web.Request, msgid: str, **placeholders: object) -> str:
    """A text for the person behind a request."""
    return translate(language_of(request), msgid, **placeholders)


def refusal(request: web.Request, conflict: Conflict) -> str:
    """Why something was refused, for the person behind a request."""
    return text(request, str(conflict), **conflict.params)


@lru_cache(maxsize=1024)
def _icon(sprite: str, name: str, label: str) -> Markup:
    address = f"{sprite}#{name}"
    if label:
        return Markup('<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>').format(
            label, address
        )
    return Markup('<svg class="icon" aria-hidden="true"><use href="{}"/></svg>').format(address)


def context_of(request: web.Request) -> dict[str, Any]:
    """What every template may use."""
    desk, signed, language = desk_of(request), request.get(SIGNED), language_of(request)
    directory, assets = desk.house().directory, request.app[ASSETS]
    scope: Scope | None = signed.scope if signed else None

    sprite = assets.url("icons.svg")

    def icon(name: str, label: str = "") -> Markup:
        return _icon(sprite, name, label)

    def channel_icon(channel: str) -> Markup:
        return icon(CHANNEL_ICONS.get(channel, "globe"))

    def allowed(permission: Permission) -> bool:
        return scope is not None and allows(scope, permission)

    return {
        **template_functions(language),
        **filters(language, directory.zone(scope.office if scope else ""), desk.clock.now()),
        "request": request,
        "path": request.path,
        "here": request.path_qs if request.method == "GET" else "/",
        "language": language,
        "scope": scope,
        "signed": signed,
        "csrf": signed.csrf if signed else "",
        "preferences": signed.preferences if signed else Preferences(),
        "hub_name": directory.config.hub.name,
        "now": desk.clock.now(),
        "place": request.get(PLACE, desk.stream.last),
        "rail": [place for place in RAIL if allowed(place.needs)],
        "has_phone": allowed("answer") and any(i.kind == "phone" for i in directory.inboxes.values()),
        "asset": assets.url,
        "has_asset": assets.files.__contains__,
        "icon": icon,
        "channel_icon": channel_icon,
        "allowed": allowed,
        "queue_name": lambda queue: directory.queue_name(queue, language),
        "office_name": lambda office: getattr(directory.offices.get(office), "name", office),
        "inbox_name": lambda inbox: getattr(directory.inboxes.get(inbox), "name", inbox),
        "conversation_path": conversation_path,
        "web_link": web_link,
        "said": _said(request),
    }


def rendered(request: web.Request, template: str, **context: Any) -> str:
    """A template as text."""
    return request.app[ENVIRONMENT].get_template(template).render(context_of(request) | context)


def render(
    request: web.Request,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> web.Response:
    """A page or a part of one. A message left by :func:`redirect` is shown once."""
    body = rendered(request, template, **context)
    response = web.Response(text=body, content_type="text/html", status=status, headers=headers)
    if FLASH in request.cookies and not is_fragment(request):
        response.del_cookie(FLASH, path="/")
    return response


async def render_aside(
    request: web.Request, template: str, *, headers: Mapping[str, str] | None = None, **context: Any
) -> web.Response:
    """As :func:`render`, in a thread: for pages of many rows, which would hold up the event loop for too long."""
    return await asyncio.to_thread(partial(render, request, template, headers=headers, **context))


def is_fragment(request: web.Request) -> bool:
    """Whether htmx asked, for a part of a page."""
    return request.headers.get("HX-Request") == "true"


def wants_json(request: web.Request) -> bool:
    """Whether a script asked: our own ``send()`` or the API."""
    return request.path.startswith("/api/") or "application/json" in request.headers.get("Accept", "")


def redirect(
    request: web.Request, to: str, said: str = "", *, undo: str = "", **placeholders: object
) -> web.Response:
    """Go to another page after a change, which then shows the text ``said`` (a msgid) as a toast.

    ``to`` must be a path of our own. htmx is told to load that page.
    """
    if not is_local(to):
        raise ValueError("only paths of our own")
    response = web.Response(status=303, headers={"Location": to})
    if is_fragment(request):
        response = web.Response(status=200, headers={"HX-Redirect": to})
    if said:
        message = json.dumps({"text": text(request, said, **placeholders), "undo": undo})
        response.set_cookie(FLASH, quote(message), max_age=30, httponly=True, samesite="Strict", path="/")
    return response


def is_local(target: str) -> bool:
    """Whether an address stays on this host: one slash at the start, and nothing a browser reads as two."""
    return target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()


def own(target: str, otherwise: str = "/") -> str:
    """Where somebody is sent on to: ``target``, which came with a request, where it stays on this host."""
    return target if is_local(target) else otherwise


def conversation_path(conversation: int) -> str:
    """Where a conversation is read."""
    return f"/conversations/{conversation}"


def web_link(address: str | None) -> str:
    """An address from outside that may stand in ``href``: http and https alone, else ""."""
    text = (address or "").strip()
    return text if text.lower().startswith(("https://", "http://")) else ""


def toast_header(said: str, *, danger: bool = False, undo: str = "") -> dict[str, str]:
    """The header by which a fragment's answer shows a toast. ``said`` is the text itself, not a msgid."""
    detail = {"text": said, "danger": danger, "undo": undo or None}
    return {"HX-Trigger": json.dumps({"centrala:toast": detail})}  # json.dumps: headers hold ASCII only


def _said(request: web.Request) -> dict[str, str] | None:
    stored = request.cookies.get(FLASH)
    if not stored or is_fragment(request):
        return None
    try:
        return msgspec.json.decode(unquote(stored), type=dict[str, str])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
