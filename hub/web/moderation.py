"""The moderation bench: one list of comments over all articles, decided by single keys, one by one or many at once.

Every action is a plain form that works without JavaScript; ``moderation.js`` sends the same forms and takes what was
decided out of the list. Reads and decisions are those of :mod:`hub.moderation`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from hub.desk.undo_kinds import KINDS
from hub.desk.undoing import undo_last
from hub.i18n import mark as N_
from hub.i18n import translate_plural
from hub.moderation import answers, articles, decide
from hub.moderation.bench import (
    BenchPage,
    Filter,
    Item,
    Show,
    bench_item,
    bench_page,
    waiting_counts,
)
from hub.moderation.decide import Bulk, Choice
from hub.moderation.placing import Setting
from hub.moderation.platform import Deed
from hub.moderation.reasons import HOLD, REFUSALS
from hub.scope import Conflict, require
from hub.store import schema
from hub.store.tx import Reader, Tx
from hub.web import platform_words
from hub.web.conversation_files import PREVIEWS
from hub.web.desk import desk_of, number_of, scope_of
from hub.web.forms import Form, Unacceptable, read_form, read_query
from hub.web.render import (
    is_fragment,
    language_of,
    own,
    redirect,
    render,
    text,
    wants_json,
)

PAGE = 30
"""Comments of one page: as many as one bulk decision usually is."""

SHOWS: Sequence[tuple[Show, str]] = (
    ("waiting", N_("To decide")),
    ("published", N_("Published comments")),
    ("hidden", N_("Hidden comments")),
    ("rejected", N_("Rejected comments")),
    ("all", N_("All")),
)

STATES = {
    "held": N_("Held"),
    "published": N_("Published"),
    "hidden": N_("Hidden"),
    "rejected": N_("Rejected"),
    "erased": N_("Deleted by its author"),
}


class Asked(Form, frozen=True, kw_only=True):
    """The parameters of the list."""

    show: Show = "waiting"
    reason: str = ""
    article: int | None = None
    author: int | None = None
    after: str | None = None

    def filter(self) -> Filter:
        """As the bench takes it."""
        return Filter(show=self.show, reason=self.reason, article=self.article, author=self.author)

    def address(self, **changes: Any) -> str:
        """The list with some parameters changed; None takes one out. A change starts from the top again."""
        values = {**msgspec.structs.asdict(self), "after": None, **changes}
        query = urlencode({name: value for name, value in values.items() if value and value != "waiting"})
        return f"/moderation?{query}" if query else "/moderation"


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """What a page of the bench shows."""

    page: BenchPage
    counts: dict[str, int]


# --- looking -----------------------------------------------------------------------------------------------------


async def bench(request: web.Request) -> web.StreamResponse:
    """The list, or for ``moderation.js`` the part of it that ``HX-Target`` names."""
    desk, scope = desk_of(request), scope_of(request)
    asked = read_query(request, Asked)

    def query(tx: Reader) -> Listed:
        page = bench_page(tx, scope, asked.filter(), after=asked.after, size=PAGE)
        return Listed(page=page, counts=waiting_counts(tx, scope))

    listed = await desk.store.read(query)
    template = "moderation/list.html" if is_fragment(request) else "moderation/bench.html"
    return render(
        request,
        template,
        **_shared(request, asked),
        items=listed.page.items,
        next=listed.page.next,
        counts=listed.counts,
    )


async def one(request: web.Request) -> web.StreamResponse:
    """One comment: as a page of its own, or to replace it in the list."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    item = await desk.store.read(lambda tx: bench_item(tx, scope, number))
    template = "moderation/replace.html" if is_fragment(request) else "moderation/one.html"
    return render(request, template, **_shared(request, Asked()), item=item)


def _shared(request: web.Request, asked: Asked) -> dict[str, Any]:
    desk = desk_of(request)
    entropy = desk.entropy
    return {
        **platform_words.vocabulary(desk.house()),
        "suggests_hiding": _suggests_hiding,
        "previews": PREVIEWS,
        "asked": asked,
        "shows": SHOWS,
        "states": STATES,
        "hold_names": HOLD,
        "refusals": REFUSALS,
        "refusal_of": _refusal_of,
        "new_client_id": lambda: str(uuid.UUID(bytes=entropy(16), version=4)),
    }


