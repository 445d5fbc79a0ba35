"""One callback form at work: its page, the thank-you page, and the page of one call behind its signed link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlencode

from connectors._forms import (
    ONCE_MORE,
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
from connectors._http import form_page, page, raw_of, see_other
from connectors._i18n import N_
from connectors._widget import Door, Pages, asset_route, assets, trapped
from connectors.callback import reading, view
from connectors.callback.reading import Filled
from connectors.callback.settings import STANDARD_CONSENT, Settings
from connectors.contract import (
    Booking,
    Capabilities,
    Env,
    Health,
    Micros,
    Outbound,
    Receipt,
    Refused,
    Request,
    Response,
    Route,
    SendError,
    Sent,
    Sink,
)

FOLDER = Path(__file__).parent

BODY = 64_000
"""Bytes of a posted form; raw bodies up to 64 kB are rows of the store."""

CALL = "callback"
"""Space of the signed tokens that name a call; the hub puts the same into its notices."""

THANKS = "callbackthanks"
"""Space of the tokens of the thank-you page: the message that ordered the call, and the reference number."""

BUSY = N_("We cannot take your order at the moment. Nothing is lost: wait a minute and send it again.")


class Callback:
    """See :class:`connectors.contract.Connector`. ``appointments`` of the environment is all that it reads."""

    def __init__(self, settings: Settings, env: Env) -> None:
        self.capabilities = Capabilities()
        self._settings = settings
        self._env = env
        self._base = f"/embed/callback/{env.inbox}"
        self._files = assets(FOLDER / "static", settings.theme)
        self._pages = Pages(FOLDER / "templates", self._base, self._files, env.translate, env.random)
        self._door = Door()

    def routes(self) -> Sequence[Route]:
        """The form, the thank-you page, the page of one call, static files."""
        settings, call = self._settings, f"{self._base}/call/{{token}}"
        return (
            page_route(self._base, self._show, settings),
            form_route(self._base, self._take, settings, BODY),
            page_route(f"{self._base}/thanks", self._thanks, settings),
            page_route(call, self._show_call, settings),
            form_route(call, self._change_call, settings, BODY),
            asset_route(self._base, self._files),
        )

    async def serve(self, sink: Sink) -> None:
        """Take orders until cancelled."""
        await self._door.run(sink)

    async def run(self, sink: Sink) -> None:
        """There is no wire to read: the same as :meth:`serve`."""
        await self._door.run(sink)

    async def send(self, outbound: Outbound) -> Sent:
        """A callback form reaches nobody; the hub never asks, because ``capabilities.reaches`` is empty."""
        raise SendError(
            "permanent", N_("A callback form cannot send. Call the person, or write by e-mail or SMS.")
        )

    async def fetch(self, ref: str) -> bytes:
        """Orders carry no files."""
        raise SendError("permanent", N_("Orders of calls carry no files."))

    async def check(self) -> Health:
        """Nothing outside is needed."""
        return Health(state="ok", last_seen=self._env.clock.now())

    # --- the form -------------------------------------------------------------------------------------------------

    async def _slots(self) -> tuple[Micros, ...]:
        return await self._env.appointments.slots(self._env.inbox, self._settings.days)

    async def _show(self, request: Request) -> Response:
        return form_page(await self._order_form(request, {}, {}))

    async def _order_form(
        self, request: Request, values: Mapping[str, str], problems: Mapping[str, Problem], busy: str = ""
    ) -> str:
        """HTML of the form with what was typed and what is wrong with it."""
        language = language_of(request)
        errors = in_words(self._env.translate, language, problems)
        return self._pages.render(
            "order.html",
            language,
            settings=self._settings,
            values=values,
            errors=errors,
            labels=reading.LABELS,
            summary=named(errors, self._labels(language)),
            days=view.days(await self._slots(), self._env.office.zone, language),
            consent=self._consent(language),
            busy=busy,
        )

    def _labels(self, language: str) -> dict[str, str]:
        """Names of the fields, as their labels say them."""
        return {name: self._env.translate(language, label) for name, label in reading.LABELS.items()}

    def _consent(self, language: str) -> str:
        own = self._settings.consent
        return own.of(language) if own else self._env.translate(language, STANDARD_CONSENT)

    async def _take(self, request: Request) -> Response:
        filled = reading.read(request.fields, self._settings, await self._slots())
        if filled.problems:
            return page(await self._order_form(request, filled.values, filled.problems), status=422)
        try:
            receipt = await self._accept(request, filled)
        except Refused as refused:
            return try_later(await self._order_form(request, filled.values, {}, self._busy(request)), refused)
        return self._to_thanks(request, receipt)

    def _busy(self, request: Request) -> str:
        return self._env.translate(language_of(request), BUSY)

    async def _accept(self, request: Request, filled: Filled) -> Receipt:
        language = language_of(request)
        inbound = reading.wish(
            filled,
            inbox=self._env.inbox,
            language=language,
            labels=self._labels(language),
            consent=self._consent(language),
            now=self._env.clock.now(),
        )
        [receipt] = await self._door.sink.accept(raw_of(request), [inbound])
        return receipt

    # --- thank you ------------------------------------------------------------------------------------------------

    def _to_thanks(self, request: Request, receipt: Receipt) -> Response:
        """To the thank-you page: a reload of it orders nothing again."""
        value = f"{receipt.message or 0}r{plain_reference(receipt.reference)}"
        query = urlencode({"order": self._env.tokens.sign(THANKS, value), "lang": language_of(request)})
        return see_other(f"{self._base}/thanks?{query}")

    async def _thanks(self, request: Request) -> Response:
        """The number, the time, and the link to the call: only for whoever ordered it, not for whoever repeated it."""
        language = language_of(request)
        signed = self._env.tokens.verify(THANKS, request.query.get("order", ""))
        number, _, reference = (signed or "").partition("r")
        booking = await self._env.appointments.booking(int(number)) if number.isdecimal() else None
        body = self._pages.render(
            "thanks.html",
            language,
            known=signed is not None,
            reference=shown_reference(reference),
            state=self._state(booking, language) if booking else "",
            link=f"{self._base}/call/{self._env.tokens.sign(CALL, booking.id)}" if booking else "",
        )
        return page(body, status=200 if signed else 404)

    def _state(self, booking: Booking, language: str) -> str:
        when = view.in_words(booking.at, self._env.office.zone, language)
        return self._env.translate(language, view.state(booking), when=when)

    # --- one call -------------------------------------------------------------------------------------------------

    async def _booking(self, request: Request) -> Booking | None:
        value = self._env.tokens.verify(CALL, request.params.get("token", ""))
        return await self._env.appointments.booking(int(value)) if value and value.isdecimal() else None

    async def _show_call(self, request: Request) -> Response:
        booking = await self._booking(request)
        if booking is None:
            return self._no_call(request)
        return page(await self._call_page(request, booking, {}))

    async def _call_page(
        self, request: Request, booking: Booking, problems: Mapping[str, Problem], busy: str = ""
    ) -> str:
        language = language_of(request)
        slots = await self._slots() if booking.movable else ()
        return self._pages.render(
            "call.html",
            language,
            address=f"{self._base}/call/{request.params['token']}",
            booking=booking,
            busy=busy,
            days=view.days(slots, self._env.office.zone, language),
            errors=in_words(self._env.translate, language, problems),
            news=view.NEWS.get(request.query.get("news", "")),
            state=self._state(booking, language),
        )

    async def _change_call(self, request: Request) -> Response:
        booking = await self._booking(request)
        if booking is None:
            return self._no_call(request)
        if trapped(request.fields):
            once_more = self._env.translate(language_of(request), ONCE_MORE)
            return page(await self._call_page(request, booking, {}, once_more), status=422)
        if not booking.movable:  # perhaps by the first of two presses of this button
            return self._back(request, await self._what_happened(booking, request.fields.get("do", "")))
        found, problems = reading.change(
            request.fields,
            booking.id,
            await self._slots(),
            inbox=self._env.inbox,
            now=self._env.clock.now(),
        )
        if found is None:
            return page(await self._call_page(request, booking, problems), status=422)
        try:
            await self._door.sink.accept(raw_of(request), [found])
        except Refused as refused:
            return try_later(await self._call_page(request, booking, {}, self._busy(request)), refused)
        return self._back(request, await self._what_happened(booking, found.action))

    async def _what_happened(self, before: Booking, action: str) -> str:
        """Whether the change came in time, by how the call is now."""
        after = await self._env.appointments.booking(before.id)
        if after is None:
            return "late"
        if action == "cancel":
            return "cancelled" if after.state == "cancelled" else "late"
        return "moved" if after.movable else "late"

    def _back(self, request: Request, news: str) -> Response:
        query = urlencode({"lang": language_of(request), "news": news})
        return see_other(f"{self._base}/call/{request.params['token']}?{query}")

    def _no_call(self, request: Request) -> Response:
        return page(self._pages.render("nothing.html", language_of(request)), status=404)
