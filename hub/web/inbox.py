"""The list of conversations: views and queues, pages, take next, actions on many at once, undo."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web

from connectors.contract import Micros
from hub.calendar import moment
from hub.chats.desk import Chats, chats_of, has_chats
from hub.desk import actions, counts, lists, topics, transfer
from hub.desk import drafts as drafts_desk
from hub.desk.actions import Done
from hub.desk.lists import Asked, Page, View
from hub.desk.take import take_next
from hub.desk.undo_kinds import KINDS
from hub.desk.undoing import undo_last
from hub.house import House
from hub.i18n import mark as N_
from hub.scope import Scope
from hub.store.kept import Inquiry, inquire, learn, together
from hub.store.tx import Reader, Tx
from hub.web.conversation_words import PRIORITY_OF_RANK
from hub.web.desk import desk_of, number_of, scope_of
from hub.web.forms import Form, Unacceptable, read_form, read_query
from hub.web.pages import Draw, drawing, shows
from hub.web.render import (
    conversation_path,
    is_fragment,
    own,
    redirect,
    render,
    text,
    toast_header,
    wants_json,
)

ATTENTION: Sequence[View] = ("mine", "unassigned", "overdue", "failed", "woke")
"""Views at the top of the left pane, with their counts."""

ELSEWHERE: Sequence[View] = ("waiting-citizen", "waiting-office", "snoozed", "resolved", "spam", "all")

ICONS: Mapping[View, str] = {
    "mine": "person",
    "unassigned": "inbox",
    "queue": "inbox",
    "overdue": "clock",
    "failed": "warning",
    "woke": "snooze",
    "waiting-citizen": "reply",
    "waiting-office": "office",
    "snoozed": "snooze",
    "resolved": "check",
    "spam": "spam",
    "all": "people",
}


class Where(Form, frozen=True, kw_only=True):
    """Which list, as addresses name it."""

    view: View = "mine"
    queue: str | None = None
    after: str = ""


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """The two left panes: a page of a list and the counts beside the views. ``query`` names the list in links;
    ``chats`` are the agent's own, None where the house has no chat."""

    where: Where
    page: Page
    counts: Mapping[str, int]
    queues: Sequence[str]
    drafts: int
    query: str
    chats: Chats | None


def query_of(where: Where) -> str:
    """The list as part of an address: ``?view=queue&queue=bezrobotni``."""
    parts = {"view": where.view, **({"queue": where.queue} if where.queue else {})}
    return f"?{urlencode(parts)}"


def about_listed(tx: Reader, house: House, scope: Scope, where: Where) -> Inquiry[Listed]:
    """What the left panes show. Raises Denied, NotFound, Unacceptable for a place that is none."""
    size = house.directory.config.limits.list_rows
    asked = Asked(view=where.view, queue=where.queue, after=where.after, size=size)
    try:
        page = lists.about_page(tx, house, scope, asked)
    except ValueError:
        raise Unacceptable("after: no place in a list") from None
    parts = (page, counts.about_counts(tx, house, scope), drafts_desk.about_number(tx, scope))

    def made(told: tuple[Page, dict[str, int], int]) -> Listed:
        rows, lengths, begun = told
        return Listed(
            where=where,
            page=rows,
            counts=lengths,
            queues=lists.offered_queues(house, scope),
            drafts=begun,
            query=query_of(where),
            chats=chats_of(tx, house, scope) if has_chats(house) else None,
        )

    return together(made, *parts)


VOCABULARY: Mapping[str, Any] = {
    "views": ATTENTION,
    "elsewhere": ELSEWHERE,
    "view_names": lists.NAMES,
    "view_icons": ICONS,
    "priority_names": PRIORITY_OF_RANK,
}
"""What the templates of the left panes need besides the data."""


def inbox(request: web.Request, tx: Reader) -> Draw:
    """The list on its own; for htmx only its rows."""
    scope, where = scope_of(request), read_query(request, Where)
    panes = about_listed(tx, desk_of(request).house(), scope, where)
    words = {"current": None, **VOCABULARY}
    if is_fragment(request):
        return drawing(request, "inbox/rows.html", listed=learn(tx, panes), **words)
    listed, used = inquire(tx, panes, topics.about_used(tx, scope))
    return drawing(request, "inbox/inbox.html", listed=listed, topics=used, **words)


async def drafts(request: web.Request) -> web.StreamResponse:
    """What one began to write and did not send."""
    desk, scope = desk_of(request), scope_of(request)
    rows = await desk.store.read(lambda tx: drafts_desk.unfinished(tx, scope))
    return render(request, "inbox/drafts.html", rows=rows, lines_of=drafts_desk.lines_of)


