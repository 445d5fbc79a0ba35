"""One comment section at work: its routes, and what a public answer of the office means for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from connectors._forms import ONCE_MORE, try_later
from connectors._http import form_page, page, raw_of, see_other
from connectors._i18n import N_
from connectors._widget import LANGUAGES, Door, Pages, asset_route, assets, trapped
from connectors.comments import forms, view, visitors
from connectors.comments.forms import Problems, Where
from connectors.comments.settings import Settings
from connectors.contract import (
    Capabilities,
    Edit,
    Env,
    Health,
    Inbound,
    Message,
    Outbound,
    PublicPost,
    Receipt,
    Refused,
    Request,
    Response,
    Route,
    SendError,
    Sent,
    Sink,
    ThreadPage,
)

FOLDER = Path(__file__).parent

BODY = 64_000
"""Bytes of a posted form: 4,000 characters percent-encoded take 48,000 at most, and raw bodies up to 64 kB are rows."""

BUSY = N_("We cannot take this at the moment. Nothing was lost: please try again in a moment.")

NOT_SEEN = N_("Whether the answer stands on the page cannot be seen at the moment.")


class Comments:
    """See :class:`connectors.contract.Connector`. ``threads`` of the environment is all that it reads."""

    def __init__(self, settings: Settings, env: Env) -> None:
        self.capabilities = Capabilities(public_replies=True, max_length=10_000, on_ambiguous="retry")
        self._settings = settings
        self._env = env
        self._base = f"/embed/comments/{env.inbox}"
        self._files = assets(FOLDER / "static", settings.theme)
        self._pages = Pages(FOLDER / "templates", self._base, self._files, env.translate, env.random)
        self._door = Door()

    def routes(self) -> Sequence[Route]:
        """The section, what is posted to it, and its static files."""
        show = Route(
            method="GET",
            path=self._base,
            handler=self._show,
            max_body=0,
            origins=self._settings.origins,
            embeddable=True,
        )
        take = Route(
            method="POST",
            path=self._base,
            handler=self._take,
            max_body=BODY,
            per_address=self._settings.per_address,
            per_site=self._settings.per_site,
            origins=self._settings.origins,
            embeddable=True,
            form=True,
        )
        return (show, take, asset_route(self._base, self._files))

    async def serve(self, sink: Sink) -> None:
        """Take forms until cancelled."""
        await self._door.run(sink)

    async def run(self, sink: Sink) -> None:
        """There is no wire to read: the same as :meth:`serve`."""
        await self._door.run(sink)

    async def send(self, outbound: Outbound) -> Sent:
        """An answer of the office stands on the page as soon as it is stored; this checks that it does."""
        if outbound.operation in ("delete", "hide"):
            return Sent(state="delivered")
        try:
            post = await self._env.threads.post(self._env.inbox, outbound.message, visitor=None)
        except Refused as refused:
            raise SendError("temporary", NOT_SEEN, str(refused), refused.retry_after) from refused
        if post is None:
            raise SendError("permanent", "This answer has no place under the article.")
        return Sent(remote_id=str(outbound.message), state="delivered")

    async def fetch(self, ref: str) -> bytes:
        """Comments carry no files."""
        raise SendError("permanent", "Comments carry no files.")

    async def check(self) -> Health:
        """Nothing outside is needed."""
        return Health(state="ok", last_seen=self._env.clock.now())

    # --- the section ----------------------------------------------------------------------------------------------

    async def _show(self, request: Request) -> Response:
        at = forms.where(request.query, self._known_origins())
        if at is None:
            return self._no_article(request)
        visitor = visitors.known(request, self._env.tokens)
        return form_page(await self._section(request, request.query, at, visitor))

    async def _section(
        self,
        request: Request,
        values: Mapping[str, str],
        at: Where,
        visitor: str | None,
        problems: Problems | None = None,
    ) -> str:
        """HTML of an article's comments. ``values`` are the query, or the fields of a form that has ``problems``."""
        env = self._env
        cursor = values.get("at") or None
        found = await env.threads.page(
            env.inbox, at.article, visitor=visitor, cursor=cursor, size=self._settings.page_size
        )
        doing = await self._doing(values, visitor, refilled=bool(problems))
        news = await self._news(values, found, visitor)
        token = env.tokens.sign("visitor", visitor or visitors.new(env.random))
        # Only a token that came by the address has to stay in it; whoever keeps cookies gets clean addresses.
        carried = token if visitor and request.query.get(visitors.FIELD) else ""
        return self._pages.render(
            "section.html",
            _language(request),
            at=at,
            consent=self._settings.consent.of(_language(request)) if self._settings.consent else "",
            cursor=cursor or "",
            doing=doing,
            doing_here=doing is not None and any(post.id == doing.post.id for post in found.posts),
            errors=view.Blank(self._errors(request, problems or {})),
            fresh=visitor is None,
            link=view.Links(self._base, at, _language(request), carried),
            news=news,
            page=found,
            reasons=view.reasons(),
            settings=self._settings,
            site_way=found.moderation or self._settings.moderation,
            time=view.Times(env.office.zone, _language(request)),
            token=token,
            values=view.Blank(values if problems and (doing or _is_comment(values)) else {}),
            **view.WORDS,
        )

    async def _doing(
        self, values: Mapping[str, str], visitor: str | None, *, refilled: bool
    ) -> view.Doing | None:
        """The form that stands open beside a comment: an answer, an edit or an appeal."""
        if refilled:
            deed = "reply" if _is_comment(values) else values.get("do", "")
            number = forms.post_number(values.get("parent" if deed == "reply" else "post", ""))
        else:
            deed = next((name for name in ("reply", "edit", "appeal") if name in values), "")
            number = forms.post_number(values.get(deed, ""))
        if number is None:
            return None
        post = await self._env.threads.post(self._env.inbox, number, visitor=visitor)
        return view.doing(deed, post) if post else None

    async def _news(
        self, values: Mapping[str, str], found: ThreadPage, visitor: str | None
    ) -> view.News | None:
        text = view.NEWS.get(values.get("news", ""))
        if text is None:
            return None
        number = forms.post_number(values.get("post", ""))
        shown = any(post.id == number for post in found.posts)
        post: PublicPost | None = None
        if number and not shown:
            post = await self._env.threads.post(self._env.inbox, number, visitor=visitor)
        return view.News(text=text, post=post if post and post.mine else None)

    # --- what is posted -------------------------------------------------------------------------------------------

    async def _take(self, request: Request) -> Response:
        fields = request.fields
        at = forms.where(fields, self._known_origins())
        if at is None:
            return self._no_article(request)
        visitor = visitors.known(request, self._env.tokens) or visitors.new(self._env.random)
        if trapped(fields) and not _is_comment(fields):
            return page(await self._section(request, fields, at, visitor, {"do": ONCE_MORE}), status=422)
        inbound, problems = forms.read(fields, at, self._submitter(request, visitor), self._settings)
        if inbound is not None:
            problems = await self._refusals(inbound, at, visitor)
        if problems or inbound is None:
            return page(await self._section(request, fields, at, visitor, problems), status=422)
        try:
            [receipt] = await self._door.sink.accept(raw_of(request), [inbound])
        except Refused as refused:  # what was typed comes back
            return try_later(await self._section(request, fields, at, visitor, {"do": BUSY}), refused)
        news, number = await self._outcome(inbound, receipt, visitor)
        cookie = visitors.cookie(visitor, self._env.tokens, self._base)
        return see_other(self._back(request, at, visitor, news, number), (cookie,))

    def _submitter(self, request: Request, visitor: str) -> forms.Submitter:
        return forms.Submitter(
            inbox=self._env.inbox,
            visitor=visitor,
            now=self._env.clock.now(),
            origin=visitors.origin_of(request.remote, forms.about(request.fields), self._env.tokens),
        )

    async def _refusals(self, inbound: Inbound, at: Where, visitor: str) -> Problems:
        """What only the thread itself can tell: it is closed, or what is answered has gone."""
        if not isinstance(inbound, Message) or inbound.comment is None:
            return {}
        env, parent = self._env, inbound.comment.parent
        found = await env.threads.page(env.inbox, at.article, visitor=visitor, cursor=None, size=1)
        if not found.open:
            return {"do": N_("Comments under this article are closed.")}
        if parent is not None:
            above = await env.threads.post(env.inbox, parent, visitor=visitor)
            if above is None or above.state != "published":
                return {"do": N_("The comment that you answer is no longer here.")}
        return {}

    async def _outcome(self, inbound: Inbound, receipt: Receipt, visitor: str) -> tuple[str, int | None]:
        """What happened, as a word of ``view.NEWS``, and the comment that it happened to."""
        if isinstance(inbound, Edit) and receipt.duplicate:
            post = await self._env.threads.post(self._env.inbox, receipt.message or 0, visitor=visitor)
            return view.edited_before(post), receipt.message
        if not isinstance(inbound, Message):
            number = forms.post_number(inbound.target or "")
            return view.outcome(inbound, receipt), number
        number, state = receipt.message, receipt.post_state
        if number is not None and (receipt.duplicate or not state):
            post = await self._env.threads.post(self._env.inbox, number, visitor=visitor)
            state = post.state if post else ""
        return ("published" if state == "published" else "held"), number

    def _back(
        self, request: Request, at: Where, visitor: str | None, news: str, number: int | None = None
    ) -> str:
        carried = ""
        if visitor and visitors.needs_token_in_address(request):
            carried = self._env.tokens.sign("visitor", visitor)
        link = view.Links(self._base, at, _language(request), carried)
        # An answer stays on the page that it was written on; a new comment is on the first one.
        answers = not _is_comment(request.fields) or request.fields.get("parent")
        place = {"at": request.fields.get("at", "")} if answers else {}
        return link.to(news=news, post=str(number or ""), **place) + "#news"

    def _errors(self, request: Request, problems: Problems) -> Problems:
        return {name: self._env.translate(_language(request), text) for name, text in problems.items()}

    def _no_article(self, request: Request) -> Response:
        body = self._pages.render("nothing.html", _language(request))
        return page(body, status=404)

    def _known_origins(self) -> tuple[str, ...]:
        own = self._env.public_url.lower()
        return (*(origin.lower() for origin in self._settings.origins), own)


def _language(request: Request) -> str:
    return request.language if request.language in LANGUAGES else LANGUAGES[0]


def _is_comment(fields: Mapping[str, str]) -> bool:
    return fields.get("do", "comment") == "comment"
