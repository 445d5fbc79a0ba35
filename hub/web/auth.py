"""Log in, log out, change the own password, set a new one by a one-time link."""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import quote

from aiohttp import web
from sqlalchemy import Row, select

from hub.audit import record
from hub.i18n import mark as N_
from hub.people.passwords import LONGEST, SHORTEST, hash_password, is_outdated, verify_password
from hub.people.presence import signed_in, signed_out
from hub.people.resets import spend_reset
from hub.people.second_factor import STEP_VALID, begin_step, is_on
from hub.people.sessions import close_session, open_session
from hub.people.throttle import Attempt, begin_attempt, forgive
from hub.people.users import find_login, set_password
from hub.store.schema import user
from hub.store.tx import Tx
from hub.web.desk import SIGNED, Desk, desk_of, signed_of
from hub.web.forms import Form, read_form
from hub.web.guard import COOKIE, SECURE_COOKIE, explained, is_https, peer_of
from hub.web.proxies import bucket
from hub.web.render import own, redirect, render, text

PRE_COOKIE = "centrala_pre"
"""A random value that the log-in form repeats: nobody can log a browser in as somebody else from outside."""

HASHING = asyncio.Semaphore(2)
"""argon2 takes 64 MB and a core each time: no more than this many at once."""

STEP_COOKIE = "centrala_step"
"""Between the password and the code (:mod:`hub.people.second_factor`)."""

Proof = Literal["no", "half", "whole"]
"""What somebody showed: nothing that is right, the password where a code is asked for too, all that is asked for."""

WRONG = N_("Login or password is wrong.")
TOO_OLD = N_("The page was too old. Try again.")
WRONG_PRESENT = N_("The present password is wrong.")


class LogIn(Form, frozen=True, kw_only=True):
    login: str
    password: str
    pre: str = ""
    next: str = "/"


def unguessable(desk: Desk) -> str:
    """256 random bits as text."""
    return base64.urlsafe_b64encode(desk.entropy(32)).rstrip(b"=").decode()


async def verified(stored: str | None, password: str) -> bool:
    """:func:`verify_password` in a thread."""
    async with HASHING:
        return await asyncio.to_thread(verify_password, stored, password)


async def hashed(password: str) -> str:
    """:func:`hash_password` in a thread."""
    async with HASHING:
        return await asyncio.to_thread(hash_password, password)


async def begin_guess(request: web.Request, login: str) -> Attempt:
    """Enter an attempt to show a password or a code as failed, or refuse it (:mod:`hub.people.throttle`)."""
    desk, peer = desk_of(request), bucket(peer_of(request))
    limits = desk.house().directory.config.limits
    return await desk.store.write(lambda tx: begin_attempt(tx, limits, login, peer))


def too_many(request: web.Request, attempt: Attempt) -> str:
    """Why a refused attempt is not looked at."""
    minutes = attempt.wait // 60 + 1
    return text(request, N_("Too many failed attempts. Try again in {minutes} min."), minutes=minutes)


def page_before(
    request: web.Request, template: str, *, target: str, error: str, status: int, **shown: Any
) -> web.Response:
    """A page of the log-in, with the random value that its form repeats (:func:`is_own_form`). ``target``: where the
    log-in leads; it outlives a mistake."""
    pre = request.cookies.get(PRE_COOKIE) or unguessable(desk_of(request))
    after = own(target)
    response = render(request, template, status=status, error=error, pre=pre, next=after, **shown)
    response.set_cookie(
        PRE_COOKIE, pre, httponly=True, samesite="Strict", secure=is_https(request), path="/login"
    )
    return response


def is_own_form(request: web.Request, pre: str) -> bool:
    """Whether a form of the log-in comes from a page that this browser was given."""
    expected = request.cookies.get(PRE_COOKIE, "")
    return bool(expected) and hmac.compare_digest(pre.encode(), expected.encode())


def _log_in_page(
    request: web.Request, *, target: str, login: str = "", error: str = "", status: int = 200
) -> web.Response:
    return page_before(request, "auth/login.html", target=target, error=error, status=status, login=login)


