"""Files that we send: the server keeps them, and people get their address (XEP-0363)."""

from __future__ import annotations

import xml.etree.ElementTree as ET  # nosec: only to build

import msgspec

from connectors._http import UPLOAD_SECONDS, status_error
from connectors._i18n import N_
from connectors.contract import Egress, OutAttachment, SendError
from connectors.xmpp.files import is_web
from connectors.xmpp.names import DISCO_INFO, DISCO_ITEMS, FORM, UPLOAD, text_of
from connectors.xmpp.stream import Client, Component, Refusal
from connectors.xmpp.writing import Uploaded

NO_SERVICE = N_("The XMPP server has no service that takes files; send the answer without them.")
TOO_LARGE = N_("A file is larger than the XMPP server takes.")
NOT_TAKEN = N_("The XMPP server did not take a file.")

_HEADERS = ("authorization", "cookie", "expires")
"""The only header fields that a service may ask for (XEP-0363, 5)."""

_LATER = ("resource-constraint", "internal-server-error", "remote-server-timeout", "undefined-condition")


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """Who takes files, and the most bytes of one (0: it does not say)."""

    address: str
    largest: int = 0


async def find(
    stream: Client | Component, domain: str, named: str, timeout: float, sender: str
) -> Service | None:
    """The configured service, or the first that the server names. Raises Lost."""
    if named:
        return await _service(stream, named, timeout, sender)
    try:
        answer = await stream.ask(domain, "get", ET.Element(f"{DISCO_ITEMS}query"), timeout, sender)
    except Refusal:
        return None
    for address in [domain, *[item.get("jid", "") for item in answer.iter(f"{DISCO_ITEMS}item")][:20]]:
        if address and (found := await _service(stream, address, timeout, sender)) is not None:
            return found
    return None


async def _service(stream: Client | Component, address: str, timeout: float, sender: str) -> Service | None:
    try:
        answer = await stream.ask(address, "get", ET.Element(f"{DISCO_INFO}query"), timeout, sender)
    except Refusal:
        return None
    if UPLOAD.strip("{}") not in {feature.get("var") for feature in answer.iter(f"{DISCO_INFO}feature")}:
        return None
    for field in answer.iter(f"{FORM}field"):
        value = text_of(field.find(f"{FORM}value"))
        if field.get("var") == "max-file-size" and value.isdigit():
            return Service(address=address, largest=int(value))
    return Service(address=address)


async def put(
    stream: Client | Component,
    service: Service,
    file: OutAttachment,
    egress: Egress,
    timeout: float,
    sender: str,
) -> Uploaded:
    """Give one file to the service. Raises SendError (nothing was sent to anybody yet), Lost."""
    if service.largest and len(file.content) > service.largest:
        raise SendError(
            "permanent", TOO_LARGE, f"{len(file.content)} bytes, the service takes {service.largest}"
        )
    slot = await _slot(stream, service, file, timeout, sender)
    target, source = slot.find(f"{UPLOAD}put"), slot.find(f"{UPLOAD}get")
    put_url = target.get("url", "") if target is not None else ""
    get_url = source.get("url", "") if source is not None else ""
    if target is None or not (is_web(put_url) and is_web(get_url)):
        raise SendError("temporary", NOT_TAKEN, "the slot has no address that can be used")
    headers = {"Content-Type": file.content_type, **_asked(target)}
    try:
        answer = await egress.request(
            "PUT", put_url, headers=headers, body=file.content, timeout=UPLOAD_SECONDS
        )
    except SendError as error:  # a file twice at the service does no harm: nobody was told of it
        raise SendError("temporary", error.public, error.private) from error
    if answer.status not in (200, 201, 204):
        raise status_error(answer.status, answer.headers, "upload")
    return Uploaded(url=get_url, filename=file.filename)


async def _slot(
    stream: Client | Component, service: Service, file: OutAttachment, timeout: float, sender: str
) -> ET.Element:
    request = ET.Element(
        f"{UPLOAD}request",
        {
            "filename": _plain(file.filename),
            "size": str(len(file.content)),
            "content-type": file.content_type,
        },
    )
    try:
        answer = await stream.ask(service.address, "get", request, timeout, sender)
    except Refusal as refusal:
        if refusal.condition == "not-acceptable":
            raise SendError("permanent", TOO_LARGE, refusal.condition) from refusal
        kind = "temporary" if refusal.condition in _LATER else "permanent"
        raise SendError(
            "temporary" if kind == "temporary" else "permanent", NOT_TAKEN, refusal.condition
        ) from refusal
    found = answer.find(f"{UPLOAD}slot")
    if found is None:
        raise SendError("temporary", NOT_TAKEN, "no slot in the answer")
    return found


def _asked(put: ET.Element) -> dict[str, str]:
    """The header fields that the service wants, without those that it may not name and without line breaks."""
    named = ((field.get("name", ""), text_of(field)) for field in put.iter(f"{UPLOAD}header"))
    return {
        name: value
        for name, value in named
        if name.lower() in _HEADERS and not any(sign in name + value for sign in "\r\n\x00")
    }


def _plain(filename: str) -> str:
    """A name that can stand in an address: without folders."""
    return filename.replace("\\", "/").rpartition("/")[2].strip()[:120] or "file"
