"""What the buttons of a conversation do. Each answers htmx with the parts that changed, a plain form with the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web

from hub.desk import access, actions, contacts, merging, moving, outward, topics, transfer
from hub.desk.actions import Settable
from hub.desk.row import seen
from hub.desk.undoing import undoable
from hub.house import House
from hub.i18n import mark as N_
from hub.scope import Conflict, Scope
from hub.store.tx import Tx
from hub.web.conversation import render_parts
from hub.web.desk import desk_of, number_of, scope_of
from hub.web.forms import Form, Unacceptable, read_form
from hub.web.inbox import read_until, undo_path
from hub.web.render import conversation_path, is_fragment, redirect, text, toast_header

Act = Callable[[Tx, House, Scope, int], object]


class Guarded(Form, frozen=True, kw_only=True):
    """``version``: what the person saw."""

    version: int | None = None


async def _carry_out(request: web.Request, act: Act, said: str) -> web.StreamResponse:
    """Run an action on the conversation of the address and show what changed, with a toast that takes back this very
    action, however many came after it."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    house = desk.house()
    _, undo = await desk.store.write(lambda tx: undoable(tx, scope, lambda: act(tx, house, scope, number)))
    back = undo_path(undo)
    if is_fragment(request):
        return await render_parts(request, number, toast_header(text(request, said), undo=back))
    return redirect(request, conversation_path(number), said, undo=back)


class Assign(Guarded, frozen=True, kw_only=True):
    assignee: int | None = None


async def assign(request: web.Request) -> web.StreamResponse:
    """To somebody, or back to the queue."""
    form = await read_form(request, Assign)

    def act(tx: Tx, house: House, scope: Scope, number: int) -> object:
        return actions.assign(tx, house, scope, [number], form.assignee, version=form.version)

    return await _carry_out(
        request, act, N_("Assigned.") if form.assignee else N_("Given back to the queue.")
    )


async def assign_me(request: web.Request) -> web.StreamResponse:
    """To the person who asks."""
    form = await read_form(request, Guarded)

    def act(tx: Tx, house: House, scope: Scope, number: int) -> object:
        return actions.assign(tx, house, scope, [number], scope.user, version=form.version)

    return await _carry_out(request, act, N_("It is yours."))


class Transfer(Guarded, frozen=True, kw_only=True):
    """``to``: ``queue:ID`` or ``office:ID``."""

    to: str
    note: str = ""
    until: str = ""


async def hand_over(request: web.Request) -> web.StreamResponse:
    """To a queue or an office, with a note."""
    form = await read_form(request, Transfer)
    kind, _, name = form.to.partition(":")
    if kind not in ("queue", "office"):
        raise Unacceptable("to: neither a queue nor an office")
    due = read_until(form.until, desk_of(request).house().directory.zone(scope_of(request).office))

    def act(tx: Tx, house: House, scope: Scope, number: int) -> object:
        return transfer.transfer(
            tx,
            house,
            scope,
            [number],
            queue=name if kind == "queue" else None,
            office=name if kind == "office" else None,
            note=form.note,
            due_at=due,
            version=form.version,
        )

    return await _carry_out(request, act, N_("Handed over."))


class Status(Guarded, frozen=True, kw_only=True):
    status: Settable


async def status(request: web.Request) -> web.StreamResponse:
    """Open, waiting for the citizen, waiting for an office."""
    form = await read_form(request, Status)

    def act(tx: Tx, house: House, scope: Scope, number: int) -> object:
        return actions.set_status(tx, scope, [number], form.status, version=form.version)

    return await _carry_out(request, act, N_("Status set."))


class Snooze(Guarded, frozen=True, kw_only=True):
    until: str = ""
    other: str = ""


async def snooze(request: web.Request) -> web.StreamResponse:
    """Until one of the offered times, or another."""
    form = await read_form(request, Snooze)
    until = read_until(
        form.other or form.until, desk_of(request).house().directory.zone(scope_of(request).office)
    )

    def act(tx: Tx, house: House, scope: Scope, number: int) -> object:
        return actions.snooze(tx, house, scope, [number], until, version=form.version)

    return await _carry_out(request, act, N_("Snoozed."))