NOTHING_WAITS = N_("Nothing waits in your queues within your skills.")


class Going(Form, frozen=True, kw_only=True):
    next: str = "/inbox"


async def take(request: web.Request) -> web.StreamResponse:
    """Take the next conversation and open it."""
    desk, scope, form = desk_of(request), scope_of(request), await read_form(request, Going)
    found = await desk.store.write(lambda tx: take_next(tx, desk.house(), scope))
    if found is None:
        return redirect(request, own(form.next, "/inbox"), NOTHING_WAITS)
    return redirect(request, conversation_path(found))


# --- many at once ----------------------------------------------------------------------------------------------

Action = Literal["mine", "assign", "resolve", "snooze", "spam", "transfer", "tag", "reopen", "priority"]


class Bulk(Form, frozen=True, kw_only=True):
    """``c``: the ticked conversations. The other fields as the action needs them."""

    c: tuple[int, ...] = ()
    act: Action
    next: str = "/inbox"
    assignee: int | None = None
    queue: str | None = None
    note: str = ""
    until: str = ""
    topic: str = ""
    tag: str = ""
    priority: str = "normal"


async def bulk(request: web.Request) -> web.StreamResponse:
    """One action on all ticked conversations; all of them or none."""
    desk, scope, form = desk_of(request), scope_of(request), await read_form(request, Bulk)
    to = own(form.next, "/inbox")
    if not form.c:
        return redirect(request, to, N_("Nothing is ticked."))
    house = desk.house()
    until = read_until(form.until, house.directory.zone(scope.office))
    done = await desk.store.write(lambda tx: act_on(tx, house, scope, form, until))
    said = N_("{n} conversations changed.") if len(done.changed) != 1 else N_("One conversation changed.")
    return redirect(request, to, said, undo=undo_path(done.undo), n=len(done.changed))


def act_on(tx: Tx, house: House, scope: Scope, form: Bulk, until: Micros | None) -> Done:
    """Carry out the action of a form."""
    topic, outcome = topics.read(form.topic)
    calls: Mapping[Action, Callable[[], Done]] = {
        "mine": lambda: actions.assign(tx, house, scope, form.c, scope.user),
        "assign": lambda: actions.assign(tx, house, scope, form.c, form.assignee),
        "resolve": lambda: actions.resolve(tx, scope, form.c, topic=topic, outcome=outcome),
        "snooze": lambda: actions.snooze(tx, house, scope, form.c, until),
        "spam": lambda: actions.spam(tx, scope, form.c),
        "transfer": lambda: transfer.transfer(tx, house, scope, form.c, queue=form.queue, note=form.note),
        "tag": lambda: actions.tag(tx, scope, form.c, add=form.tag.split(",")),
        "reopen": lambda: actions.reopen(tx, scope, form.c),
        "priority": lambda: actions.prioritise(tx, scope, form.c, form.priority),
    }
    return calls[form.act]()


def read_until(typed: str, zone: str) -> Micros | None:
    """A moment as a form says it: ``2026-11-16T08:00`` on the office's clock. None for nothing.

    Raises Unacceptable for what is no time.
    """
    if not typed.strip():
        return None
    try:
        wall = datetime.fromisoformat(typed.strip())
    except ValueError:
        raise Unacceptable("until: no time") from None
    return moment(wall if wall.tzinfo else wall.replace(tzinfo=ZoneInfo(zone)))


# --- undo ------------------------------------------------------------------------------------------------------

UNDONE = N_("Undone.")


def undo_path(undo_id: int | None) -> str:
    """Where one action is taken back; "" for one that is not."""
    return f"/undo/{undo_id}" if undo_id is not None else ""


async def undo(request: web.Request) -> web.StreamResponse:
    """Take the last action back, or the one with this id."""
    desk, scope = desk_of(request), scope_of(request)
    wanted = number_of(request) if "id" in request.match_info else None
    house = desk.house()
    kind = await desk.store.write(lambda tx: undo_last(tx, house, scope, KINDS, wanted))
    if wants_json(request):
        return web.json_response({"kind": kind})
    if is_fragment(request):
        return web.Response(status=204, headers=toast_header(text(request, UNDONE)))
    form = await read_form(request, Going)
    return redirect(request, own(form.next, "/inbox"), UNDONE)


ROUTES = [
    web.get("/inbox", shows(inbox)),
    web.get("/inbox/drafts", drafts),
    web.post("/inbox/take", take),
    web.post("/inbox/bulk", bulk),
    web.post("/undo", undo),
    web.post("/undo/{id}", undo),
]