def _suggests_hiding(item: Item) -> bool:
    """Whether something stands in public on a platform that we would mask."""
    return item.standing == "published" and not item.office and "personal-data" in item.reasons


def _refusal_of(item: Item) -> str:
    """The reason that a comment is hidden for by one key: what most readers reported, else the general one."""
    return next((c.reason for c in item.complaints if c.reason in REFUSALS), "other")


# --- deciding ----------------------------------------------------------------------------------------------------


class Decision(Form, frozen=True, kw_only=True):
    """``choice``: each ``ID:REVISION`` as the list showed it. ``erase``: what is rejected on a platform is deleted."""

    deed: Deed
    erase: bool = False
    choice: tuple[str, ...] = ()
    reason: str = ""
    words: str = ""
    next: str = "/moderation"


async def decided(request: web.Request) -> web.StreamResponse:
    """Publish, reject or hide one or many."""
    desk, scope, form = desk_of(request), scope_of(request), await read_form(request, Decision)
    house, choices = desk.house(), [_choice(said) for said in form.choice]
    deed: Deed = "delete" if form.deed == "reject" and form.erase else form.deed
    if not choices:
        raise Conflict(N_("Please select comments first."))
    outcome = await desk.store.write(
        lambda tx: decide.decide(
            tx, house, scope, deed, choices, reason=form.reason, words=form.words.strip()
        )
    )
    return _answer(request, form.next, _said(request, deed, outcome), outcome)


def _choice(said: str) -> Choice:
    number, _, revision = said.partition(":")
    if not all(part.isascii() and part.isdigit() and len(part) <= 16 for part in (number, revision)):
        raise Unacceptable("the field choice must be ID:REVISION")
    return Choice(post=int(number), revision=int(revision))


def _said(request: web.Request, deed: Deed, outcome: Bulk) -> str:
    """What came of a decision, in one or two sentences."""
    language, number = language_of(request), len(outcome.done)
    sentences = []
    if number:
        sentences.append(
            {
                "publish": translate_plural(
                    language, "{n} comment published.", "{n} comments published.", number
                ),
                "reject": translate_plural(
                    language, "{n} comment rejected.", "{n} comments rejected.", number
                ),
                "hide": translate_plural(language, "{n} comment hidden.", "{n} comments hidden.", number),
                "delete": translate_plural(language, "{n} comment deleted.", "{n} comments deleted.", number),
            }[deed]
        )
    for why in dict.fromkeys(why for _, why in outcome.failed):
        sentences.append(text(request, why))
    return " ".join(sentences)


def _answer(request: web.Request, back: str, said: str, outcome: Bulk) -> web.StreamResponse:
    """For ``moderation.js`` as JSON, else by going back to the list."""
    undo = f"/moderation/undo/{outcome.undo}" if outcome.undo else ""
    if wants_json(request):
        body = {
            "done": [str(number) for number in outcome.done],
            "failed": [str(number) for number, _ in outcome.failed],
            "said": said,
            "undo": undo or None,
        }
        return web.json_response(body, dumps=lambda value: msgspec.json.encode(value).decode())
    return redirect(request, own(back, "/moderation"), said, undo=undo)


class Undo(Form, frozen=True, kw_only=True):
    """``next``: where to go back to."""

    next: str = "/moderation"


async def undone(request: web.Request) -> web.StreamResponse:
    """Take back the last decision, or the one that the address names."""
    desk, scope, form = desk_of(request), scope_of(request), await read_form(request, Undo)
    house = desk.house()
    number = number_of(request) if "id" in request.match_info else None
    await desk.store.write(lambda tx: undo_last(tx, house, scope, KINDS, number))
    outcome = Bulk(done=(), failed=(), undo=None)
    return _answer(request, form.next, text(request, N_("Undone.")), outcome)


class Looked(Form, frozen=True, kw_only=True):
    """No fields."""


async def claimed(request: web.Request) -> web.StreamResponse:
    """Keep others from deciding about the comment that is being looked at."""
    return await _claim(request, decide.claim)


async def released(request: web.Request) -> web.StreamResponse:
    """Let others decide again."""
    return await _claim(request, decide.release)


async def _claim(request: web.Request, deed: Any) -> web.StreamResponse:
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    await read_form(request, Looked)
    await desk.store.write(lambda tx: deed(tx, scope, number))
    return web.Response(status=204)


# --- the other deeds ---------------------------------------------------------------------------------------------