class Resolve(Guarded, frozen=True, kw_only=True):
    topic: str = ""


async def resolve(request: web.Request) -> web.StreamResponse:
    """With topic and outcome in one field; both may be left empty."""
    form = await read_form(request, Resolve)
    topic, outcome = topics.read(form.topic)

    def act(tx: Tx, house: House, scope: Scope, number: int) -> object:
        return actions.resolve(tx, scope, [number], topic=topic, outcome=outcome, version=form.version)

    return await _carry_out(request, act, N_("Resolved."))


class Tags(Guarded, frozen=True, kw_only=True):
    add: str = ""
    remove: str = ""


async def tags(request: web.Request) -> web.StreamResponse:
    """Add tags, separated by commas, or take one away."""
    form = await read_form(request, Tags)

    def act(tx: Tx, house: House, scope: Scope, number: int) -> object:
        add, remove = form.add.split(","), form.remove.split(",")
        return actions.tag(tx, scope, [number], add=add, remove=remove, version=form.version)

    return await _carry_out(request, act, N_("Tags changed."))


class Priority(Guarded, frozen=True, kw_only=True):
    priority: Literal["low", "normal", "high", "urgent", "top"]


async def priority(request: web.Request) -> web.StreamResponse:
    """One of the priorities of the rules."""
    form = await read_form(request, Priority)

    def act(tx: Tx, house: House, scope: Scope, number: int) -> object:
        return actions.prioritise(tx, scope, [number], form.priority, version=form.version)

    return await _carry_out(request, act, N_("Priority set."))


class Language(Guarded, frozen=True, kw_only=True):
    language: Literal["pl", "en", "uk", "ru", "be", "de"]


async def language(request: web.Request) -> web.StreamResponse:
    """The language in which the person is answered."""
    form = await read_form(request, Language)

    def act(tx: Tx, house: House, scope: Scope, number: int) -> object:
        return actions.set_language(tx, scope, [number], form.language, version=form.version)

    return await _carry_out(request, act, N_("Language set."))


async def spam(request: web.Request) -> web.StreamResponse:
    """File as spam."""
    form = await read_form(request, Guarded)

    def act(tx: Tx, house: House, scope: Scope, number: int) -> object:
        return actions.spam(tx, scope, [number], version=form.version)

    return await _carry_out(request, act, N_("Filed as spam."))


class Block(Form, frozen=True, kw_only=True):
    reason: str
    until: str


async def block(request: web.Request) -> web.StreamResponse:
    """Shut an address out for a time."""
    form = await read_form(request, Block)
    until = read_until(form.until, desk_of(request).house().directory.zone(scope_of(request).office))
    if until is None:
        raise Conflict(contacts.BAD_END)
    end = until

    def act(tx: Tx, house: House, scope: Scope, number: int) -> None:
        contacts.block(tx, scope, number, reason=form.reason, until=end)

    return await _carry_out(request, act, N_("Blocked."))


async def unblock(request: web.Request) -> web.StreamResponse:
    """Let an address write again."""

    def act(tx: Tx, house: House, scope: Scope, number: int) -> None:
        contacts.unblock(tx, scope, number)

    return await _carry_out(request, act, N_("Unblocked."))


# --- merging, moving, linking ----------------------------------------------------------------------------------


def _beside_its_list(request: web.Request, conversation: int) -> str:
    """Where a conversation is read, with the list that the page which asks shows."""
    try:
        asked = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return conversation_path(conversation)
    place = [pair for pair in parse_qsl(asked.query) if pair[0] in ("view", "queue", "after")]
    known = place and asked.path.startswith("/conversations/")
    return (
        f"{conversation_path(conversation)}?{urlencode(place)}" if known else conversation_path(conversation)
    )


class Merge(Form, frozen=True, kw_only=True):
    """``other``: a reference number, or the id of a conversation. ``link``: they are one person."""

    other: str
    link: bool = False


