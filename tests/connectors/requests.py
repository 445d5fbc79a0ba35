"""Requests to a connector's routes as the hub makes them, without a socket: for tests that are not about HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from connectors.contract import Connector, Refused, Request, Response, Route, UploadedFile


def _route(connector: Connector, method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route that serves a path, and what stands for its ``{names}``."""
    parts = path.split("/")
    for route in connector.routes():
        wanted = route.path.split("/")
        if route.method != method or len(wanted) != len(parts):
            continue
        pairs = list(zip(wanted, parts, strict=True))
        if all(want == part or want.startswith("{") for want, part in pairs):
            return route, {want[1:-1]: part for want, part in pairs if want.startswith("{")}
    raise LookupError(f"no route for {method} {path}")


async def _ask(
    connector: Connector,
    method: str,
    address: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    fields: Mapping[str, str] | None = None,
    files: tuple[UploadedFile, ...] = (),
    language: str = "pl",
    remote: str = "192.0.2.1",
) -> Response:
    url = urlsplit(address)
    route, params = _route(connector, method, url.path)
    query = dict(parse_qsl(url.query))
    request = Request(
        method=method,
        path=url.path,
        params=params,
        query=query,
        headers={name.lower(): value for name, value in (headers or {}).items()},
        cookies={},
        body=body,
        remote=remote,
        language=query.get("lang", language),
        fields=fields or {},
        files=files,
        query_string=url.query,
    )
    try:
        return await route.handler(request)
    except Refused as refused:
        return Response(status=503, headers={"Retry-After": str(refused.retry_after)})


async def get(connector: Connector, address: str, *, language: str = "pl") -> Response:
    """Fetch a page."""
    return await _ask(connector, "GET", address, language=language)


async def post(
    connector: Connector,
    address: str,
    body: bytes,
    headers: Mapping[str, str] | None = None,
    *,
    remote: str = "192.0.2.1",
) -> Response:
    """Post bytes from an address."""
    return await _ask(connector, "POST", address, body=body, headers=headers, remote=remote)


async def form_post(
    connector: Connector,
    address: str,
    fields: Mapping[str, str],
    files: tuple[UploadedFile, ...] = (),
    *,
    language: str = "pl",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Post a form."""
    body = urlencode(fields).encode() + b"".join(file.content for file in files)
    sent = {"content-type": "application/x-www-form-urlencoded", **(headers or {})}
    return await _ask(
        connector, "POST", address, body=body, headers=sent, fields=fields, files=files, language=language
    )


async def open_stream(connector: Connector, address: str, headers: Mapping[str, str]) -> AsyncIterator[bytes]:
    """Open an answer that stays open."""
    answer = await _ask(connector, "GET", address, headers=headers)
    assert answer.stream is not None, f"no stream but {answer.status}"
    return answer.stream