async def log_in_form(request: web.Request) -> web.StreamResponse:
    """The form; somebody who is logged in already goes on."""
    if SIGNED in request:
        target = request.query.get("next", "/")
        return web.Response(status=303, headers={"Location": own(target)})
    return _log_in_page(request, target=request.query.get("next", "/"))


async def log_in(request: web.Request) -> web.StreamResponse:
    """Check login and password. Unknown, disabled and wrong are answered alike, in the same time."""
    desk, form = desk_of(request), await read_form(request, LogIn)
    if not is_own_form(request, form.pre):
        return _log_in_page(request, target=form.next, error=text(request, TOO_OLD), status=403)
    attempt = await begin_guess(request, form.login)
    if attempt.refused:
        return _log_in_page(request, target=form.next, error=too_many(request, attempt), status=429)
    found = await desk.store.read(lambda tx: find_login(tx, form.login))
    right = await verified(found.password if found else None, form.password)
    opened = await _with_password(request, form, found, attempt) if right and found else None
    if opened is None:
        said = text(request, WRONG)
        return _log_in_page(request, target=form.next, login=form.login, error=said, status=401)
    return opened


async def _with_password(
    request: web.Request, form: LogIn, checked: Row[Any], attempt: Attempt
) -> web.Response | None:
    """Go on with a password that was right: in, or to the page that asks for a code. None where the account is not any
    more as it was ``checked``: it was disabled meanwhile, or has another password."""
    fresh = await hashed(form.password) if is_outdated(checked.password or "") else None
    target, step = own(form.next), unguessable(desk_of(request))

    def prove(tx: Tx) -> Proof:
        if not is_as_checked(tx, checked.id, checked.password):
            return "no"
        if fresh is not None:
            set_password(tx, checked.id, fresh)
        if not is_on(tx, checked.id):
            return "whole"
        begin_step(tx, checked.id, step)
        return "half"

    proof, response = await enter(request, checked.id, attempt, target, prove)
    if proof == "half":
        return _on_to_the_code(request, target, step)
    return response if proof == "whole" else None


def _on_to_the_code(request: web.Request, target: str, step: str) -> web.Response:
    """Give the browser what it shows together with the code; nothing but the page of the code reads it."""
    response = web.Response(status=303, headers={"Location": f"/login/code?next={quote(target, safe='')}"})
    age, https = STEP_VALID // 1_000_000, is_https(request)
    response.set_cookie(
        STEP_COOKIE, step, max_age=age, httponly=True, samesite="Strict", secure=https, path="/login"
    )
    return response


async def enter(
    request: web.Request, user_id: int, attempt: Attempt, target: str, prove: Callable[[Tx], Proof]
) -> tuple[Proof, web.Response]:
    """Let somebody in where ``prove`` says so, in the transaction that does: a session of its own for this browser, and
    the one that it had before ends. The answer counts only if everything was shown."""
    desk, token = desk_of(request), unguessable(desk_of(request))
    csrf, before = unguessable(desk), request.get(SIGNED)
    limits = desk.house().directory.config.limits

    def command(tx: Tx) -> Proof:
        proof = prove(tx)
        if proof != "no":
            forgive(tx, attempt)
        if proof != "whole":
            return proof
        if before is not None:
            close_session(tx, before.token_hash)
        open_session(tx, limits, user_id, token, csrf)
        signed_in(tx, user_id)
        before_it = {"failed": attempt.failed} if attempt.failed else {}
        record(tx, user_id, "log-in", f"user:{user_id}", before_it)
        return proof

    proof = await desk.store.write(command)
    response = web.Response(status=303, headers={"Location": target})
    name = SECURE_COOKIE if is_https(request) else COOKIE
    age = int(limits.session_days * 86_400)
    response.set_cookie(
        name, token, max_age=age, httponly=True, samesite="Lax", secure=is_https(request), path="/"
    )
    for cookie in (PRE_COOKIE, STEP_COOKIE):
        response.del_cookie(cookie, path="/login")
    return proof, response


def is_as_checked(tx: Tx, user_id: int, password: str | None) -> bool:
    """Whether somebody is still active and has the password against which one was checked outside the transaction.
    Locked: who sets another one now ends what is opened here."""
    account = tx.locked(user, user_id)
    return account is not None and bool(account.active) and account.password == password


