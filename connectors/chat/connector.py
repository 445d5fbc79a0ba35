"""One chat at work: its page with and without a script, what is posted to it, its event stream, its files."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlencode

from connectors._files import size, stored
from connectors._forms import Problem, in_words, language_of, named, page_route, try_later
from connectors._http import form_page, json_response, large_raw_of, page, see_other
from connectors._i18n import N_
from connectors._widget import Pages, asset_route, assets
from connectors.chat import reading, visitors
from connectors.chat.live import Live
from connectors.chat.reading import Written
from connectors.chat.rooms import PLAIN_SECONDS
from connectors.chat.settings import STANDARD_CONSENT, Settings
from connectors.chat.view import NEWS, transcript
from connectors.chat.visitors import HEADER, KIND, ME
from connectors.contract import (
    Capabilities,
    Chat,
    Env,
    Health,
    Message,
    Outbound,
    Presence,
    Refused,
    Request,
    Response,
    Route,
    SendError,
    Sent,
    Sink,
)

FOLDER = Path(__file__).parent

FIELDS_BYTES = 100_000
"""Room for everything in a body that is not a file."""

PAGE = 50
"""Messages that a page opens with."""

WHOLE = 500
"""Messages of a transcript."""

LONGEST_NUMBER = 16
"""Digits of an id of ours (below 2^53)."""

CHOICES = 10
"""Buttons under a message."""

BUSY = N_("We cannot take your message at the moment. Nothing is lost: wait a minute and send it again.")
NOBODY = N_("This chat is over or unknown. Please open the page again.")


class LiveChats:
    """See :class:`connectors.contract.Connector`. ``chats`` of the environment is all that it reads."""

    def __init__(self, settings: Settings, env: Env) -> None:
        self.capabilities = Capabilities(
            reaches=(KIND,),
            max_length=10_000,
            attachments=("*/*",),
            attachment_bytes=20_000_000,
            read_receipts=True,
            typing=True,
            choices=CHOICES,
            on_ambiguous="retry",
            live=True,
        )
        self._settings = settings
        self._env = env
        self._base = f"/embed/chat/{env.inbox}"
        self._files = assets(FOLDER / "static", settings.theme)
        self._pages = Pages(FOLDER / "templates", self._base, self._files, env.translate, env.random)
        self._live = Live(settings, env, self._pages)

    def routes(self) -> Sequence[Route]:
        """The page, what is posted to it, its stream and signals, files of messages, static files."""
        settings, base = self._settings, self._base
        origins = settings.origins
        post = Route(
            method="POST",
            path=base,
            handler=self._take,
            max_body=FIELDS_BYTES + settings.max_bytes,
            per_address=settings.per_address,
            per_site=settings.per_site,
            origins=origins,
            embeddable=True,
            form=True,
        )
        stream = Route(
            method="GET",
            path=f"{base}/stream",
            handler=self._stream,
            max_body=0,
            streams=True,
            at_once=settings.streams_per_address,
        )
        signal = Route(
            method="POST",
            path=f"{base}/signal",
            handler=self._signal,
            max_body=1000,
            per_address=settings.signals_per_address,
            origins=origins,
            form=True,
        )
        file = Route(method="GET", path=f"{base}/files/{{ticket}}", handler=self._file, max_body=0)
        show = page_route(base, self._show, settings)
        return (show, post, stream, signal, file, asset_route(base, self._files))

    async def serve(self, sink: Sink) -> None:
        """Talk until cancelled: with those whose pages are open here."""
        await self._live.run(sink)

    async def run(self, sink: Sink) -> None:
        """There is no wire to read: pages come to every process that serves."""
        with self._live.door.held(sink):
            await asyncio.Event().wait()

    async def send(self, outbound: Outbound) -> Sent:
        """What is sent stands in the store already; the visitor's open pages are told to show it."""
        if outbound.operation != "send":
            raise SendError("permanent", N_("What was said in a chat cannot be changed afterwards."))
        visitor = outbound.to[0].address
        room = self._live.rooms.known(visitor)
        self._live.stir(visitor)
        told = room is not None and bool(room.pages)
        return Sent(remote_id=str(outbound.message), state="delivered" if told else "accepted")

    async def show(self, presence: Presence) -> None:
        """See :class:`connectors.contract.ShowsPresence`."""
        self._live.show(presence)

    async def fetch(self, ref: str) -> bytes:
        """Files come with the messages themselves."""
        raise SendError("permanent", N_("Files of a chat come with it; there is nothing to fetch."))

    async def check(self) -> Health:
        """Nothing outside is needed."""
        return Health(state="ok", last_seen=self._env.clock.now())

    # --- who asks -------------------------------------------------------------------------------------------------

    async def _chat(self, visitor: str | None, messages: int = 0) -> Chat | None:
        if visitor is None:
            return None
        found = await self._env.chats.chats(self._env.inbox, [visitor], messages=messages)
        return found.get(visitor)

    def _token(self, visitor: str | None) -> str:
        """The visitor's token; without one that of a new id."""
        return self._env.tokens.sign(KIND, visitor or visitors.new(self._env.random))

    # --- the page -------------------------------------------------------------------------------------------------

    async def _show(self, request: Request) -> Response:
        visitor = visitors.named(request, self._env.tokens)
        chat = await self._chat(visitor, PAGE)
        if visitor is not None and self._live.rooms.known(visitor) is not None:
            # A script's own requests say so; any other one may be of a page that has no stream.
            scripted = HEADER in request.headers
            self._live.rooms.stay(visitor, self._settings.leave_seconds if scripted else PLAIN_SECONDS)
        body = await self._html(request, visitor if chat else None, chat)
        return page(body) if chat else form_page(body)

    async def _html(
        self,
        request: Request,
        visitor: str | None,
        chat: Chat | None,
        values: Mapping[str, str] = {},
        problems: Mapping[str, Problem] = {},
        busy: str = "",
    ) -> str:
        """HTML of the page: the chat so far, or the form that begins one; with what was typed and is wrong with it."""
        language, settings = language_of(request), self._settings
        errors = in_words(self._env.translate, language, problems)
        hours = await self._env.chats.hours(self._env.inbox)
        kept = visitors.remembered(request, self._env.tokens)
        # Only a token that came by the address has to stay in it; whoever keeps the cookie gets clean addresses.
        carried = visitor is not None and visitor != kept and ME in request.query
        token = self._token(visitor)
        query = urlencode({"lang": language, **({ME: token} if carried else {})})
        return self._pages.render(
            "chat.html",
            language,
            address=f"{self._base}?{query}",
            busy=busy,
            chat=chat,
            consent=self._consent(language),
            errors=errors,
            hours=hours,
            kept=visitor is not None and visitor == kept,
            max_size=size(settings.max_file_bytes),
            news=NEWS.get(request.query.get("news", ""), ""),
            settings=settings,
            shown=self._live.shown(language),
            summary=named(errors, {field.name: field.label.of(language) for field in settings.fields}),
            ticket=partial(visitors.file_ticket, self._env.tokens, visitor or ""),
            token=token,
            values=values,
        )

    def _consent(self, language: str) -> str:
        own = self._settings.consent
        return own.of(language) if own else self._env.translate(language, STANDARD_CONSENT)

    # --- what is posted -------------------------------------------------------------------------------------------

    async def _take(self, request: Request) -> Response:
        visitor = visitors.named(request, self._env.tokens) or visitors.new(self._env.random)
        if request.fields.get("do") in reading.DEEDS:
            return await self._deed(request, visitor)
        if "choice" in request.fields:
            return await self._chosen(request, visitor)
        chat = await self._chat(visitor)
        hours = await self._env.chats.hours(self._env.inbox)
        written = reading.read(request.fields, request.files, self._settings, first=chat is None)
        live = chat is not None or hours.staffed
        problems = written.problems if live else reading.needs_address(written, self._settings)
        if problems:
            return await self._wrong(request, visitor, chat, problems)
        try:
            message = await self._accept(request, visitor, written, live=live)
        except Refused as refused:
            return await self._busy(request, visitor, chat, refused)
        if not live:
            return self._answer(request, None, "left")
        self._live.rooms.stay(visitor, self._patience(request))
        return self._answer(request, visitor, message=message)

    async def _accept(self, request: Request, visitor: str, written: Written, *, live: bool) -> int | None:
        """Hand a message in; returns its id. Raises :class:`Refused`."""
        language = language_of(request)
        who = self._live.writer(visitor, language, self._consent(language))
        files = [await stored(file, self._env.blobs) for file in written.files]
        make = reading.live_message if live else reading.left_message
        inbound: Message = make(written, who, self._settings, files)
        raw = await large_raw_of(request, self._env.blobs)
        [receipt] = await self._live.door.sink.accept(raw, [inbound])
        return receipt.message

    async def _deed(self, request: Request, visitor: str) -> Response:
        """The visitor ends the chat, or wants it by mail."""
        language = language_of(request)
        chat = await self._chat(visitor, WHOLE)
        visit, problems = reading.deed(request.fields, self._live.writer(visitor, language))
        if visit is None or chat is None:
            return await self._wrong(request, visitor, chat, problems)
        text = transcript(chat, self._live.shown(language)) if visit.what == "transcript" else ""
        try:
            raw = await large_raw_of(request, self._env.blobs)
            await self._live.door.sink.accept(raw, [reading.with_text(visit, text)])
        except Refused as refused:
            return await self._busy(request, visitor, chat, refused)
        return self._answer(request, visitor, "transcript" if text else "ended")

    async def _chosen(self, request: Request, visitor: str) -> Response:
        """The visitor pressed one of the buttons that the last message offers."""
        language, pressed = language_of(request), request.fields["choice"]
        chat = await self._chat(visitor, 1)
        offered = [choice for message in chat.messages for choice in message.choices] if chat else []
        choice = next((one for one in offered if one.id == pressed), None)
        if chat is None or choice is None:
            return self._answer(request, visitor if chat else None)
        message = reading.chosen(request.fields, choice, self._live.writer(visitor, language))
        try:
            [receipt] = await self._live.door.sink.accept(
                await large_raw_of(request, self._env.blobs), [message]
            )
        except Refused as refused:
            return await self._busy(request, visitor, chat, refused)
        self._live.rooms.stay(visitor, self._patience(request))
        return self._answer(request, visitor, "" if receipt.message else "noted", message=receipt.message)

    def _patience(self, request: Request) -> float:
        """How long somebody who posted is there without an open stream."""
        return self._settings.leave_seconds if _wants_json(request) else PLAIN_SECONDS

    async def _wrong(
        self, request: Request, visitor: str, chat: Chat | None, problems: Mapping[str, Problem]
    ) -> Response:
        language = language_of(request)
        if _wants_json(request):
            found = in_words(self._env.translate, language, problems)
            error = next(iter(found.values()), self._env.translate(language, NOBODY))
            return json_response({"error": error, "problems": found}, 422 if found else 404)
        chat = await self._chat(visitor, PAGE) if chat else None
        body = await self._html(request, visitor if chat else None, chat, request.fields, problems)
        return page(body, status=422)

    async def _busy(self, request: Request, visitor: str, chat: Chat | None, refused: Refused) -> Response:
        """Nothing was taken: what was typed comes back."""
        text = self._env.translate(language_of(request), BUSY)
        if _wants_json(request):
            raise refused
        chat = await self._chat(visitor, PAGE) if chat else None
        body = await self._html(request, visitor if chat else None, chat, request.fields, busy=text)
        return try_later(body, refused)

    def _answer(
        self, request: Request, visitor: str | None, news: str = "", message: int | None = None
    ) -> Response:
        """For a script what it has to know; for a browser the way back to the page, so that a reload posts nothing."""
        token = self._token(visitor) if visitor else ""
        cookies = (visitors.cookie(token, self._base),) if token else ()
        if _wants_json(request):
            answer = json_response({"id": message, ME: token, "news": news})
            return Response(
                body=answer.body,
                content_type=answer.content_type,
                headers={"Cache-Control": "no-store"},
                cookies=cookies,
            )
        query = {"lang": language_of(request)}
        if news:
            query["news"] = news
        # A frame of another site may keep no cookie; without one the address is what leads back.
        if visitor and visitors.needs_token_in_address(request):
            query[ME] = token
        return see_other(f"{self._base}?{urlencode(query)}#end", cookies)

    # --- what happens meanwhile -----------------------------------------------------------------------------------

    async def _stream(self, request: Request) -> Response:
        visitor = visitors.named(request, self._env.tokens)
        if visitor is None or await self._chat(visitor) is None:
            text = self._env.translate(language_of(request), NOBODY)
            return json_response({"error": text}, 404)
        return Response(
            stream=self._live.stream(visitor, language_of(request)),
            content_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _signal(self, request: Request) -> Response:
        """Typing, reading, leaving, being there: of visitors who are there; of others it is forgotten."""
        visitor, upto = visitors.named(request, self._env.tokens), request.fields.get("upto", "")
        if visitor is not None:
            number = int(upto) if upto.isdecimal() and len(upto) <= LONGEST_NUMBER else 0
            await self._live.signalled(visitor, request.fields.get("what", ""), number)
        return Response(status=204)

    async def _file(self, request: Request) -> Response:
        found = visitors.read_ticket(self._env.tokens, request.params["ticket"])
        file = await self._env.chats.file(self._env.inbox, *found) if found else None
        if file is None:
            text = self._env.translate(language_of(request), NOBODY)
            return Response(status=404, body=text.encode(), content_type="text/plain; charset=utf-8")
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.filename, safe='')}",
            "Cache-Control": "private, no-store",
        }
        return Response(body=file.content, content_type="application/octet-stream", headers=headers)


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")
