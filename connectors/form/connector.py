"""One contact form at work: its page, what is sent with it, the page that says thank you."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlencode

from connectors._files import size, stored
from connectors._forms import (
    Problem,
    form_route,
    in_words,
    language_of,
    named,
    page_route,
    plain_reference,
    shown_reference,
    try_later,
)
from connectors._http import form_page, large_raw_of, page, see_other
from connectors._i18n import N_
from connectors._widget import Door, Pages, asset_route, assets
from connectors.contract import (
    Capabilities,
    Env,
    Health,
    Outbound,
    Refused,
    Request,
    Response,
    Route,
    SendError,
    Sent,
    Sink,
)
from connectors.form import reading
from connectors.form.reading import Filled
from connectors.form.settings import STANDARD_CONSENT, Settings

FOLDER = Path(__file__).parent

FIELDS_BYTES = 500_000
"""Room for everything in a body that is not a file."""

THANKS = "formthanks"
"""Space of the signed tokens that carry a reference number to the thank-you page."""

NOTHING = "none"
"""What stands in such a token when there is no number to show."""

BUSY = N_("We cannot take your message at the moment. Nothing is lost: wait a minute and send it again.")


class Form:
    """See :class:`connectors.contract.Connector`. It only takes; answers leave through another inbox."""

    def __init__(self, settings: Settings, env: Env) -> None:
        self.capabilities = Capabilities()
        self._settings = settings
        self._env = env
        self._base = f"/embed/form/{env.inbox}"
        self._files = assets(FOLDER / "static", settings.theme)
        self._pages = Pages(FOLDER / "templates", self._base, self._files, env.translate, env.random)
        self._door = Door()

    def routes(self) -> Sequence[Route]:
        """The form, what is posted to it, the thank-you page, static files."""
        settings = self._settings
        room = FIELDS_BYTES + (settings.max_bytes if settings.has_files else 0)
        return (
            page_route(self._base, self._show, settings),
            form_route(self._base, self._take, settings, room),
            page_route(f"{self._base}/thanks", self._thanks, settings),
            asset_route(self._base, self._files),
        )

    async def serve(self, sink: Sink) -> None:
        """Take forms until cancelled."""
        await self._door.run(sink)

    async def run(self, sink: Sink) -> None:
        """There is no wire to read: the same as :meth:`serve`."""
        await self._door.run(sink)

    async def send(self, outbound: Outbound) -> Sent:
        """A form reaches nobody; the hub never asks, because ``capabilities.reaches`` is empty."""
        raise SendError("permanent", N_("A contact form cannot send. Answer by e-mail or telephone."))

    async def fetch(self, ref: str) -> bytes:
        """Files come with the form itself."""
        raise SendError("permanent", N_("Files of a contact form come with it; there is nothing to fetch."))

    async def check(self) -> Health:
        """Nothing outside is needed."""
        return Health(state="ok", last_seen=self._env.clock.now())

    # --- pages ----------------------------------------------------------------------------------------------------

    async def _show(self, request: Request) -> Response:
        return form_page(self._form(request, {}, {}))

    def _form(
        self, request: Request, values: Mapping[str, str], problems: Mapping[str, Problem], busy: str = ""
    ) -> str:
        """HTML of the form with what was typed and what is wrong with it."""
        language = language_of(request)
        errors = in_words(self._env.translate, language, problems)
        return self._pages.render(
            "form.html",
            language,
            settings=self._settings,
            values=values,
            errors=errors,
            summary=named(errors, {field.name: field.label.of(language) for field in self._settings.fields}),
            consent=self._consent(language),
            max_size=size(self._settings.max_file_bytes),
            max_together=size(self._settings.max_bytes),
            busy=busy,
        )

    def _consent(self, language: str) -> str:
        own = self._settings.consent
        return own.of(language) if own else self._env.translate(language, STANDARD_CONSENT)

    async def _thanks(self, request: Request) -> Response:
        signed = self._env.tokens.verify(THANKS, request.query.get("number", ""))
        body = self._pages.render(
            "thanks.html",
            language_of(request),
            known=signed is not None,
            title=self._settings.title.of(language_of(request)),
            reference=shown_reference("" if signed in (None, NOTHING) else signed),
        )
        return page(body, status=200 if signed else 404)

    # --- what is sent ---------------------------------------------------------------------------------------------

    async def _take(self, request: Request) -> Response:
        filled = reading.read(request.fields, request.files, self._settings)
        if filled.problems:
            return page(self._form(request, filled.values, filled.problems), status=422)
        try:
            reference = await self._accept(request, filled)
        except Refused as refused:
            busy = self._env.translate(language_of(request), BUSY)
            return try_later(self._form(request, filled.values, {}, busy), refused)
        return self._thank(request, reference)

    async def _accept(self, request: Request, filled: Filled) -> str:
        """Hand the message in; returns its reference number. Raises :class:`Refused`."""
        language = language_of(request)
        inbound = reading.message(
            filled,
            self._settings,
            inbox=self._env.inbox,
            language=language,
            consent=self._consent(language),
            now=self._env.clock.now(),
            attachments=[await stored(file, self._env.blobs) for file in filled.files],
        )
        [receipt] = await self._door.sink.accept(await large_raw_of(request, self._env.blobs), [inbound])
        return receipt.reference

    def _thank(self, request: Request, reference: str) -> Response:
        """To the thank-you page: a reload of it sends nothing again."""
        plain = plain_reference(reference) or NOTHING
        query = urlencode({"number": self._env.tokens.sign(THANKS, plain), "lang": language_of(request)})
        return see_other(f"{self._base}/thanks?{query}")