async def log_out(request: web.Request) -> web.StreamResponse:
    """End this session. Presence becomes offline when it was the last one."""
    desk, signed = desk_of(request), signed_of(request)

    def command(tx: Tx) -> None:
        close_session(tx, signed.token_hash)
        signed_out(tx, desk.house(), signed.user)
        record(tx, signed.user, "log-out", f"user:{signed.user}", {})

    await desk.store.write(command)
    response = web.Response(status=303, headers={"Location": "/login"})
    response.headers["Clear-Site-Data"] = '"cache"'
    response.del_cookie(SECURE_COOKIE if is_https(request) else COOKIE, path="/", secure=is_https(request))
    return response


class NewPassword(Form, frozen=True, kw_only=True):
    current: str = ""
    password: str
    again: str


def _refusal(request: web.Request, form: NewPassword) -> str:
    """Why a new password is not taken, or ""."""
    if form.password != form.again:
        return text(request, N_("The two passwords differ."))
    if len(form.password) < SHORTEST:
        return text(request, N_("A password needs at least 10 characters."))
    if len(form.password) > LONGEST:
        return text(request, N_("A password may have at most 256 characters."))
    return ""


async def change_password_form(request: web.Request) -> web.StreamResponse:
    """The form, which asks for the present password too."""
    return render(request, "auth/password.html", error="")


async def change_password(request: web.Request) -> web.StreamResponse:
    """Set a new password; all other sessions of the person end. Guessing the present one is throttled."""
    desk, signed, form = desk_of(request), signed_of(request), await read_form(request, NewPassword)
    if error := _refusal(request, form):
        return render(request, "auth/password.html", error=error, status=400)
    attempt = await begin_guess(request, signed.login)
    if attempt.refused:
        return explained(request, 429, retry_after=attempt.wait)
    stored = await desk.store.read(
        lambda tx: tx.scalar(select(user.c.password).where(user.c.id == signed.user))
    )
    if not await verified(stored, form.current):
        return render(request, "auth/password.html", error=text(request, WRONG_PRESENT), status=400)
    fresh = await hashed(form.password)

    def command(tx: Tx) -> bool:
        if not is_as_checked(tx, signed.user, stored):
            return False
        forgive(tx, attempt)
        set_password(tx, signed.user, fresh, keep_hash=signed.token_hash)
        record(tx, signed.user, "password-changed", f"user:{signed.user}", {})
        return True

    if not await desk.store.write(command):
        return render(request, "auth/password.html", error=text(request, WRONG_PRESENT), status=400)
    return redirect(request, "/settings", N_("Your password was changed. Other devices were logged out."))


async def reset_form(request: web.Request) -> web.StreamResponse:
    """The page behind a one-time link; looking at it does not spend the link."""
    return render(request, "auth/reset.html", error="")


async def reset(request: web.Request) -> web.StreamResponse:
    """Spend a one-time link. An unknown, used and expired one are answered alike."""
    desk, form = desk_of(request), await read_form(request, NewPassword)
    if error := _refusal(request, form):
        return render(request, "auth/reset.html", error=error, status=400)
    fresh, token = await hashed(form.password), request.match_info["token"]
    if not await desk.store.write(lambda tx: spend_reset(tx, token, fresh)):
        said = text(
            request, N_("This link was used already or is too old. Ask your administrator for a new one.")
        )
        return render(request, "auth/reset.html", error=said, status=410)
    return redirect(request, "/login", N_("Your password was set. Log in with it."))


async def home(request: web.Request) -> web.StreamResponse:
    """Where people start: moderators at their bench, everybody else with the conversations."""
    role = signed_of(request).scope.role
    return web.Response(status=303, headers={"Location": "/moderation" if role == "moderator" else "/inbox"})


ROUTES = [
    web.get("/", home),
    web.get("/login", log_in_form),
    web.post("/login", log_in),
    web.post("/logout", log_out),
    web.get("/settings/password", change_password_form),
    web.post("/settings/password", change_password),
    web.get("/reset/{token:[A-Za-z0-9_-]{43}}", reset_form),
    web.post("/reset/{token:[A-Za-z0-9_-]{43}}", reset),
]
