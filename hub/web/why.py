"""Why is this here? Every decision about a conversation in short, and each of them whole: what every rule said to it.

Rules of long ago are asked again on the facts that were stored with the decision. Whoever may read the conversation
may read its reasons; administrators also get from there to the rules.
"""

from __future__ import annotations

import asyncio
from typing import Literal

from aiohttp import web

from hub.configfile import ConfigError
from hub.desk.why import FEW, MANY, decision, why
from hub.i18n import mark as N_
from hub.replay.stored import Stored
from hub.ruleset.verdicts import Judged, compiled_then, judge, lines_of, text_then
from hub.scope import NotFound
from hub.store.tx import Reader
from hub.web.conversation_words import decided
from hub.web.desk import desk_of, number_of, scope_of
from hub.web.forms import LARGEST_NUMBER, Form, read_query
from hub.web.render import is_fragment, render_aside
from hub.web.verdict_words import deeds, rule_name, words
from rules import decode_trace

SHOWN = 200
"""Rules on one page; with more of them they are looked for."""

TEXTS = {
    "masked": N_("The text is kept with its personal numbers hidden; stand-ins were used in their place."),
    "changed": N_(
        "The author changed the text since, and the earlier one is not kept: the rules see the present one."
    ),
    "gone": N_("The text was deleted since: the rules see an empty one."),
}


class Listed(Form, frozen=True, kw_only=True):
    """How many decisions are shown."""

    all: bool = False


class Looked(Form, frozen=True, kw_only=True):
    """Which rules are shown."""

    q: str = ""
    state: Literal["", "matched", "failed", "stopped", "off", "fault"] = ""


async def reasons(request: web.Request) -> web.StreamResponse:
    """Every decision of the rules about a conversation, in short."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    limit = MANY if read_query(request, Listed).all else FEW
    found = await desk.store.read(lambda tx: why(tx, scope, number, limit + 1))
    names = {rule.rule.id: rule.rule.name for rule in desk.house().rules.rules}
    template = "inbox/why.html" if is_fragment(request) else "inbox/why_page.html"
    return await render_aside(
        request,
        template,
        decisions=decided(found[:limit], names, scope.language),
        number=number,
        rule_called=lambda rule: names.get(rule, rule),
        more=len(found) > limit,
        **words(request),
    )


async def whole(request: web.Request) -> web.StreamResponse:
    """One decision with what every rule said, as the rules were then."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    asked, wanted = read_query(request, Looked), _decision(request)
    house = desk.house()

    def query(tx: Reader) -> tuple[Stored, str | None]:
        found = decision(tx, scope, number, wanted)
        return found, text_then(tx, house, found.version)

    stored, source = await desk.store.read(query)
    problem, judged = "", None
    try:
        judged = await asyncio.to_thread(_judged, request, stored, source)
    except ConfigError as error:
        problem = str(error)
    trace = decode_trace(stored.trace)
    verdicts = lines_of(judged.verdicts, asked.q, (asked.state,) if asked.state else ()) if judged else []
    return await render_aside(
        request,
        "inbox/why_whole.html",
        number=number,
        stored=stored,
        trace=trace,
        judged=judged,
        problem=problem,
        text_note=TEXTS.get(stored.text, ""),
        same=judged is not None and judged.decision.trace.winners == trace.winners,
        deeds=deeds(request, judged) if judged else [],
        rule_called=lambda rule: rule_name(request, judged, rule) if judged else rule,
        verdicts=verdicts[:SHOWN],
        left=len(verdicts) - SHOWN,
        asked=asked,
        now_in_force=stored.version == house.rules_version,
        **words(request),
    )


def _judged(request: web.Request, stored: Stored, source: str | None) -> Judged | None:
    compiled = compiled_then(desk_of(request).house(), stored.version, source)
    return judge(compiled, stored.facts) if compiled is not None else None


def _decision(request: web.Request) -> int:
    said = request.match_info["decision"]
    if not (said.isascii() and said.isdigit() and int(said) < LARGEST_NUMBER):
        raise NotFound("decision")
    return int(said)


ROUTES = [
    web.get("/conversations/{id}/why", reasons),
    web.get("/conversations/{id}/why/{decision}", whole),
]
