"""Replays and shadows on the screen: started from a draft, watched, read as tables; and previews while editing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Literal
from zoneinfo import ZoneInfo

from aiohttp import web

from hub.i18n import mark as N_
from hub.replay import report, runs
from hub.replay.preview import Previewer
from hub.replay.protocol import Preview
from hub.replay.runs import Run, Wanted
from hub.replay.shadow import behind
from hub.ruleset import Draft, draft
from hub.scope import require
from hub.store.tx import Reader
from hub.web.desk import Desk, desk_of, number_of, scope_of
from hub.web.forms import Form, read_form, read_query
from hub.web.render import redirect, render, render_aside, text
from hub.web.rules import terms
from hub.web.rules.pages import each_rule
from hub.web.words import DAY, moment
from rules import PRIORITIES
from rules.errors import Problems
from rules.files.yamltree import Scalar, parse
from rules.text import Text

PREVIEWER = web.AppKey("rules_previewer", Previewer)

STATES: Mapping[str, tuple[str, str]] = {
    "waiting": ("", N_("waits its turn")),
    "running": ("accent", N_("under way")),
    "done": ("ok", N_("finished")),
    "failed": ("danger", N_("failed")),
    "stopped": ("", N_("stopped")),
}
KINDS: Mapping[str, str] = {"replay": N_("Replay"), "shadow": N_("Shadow")}
LEFT_OUT: Mapping[str, str] = {
    "changed": N_("comments that were changed since"),
    "gone": N_("comments that were deleted since"),
}

SOME_DAYS = (1, 7, 14, 30, 90)
SOME_MESSAGES = (1_000, 10_000, 100_000)
SOME_HOURS = (1, 8, 24, 72, 168)
PAGE = 50
MOST_CSV = 12_000


def install(app: web.Application, desk: Desk) -> None:
    """Previews live as long as the application."""
    app[PREVIEWER] = Previewer(desk.clock, lambda: desk.house().directory.config)

    async def close(app: web.Application) -> None:
        await app[PREVIEWER].close()

    app.on_cleanup.append(close)


# --- what the pages say ------------------------------------------------------------------------------------------


def _words(request: web.Request) -> dict[str, Any]:
    """How templates name actions, values, events and states."""
    desk, scope = desk_of(request), scope_of(request)
    directory = desk.house().directory
    priorities = {number: name for name, number in PRIORITIES.items()}

    def queue(name: str) -> str:
        return directory.queue_name(name, scope.language) or text(request, N_("no queue"))

    def action(name: str) -> str:
        return text(request, terms.ACTION_TERMS[name][0]) if name in terms.ACTION_TERMS else name

    def value(name: str, said: Any) -> str:
        if said is None:
            return "–"
        if said is True:
            return text(request, N_("yes"))
        if name == "queue":
            return queue(str(said))
        if name == "priority":
            known = priorities.get(said)
            return text(request, terms.PRIORITY_NAMES[known]) if known else str(said)
        if isinstance(said, dict):
            return ", ".join(f"{key}: {item}" for key, item in said.items())
        return ", ".join(map(str, said)) if isinstance(said, list) else str(said)

    def translated(said: Text | None, detail: Text | None = None) -> str:
        inner = {"problem": translated(detail)} if detail is not None else {}
        return text(request, said.msgid, **said.values, **inner) if said is not None else ""

    def hour(number: int) -> str:
        days = list(terms.DAY_NAMES.values())
        return f"{text(request, days[number // 24])}, {number % 24}:00–{number % 24 + 1}:00"

    def event(name: str) -> str:
        return text(request, terms.EVENT_NAMES.get(name, name))

    return {
        "queue_said": queue,
        "action_name": action,
        "value_said": value,
        "translated": translated,
        "hour_said": hour,
        "event_name": event,
        "day_names": [text(request, name) for name in terms.DAY_NAMES.values()],
        "states": STATES,
        "kinds": KINDS,
        "left_out": LEFT_OUT,
    }


def _tables(run: Run) -> dict[str, Any]:
    result = run.result
    return {
        "flows": report.flows(result),
        "square": report.square(result),
        "lines": report.queue_lines(result),
        "weeks": report.weeks(result),
        "changes": report.changes(result),
        "hits": report.other_hits(result),
    }


# --- starting ----------------------------------------------------------------------------------------------------


class StartForm(Form, frozen=True, kw_only=True):
    """``by`` says which of the two fields counts; both are on the page."""

    by: Literal["days", "messages"] = "days"
    days: int | None = None
    messages: int | None = None


class ShadowForm(Form, frozen=True, kw_only=True):
    hours: int | None = None


async def draft_page(request: web.Request) -> web.StreamResponse:
    """Where a draft is replayed or put into the shadow, and what came of it before."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)

    def query(tx: Reader) -> tuple[Draft, list[Run]]:
        return draft(tx, scope, number), runs.runs(tx, scope, number)

    found, past = await desk.store.read(query)
    choices: dict[str, Any] = {
        "some_days": SOME_DAYS,
        "some_messages": SOME_MESSAGES,
        "some_hours": SOME_HOURS,
    }
    return render(request, "rules/replay.html", draft=found, runs=past, **choices, **_words(request))


