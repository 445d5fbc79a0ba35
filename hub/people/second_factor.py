"""The second factor of a log-in: codes of an app on the person's own telephone (TOTP, RFC 6238), and codes on paper.

Between the password and the code there is no session yet, but a :func:`begin_step`: a token of its own that is good for
nothing else, so that no page can take somebody for logged in who is half-way there. A code counts once, also when two
browsers show it at the same moment; a code on paper is hashed and gone when it was used.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

import msgspec
from pyotp import TOTP
from sqlalchemy import Row, and_, delete, func, insert, select

from hub.audit import record
from hub.people.sessions import close_sessions, hash_token
from hub.scope import NotFound, Scope, own_office, require
from hub.store.schema import login_step, paper_code, second_factor, user
from hub.store.tx import Reader, Tx

SECRET_BYTES = 20
"""As long as the hash that makes the codes (RFC 4226, section 4)."""

PERIOD = 30_000_000
"""Microseconds for which an app shows one code; as every app has it."""

EARLY, LATE = 1, 1
"""Periods by which a telephone's clock may be ahead or behind (RFC 6238, section 5.2, recommends one)."""

STEP_VALID = 10 * 60_000_000
"""Microseconds between the password and the code."""

PAPER_CODES = 10
PAPER_BYTES = 5
"""Forty random bits, eight characters: guesses are throttled like those of passwords."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Whose password was right."""

    user: int
    login: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the own page shows: whether codes are asked for at log-in, the secret of a factor that is being set up, and
    how many codes on paper are left."""

    on: bool
    secret: str
    papers: int


def standing(tx: Reader, user_id: int) -> Standing:
    """How it stands with the second factor of an account."""
    row = tx.row(select(second_factor).where(second_factor.c.user == user_id))
    count = select(func.count()).select_from(paper_code).where(paper_code.c.user == user_id)
    on = row is not None and row.confirmed_at is not None
    return Standing(on=on, secret="" if row is None or on else row.secret, papers=int(tx.scalar(count) or 0))


def is_on(tx: Reader, user_id: int) -> bool:
    """Whether a code is asked for at log-in."""
    its = and_(second_factor.c.user == user_id, second_factor.c.confirmed_at.is_not(None))
    return tx.scalar(select(second_factor.c.user).where(its)) is not None


def who_has_it(tx: Reader) -> set[int]:
    """The accounts for which a code is asked for."""
    rows = tx.rows(select(second_factor.c.user).where(second_factor.c.confirmed_at.is_not(None)))
    return {row.user for row in rows}


def prepare(tx: Tx, user_id: int, secret: str) -> None:
    """Begin to set it up with a new secret (base32). It counts for nothing until :func:`confirm`; one that is on stays
    as it is."""
    if is_on(tx, user_id):
        return
    forget_begun(tx, user_id)
    values = {"user": user_id, "secret": secret, "last_period": 0, "created_at": tx.now}
    tx.execute(insert(second_factor).values(**values))


def forget_begun(tx: Tx, user_id: int) -> None:
    """One that is being set up ends; one that is on stays as it is."""
    begun = and_(second_factor.c.user == user_id, second_factor.c.confirmed_at.is_(None))
    tx.execute(delete(second_factor).where(begun))


def confirm(tx: Tx, user_id: int, code: str, papers: Sequence[str], *, keep_hash: str) -> bool:
    """Turn it on by the first code that the app shows; False for a wrong one. Other sessions of the person end."""
    row = _locked(tx, user_id)
    if row is None or row.confirmed_at is not None or not _count(tx, user_id, row, code):
        return False
    its = second_factor.c.user == user_id
    tx.execute(second_factor.update().where(its).values(confirmed_at=tx.now))
    _write_papers(tx, user_id, papers)
    close_sessions(tx, user_id, but=keep_hash)
    record(tx, user_id, "second-factor-on", f"user:{user_id}")
    return True


def spend(tx: Tx, user_id: int, code: str) -> bool:
    """Whether a code is right: one of the app that was not used before, or one on paper, which is then gone."""
    row = _locked(tx, user_id)
    if row is None or row.confirmed_at is None:
        return False
    if _count(tx, user_id, row, code):
        return True
    its = and_(paper_code.c.user == user_id, paper_code.c.code_hash == _paper_hash(user_id, code))
    if tx.row(delete(paper_code).where(its).returning(paper_code.c.user)) is None:
        return False
    record(tx, user_id, "paper-code-used", f"user:{user_id}")
    return True


def renew_papers(tx: Tx, user_id: int, code: str, papers: Sequence[str]) -> bool:
    """New codes on paper, the old ones end; False for a wrong ``code``."""
    if not spend(tx, user_id, code):
        return False
    _write_papers(tx, user_id, papers)
    record(tx, user_id, "paper-codes-made", f"user:{user_id}")
    return True


def turn_off(tx: Tx, user_id: int, code: str) -> bool:
    """The person does without it from now on; False for a wrong ``code``."""
    if not spend(tx, user_id, code):
        return False
    _forget(tx, user_id)
    record(tx, user_id, "second-factor-off", f"user:{user_id}")
    return True


def take_away(tx: Tx, scope: Scope, user_id: int) -> None:
    """For somebody whose telephone and paper are lost. Their sessions end, so that whoever found both is out.

    Raises Denied, NotFound.
    """
    require(scope, "administer")
    office = tx.scalar(select(user.c.office).where(user.c.id == user_id))
    if office is None or not own_office(scope, office):
        raise NotFound("user")
    _forget(tx, user_id)
    close_sessions(tx, user_id)
    record(tx, scope.user, "second-factor-taken-away", f"user:{user_id}")


# --- between the password and the code ---------------------------------------------------------------------------


def begin_step(tx: Tx, user_id: int, token: str) -> None:
    """The password was right: ``token`` (random, 256 bits) may now be shown together with a code."""
    end_steps(tx, user_id)
    values = {"token_hash": hash_token(token), "user": user_id, "expires_at": tx.now + STEP_VALID}
    tx.execute(insert(login_step).values(**values))


def find_step(tx: Reader, token: str) -> Step | None:
    """Whose password was right; None for a token that is unknown or too old, or a disabled account."""
    its = and_(login_step.c.token_hash == hash_token(token), login_step.c.expires_at > tx.now)
    found = select(user.c.id, user.c.login).join(login_step, login_step.c.user == user.c.id)
    row = tx.row(found.where(its, user.c.active.is_(True)))
    return None if row is None else Step(user=row.id, login=row.login)


def end_steps(tx: Tx, user_id: int) -> None:
    """Whoever is half-way in begins anew: somebody logged in, or the password changed."""
    tx.execute(delete(login_step).where(login_step.c.user == user_id))


# --- codes -------------------------------------------------------------------------------------------------------


def new_secret(random: bytes) -> str:
    """:data:`SECRET_BYTES` random bytes as an app takes them: base32."""
    return base64.b32encode(random).decode()


def paper_text(random: bytes) -> str:
    """:data:`PAPER_BYTES` random bytes as they stand on paper: ``k3vq-7mzd``, neither 0 nor 1 among them."""
    code = base64.b32encode(random).decode().lower()
    return f"{code[:4]}-{code[4:]}"


def address(secret: str, login: str, issuer: str) -> str:
    """What an app reads off the picture: an ``otpauth:`` address."""
    return TOTP(secret).provisioning_uri(name=login, issuer_name=issuer)


def code_at(secret: str, at: int) -> str:
    """The code that an app shows at a moment (microseconds)."""
    return TOTP(secret).generate_otp(at // PERIOD)


def _locked(tx: Tx, user_id: int) -> Row[Any] | None:
    """The factor, for this transaction alone: the same code must not count in two."""
    return tx.row(select(second_factor).where(second_factor.c.user == user_id).with_for_update())


def _count(tx: Tx, user_id: int, row: Row[Any], code: str) -> bool:
    """Whether it is a code of the app; its period and those before are used up then."""
    typed = "".join(code.split()).encode()
    now = tx.now // PERIOD
    totp = TOTP(row.secret)
    for period in range(max(now - LATE, row.last_period + 1), now + EARLY + 1):
        if hmac.compare_digest(totp.generate_otp(period).encode(), typed):
            its = second_factor.c.user == user_id
            tx.execute(second_factor.update().where(its).values(last_period=period))
            return True
    return False


def _paper_hash(user_id: int, code: str) -> str:
    """However it was typed: without its dash, in capitals, the letters o and l as digits."""
    written = "".join(code.split()).replace("-", "").lower().translate(_MISREAD)
    return hashlib.sha256(f"{user_id}\0{written}".encode()).hexdigest()


_MISREAD = str.maketrans("01", "ol")


def _write_papers(tx: Tx, user_id: int, papers: Sequence[str]) -> None:
    tx.execute(delete(paper_code).where(paper_code.c.user == user_id))
    rows = [{"user": user_id, "code_hash": _paper_hash(user_id, paper)} for paper in papers]
    tx.execute(insert(paper_code), rows)


def _forget(tx: Tx, user_id: int) -> None:
    end_steps(tx, user_id)
    for table in (second_factor, paper_code):
        tx.execute(delete(table).where(table.c.user == user_id))
