"""Static files under an address that names their content, so that browsers may keep them for ever.

All files are read once, at start. The address holds a hash over all of them: modules import each other by relative
paths, which then stay inside the same version.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec
from aiohttp import web

STATIC = Path(__file__).parent / "static"
FOR_EVER = "public, max-age=31536000, immutable"
_COMPRESSED = frozenset({".css", ".js", ".svg", ".json", ".txt"})


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """One file; ``packed`` is its gzip form, or None where that would not be smaller."""

    content: bytes
    packed: bytes | None
    content_type: str


class Assets(msgspec.Struct, frozen=True, kw_only=True):
    """All static files by their path, and the hash of this version."""

    files: Mapping[str, Asset]
    version: str

    def url(self, path: str) -> str:
        """The address of a file. Raises KeyError for one that does not exist: a typing error in a template."""
        if path not in self.files:
            raise KeyError(f"no static file {path}")
        return f"/static/{self.version}/{path}"


ASSETS = web.AppKey("assets", Assets)


@cache
def load_assets(folder: Path = STATIC) -> Assets:
    """Read every file under ``folder``, once in a process; source maps and hidden files are left out."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and _is_served(path))
    digest = hashlib.sha256()
    files = {}
    for path in paths:
        name, content = path.relative_to(folder).as_posix(), path.read_bytes()
        digest.update(name.encode() + b"\0" + content)
        files[name] = _asset(path, content)
    return Assets(files=files, version=digest.hexdigest()[:12])


def _is_served(path: Path) -> bool:
    return not path.name.startswith(".") and path.suffix != ".map"


def _asset(path: Path, content: bytes) -> Asset:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind in ("text/javascript", "application/javascript"):
        kind = "text/javascript"
    packed = gzip.compress(content, 6, mtime=0) if path.suffix in _COMPRESSED else None
    if packed is not None and len(packed) >= len(content):
        packed = None
    return Asset(content=content, packed=packed, content_type=kind)


async def serve(request: web.Request) -> web.Response:
    """``/static/VERSION/PATH``. A page of an older version gets the file of this one, but may not keep it."""
    assets = request.app[ASSETS]
    asset = assets.files.get(request.match_info["path"])
    if asset is None:
        raise web.HTTPNotFound
    current = request.match_info["version"] == assets.version
    headers = {"Cache-Control": FOR_EVER if current else "no-cache", "Content-Type": asset.content_type}
    if asset.packed is not None:
        headers["Vary"] = "Accept-Encoding"
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=asset.packed, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=asset.content, headers=headers)


ROUTES = [web.get("/static/{version}/{path:.+}", serve)]
