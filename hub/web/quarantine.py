"""The quarantine: what could not be read, its bytes to look at, and the two ways out: read again, or release."""

from __future__ import annotations

from aiohttp import web

from connectors.contract import BlobId
from hub.audit import record
from hub.i18n import mark as N_
from hub.people.overview import targets
from hub.quarantine import quarantined, raw_bytes, release_to
from hub.web.desk import desk_of, number_of, scope_of
from hub.web.forms import Form, read_form
from hub.web.render import redirect, render


async def quarantine(request: web.Request) -> web.StreamResponse:
    """The list."""
    desk, scope = desk_of(request), scope_of(request)
    rows = await desk.store.read(lambda tx: quarantined(tx, desk.house(), scope))
    return render(request, "supervisor/quarantine.html", rows=rows, targets=targets(desk.house(), scope, ""))


async def download(request: web.Request) -> web.StreamResponse:
    """The bytes as they came, never shown by the browser. Looking at them is audited."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    row = await desk.store.read(lambda tx: raw_bytes(tx, desk.house(), scope, number))
    content = row.content if row.content is not None else await desk.blobs.get(BlobId(row.blob))
    await desk.store.write(lambda tx: record(tx, scope.user, "raw-downloaded", f"raw:{number}"))
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="raw-{number}.bin"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return web.Response(body=content, headers=headers)


async def again(request: web.Request) -> web.StreamResponse:
    """Read the bytes again, after what broke was mended."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    await desk.store.read(lambda tx: raw_bytes(tx, desk.house(), scope, number))
    said = await desk.reparse(number)
    await desk.store.write(lambda tx: record(tx, scope.user, "raw-parsed-again", f"raw:{number}"))
    return redirect(request, "/quarantine", said)


class Release(Form, frozen=True, kw_only=True):
    queue: str


async def release(request: web.Request) -> web.StreamResponse:
    """Let people work on it as it is."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    form = await read_form(request, Release)
    await desk.store.write(lambda tx: release_to(tx, desk.house(), scope, number, form.queue))
    name = desk.house().directory.queue_name(form.queue, scope.language)
    return redirect(request, "/quarantine", N_("Released to {queue}."), queue=name)


ROUTES = [
    web.get("/quarantine", quarantine),
    web.get("/quarantine/{id}/raw", download),
    web.post("/quarantine/{id}/again", again),
    web.post("/quarantine/conversations/{id}/release", release),
]
