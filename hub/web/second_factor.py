"""The second factor: the code at log-in, and the own page on which somebody sets it up, renews codes on paper, ends
it."""

from __future__ import annotations

from collections.abc import Callable

import segno
from aiohttp import web
from sqlalchemy import select

from hub.i18n import mark as N_
from hub.people import second_factor
from hub.people.second_factor import Step
from hub.people.sessions import still_in
from hub.people.throttle import forgive
from hub.scope import Denied
from hub.store.schema import user
from hub.store.tx import Tx
from hub.web.auth import (
    STEP_COOKIE,
    TOO_OLD,
    WRONG_PRESENT,
    Proof,
    begin_guess,
    enter,
    is_as_checked,
    is_own_form,
    page_before,
    too_many,
    verified,
)
from hub.web.desk import Desk, desk_of, signed_of
from hub.web.forms import Form, read_form
from hub.web.guard import SECOND_FACTOR, explained, must_have_second
from hub.web.render import own, redirect, render, text

WRONG_CODE = N_("That code is not right, or it was used already. Wait for the next one.")

DOT = 4
"""Pixels of one dot of the picture that a telephone reads."""


# --- at log-in ---------------------------------------------------------------------------------------------------


class CodeForm(Form, frozen=True, kw_only=True):
    code: str
    pre: str = ""
    next: str = "/"


def _code_page(request: web.Request, target: str, *, error: str = "", status: int = 200) -> web.Response:
    return page_before(request, "auth/code.html", target=target, error=error, status=status)


async def _step(request: web.Request) -> Step | None:
    """Whose password this browser has shown."""
    token = request.cookies.get(STEP_COOKIE, "")
    return await desk_of(request).store.read(lambda tx: second_factor.find_step(tx, token)) if token else None


async def code_form(request: web.Request) -> web.StreamResponse:
    """Ask for the code; whoever has not shown a password begins with that."""
    if await _step(request) is None:
        return web.Response(status=303, headers={"Location": "/login"})
    return _code_page(request, request.query.get("next", "/"))


async def give_code(request: web.Request) -> web.StreamResponse:
    """Check the code and let its person in. Guessing is throttled together with that of passwords."""
    form = await read_form(request, CodeForm)
    if not is_own_form(request, form.pre):
        return _code_page(request, form.next, error=text(request, TOO_OLD), status=403)
    step = await _step(request)
    if step is None:
        return redirect(request, "/login", N_("That took too long. Log in again."))
    attempt = await begin_guess(request, step.login)
    if attempt.refused:
        return _code_page(request, form.next, error=too_many(request, attempt), status=429)
    token = request.cookies[STEP_COOKIE]

    def prove(tx: Tx) -> Proof:
        if second_factor.find_step(tx, token) != step or not second_factor.spend(tx, step.user, form.code):
            return "no"
        second_factor.end_steps(tx, step.user)
        return "whole"

    target = own(form.next)
    proof, response = await enter(request, step.user, attempt, target, prove)
    if proof == "no":
        return _code_page(request, form.next, error=text(request, WRONG_CODE), status=401)
    return response


# --- the own page ------------------------------------------------------------------------------------------------


class PresentPassword(Form, frozen=True, kw_only=True):
    current: str


class OwnCode(Form, frozen=True, kw_only=True):
    code: str


async def _own_page(request: web.Request, *, error: str = "", status: int = 200) -> web.Response:
    desk, signed = desk_of(request), signed_of(request)
    config = desk.house().directory.config
    now = await desk.store.read(lambda tx: second_factor.standing(tx, signed.user))
    picture = ""
    if now.secret:
        address = second_factor.address(now.secret, signed.login, config.hub.name)
        picture = segno.make(address, micro=False).svg_data_uri(scale=DOT, light="white")
    return render(
        request,
        "settings/second_factor.html",
        status=status,
        standing=now,
        picture=picture,
        secret=" ".join(now.secret[at : at + 4] for at in range(0, len(now.secret), 4)),
        must=must_have_second(request, signed),
        error=error,
    )


