"""Files of a draft: taken in pieces, durable before the answer, taken out again."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import BodyPartReader, web

from hub.desk import drafts, view
from hub.i18n import mark as N_
from hub.web.conversation_files import PREVIEWS
from hub.web.desk import desk_of, number_of, scope_of
from hub.web.render import text

TOO_LARGE = N_("{name} is larger than {size} MB.")


class _TooLarge(Exception):
    """A file above the limit; its bytes so far are an unowned blob, which is swept."""


async def _measured(field: Any, limit: int, told: dict[str, Any]) -> AsyncIterator[bytes]:
    digest, size = hashlib.sha256(), 0
    while chunk := await field.read_chunk(256 * 1024):
        size += len(chunk)
        if size > limit:
            raise _TooLarge
        digest.update(chunk)
        yield chunk
    told |= {"size": size, "sha256": digest.hexdigest()}


async def upload(request: web.Request) -> web.StreamResponse:
    """Put files to an own draft; each one is durable before the answer."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    house = desk.house()
    await desk.store.read(lambda tx: drafts.own_draft(tx, scope, number))
    limit = house.directory.config.limits.upload_bytes
    added = []
    async for field in await request.multipart():
        if not isinstance(field, BodyPartReader) or field.filename is None:
            continue
        told: dict[str, Any] = {}
        try:
            blob = await desk.blobs.put(_measured(field, limit, told))
        except _TooLarge:
            detail = text(request, TOO_LARGE, name=drafts.clean_name(field.filename), size=limit // 1_000_000)
            return web.json_response({"status": 413, "detail": detail}, status=413)
        about: dict[str, Any] = {
            "filename": field.filename,
            "content_type": field.headers.get("Content-Type", ""),
            **told,
        }
        added.append(
            await desk.store.write(
                lambda tx, a=about, b=blob: drafts.add_file(tx, house, scope, number, blob=b, **a)  # type: ignore[misc]
            )
        )
    rows = await desk.store.read(lambda tx: [view.file_of(tx, scope, file) for file in added])
    return web.json_response({"files": [file_json(row) for row in rows]})


async def remove_file(request: web.Request) -> web.StreamResponse:
    """Take a file out of an own draft."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    await desk.store.write(lambda tx: drafts.remove_file(tx, scope, number))
    return web.json_response({})


def file_json(file: Any) -> dict[str, Any]:
    """A file as the composer shows it."""
    picture = f"/files/{file.id}/image" if file.content_type in PREVIEWS else None
    return {"id": str(file.id), "name": file.filename, "size": file.size, "picture": picture}


ROUTES = [
    web.post("/drafts/{id}/files", upload),
    web.post("/files/{id}/remove", remove_file),
]
