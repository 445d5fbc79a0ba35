"""Access tokens by a refresh token (OAuth 2.0, RFC 6749 section 6), for providers whose APIs a person once allowed.

Some providers give a new refresh token with every access token, and the old one is void from then on: it is kept in a
file before the access token is used.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from connectors._durable import sync
from connectors._http import status_error
from connectors._i18n import N_
from connectors.contract import Env, Micros, Secret, SendError

EARLY = 60.0
"""Seconds before its end at which an access token is not used any more."""

SECOND = 1_000_000

ENDED = N_("The permission to use the account has ended; an administrator has to give it again.")


class GrantEnded(SendError):
    """The refresh token is void: expired, revoked, or of another app. Only a person can give a new one."""

    def __init__(self, reason: str) -> None:
        super().__init__("temporary", ENDED, f"token refused: {reason}")


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Where and with what tokens are asked for. ``basic``: the app names itself in the Authorization header, else in
    the form. ``kept_in``: the file of a refresh token that changes; empty: it stays the configured one."""

    endpoint: str
    client_id: str
    client_secret: Secret | None
    refresh_token: Secret
    basic: bool = False
    kept_in: str = ""


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    access_token: str
    expires_in: float = 3600.0
    refresh_token: str = ""
    refresh_token_expires_in: float | None = None


class _Problem(msgspec.Struct, frozen=True, kw_only=True):
    error: str = ""


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The file: the newest refresh token, and a print of the configured one that it comes from."""

    came_from: str
    refresh_token: str


class AccessTokens:
    """Gives the present access token and asks for the next in time; one request at a time."""

    def __init__(self, env: Env, grant: Grant, timeout: float = 15.0) -> None:
        self._env = env
        self._grant = grant
        self._timeout = timeout
        self._renewing: asyncio.Task[None] | None = None
        self._token = ""
        self._until = 0.0
        self._unkept = ""
        self.expires_at: Micros | None = None
        """When the permission itself ends, where the provider says so."""

    async def access(self) -> str:
        """A token that is good for a while. Raises :class:`GrantEnded`, and SendError where nobody answers.

        Whoever does not wait any longer does not end the request: the answer may hold the only refresh token that is
        still good.
        """
        if not self._token or self._env.clock.monotonic() >= self._until:
            if self._renewing is None:
                self._renewing = asyncio.create_task(self._renew(), name="access-token")
                self._renewing.add_done_callback(self._renewed)
            await asyncio.shield(self._renewing)
        return self._token

    def _renewed(self, renewing: asyncio.Task[None]) -> None:
        self._renewing = None
        if not renewing.cancelled():
            renewing.exception()  # whoever waits gets it, too; nobody may wait any more

    def spoiled(self, token: str) -> None:
        """The provider refused this one: the next call asks for another."""
        if token == self._token:
            self._token = ""

    async def _renew(self) -> None:
        grant, clock = self._grant, self._env.clock
        refresh = self._unkept or await asyncio.to_thread(self._read)
        form = {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": grant.client_id}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        secret = grant.client_secret.reveal() if grant.client_secret else ""
        if grant.basic and secret:
            pair = base64.b64encode(f"{grant.client_id}:{secret}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        elif secret:
            form["client_secret"] = secret
        answer = await self._ask(headers, urlencode(form).encode())
        if answer.refresh_token:
            kept = bool(grant.kept_in) and await asyncio.to_thread(self._keep, answer.refresh_token)
            # What is in no file is good at least until this process ends; the one before it is void.
            self._unkept = "" if kept else answer.refresh_token
        self._token = answer.access_token
        self._until = clock.monotonic() + max(1.0, answer.expires_in - EARLY)
        ends = answer.refresh_token_expires_in
        self.expires_at = Micros(clock.now() + int(ends * SECOND)) if ends is not None else None

    async def _ask(self, headers: dict[str, str], body: bytes) -> _Answer:
        try:
            answer = await self._env.egress.request(
                "POST", self._grant.endpoint, headers=headers, body=body, timeout=self._timeout
            )
        except SendError as error:
            # Whatever became of this request: the message itself has certainly not left.
            kind = "temporary" if error.kind == "ambiguous" else error.kind
            raise SendError(kind, error.public, error.private, error.retry_after) from error
        if answer.status in (400, 401):
            raise GrantEnded(_reason(answer.body))
        if answer.status != 200:
            raise status_error(answer.status, answer.headers, "asking for a token")
        try:
            return msgspec.json.decode(answer.body, type=_Answer)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise status_error(502, private="no token in the answer") from error

    # --- the file -------------------------------------------------------------------------------------------------

    def _print(self) -> str:
        return hashlib.sha256(self._grant.refresh_token.reveal().encode()).hexdigest()[:16]

    def _read(self) -> str:
        """The newest refresh token: a configured one that is not what the file began with was put there since."""
        configured = self._grant.refresh_token.reveal()
        if not self._grant.kept_in:
            return configured
        try:
            kept = msgspec.json.decode(Path(self._grant.kept_in).read_bytes(), type=_Kept)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return configured
        return kept.refresh_token if kept.came_from == self._print() else configured

    def _keep(self, token: str) -> bool:
        """Written whole or not at all, for its owner's eyes only, so that it survives a power cut; whether it was."""
        path = Path(self._grant.kept_in)
        draft = path.with_name(f".{path.name}.new")
        content = msgspec.json.encode(_Kept(came_from=self._print(), refresh_token=token))
        try:
            draft.unlink(missing_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            sync(path.parent)
        except OSError as error:
            self._env.log.error("the new refresh token could not be kept", reason=error.strerror or "")
            return False
        return True


def _reason(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Problem).error[:60]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "unreadable answer"
