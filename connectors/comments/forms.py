"""From the fields of a submitted form to what intake takes; the same for the page and for ``centrala parse``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Literal, cast
from urllib.parse import parse_qsl, urlsplit

import msgspec

from connectors._forms import doubt
from connectors._i18n import N_
from connectors._widget import clean_line, clean_text, client_id, email_address, submission_id
from connectors.comments.settings import Settings
from connectors.contract import (
    Appeal,
    CommentPlace,
    Deletion,
    Edit,
    Inbound,
    InboxId,
    Message,
    Micros,
    ParseContext,
    Party,
    PostReport,
    ThreadKey,
)

Deed = Literal["comment", "edit", "delete", "report", "appeal"]
REASONS = ("abuse", "personal-data", "threat", "spam", "other")
"""Why a comment can be reported, in the order in which the page offers them."""

NAME_LENGTH = 60
ARTICLE_LENGTH = 200
APPEAL_LENGTH = 2000

Problems = dict[str, str]
"""A msgid for each field that needs another look."""


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """The article of a section. ``url`` is empty unless it lies on one of the site's origins."""

    article: str
    title: str
    url: str
    section: str


class Submitter(msgspec.Struct, frozen=True, kw_only=True):
    """Who posts, and when: ``visitor`` is the verified id, ``origin`` the keyed hash of the network address."""

    inbox: InboxId
    visitor: str
    now: Micros
    origin: str = ""


def where(values: Mapping[str, str], origins: tuple[str, ...]) -> Where | None:
    """The article that a query or a form names, or None where it names none.

    Anybody can write these parameters, so a title is only text and an address must be on the site itself.
    """
    article = clean_line(values.get("article", ""))
    if not article or len(article) > ARTICLE_LENGTH:
        return None
    return Where(
        article=article,
        title=clean_line(values.get("title", ""))[:300],
        url=_own_address(values.get("url", ""), origins),
        section=clean_line(values.get("section", ""))[:100],
    )


def _own_address(url: str, origins: tuple[str, ...]) -> str:
    try:
        parts = urlsplit(url.strip())
        origin = f"{parts.scheme}://{parts.netloc}".lower()
    except ValueError:
        return ""
    return url.strip() if origin in origins and len(url) <= 1000 and clean_line(url) == url.strip() else ""


def read(
    fields: Mapping[str, str], at: Where, who: Submitter, settings: Settings
) -> tuple[Inbound | None, Problems]:
    """The inbound of a form, or what is wrong with it by field name."""
    deed = fields.get("do", "comment")
    reader = _READERS.get(deed)
    fields = _about(fields)
    if reader is None:
        return None, {"do": N_("This form is not known here. Please open the page again.")}
    return reader(fields, at, who, settings)


def _about(fields: Mapping[str, str]) -> Mapping[str, str]:
    """A report's button carries all it is about in one value, ``POST.VERSION.REASON``."""
    parts = fields.get("about", "").split(".")
    if len(parts) != 3:
        return fields
    return {**fields, "post": parts[0], "version": parts[1], "reason": parts[2]}


def _comment(
    fields: Mapping[str, str], at: Where, who: Submitter, settings: Settings
) -> tuple[Inbound | None, Problems]:
    name, text = clean_line(fields.get("name", "")), clean_text(fields.get("text", ""))
    typed = fields.get("email", "").strip() if settings.email else ""
    email = email_address(typed)
    problems = _text_problems(text, settings.max_length)
    if not name:
        problems["name"] = N_("Please write a name or a nickname.")
    elif len(name) > NAME_LENGTH:
        problems["name"] = N_("The name is too long.")
    if typed and not email:
        problems["email"] = N_("This does not look like an e-mail address.")
    if fields.get("consent", "") != "yes":
        problems["consent"] = N_("Please agree to the terms, or we may not publish the comment.")
    if problems:
        return None, problems
    return _message(fields, at, who, settings, (name, text, email)), {}


def _message(
    fields: Mapping[str, str],
    at: Where,
    who: Submitter,
    settings: Settings,
    written: tuple[str, str, str | None],
) -> Message:
    name, text, email = written
    parent = post_number(fields.get("parent", ""))
    key = ThreadKey(f"comment:{who.inbox}:{who.visitor}:{at.article}")
    return Message(
        inbox=who.inbox,
        external_id=_event_id(fields, who, "comment", at.article, str(parent or ""), text),
        received_at=who.now,
        sender=Party(kind="web", address=who.visitor, name=name),
        subject=at.title,
        text=text,
        full_text=text,
        thread_keys=(key,),
        adds_keys=(key,),
        comment=CommentPlace(
            article=at.article,
            title=at.title,
            url=at.url,
            section=at.section,
            parent=parent,
            moderation=settings.moderation,
        ),
        reply_to=(Party(kind="email", address=email, name=name),) if email else (),
        also=(Party(kind="email", address=email, name=name),) if email else (),
        suspicious=doubt(fields),
    )