async def own_page(request: web.Request) -> web.StreamResponse:
    """How it stands, and what can be done about it."""
    return await _own_page(request)


async def begin(request: web.Request) -> web.StreamResponse:
    """Make a secret for the app, after the present password: an open screen is not enough to lock its person out."""
    desk, signed, form = desk_of(request), signed_of(request), await read_form(request, PresentPassword)
    attempt = await begin_guess(request, signed.login)
    if attempt.refused:
        return explained(request, 429, retry_after=attempt.wait)
    own = select(user.c.password).where(user.c.id == signed.user)
    stored = await desk.store.read(lambda tx: tx.scalar(own))
    if not await verified(stored, form.current):
        return await _own_page(request, error=text(request, WRONG_PRESENT), status=400)
    secret = second_factor.new_secret(desk.entropy(second_factor.SECRET_BYTES))

    def command(tx: Tx) -> bool:
        if not (is_as_checked(tx, signed.user, stored) and still_in(tx, signed)):
            return False
        forgive(tx, attempt)
        second_factor.prepare(tx, signed.user, secret)
        return True

    return redirect(request, SECOND_FACTOR) if await desk.store.write(command) else explained(request, 401)


async def confirm(request: web.Request) -> web.StreamResponse:
    """Turn it on by the first code of the app; the codes on paper are shown this once."""
    signed, papers = signed_of(request), _papers(desk_of(request))
    return await _with_code(
        request,
        lambda tx, code: second_factor.confirm(tx, signed.user, code, papers, keep_hash=signed.token_hash),
        lambda: render(request, "settings/paper_codes.html", papers=papers),
    )


async def renew(request: web.Request) -> web.StreamResponse:
    """New codes on paper, shown this once."""
    signed, papers = signed_of(request), _papers(desk_of(request))
    return await _with_code(
        request,
        lambda tx, code: second_factor.renew_papers(tx, signed.user, code, papers),
        lambda: render(request, "settings/paper_codes.html", papers=papers),
    )


async def end(request: web.Request) -> web.StreamResponse:
    """Do without it from now on, where the role allows."""
    signed = signed_of(request)
    if must_have_second(request, signed):
        raise Denied("second factor")
    return await _with_code(
        request,
        lambda tx, code: second_factor.turn_off(tx, signed.user, code),
        lambda: redirect(request, SECOND_FACTOR, N_("No code is asked for any more.")),
    )


async def _with_code(
    request: web.Request, deed: Callable[[Tx, str], bool], done: Callable[[], web.Response]
) -> web.Response:
    """``deed`` says whether the code was right. Guesses are throttled here, too; and a session that has ended meanwhile
    does nothing any more, least of all lock its person out."""
    desk, signed, form = desk_of(request), signed_of(request), await read_form(request, OwnCode)
    attempt = await begin_guess(request, signed.login)
    if attempt.refused:
        return explained(request, 429, retry_after=attempt.wait)

    def command(tx: Tx) -> bool | None:
        if not still_in(tx, signed):
            return None
        right = deed(tx, form.code)
        if right:
            forgive(tx, attempt)
        return right

    right = await desk.store.write(command)
    if right is None:
        return explained(request, 401)
    if not right:
        return await _own_page(request, error=text(request, WRONG_CODE), status=400)
    return done()


def _papers(desk: Desk) -> list[str]:
    size = second_factor.PAPER_BYTES
    random = desk.entropy(second_factor.PAPER_CODES * size)
    return [second_factor.paper_text(random[at : at + size]) for at in range(0, len(random), size)]


ROUTES = [
    web.get("/login/code", code_form),
    web.post("/login/code", give_code),
    web.get(SECOND_FACTOR, own_page),
    web.post(f"{SECOND_FACTOR}/begin", begin),
    web.post(f"{SECOND_FACTOR}/confirm", confirm),
    web.post(f"{SECOND_FACTOR}/papers", renew),
    web.post(f"{SECOND_FACTOR}/end", end),
]
