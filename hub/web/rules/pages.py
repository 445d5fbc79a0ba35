"""What the pages about rules share: who edits what, names of all that rules may name, the rows of a rule list."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import msgspec
from aiohttp import web
from markupsafe import Markup
from sqlalchemy import select

from hub.desk import topics
from hub.desk.actions import STATUS_NAMES
from hub.desk.presence import Person
from hub.house import House
from hub.i18n import translate_plural
from hub.moderation.reasons import HOLD
from hub.ruleset import Change, Draft, change, draft
from hub.ruleset.checks import ROLES, known
from hub.ruleset.drafts import LIVE
from hub.scope import require
from hub.store import schema
from hub.store.tx import Reader
from hub.web.desk import desk_of, number_of, scope_of, signed_of
from hub.web.render import language_of, redirect, text
from hub.web.rules import terms
from hub.web.rules.form import RuleForm, form_of
from hub.web.rules.said import Names, action_said, condition_said
from rules.editing.blocks import Refused, plain
from rules.editing.dump import flow
from rules.errors import Problem, Problems
from rules.files.yamltree import Mapping as MappingNode
from rules.files.yamltree import Node, Scalar, parse
from rules.files.yamltree import Sequence as SequenceNode
from rules.fold import fold
from rules.language import EVENTS

Edit = Callable[[str], str]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# --- names -------------------------------------------------------------------------------------------------------


async def names_for(request: web.Request, source: str) -> Names:
    """The names that a rule of ``source`` may use, as the reader of the page calls them."""
    desk, house, language = desk_of(request), desk_of(request).house(), language_of(request)

    def say(msgid: str, **placeholders: object) -> str:
        return text(request, msgid, **placeholders)

    def plural(one: str, many: str, number: int) -> str:
        return translate_plural(language, one, many, number)

    def query(tx: Reader) -> dict[str, dict[str, str]]:
        found = {
            kind: dict.fromkeys(values, "") for kind, values in known(tx, house.directory.config).items()
        }
        user = schema.user.c
        people = tx.rows(select(user.login, user.name).where(user.active.is_(True)).order_by(user.name))
        used = topics.used(tx, scope_of(request))
        return {**found, "users": {row.login: row.name for row in people}, "topics": dict.fromkeys(used, "")}

    stored = await desk.store.read(query)
    labels = _labels(house, language, say, stored)
    own = await asyncio.to_thread(_own_names, source)
    return Names(say=say, plural=plural, known={**labels, **own})


def _labels(
    house: House, language: str, say: Any, stored: dict[str, dict[str, str]]
) -> dict[str, dict[str, str]]:
    directory, config = house.directory, house.directory.config
    queues = {queue.id: directory.queue_name(queue.id, language) for queue in config.queues}
    roles = {role: say(terms.ROLE_NAMES[role]) for role in ROLES}
    teams = {team.id: team.name_en if language == "en" else team.name_pl for team in config.teams}
    found = {
        kind: {value: label or value for value, label in values.items()} for kind, values in stored.items()
    }
    return {
        **found,
        "channels": {channel: channel for channel in sorted(set(house.channels.values()))},
        "inboxes": {inbox.id: inbox.name for inbox in config.inboxes},
        "offices": {office.id: office.name for office in config.offices},
        "queues": queues,
        "notified": {**roles, **teams, **queues, **found.get("users", {})},
        "statuses": {status: say(name) for status, name in STATUS_NAMES.items()},
        "holds": {reason: say(name) for reason, name in HOLD.items()},
        "languages": {code: say(name) for code, name in terms.LANGUAGE_NAMES.items()},
    }


def _own_names(source: str) -> dict[str, dict[str, str]]:
    """The word lists, conditions, schedules, timers and tags of the file itself."""
    tree = parse(source, Problems(""))
    if not isinstance(tree, MappingNode):
        return {}
    found = {
        kind: {name: name for name in node.entries}
        for kind, key in (("lists", "words"), ("conditions", "conditions"), ("schedules", "schedules"))
        if isinstance(node := tree.entries.get(key), MappingNode)
    }
    tags: dict[str, str] = {}
    timers: dict[str, str] = {}
    for rule, _ in each_rule(tree):
        deeds = rule.entries.get("do")
        entries = deeds.entries if isinstance(deeds, MappingNode) else {}
        given = entries.get("tags")
        tags |= {tag.text: tag.text for tag in getattr(given, "items", ()) if isinstance(tag, Scalar)}
        started = entries.get("timer")
        timers |= {name: name for name in started.entries} if isinstance(started, MappingNode) else {}
    return {**found, "tags": dict(sorted(tags.items())), "timers": timers}


# --- rows --------------------------------------------------------------------------------------------------------


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as the list shows it; ``depth`` 1 stands in a section. ``section`` is its id, for a heading its own."""

    kind: str
    form: RuleForm
    when: Markup
    do: tuple[Markup, ...] = ()
    line: int = 0
    section: str = ""
    number: int = 0
    count: int = 0
    events: tuple[str, ...] = ()
    find: str = ""