async def all_runs(request: web.Request) -> web.StreamResponse:
    """Replays and shadows of all drafts."""
    desk, scope = desk_of(request), scope_of(request)
    past = await desk.store.read(lambda tx: runs.runs(tx, scope, limit=100))
    return render(request, "rules/runs.html", runs=past, **_words(request))


async def start_replay(request: web.Request) -> web.StreamResponse:
    """Have a draft replayed over days or messages."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    form = await read_form(request, StartForm)
    wanted = Wanted(days=form.days) if form.by == "days" else Wanted(messages=form.messages)
    run = await desk.store.write(lambda tx: runs.start(tx, scope, wanted, draft=number))
    return redirect(request, f"/admin/rules/runs/{run}")


async def start_shadow(request: web.Request) -> web.StreamResponse:
    """Let a draft run beside the published rules."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    form = await read_form(request, ShadowForm)
    until = desk.clock.now() + form.hours * DAY // 24 if form.hours is not None else None
    run = await desk.store.write(
        lambda tx: runs.start(tx, scope, Wanted(until=until), draft=number, kind="shadow")
    )
    return redirect(request, f"/admin/rules/runs/{run}")


async def stop_run(request: web.Request) -> web.StreamResponse:
    """End a run before its time."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    await desk.store.write(lambda tx: runs.stop(tx, scope, number))
    return redirect(request, f"/admin/rules/runs/{number}", N_("Stopped."))


# --- one run -----------------------------------------------------------------------------------------------------


async def run_page(request: web.Request) -> web.StreamResponse:
    """Progress while it runs, then the tables."""
    return await _run(request, "rules/run.html")


async def run_body(request: web.Request) -> web.StreamResponse:
    """What of the page changes while it runs."""
    return await _run(request, "rules/_run.html")


async def _run(request: web.Request, template: str) -> web.StreamResponse:
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)

    def query(tx: Reader) -> tuple[Run, Draft | None]:
        found = runs.run(tx, scope, number)
        return found, draft(tx, scope, found.draft) if found.draft is not None else None

    found, of = await desk.store.read(query)
    late = behind(found, desk.stream.last) if found.kind == "shadow" and found.open else 0
    unworked = {queue.id for queue in desk.house().directory.queues.values() if queue.spam}
    context = {"run": found, "draft": of, "behind": late, "unworked": unworked, **_tables(found)}
    return await render_aside(request, template, **context, **_words(request))


class MovesQuery(Form, frozen=True, kw_only=True):
    before: str | None = None
    after: str | None = None
    same: bool = False
    behind: int | None = None


async def run_messages(request: web.Request) -> web.StreamResponse:
    """The messages of a run that come out otherwise: all, or those from one queue to another."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    asked = read_query(request, MovesQuery)

    def query(tx: Reader) -> tuple[Run, Draft | None, list[runs.Moved]]:
        found = runs.run(tx, scope, number)
        of = draft(tx, scope, found.draft) if found.draft is not None else None
        moved = runs.moved_messages(
            tx,
            scope,
            number,
            before=asked.before,
            after=asked.after,
            same=asked.same,
            behind=asked.behind,
            limit=PAGE + 1,
        )
        return found, of, moved

    found, of, moved = await desk.store.read(query)
    more = moved[PAGE - 1].trace if len(moved) > PAGE else None
    context: dict[str, Any] = {
        "run": found,
        "draft": of,
        "moved": moved[:PAGE],
        "more": more,
        "asked": asked,
    }
    return await render_aside(request, "rules/run_messages.html", **context, **_words(request))


