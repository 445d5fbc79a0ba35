"""What everybody may do for themselves: presence, preferences, the list of notifications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from aiohttp import web

from hub.config import Language
from hub.deciding.naming import names_of
from hub.i18n import mark as N_
from hub.people.notifications import Notice, calling, read_all, read_one, recent, text_of
from hub.people.preferences import Preferences, Theme, write_preferences
from hub.people.presence import set_presence
from hub.store.schema import user
from hub.store.tx import Tx
from hub.web.desk import desk_of, number_of, scope_of, signed_of
from hub.web.forms import Form, read_form
from hub.web.render import conversation_path, is_fragment, own, redirect, render, text
from rules import DEFAULT_RULE


class PresenceForm(Form, frozen=True, kw_only=True):
    presence: Literal["available", "away", "offline"]
    next: str = "/"


async def presence(request: web.Request) -> web.StreamResponse:
    """The menu in the bar, as it is now."""
    return render(request, "settings/presence.html")


async def change_presence(request: web.Request) -> web.StreamResponse:
    """Available, away or offline."""
    desk, scope, form = desk_of(request), scope_of(request), await read_form(request, PresenceForm)
    await desk.store.write(lambda tx: set_presence(tx, desk.house(), scope, form.presence))
    return redirect(request, own(form.next))


class PreferencesForm(Form, frozen=True, kw_only=True):
    theme: Theme = "auto"
    language: Language = "pl"
    keys: bool = False
    desktop: bool = False
    sound: bool = False
    undo_seconds: float | None = None


LONGEST_UNDO = 120.0


async def settings(request: web.Request) -> web.StreamResponse:
    """The own account and how the console behaves."""
    config = desk_of(request).house().directory.config
    return render(request, "settings/settings.html", undo_default=config.outbox.undo_seconds)


async def change_settings(request: web.Request) -> web.StreamResponse:
    """Keep what somebody set."""
    desk, signed, form = desk_of(request), signed_of(request), await read_form(request, PreferencesForm)
    undo = None if form.undo_seconds is None else min(max(form.undo_seconds, 0.0), LONGEST_UNDO)
    chosen = Preferences(
        theme=form.theme, keys=form.keys, desktop=form.desktop, sound=form.sound, undo_seconds=undo
    )

    def command(tx: Tx) -> None:
        write_preferences(tx, signed.user, chosen)
        tx.change(user, signed.user, language=form.language)

    await desk.store.write(command)
    return redirect(request, "/settings", N_("Saved."))


RULE = N_("Rule: {rule}")


def _tags(notice: Notice) -> list[str]:
    return msgspec.json.decode(notice.about.tags, type=list[str]) if notice.about is not None else []


def _calling(request: web.Request, rows: Sequence[Notice]) -> dict[int, str]:
    """What the rules that call are called, by the notification."""
    called = {row.id: calling(row) for row in rows if row.rules}
    names = names_of(desk_of(request).house(), {rule for rules in called.values() for rule in rules})
    default = {DEFAULT_RULE: text(request, N_("the default of the rule set"))}
    known = {**default, **names}
    return {number: ", ".join(known.get(rule, rule) for rule in rules) for number, rules in called.items()}


async def notifications(request: web.Request) -> web.StreamResponse:
    """What the hub has told this person."""
    desk, scope = desk_of(request), scope_of(request)
    rows = await desk.store.read(lambda tx: recent(tx, scope))
    template = "settings/notification_list.html" if is_fragment(request) else "settings/notifications.html"
    return render(
        request, template, rows=rows, text_of=text_of, tags_of=_tags, calling=_calling(request, rows)
    )


async def newest(request: web.Request) -> web.StreamResponse:
    """The newest unread one, for a desktop notification: what happened, the number and the rules that call, never a
    citizen's words."""
    desk, scope = desk_of(request), scope_of(request)
    found = await desk.store.read(lambda tx: recent(tx, scope, 1))
    rows = [row for row in found if row.read_at is None and not row.hidden]
    rules = _calling(request, rows)
    told = [
        {
            "id": str(row.id),
            "text": text(request, text_of(row)),
            "reference": row.about.reference if row.about is not None else "",
            "because": text(request, RULE, rule=rules[row.id]) if row.id in rules else "",
        }
        for row in rows
    ]
    return web.json_response({"newest": told[0] if told else None})


async def open_notification(request: web.Request) -> web.StreamResponse:
    """Mark one as read and go where it points."""
    desk, scope = desk_of(request), scope_of(request)
    number = number_of(request)
    kind, found = await desk.store.write(lambda tx: read_one(tx, scope, number))
    if kind.startswith("rules-"):
        return redirect(request, "/admin/rules/drafts")
    return redirect(request, conversation_path(found) if found else "/notifications")


async def read_notifications(request: web.Request) -> web.StreamResponse:
    """Mark all as read."""
    desk, scope = desk_of(request), scope_of(request)
    await desk.store.write(lambda tx: read_all(tx, scope))
    return redirect(request, "/notifications", N_("All marked as read."))


ROUTES = [
    web.get("/presence", presence),
    web.post("/presence", change_presence),
    web.get("/settings", settings),
    web.post("/settings", change_settings),
    web.get("/notifications", notifications),
    web.get("/notifications/newest", newest),
    web.post("/notifications/read", read_notifications),
    web.post("/notifications/{id}/open", open_notification),
]
