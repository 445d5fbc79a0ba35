"""The API of "what would happen if": a message decided by any version of the rules, without effect."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import msgspec

from hub.configfile import ConfigError
from hub.house import House
from hub.ruleset.verdicts import (
    PUBLISHED,
    Judged,
    facts_of,
    judge_chosen,
    present_load,
    set_by,
    source_chosen,
)
from hub.scope import Scope
from hub.store.tx import Reader, Tx
from hub.web.api.endpoint import Call, Endpoint, routes
from hub.web.api.types import Answer, Request
from hub.web.desk import Desk
from hub.web.forms import Unacceptable
from rules import Explanation, RuleFileError

Chosen = Annotated[str, msgspec.Meta(pattern="^(published|(draft|version)-[0-9]{1,15})$")]


class TryBody(Request, frozen=True, kw_only=True):
    """A message as in the tests of a rule file (``channel``, ``sender``, ``subject``, ``text``, ``at``, …), and which
    rules to ask: ``published``, ``draft-7`` or ``version-3``. ``against`` asks others as well. ``verdicts`` says of
    which rules the answer tells."""

    message: dict[str, Any]
    rules: Chosen = PUBLISHED
    against: Chosen | None = None
    verdicts: Literal["all", "matched", "none"] = "all"


class TriedVerdict(Answer, frozen=True, kw_only=True):
    """What one rule said. ``failed``: ``condition`` is the first that did not hold, ``wanted`` what it asks for and
    ``was`` what it saw. ``by``: the rule or section that kept it from being asked."""

    rule: str
    name: str
    line: int
    state: Literal["matched", "failed", "stopped", "off", "fault"]
    condition: str
    wanted: str
    was: str
    by: str
    seen: dict[str, str]


class Tried(Answer, frozen=True, kw_only=True):
    """A decision. ``actions`` with their values, ``winners`` the rules that decided each; ``matched`` in the order of
    the rules; ``faults`` by rule."""

    rules: str
    version: str
    actions: dict[str, Any]
    winners: dict[str, str]
    matched: list[str]
    faults: dict[str, str]
    verdicts: list[TriedVerdict]


class Outcome(Answer, frozen=True, kw_only=True):
    """What would happen, and what would happen by the other rules."""

    result: Tried
    against: Tried | None = None


async def _prepare(desk: Desk, scope: Scope, number: int, body: TryBody) -> Outcome:
    acting = msgspec.structs.replace(scope, role="administrator")
    house, now = desk.house(), desk.clock.now()
    chosen = [body.rules, *([body.against] if body.against else [])]

    def query(tx: Reader) -> tuple[Any, list[str | None]]:
        return present_load(tx), [source_chosen(tx, acting, one) for one in chosen]

    load, sources = await desk.store.read(query)

    def work() -> list[Tried]:
        facts = facts_of(house, body.message, now=now, load=load)
        return [
            _tried(one, judge_chosen(house, one, source, facts), body.verdicts)
            for one, source in zip(chosen, sources, strict=True)
        ]

    try:
        found = await asyncio.to_thread(work)
    except RuleFileError as error:
        told = (f"{problem.key.removeprefix('tests[0].')}: {problem.text}" for problem in error.problems[:5])
        raise Unacceptable("; ".join(told)) from None
    except ConfigError as error:
        raise Unacceptable(str(error)) from None
    return Outcome(result=found[0], against=found[1] if len(found) > 1 else None)


def _tried(chosen: str, judged: Judged, wanted: str) -> Tried:
    decision = judged.decision
    actions = msgspec.to_builtins(set_by(decision.actions))
    return Tried(
        rules=chosen,
        version=judged.ruleset.version,
        actions=actions,
        winners=dict(decision.trace.winners),
        matched=list(decision.matched),
        faults={fault.rule: str(fault.why) for fault in decision.faults},
        verdicts=[
            _verdict(one)
            for one in judged.verdicts
            if wanted == "all" or (wanted == "matched" and one.state == "matched")
        ],
    )


def _verdict(one: Explanation) -> TriedVerdict:
    return TriedVerdict(
        rule=one.rule,
        name=one.name,
        line=one.line,
        state=one.state,
        condition=one.condition,
        wanted=str(one.wanted or ""),
        was=str(one.actual or ""),
        by=one.by,
        seen={seen.condition: seen.value for seen in one.seen},
    )


def _try(tx: Tx, house: House, scope: Scope, _: int, body: TryBody, call: Call) -> Outcome:
    outcome: Outcome = call.prepared
    return outcome


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/v1/rules/try",
        summary="What would happen to a message, and what every rule says to it",
        grant="rules",
        body=TryBody,
        answer=Outcome,
        prepare=_prepare,
        change=_try,
    ),
)

ROUTES = routes(ENDPOINTS)