class Masked(Form, frozen=True, kw_only=True):
    """``part``: the words to mask; empty: every number."""

    revision: int
    part: str = ""
    next: str = "/moderation"


async def masked(request: web.Request) -> web.StreamResponse:
    """Mask a number or the selected words."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    form = await read_form(request, Masked)
    await desk.store.write(
        lambda tx: decide.mask_numbers(tx, scope, number, part=form.part[:200], revision=form.revision)
    )
    outcome = Bulk(done=(number,), failed=(), undo=None)
    return _answer(request, form.next, text(request, N_("Masked. It cannot be undone.")), outcome)


class Answered(Form, frozen=True, kw_only=True):
    """``client`` makes a double click one answer; ``publish``: the comment is published with it."""

    text: str
    client: str
    revision: int
    publish: bool = False
    next: str = "/moderation"


async def answered(request: web.Request) -> web.StreamResponse:
    """Answer in public as the office."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    form, house = await read_form(request, Answered), desk.house()

    def command(tx: Tx) -> Item:
        if form.publish and answers.earlier_answer(tx, scope, form.client, form.text) is None:
            choice = Choice(post=number, revision=form.revision)
            outcome = decide.decide(tx, house, scope, "publish", [choice])
            if outcome.failed:
                raise Conflict(outcome.failed[0][1])
        seen = None if form.publish else form.revision
        answers.answer_in_public(tx, house, scope, number, form.text, client_id=form.client, revision=seen)
        return bench_item(tx, scope, number)

    item = await desk.store.write(command)
    outcome = Bulk(done=(number,), failed=(), undo=None)
    if item.standing is None:
        return _answer(request, form.next, text(request, N_("Your answer is published.")), outcome)
    place = house.capabilities[item.inbox].platform
    said = text(request, N_("Your answer is on its way to {platform}."), platform=place)
    return _answer(request, form.next, said, outcome)


class Opened(Form, frozen=True, kw_only=True):
    """No fields beside ``next``."""

    next: str = "/moderation"


async def opened(request: web.Request) -> web.StreamResponse:
    """Open a private conversation with the author in an agents' queue; its page says so and leads there."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    form, house = await read_form(request, Opened), desk.house()

    def command(tx: Tx) -> str:
        conversation = tx.get(schema.conversation, answers.open_private(tx, house, scope, number))
        return str(conversation.reference) if conversation is not None else ""

    reference = await desk.store.write(command)
    said = text(request, N_("A private conversation is open: {reference}"), reference=reference)
    return _answer(request, form.next, said, Bulk(done=(number,), failed=(), undo=None))


# --- articles ----------------------------------------------------------------------------------------------------


async def article_list(request: web.Request) -> web.StreamResponse:
    """Articles that were commented, and how each is moderated."""
    desk, scope = desk_of(request), scope_of(request)
    house = desk.house()
    lines = await desk.store.read(lambda tx: articles.list_articles(tx, house, scope))
    platforms = {inbox: can.platform for inbox, can in house.capabilities.items() if can.platform}
    shared = _shared(request, Asked())
    return render(request, "moderation/articles.html", **shared, lines=lines, platforms=platforms)


class Way(Form, frozen=True, kw_only=True):
    """``way`` empty: as the site says."""

    way: Literal["", "pre", "post", "closed"] = ""


async def article_way(request: web.Request) -> web.StreamResponse:
    """Moderate one article otherwise than its site."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    form, house = await read_form(request, Way), desk.house()
    setting: Setting | None = form.way or None
    require(scope, "moderate")
    await desk.store.write(lambda tx: articles.set_way(tx, house, scope, number, setting))
    return redirect(request, "/moderation/articles", N_("The article's setting is saved."))


ROUTES = [
    web.get("/moderation", bench),
    web.post("/moderation/decide", decided),
    web.post("/moderation/undo", undone),
    web.post(r"/moderation/undo/{id:\d+}", undone),
    web.get("/moderation/articles", article_list),
    web.post(r"/moderation/articles/{id:\d+}", article_way),
    web.get(r"/moderation/{id:\d+}", one),
    web.post(r"/moderation/{id:\d+}/claim", claimed),
    web.post(r"/moderation/{id:\d+}/release", released),
    web.post(r"/moderation/{id:\d+}/mask", masked),
    web.post(r"/moderation/{id:\d+}/answer", answered),
    web.post(r"/moderation/{id:\d+}/private", opened),
]
