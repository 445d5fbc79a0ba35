"""What would happen if: a typed message, or one that came, decided by any version of the rules, without effect.

The message has the facts that tests in a rule file have. Two versions can be held against each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from aiohttp import web

from hub import ruleset
from hub.configfile import ConfigError
from hub.desk.why import decision
from hub.i18n import mark as N_
from hub.replay import stored
from hub.ruleset.verdicts import (
    PUBLISHED,
    Judged,
    changed,
    facts_of,
    judge_chosen,
    lines_of,
    present_load,
    source_chosen,
)
from hub.scope import NotFound, require
from hub.store.tx import Reader
from hub.web.desk import desk_of, scope_of
from hub.web.forms import Form, read_form, read_query
from hub.web.render import render_aside, text
from hub.web.rules import terms
from hub.web.verdict_words import deeds, rule_name, words
from hub.web.why import SHOWN
from rules import RuleFileError
from rules.editing.blocks import Refused, plain, read
from rules.facts import Facts, On
from rules.text import Text

VERSIONS = 20
"""Versions that can be chosen from the list, the newest."""


class Asked(Form, frozen=True, kw_only=True):
    """Where a page begins: a decision to start from, the rules to ask."""

    decision: int | None = None
    rules: str = PUBLISHED


class Typed(Form, frozen=True, kw_only=True):
    """The message as typed. ``rules`` and ``against`` are ``published``, ``draft-7`` or ``version-3``; ``further`` are
    facts without a field of their own, as in tests (YAML)."""

    decision: int | None = None
    rules: str = PUBLISHED
    against: str = ""
    on: On = "new"
    inbox: str = ""
    channel: str = ""
    sender: str = ""
    sender_name: str = ""
    subject: str = ""
    text: str = ""
    language: str = ""
    at: str = ""
    contact: str = ""
    tags: str = ""
    attachments: str = ""
    further: str = ""
    q: str = ""
    state: Literal["", "matched", "failed", "stopped", "off", "fault"] = ""


async def page(request: web.Request) -> web.StreamResponse:
    """The form, filled in with a message that came where one is named."""
    require(scope_of(request), "administer")
    asked = read_query(request, Asked)
    base = await _base(request, asked.decision)
    typed = Typed(decision=asked.decision, rules=asked.rules)
    return await _page(request, typed if base is None else _from(base, typed))


async def tried(request: web.Request) -> web.StreamResponse:
    """The form again, with what would happen."""
    desk, scope = desk_of(request), scope_of(request)
    require(scope, "administer")
    typed = await read_form(request, Typed)
    base = await _base(request, typed.decision)
    house, now = desk.house(), desk.clock.now()
    try:
        message = message_of(typed, base is not None)
        load = await desk.store.read(present_load)
        facts = facts_of(house, message, now=now, load=load, base=base)
        before, after = await _judged(request, typed.rules, facts), None
        if typed.against:
            after = await _judged(request, typed.against, facts)
    except (RuleFileError, Refused, ConfigError) as error:
        return await _page(request, typed, problem=_sentence(request, error), status=422)
    return await _page(request, typed, facts=facts, before=before, after=after)


def _sentence(request: web.Request, error: RuleFileError | Refused | ConfigError) -> str:
    """What is wrong, without the lines of a file that nobody sees."""
    if isinstance(error, Refused):
        return error.text.said(lambda msgid: text(request, msgid))
    if isinstance(error, ConfigError):
        return "; ".join(f"{problem.key}: {problem.text}" for problem in error.problems[:5])
    return "; ".join(
        f"{problem.key.rpartition('message.')[2]}: {problem.text.said(lambda msgid: text(request, msgid))}"
        for problem in error.problems[:5]
    )


# --- what was typed ------------------------------------------------------------------------------------------------


def message_of(typed: Typed, whole: bool) -> dict[str, Any]:
    """The message as a test would write it. ``whole``: empty fields are said too, since they replace what came.

    Raises :class:`rules.editing.blocks.Refused` for further facts that are no YAML mapping.
    """
    said: dict[str, Any] = {
        "on": typed.on,
        "inbox": typed.inbox,
        "channel": typed.channel,
        "sender": typed.sender.strip(),
        "sender_name": typed.sender_name.strip(),
        "subject": typed.subject,
        "text": typed.text,
        "contact": dict(_pairs(typed.contact)),
        "tags": [tag for tag in map(str.strip, typed.tags.split(",")) if tag],
        "attachments": [_file(line) for line in typed.attachments.splitlines() if line.strip()],
    }
    found = {key: value for key, value in said.items() if whole or value}
    if typed.language:
        found["language"] = typed.language
    if typed.at:
        found["at"] = typed.at
    return {**found, **_further(typed.further)}


def _further(source: str) -> Mapping[str, Any]:
    if not source.strip():
        return {}
    found = plain(read(source).tree)
    if not isinstance(found, dict):
        raise Refused(Text(N_("Write further facts line by line, such as history: 3.")))
    return found


def _pairs(source: str) -> list[tuple[str, str]]:
    """Lines such as ``city: Łomża``."""
    lines = (line.partition(":") for line in source.splitlines() if line.strip())
    return [(key.strip(), value.strip()) for key, _, value in lines]


def _file(line: str) -> dict[str, Any]:
    """``skan.pdf, application/pdf, 120000``: name, type, bytes."""
    parts = [part.strip() for part in line.split(",")] + ["", ""]
    return {"name": parts[0], "type": parts[1], "size": int(parts[2]) if parts[2].isdecimal() else 0}


def _from(facts: Facts, typed: Typed) -> Typed:
    """The form filled in with a message that came."""
    minutes = f"{facts.local_minutes // 60:02}:{facts.local_minutes % 60:02}"
    return msgspec.structs.replace(
        typed,
        on=facts.on,
        inbox=facts.inbox,
        channel=facts.channel,
        sender=facts.sender_address,
        sender_name=facts.sender_name,
        subject=facts.subject,
        text=facts.text,
        language=facts.language,
        at=f"{facts.local_date}T{minutes}" if facts.local_date else "",
        contact="\n".join(f"{key}: {value}" for key, value in facts.contact.items()),
        tags=", ".join(facts.tags),
        attachments="\n".join(f"{name}, {kind}, {size}" for kind, size, name in facts.attachments),
    )


async def _base(request: web.Request, number: int | None) -> Facts | None:
    """The facts of a decision that is started from. Raises NotFound."""
    if number is None:
        return None
    scope = scope_of(request)

    def query(tx: Reader) -> stored.Stored:
        found = stored.one(tx, number)
        if found is None:
            raise NotFound("decision")
        return decision(tx, scope, found.conversation, number)

    return (await desk_of(request).store.read(query)).facts


async def _judged(request: web.Request, chosen: str, facts: Facts) -> Judged:
    """The message judged by the rules that were chosen. Raises NotFound, ConfigError."""
    desk, scope = desk_of(request), scope_of(request)
    house, source = desk.house(), await desk.store.read(lambda tx: source_chosen(tx, scope, chosen))
    return await asyncio.to_thread(judge_chosen, house, chosen, source, facts)


# --- the page ------------------------------------------------------------------------------------------------------


async def _page(
    request: web.Request,
    typed: Typed,
    *,
    facts: Facts | None = None,
    before: Judged | None = None,
    after: Judged | None = None,
    problem: str = "",
    status: int = 200,
) -> web.StreamResponse:
    desk, scope, house = desk_of(request), scope_of(request), desk_of(request).house()
    drafts, versions = await desk.store.read(
        lambda tx: (ruleset.drafts(tx, scope), ruleset.versions(tx, scope, limit=VERSIONS))
    )
    choices = [
        (PUBLISHED, text(request, N_("the active rules (version {n})"), n=house.rules_version)),
        *((f"draft-{one.id}", _draft_name(request, one)) for one in drafts),
        *((f"version-{one.version}", text(request, N_("version {n}"), n=one.version)) for one in versions),
    ]
    states = (typed.state,) if typed.state else ()
    verdicts = lines_of(before.verdicts, typed.q, states) if before and not after else []
    response = await render_aside(
        request,
        "rules/try.html",
        typed=typed,
        facts=facts,
        choices=choices,
        called=dict(choices),
        problem=problem,
        judged=[(one, deeds(request, one)) for one in (before, after) if one is not None],
        pairs=changed(before, after)[:SHOWN] if before and after else [],
        verdicts=verdicts[:SHOWN],
        left=len(verdicts) - SHOWN,
        rule_called=lambda one, rule: rule_name(request, one, rule),
        inboxes=[(inbox.id, inbox.name) for inbox in house.directory.config.inboxes],
        channels=sorted({*house.channels.values(), typed.channel} - {""}),
        languages=[(code, text(request, name)) for code, name in terms.LANGUAGE_NAMES.items()],
        events=[(name, text(request, said)) for name, said in terms.EVENT_NAMES.items()],
        **words(request),
    )
    response.set_status(status)
    return response


def _draft_name(request: web.Request, draft: ruleset.Draft) -> str:
    return text(request, N_("draft {n}"), n=draft.id) + (f": {draft.note}" if draft.note else "")


ROUTES = [web.get("/admin/rules/try", page), web.post("/admin/rules/try", tried)]
