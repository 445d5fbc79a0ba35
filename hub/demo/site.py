"""The office's site: articles with the embedded widgets, the application's door, and the page "what the citizen got".

It stands outside the hub, on a port of its own, and shows the hub's widgets in frames as any site of an office would.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web
from babel.dates import format_date, format_datetime
from markupsafe import Markup, escape

from connectors._templates import page_environment
from connectors.contract import Clock
from hub.config import Config
from hub.demo.letters import Letter, Letters
from hub.demo.stories import Article, articles
from hub.i18n import mark as N_
from hub.i18n import template_functions

FOLDER = Path(__file__).parent
LANGUAGES = ("pl", "en")
SHOWN = 100
"""Letters on one page of what citizens got."""

WAYS = {
    "email": N_("E-mail"),
    "application": N_("Application"),
    "sms": "SMS",
    "smpp": "SMS",
    "smsapi": "SMS",
    "twilio": "SMS",
    "telegram": "Telegram",
    "xmpp": "XMPP",
    "messenger": "Messenger",
    "instagram": "Instagram",
    "whatsapp": "WhatsApp",
    "facebook": "Facebook",
    "reel": "Instagram",
    "x": "X",
    "mention": "X",
    "youtube": "YouTube",
}

_LINK = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;)]")


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub posts to the application, as far as it is shown; see docs/channels/webhook.md."""

    id: str
    text: str = ""
    subject: str = ""
    to: tuple[dict[str, str], ...] = ()
    automatic: bool = False


class _Site:
    """What its pages share."""

    def __init__(self, config: Config, letters: Letters, clock: Clock) -> None:
        self.config = config
        self.letters = letters
        self.clock = clock
        self.zone = ZoneInfo(config.hub.zone)
        self.articles = {article.key: article for article in articles()}
        self.pages = page_environment(FOLDER / "templates")

    def day_of(self, article: Article, language: str) -> str:
        """The date on an article."""
        today = dt.datetime.fromtimestamp(self.clock.now() / 1e6, self.zone).date()
        return format_date(today - dt.timedelta(days=article.days), "d MMMM y", locale=_locale(language))

    def time_of(self, letter: Letter, language: str) -> str:
        """When a letter came."""
        at = dt.datetime.fromtimestamp(letter.at / 1e6, self.zone)
        return format_datetime(at, "EEEE, d MMMM, HH:mm", locale=_locale(language))


SITE: web.AppKey[_Site] = web.AppKey("site", _Site)


def _locale(language: str) -> str:
    return "en_GB" if language == "en" else language


def build(config: Config, letters: Letters, clock: Clock) -> web.Application:
    """The site's application."""
    app = web.Application()
    app[SITE] = _Site(config, letters, clock)
    app.add_routes(
        [
            web.get("/", _front),
            web.get("/artykul/{key}", _article),
            web.get("/kontakt", _contact),
            web.get("/obywatel", _citizen),
            web.get("/prywatnosc", _privacy),
            web.post("/aplikacja", _take),
            web.get("/favicon.ico", _nothing),
            web.static("/static", FOLDER / "static"),
        ]
    )
    return app


def _page(request: web.Request, template: str, **values: Any) -> web.Response:
    site = request.app[SITE]
    language = _language(request)
    body = site.pages.get_template(template).render(
        **values,
        **template_functions(language),
        language=language,
        other=next(one for one in LANGUAGES if one != language),
        here=request.path,
        name=site.config.hub.name,
        hub=site.config.hub.public_url,
        console=site.config.hub.console_url,
        linked=linked,
    )
    headers = {"Content-Security-Policy": _policy(site.config.hub.public_url), "Cache-Control": "no-store"}
    return web.Response(text=body, content_type="text/html", headers=headers)


def _policy(hub: str) -> str:
    """Scripts and frames of the hub, styles and pictures of the site, nothing else."""
    return f"default-src 'self'; script-src {hub}; frame-src {hub}; object-src 'none'; base-uri 'none'"


def _language(request: web.Request) -> str:
    wished = request.query.get("lang", "")
    return wished if wished in LANGUAGES else LANGUAGES[0]


async def _front(request: web.Request) -> web.Response:
    site = request.app[SITE]
    language = _language(request)
    shown = [(article, site.day_of(article, language)) for article in site.articles.values()]
    return _page(request, "front.html", articles=shown)


async def _article(request: web.Request) -> web.Response:
    site = request.app[SITE]
    article = site.articles.get(request.match_info["key"])
    if article is None:
        raise web.HTTPNotFound
    frame = urlencode(_frame(request, article))
    return _page(
        request, "article.html", article=article, day=site.day_of(article, _language(request)), frame=frame
    )


def _frame(request: web.Request, article: Article) -> Mapping[str, str]:
    """The parameters of the comment section, for readers without JavaScript."""
    url = f"{request.url.origin()}{request.path}"
    place = {"article": article.key, "title": article.title, "section": article.section, "url": url}
    return {**place, "lang": _language(request)}


async def _contact(request: web.Request) -> web.Response:
    return _page(request, "contact.html")


async def _privacy(request: web.Request) -> web.Response:
    return _page(request, "privacy.html")


async def _citizen(request: web.Request) -> web.Response:
    site = request.app[SITE]
    language, to = _language(request), request.query.get("do", "")
    found = site.letters.newest(to)
    shown = [(letter, site.time_of(letter, language)) for letter in found[:SHOWN]]
    return _page(request, "citizen.html", letters=shown, count=len(found), to=to, ways=WAYS)


async def _nothing(request: web.Request) -> web.Response:
    """Browsers ask for an icon by themselves."""
    return web.Response(status=204)


async def _take(request: web.Request) -> web.Response:
    """The application's door: what the hub sends to people who wrote from it."""
    site = request.app[SITE]
    told = msgspec.json.decode(await request.read(), type=_Told)
    for person in told.to:
        site.letters.add(
            Letter(
                at=site.clock.now(),
                way="application",
                to=person.get("address", ""),
                subject=told.subject,
                text=told.text,
                sender=site.config.hub.name,
                automatic=told.automatic,
            )
        )
    return web.json_response({"id": f"app-{told.id}", "state": "delivered"})


def linked(text: str) -> Markup:
    """A letter's text with its links to be followed, everything else as text."""
    parts: list[str] = []
    end = 0
    for match in _LINK.finditer(text):
        parts += [
            str(escape(text[end : match.start()])),
            f'<a href="{escape(match[0])}">{escape(match[0])}</a>',
        ]
        end = match.end()
    return Markup("".join([*parts, str(escape(text[end:]))]))  # noqa: S704 - every part was escaped