async def run_csv(request: web.Request) -> web.StreamResponse:
    """The same as a file for spreadsheets."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)

    def query(tx: Reader) -> list[runs.Moved]:
        runs.run(tx, scope, number)
        found = runs.moved_messages(tx, scope, number, limit=MOST_CSV)
        return found + runs.moved_messages(tx, scope, number, same=True, limit=MOST_CSV - len(found))

    moved = await desk.store.read(query)
    directory = desk.house().directory
    zone = ZoneInfo(directory.zone(scope.office))

    def said(at: int) -> str:
        return moment(at, str(zone)).strftime("%Y-%m-%d %H:%M:%S")

    words = _words(request)
    wording = report.Wording(
        text=lambda msgid: text(request, msgid),
        moment=said,
        queue=words["queue_said"],
        event=words["event_name"],
        action=words["action_name"],
        value=words["value_said"],
    )
    body = report.as_csv(moved, wording)
    headers = {"Content-Disposition": f'attachment; filename="replay-{number}.csv"'}
    return web.Response(text=body, content_type="text/csv", charset="utf-8", headers=headers)


# --- previews ----------------------------------------------------------------------------------------------------


class PreviewForm(Form, frozen=True, kw_only=True):
    rule: str
    replaces: str = ""
    after: str = ""
    section: str = ""


async def preview_rule(request: web.Request) -> web.StreamResponse:
    """What the rule in the editor catches of the latest messages: a fragment that asks again while more is to come.

    Fields: ``rule``, its YAML; ``replaces``, the id under which it stands in the draft; ``after``, the id of the rule
    behind which a new one stands; ``section``, the one at whose end it stands otherwise.
    """
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    require(scope, "administer")
    form = await read_form(request, PreviewForm)
    found = await desk.store.read(lambda tx: draft(tx, scope, number))
    after = form.after or (await asyncio.to_thread(_last_of, found.source, form.section))
    answer = await request.app[PREVIEWER].preview(
        number, found.source, form.rule, replaces=form.replaces, after=after
    )
    seen = await desk.store.read(lambda tx: _seen(tx, request, answer))
    sent = {"rule": form.rule, "replaces": form.replaces, "after": after}
    return render(
        request,
        "rules/_preview.html",
        answer=answer,
        seen=seen,
        sent=sent,
        number_of_draft=number,
        **_words(request),
    )


def _last_of(source: str, section: str) -> str:
    """The id of the last rule of a section, "" where there is none."""
    rules = each_rule(parse(source, Problems(""))) if section else ()
    said = [rule.entries.get("id") for rule, at in rules if at == section]
    return said[-1].text if said and isinstance(said[-1], Scalar) else ""


def _seen(tx: Reader, request: web.Request, answer: object) -> dict[int, Any]:
    """Subject and first words of the examples' conversations, of those that the person may see."""
    if not isinstance(answer, Preview):
        return {}
    wanted = {example.conversation for example in answer.examples}
    return {row.id: row for row in runs.visible_rows(tx, scope_of(request), wanted)}


ROUTES = [
    web.get("/admin/rules/drafts/{id}/replay", draft_page),
    web.post("/admin/rules/drafts/{id}/replay", start_replay),
    web.post("/admin/rules/drafts/{id}/shadow", start_shadow),
    web.post("/admin/rules/drafts/{id}/preview", preview_rule),
    web.get("/admin/rules/runs", all_runs),
    web.get("/admin/rules/runs/{id}", run_page),
    web.get("/admin/rules/runs/{id}/body", run_body),
    web.get("/admin/rules/runs/{id}/messages", run_messages),
    web.get("/admin/rules/runs/{id}/csv", run_csv),
    web.post("/admin/rules/runs/{id}/stop", stop_run),
]