FEW = 300
"""Rules that a page shows; of more it shows some at a time, and the server looks for words."""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A rule file as a list, or the part of it that was asked for: ``page`` of ``pages``, those with the words ``q``.

    ``total`` counts all rules and sections, ``count`` the rules alone; ``problems`` when it is no YAML at all.
    """

    rows: tuple[Row, ...] = ()
    default: tuple[Markup, ...] = ()
    problems: tuple[Problem, ...] = ()
    total: int = 0
    count: int = 0
    q: str = ""
    page: int = 1
    pages: int = 1


def each_rule(tree: Node | None) -> Iterator[tuple[MappingNode, str]]:
    """Every rule and section of a file in order, each with the id of the section that it stands in."""
    top = tree.entries.get("rules") if isinstance(tree, MappingNode) else None
    for item in top.items if isinstance(top, SequenceNode) else []:
        if not isinstance(item, MappingNode):
            continue
        yield item, ""
        inner, section = item.entries.get("rules"), item.entries.get("section")
        if isinstance(section, Scalar) and isinstance(inner, SequenceNode):
            for rule in inner.items:
                if isinstance(rule, MappingNode):
                    yield rule, section.text


def listing(source: str, names: Names, q: str = "", page: int = 1) -> Listing:
    """The rules of a text as sentences, in order."""
    problems = Problems("")
    tree = parse(source, problems)
    if not isinstance(tree, MappingNode):
        return Listing(problems=tuple(problems.found))
    every = _numbered(tree)
    words = fold(q).split() if len(every) > FEW else []
    wanted = [one for one in every if all(word in _said(one[0]) for word in words)] if words else every
    pages = max(1, -(-len(wanted) // FEW))
    page = min(max(page, 1), pages)
    deeds = tree.entries.get("default")
    return Listing(
        rows=tuple(_row(*one, names) for one in wanted[(page - 1) * FEW : page * FEW]),
        default=tuple(action_said(part, names) for part in form_of(deeds, "default").do) if deeds else (),
        problems=tuple(problems.found),
        total=len(every),
        count=max((number for _, _, number in every), default=0),
        q=q,
        page=page,
        pages=pages,
    )


def _numbered(tree: Node) -> list[tuple[MappingNode, str, int]]:
    """Rules with their section and number; a section has number 0."""
    found: list[tuple[MappingNode, str, int]] = []
    number = 0
    for node, section in each_rule(tree):
        heading = "section" in node.entries
        number += not heading
        found.append((node, section, 0 if heading else number))
    return found


def _said(node: MappingNode) -> str:
    """All that stands in a rule, to look for words in it."""
    rest = {key: item for key, item in node.entries.items() if key != "rules"}
    return fold(flow(plain(MappingNode(node.line, rest))))


def _row(node: MappingNode, section: str, number: int, names: Names) -> Row:
    heading = "section" in node.entries
    form = form_of(node, "section" if heading else "rule")
    inner = node.entries.get("rules")
    when, do = condition_said(form.when, names), tuple(action_said(part, names) for part in form.do)
    return Row(
        kind="section" if heading else "rule",
        form=form,
        when=when if form.when.items else Markup(""),
        do=do,
        line=node.line,
        section=form.id if heading else section,
        number=number,
        count=len(inner.items) if isinstance(inner, SequenceNode) else 0,
        events=tuple(event for event in EVENTS if event in form.on and event != "new"),
        find=" ".join((form.id, form.name, form.note, when.striptags(), *(part.striptags() for part in do))),
    )


# --- drafts ------------------------------------------------------------------------------------------------------


async def draft_of(request: web.Request) -> Draft:
    """The draft that the address names. Raises Denied, NotFound."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    return await desk.store.read(lambda tx: draft(tx, scope, number))


def others_at(request: web.Request, number: int, *, writing: bool = False) -> list[Person]:
    """Who else has a draft open; the reader is noted as being there too."""
    require(scope_of(request), "administer")
    presence, signed, now = desk_of(request).drafts, signed_of(request), desk_of(request).clock.now()
    presence.mark(number, signed.user, signed.scope.name, "writing" if writing else "looking", now)
    return presence.at(number, now, but=signed.user)


async def listed(request: web.Request, source: str, names: Names) -> Listing:
    """As :func:`listing`, beside the event loop, with the words and the page of the address."""
    page = request.query.get("page", "")
    number = int(page) if page.isdecimal() and len(page) < 6 else 1
    return await asyncio.to_thread(listing, source, names, request.query.get("q", "")[:200], number)


async def changed(request: web.Request, edit: Edit, what: Change, seen: int) -> Draft:
    """Change the draft of the address. The text is made beside the event loop and outside the transaction; in it
    ``edit`` runs again only where a colleague was faster. Raises what ``edit`` and :func:`hub.ruleset.change` raise."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    found = await desk.store.read(lambda tx: draft(tx, scope, number))
    made: str | None = None
    if found.revision == seen and found.state in LIVE:
        made = await asyncio.to_thread(edit, found.source)

    def once(source: str) -> str:
        return made if made is not None and source == found.source else edit(source)

    return await desk.store.write(lambda tx: change(tx, scope, number, once, what, seen))


def said_problems(problems: tuple[Problem, ...], names: Names, offset: int = 0) -> list[Mapping[str, Any]]:
    """Problems as the page tells them, their lines counted from where ``offset`` lines are over."""
    return [
        {"line": max(problem.line - offset, 1), "text": problem.text.said(names.say), "key": problem.key}
        for problem in problems
    ]


def readable(handler: Handler) -> Handler:
    """A page about parts of a draft; a draft whose text cannot be read leads to the text instead."""

    async def page(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as refused:
            said = refused.text.said(lambda msgid: text(request, msgid))
            return redirect(request, f"/admin/rules/drafts/{number_of(request)}/yaml", said)

    return page
