"""The supervisor's page: queues with what waits and who is on duty; work moved in bulk; who works which queue."""

from __future__ import annotations

from aiohttp import web

from hub.desk.transfer import transfer
from hub.i18n import mark as N_
from hub.people import overview, users
from hub.scope import own_office, require
from hub.store.tx import Tx
from hub.web.conversation_words import PRIORITY_OF_RANK
from hub.web.desk import desk_of, number_of, scope_of
from hub.web.forms import Form, read_form
from hub.web.render import is_fragment, redirect, render


async def queues(request: web.Request) -> web.StreamResponse:
    """All queues of the actor's business."""
    desk, scope = desk_of(request), scope_of(request)
    lines = await desk.store.read(lambda tx: overview.lines(tx, desk.house(), scope))
    template = "supervisor/lines.html" if is_fragment(request) else "supervisor/queues.html"
    return render(request, template, lines=lines)


async def one_queue(request: web.Request) -> web.StreamResponse:
    """What waits in one queue, to be selected and moved."""
    desk, scope, queue = desk_of(request), scope_of(request), request.match_info["queue"]
    house = desk.house()
    rows = await desk.store.read(lambda tx: overview.waiting_in(tx, house, scope, queue))
    targets = overview.targets(house, scope, queue)
    return render(
        request,
        "supervisor/queue.html",
        queue=queue,
        rows=rows,
        targets=targets,
        most=overview.ROWS,
        priority_names=PRIORITY_OF_RANK,
    )


class Move(Form, frozen=True, kw_only=True):
    conversation: tuple[int, ...] = ()
    to: str


async def move(request: web.Request) -> web.StreamResponse:
    """Move the selected conversations to another queue, all or none."""
    desk, scope, queue = desk_of(request), scope_of(request), request.match_info["queue"]
    require(scope, "supervise")
    form = await read_form(request, Move)
    back = f"/supervisor/queues/{queue}"
    if not form.conversation:
        return redirect(request, back, N_("Select conversations first."))
    done = await desk.store.write(
        lambda tx: transfer(tx, desk.house(), scope, form.conversation, queue=form.to)
    )
    name = desk.house().directory.queue_name(form.to, scope.language)
    undo = f"/undo/{done.undo}" if done.undo is not None else ""
    return redirect(request, back, N_("Moved to {queue}: {n}"), undo=undo, queue=name, n=len(done.changed))


class Queues(Form, frozen=True, kw_only=True):
    queues: tuple[str, ...] = ()


async def people(request: web.Request) -> web.StreamResponse:
    """Who works which queue."""
    desk, scope = desk_of(request), scope_of(request)
    found = await desk.store.read(lambda tx: users.list_users(tx, scope))
    configured = desk.house().directory.queues.values()
    shown = [queue.id for queue in configured if own_office(scope, queue.office) and not queue.spam]
    return render(request, "supervisor/people.html", people=[p for p in found if p.active], queues=shown)


async def set_queues(request: web.Request) -> web.StreamResponse:
    """Change which queues somebody works."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    form = await read_form(request, Queues)

    def command(tx: Tx) -> str:
        users.set_queues(tx, scope, desk.house().directory, number, form.queues)
        return users.get_user(tx, scope, number).name

    name = await desk.store.write(command)
    return redirect(request, "/supervisor/people", N_("Queues of {name} saved."), name=name)


ROUTES = [
    web.get("/supervisor", queues),
    web.get("/supervisor/queues/{queue}", one_queue),
    web.post("/supervisor/queues/{queue}/move", move),
    web.get("/supervisor/people", people),
    web.post("/supervisor/people/{id}", set_queues),
]