def _edit(
    fields: Mapping[str, str], at: Where, who: Submitter, settings: Settings
) -> tuple[Inbound | None, Problems]:
    text = clean_text(fields.get("text", ""))
    problems = _text_problems(text, settings.max_length) | _target_problems(fields)
    if problems:
        return None, problems
    target = _target(fields)
    external = _event_id(fields, who, "edit", target, text)
    return Edit(
        inbox=who.inbox,
        external_id=external,
        target=target,
        received_at=who.now,
        sender=_visitor(who),
        text=text,
    ), {}


def _delete(
    fields: Mapping[str, str], at: Where, who: Submitter, settings: Settings
) -> tuple[Inbound | None, Problems]:
    problems = _target_problems(fields)
    if problems:
        return None, problems
    target = _target(fields)
    external = _event_id(fields, who, "delete", target)
    return Deletion(
        inbox=who.inbox, external_id=external, target=target, received_at=who.now, sender=_visitor(who)
    ), {}


def _report(
    fields: Mapping[str, str], at: Where, who: Submitter, settings: Settings
) -> tuple[Inbound | None, Problems]:
    reason, version = fields.get("reason", ""), post_number(fields.get("version", ""))
    problems = _target_problems(fields)
    if reason not in REASONS or version is None:
        problems["do"] = N_("Please say what is wrong with the comment.")
    if problems:
        return None, problems
    target = _target(fields)
    return PostReport(
        inbox=who.inbox,
        external_id=_event_id(fields, who, "report", target, str(version), reason),
        target=target,
        received_at=who.now,
        sender=_visitor(who),
        version=version or 0,
        reason=cast(Any, reason),
        origin=who.origin,
    ), {}


def _appeal(
    fields: Mapping[str, str], at: Where, who: Submitter, settings: Settings
) -> tuple[Inbound | None, Problems]:
    text, version = clean_text(fields.get("text", "")), post_number(fields.get("version", ""))
    problems = _text_problems(text, APPEAL_LENGTH) | _target_problems(fields)
    if version is None:
        problems["do"] = N_("This form is not known here. Please open the page again.")
    if problems:
        return None, problems
    target = _target(fields)
    return Appeal(
        inbox=who.inbox,
        external_id=_event_id(fields, who, "appeal", target, str(version), text),
        target=target,
        received_at=who.now,
        sender=_visitor(who),
        version=version or 0,
        text=text,
    ), {}


_Reader = Callable[[Mapping[str, str], Where, Submitter, Settings], tuple[Inbound | None, Problems]]

_READERS: dict[str, _Reader] = {
    "comment": _comment,
    "edit": _edit,
    "delete": _delete,
    "report": _report,
    "appeal": _appeal,
}


def _text_problems(text: str, limit: int) -> Problems:
    if not text:
        return {"text": N_("Please write something.")}
    return {"text": N_("The text is too long.")} if len(text) > limit else {}


def _target_problems(fields: Mapping[str, str]) -> Problems:
    return {} if _target(fields) else {"do": N_("This form is not known here. Please open the page again.")}


def post_number(text: str) -> int | None:
    """A positive number below 2^53 as a form carries it, or None."""
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        return None
    number = int(text)
    return number if 0 < number < 2**53 else None


def about(fields: Mapping[str, str]) -> str:
    """The id of the comment that a form is about, as text; empty where it is about none."""
    return _target(_about(fields))


def _target(fields: Mapping[str, str]) -> str:
    number = post_number(fields.get("post", ""))
    return str(number) if number else ""


def _visitor(who: Submitter) -> Party:
    return Party(kind="web", address=who.visitor)


def _event_id(fields: Mapping[str, str], who: Submitter, *content: str) -> str:
    # A form that came without its id (somebody's own script) is known by its author and content.
    return submission_id(client_id(fields) or who.visitor, *content)


def parse(raw: bytes, context: ParseContext) -> list[Inbound]:
    """What intake would see of a posted form (``application/x-www-form-urlencoded``).

    Raises ValueError with a sentence for a body that is no comment form or that the page would have sent back.
    """
    fields = dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=100))
    settings = Settings()
    token = fields.get("me", "")
    visitor = context.tokens.verify("visitor", token) if context.tokens else None
    who = Submitter(
        inbox=context.inbox,
        visitor=visitor or hashlib.sha256(token.encode()).hexdigest()[:32],
        now=context.now,
    )
    at = where(fields, (_origin(fields.get("url", "")),))
    if at is None:
        raise ValueError("the form names no article")
    inbound, problems = read(fields, at, who, settings)
    if inbound is None:
        raise ValueError("; ".join(f"{name}: {text}" for name, text in problems.items()))
    return [inbound]


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.scheme in ("http", "https") else ""
