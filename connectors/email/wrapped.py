"""What lies around the content of a mail: encryption, signatures, Outlook's ``winmail.dat``.

What needs no key is opened; of what cannot be read it is said why, in a text that people see beside the mail, and the
file stays. A mail that nobody can read here is a letter of a person like any other.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Sequence

import msgspec

from connectors import _html
from connectors._i18n import N_
from connectors.contract import Attachment
from connectors.email import cms, tnef
from connectors.email.content import Body, Content, clean_filename, collect, has_words, with_own_names
from connectors.email.mime import Part, read

ENCRYPTED = N_(
    "This mail is encrypted and cannot be read here. Ask the sender to write without encryption. "
    "What came is kept as a file."
)
PACKED = N_(
    "This mail is packed (S/MIME) in a way that cannot be read here. Ask the sender to write without it. "
    "What came is kept as a file."
)
OUTLOOK = N_(
    "This mail has its text in a form that only Outlook reads (winmail.dat). Ask the sender to write as plain text or "
    "HTML. What came is kept as a file."
)

MAX_DEPTH = 4
"""Wrappers inside wrappers: signed, encrypted and signed again (RFC 2634) are three."""

MAX_PACKAGES = 3

_MIME = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_SIGNATURES = (
    *("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"),
    "application/x-pgp-signature",
)
_TNEF = ("application/ms-tnef", "application/vnd.ms-tnef")
_BEGIN, _END = "-----BEGIN PGP MESSAGE-----", "-----END PGP MESSAGE-----"
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE, _SIGNATURE_END = "-----BEGIN PGP SIGNATURE-----", "-----END PGP SIGNATURE-----"


def unwrap(top: Part, content: Content, depth: int = 0) -> None:
    """Put what can be read in the place of what it is wrapped in, and say in ``content`` what cannot."""
    _take_out_armour(content)
    content.bodies = [_unsigned(body) for body in content.bodies]
    if not content.attachments:
        return
    _leave_signatures(top, content)
    _note_pgp(content)
    _open_smime(top, content, depth)
    for item in [item for item in content.attachments if _is_tnef(item)][:MAX_PACKAGES]:
        _open_tnef(top, content, item)
    content.attachments = with_own_names(content.attachments)


def _shows_words(bodies: Sequence[Body]) -> bool:
    return any(has_words(body.text) if body.html else body.text.strip() for body in bodies)


def _is_the_mail(top: Part, content: Content, item: Attachment) -> bool:
    """Whether a file is where the text should be: there is no other, or only one that a server put below."""
    if not _shows_words(content.bodies):
        return True
    first = next(part for part in top.walk() if not part.parts)
    return item is content.attachments[0] and hashlib.sha256(first.content()).hexdigest() == item.sha256


def _replace(content: Content, item: Attachment, inside: Sequence[Attachment]) -> None:
    place = content.attachments.index(item)
    content.attachments[place : place + 1] = inside


def _file(data: bytes, filename: str, content_type: str, content_id: str = "") -> Attachment:
    return Attachment(
        filename=filename,
        content_type=content_type,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        content=data,
        content_id=content_id,
    )


# --- OpenPGP (RFC 9580, RFC 3156) ----------------------------------------------------------------------------------


def _take_out_armour(content: Content) -> None:
    """Encrypted blocks within the text become a file; what stands around them stays the text."""
    if not any(_BEGIN in body.text for body in content.bodies):
        return
    bodies: list[Body] = []
    for body in content.bodies:
        rest, blocks = _parted(body)
        for block in blocks:
            content.unreadable = ENCRYPTED
            content.attachments.append(
                _file(block.encode("utf-8", "replace"), "encrypted.asc", "application/pgp-encrypted")
            )
        if not blocks:
            bodies.append(body)
        elif rest:
            bodies.append(Body(text=rest, html=False))
    content.bodies = bodies


def _parted(body: Body) -> tuple[str, list[str]]:
    """A text without its encrypted blocks, and these. One that somebody quotes is no block."""
    if _BEGIN not in body.text:
        return body.text, []
    text = _html.text(body.text) if body.html else body.text
    rest: list[str] = []
    blocks: list[list[str]] = []
    inside = False
    for line in text.split("\n"):
        if not inside and line.rstrip() == _BEGIN and len(blocks) < 100:
            inside = True
            blocks.append([])
        (blocks[-1] if inside else rest).append(line)
        inside = inside and line.rstrip() != _END
    return "\n".join(rest).strip(), ["\n".join(block).strip() + "\n" for block in blocks]


def _unsigned(body: Body) -> Body:
    """A text without the frame of its signature (RFC 9580, section 7). One that somebody quotes stays."""
    if body.html or _SIGNED not in body.text:
        return body
    shown: list[str] = []
    signature: list[str] = []
    where = "outside"
    for line in body.text.split("\n"):
        mark = line.rstrip()
        if where == "signature":
            signature.append(line)
            if mark == _SIGNATURE_END:
                where, signature = "outside", []
        elif where == "outside" and mark == _SIGNED:
            where = "head"
        elif where == "signed" and mark == _SIGNATURE:
            where, signature = "signature", [line]
        elif where == "head":
            # The names of hash functions, up to an empty line.
            if not mark.startswith("Hash:"):
                where = "signed"
                shown += [line] if mark else []
        else:
            shown.append(line.removeprefix("- ") if where == "signed" else line)
    # Whatever does not end as a signature does may be words.
    return Body(text="\n".join([*shown, *signature]), html=False)


def _note_pgp(content: Content) -> None:
    """PGP/MIME: one part says the version, the next is the mail."""
    version = [
        item
        for item in content.attachments
        if item.content_type == "application/pgp-encrypted" and (item.content or b"").startswith(b"Version:")
    ]
    sealed = [
        item
        for item in content.attachments
        if (item.content or b"")[:1_000].lstrip().startswith(_BEGIN.encode())
    ]
    if not (version or (sealed and not _shows_words(content.bodies))):
        return
    content.unreadable = ENCRYPTED
    for item in sealed[:1]:
        if not item.filename.lower().endswith((".asc", ".pgp", ".gpg")):
            _replace(content, item, [msgspec.structs.replace(item, filename="encrypted.asc")])
    for item in version:
        if sealed:
            _replace(content, item, [])


# --- signatures beside a mail, S/MIME ------------------------------------------------------------------------------


def _leave_signatures(top: Part, content: Content) -> None:
    """The signature of a signed mail (RFC 1847) is nothing to read. One of a document, which came beside it, is."""
    if not any(item.content_type in _SIGNATURES for item in content.attachments):
        return
    signatures = {
        hashlib.sha256(child.content()).hexdigest()
        for part in top.walk()
        if part.content_type == "multipart/signed"
        for child in part.parts[1:]
        if child.content_type in _SIGNATURES
    }
    content.attachments = [item for item in content.attachments if item.sha256 not in signatures]


def _open_smime(top: Part, content: Content, depth: int) -> None:
    item = _smime(top, content)
    if item is None:
        return
    sealed = cms.read(item.content or b"")
    if sealed.kind == "signed" and sealed.content and depth < MAX_DEPTH:
        inner = read(sealed.content)
        found = collect(inner)
        unwrap(inner, found, depth + 1)
        _replace(content, item, found.attachments)
        content.bodies = [*found.bodies, *content.bodies]
        content.unreadable = content.unreadable or found.unreadable
    elif sealed.kind != "signed" or sealed.content:
        content.unreadable = ENCRYPTED if sealed.kind == "encrypted" else PACKED


def _smime(top: Part, content: Content) -> Attachment | None:
    """The file that is the mail itself. A signed document (``umowa.pdf.p7m``) beside a letter is a file like others."""
    item = next((item for item in content.attachments if _is_smime(item)), None)
    return item if item is not None and _is_the_mail(top, content, item) else None


def _is_smime(item: Attachment) -> bool:
    if item.content_type in _MIME:
        return True
    return item.content_type == "application/octet-stream" and item.filename.lower() == "smime.p7m"


# --- winmail.dat ---------------------------------------------------------------------------------------------------


def _is_tnef(item: Attachment) -> bool:
    return item.content_type in _TNEF or item.filename.lower() == "winmail.dat"


def _open_tnef(top: Part, content: Content, item: Attachment) -> None:
    """Its files take its place. It stays beside them if anything in it was not understood."""
    package = tnef.read(item.content or b"")
    if package is None:
        return
    bodies, inside = _bodies(package), [_from_tnef(file) for file in package.files]
    unread = False
    if _is_the_mail(top, content, item):
        content.bodies = [*bodies, *content.bodies]
        unread = package.rtf and not bodies
        content.unreadable = content.unreadable or (OUTLOOK if unread else "")
    done = package.whole and not unread and bool(inside or bodies or package.rtf)
    _replace(content, item, inside if done else [*inside, item])


def _bodies(package: tnef.Package) -> list[Body]:
    if has_words(package.html):
        return [Body(text=package.html, html=True)]
    return [Body(text=package.text, html=False)] if package.text.strip() else []


def _from_tnef(file: tnef.File) -> Attachment:
    name = clean_filename(file.filename) or "file"
    kind = file.content_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return _file(file.content or b"", name, kind, file.content_id)