async def merge(request: web.Request) -> web.StreamResponse:
    """Merge with another conversation and go to the one that survived."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    form, house = await read_form(request, Merge), desk.house()

    def command(tx: Tx) -> merging.Merged:
        other = merging.meant(tx, scope, form.other)
        return merging.merge_conversations(tx, house, scope, number, other, link=form.link)

    merged = await desk.store.write(command)
    place = _beside_its_list(request, merged.survivor)
    return redirect(request, place, N_("Merged."), undo=undo_path(merged.undo))


async def unmerge(request: web.Request) -> web.StreamResponse:
    """Take a merge apart."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    house = desk.house()
    alive = await desk.store.write(lambda tx: merging.unmerge(tx, house, scope, number))
    return redirect(request, _beside_its_list(request, alive), N_("Taken apart."))


async def move_message(request: web.Request) -> web.StreamResponse:
    """Move a message to a conversation of its own and go there."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    house = desk.house()
    new, undo = await desk.store.write(
        lambda tx: undoable(tx, scope, lambda: moving.move_message(tx, house, scope, number))
    )
    said = N_("Moved to a conversation of its own.")
    return redirect(request, _beside_its_list(request, new), said, undo=undo_path(undo))


async def move_back(request: web.Request) -> web.StreamResponse:
    """Put a moved message back where it came from."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    house = desk.house()
    await desk.store.write(lambda tx: merging.move_back(tx, house, scope, number))
    return redirect(request, _beside_its_list(request, number), N_("Moved back."))


class Link(Form, frozen=True, kw_only=True):
    other: str


async def link(request: web.Request) -> web.StreamResponse:
    """Say that the person of another conversation is the same one."""
    form = await read_form(request, Link)

    def act(tx: Tx, house: House, scope: Scope, number: int) -> object:
        other = merging.meant(tx, scope, form.other)
        mine, theirs = seen(tx, scope, number).contact, seen(tx, scope, other).contact
        return contacts.link_contacts(tx, scope, mine, theirs)

    return await _carry_out(request, act, N_("Linked: they are one person now."))


async def unlink(request: web.Request) -> web.StreamResponse:
    """Take two linked people apart."""
    link_id = number_of(request, "link")

    def act(tx: Tx, house: House, scope: Scope, number: int) -> None:
        contacts.unlink(tx, scope, link_id)

    return await _carry_out(request, act, N_("Taken apart."))


async def retry(request: web.Request) -> web.StreamResponse:
    """Send a failed message again."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    house = desk.house()

    def command(tx: Tx) -> int:
        outward.retry(tx, house, scope, number)
        return outward.conversation_of(tx, number)

    found = await desk.store.write(command)
    if is_fragment(request):
        return await render_parts(request, found, toast_header(text(request, SENT_AGAIN)))
    return redirect(request, conversation_path(found), SENT_AGAIN)


SENT_AGAIN = N_("Being sent again.")


class Reason(Form, frozen=True, kw_only=True):
    reason: str


async def open_anyway(request: web.Request) -> web.StreamResponse:
    """Open another office's matter with a reason."""
    form = await read_form(request, Reason)
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    house = desk.house()
    await desk.store.write(lambda tx: access.open_with_reason(tx, house, scope, number, form.reason))
    return redirect(request, conversation_path(number), N_("Opened for a day. A supervisor sees the reason."))


ROUTES = [
    web.post("/conversations/{id}/assign", assign),
    web.post("/conversations/{id}/mine", assign_me),
    web.post("/conversations/{id}/transfer", hand_over),
    web.post("/conversations/{id}/status", status),
    web.post("/conversations/{id}/snooze", snooze),
    web.post("/conversations/{id}/resolve", resolve),
    web.post("/conversations/{id}/tags", tags),
    web.post("/conversations/{id}/priority", priority),
    web.post("/conversations/{id}/language", language),
    web.post("/conversations/{id}/spam", spam),
    web.post("/conversations/{id}/block", block),
    web.post("/conversations/{id}/unblock", unblock),
    web.post("/conversations/{id}/merge", merge),
    web.post("/conversations/{id}/back", move_back),
    web.post("/conversations/{id}/link", link),
    web.post("/conversations/{id}/unlink/{link}", unlink),
    web.post("/conversations/{id}/open", open_anyway),
    web.post("/merges/{id}/undo", unmerge),
    web.post("/messages/{id}/move", move_message),
    web.post("/messages/{id}/retry", retry),
]
