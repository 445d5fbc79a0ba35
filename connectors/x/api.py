"""Requests to the API of X: signed, within its limits, and with its refusals in our words.

Limits: every answer says how many requests of its kind are left until when (``x-rate-limit-*``, and ``x-user-limit-
24hour-*`` beside it for the day; docs.x.com/x-api/fundamentals/rate-limits, read November 2026). What is used up is not
asked for before the reset. Refusals: docs.x.com/x-api/fundamentals/response-codes-and-errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from connectors._failpoint import failpoint
from connectors._http import FETCH_SECONDS, UPLOAD_SECONDS, status_error
from connectors._i18n import N_
from connectors._oauth2 import AccessTokens, Grant, GrantEnded
from connectors.contract import Env, Fetched, Health, Micros, Secret, SendError
from connectors.x.settings import Settings
from connectors.x.signing import Keys, oauth1

SECOND = 1_000_000

Bucket = Literal["directs", "mentions", "send-direct", "post", "media", "me", "manage"]
"""Requests that X counts together."""

_WINDOWS = ("x-rate-limit", "x-user-limit-24hour", "x-app-limit-24hour")

SLOWER = N_("The other side asks us to slow down.")
NO_DIRECT = N_("This person takes no direct messages from us.")
GONE = N_("The post is no longer there, or we may not see it.")
SAME = N_("X refuses a text that was posted already.")
NOT_ALLOWED = N_("The app may not do this for the account; an administrator has to allow it at X.")
PLAN = N_("What the app's plan with X allows is used up.")
UNCLEAR = N_("X gave an answer that we cannot read.")

_AGAIN_WITH_PLAN = 3600.0

_ALONE = {"Connection": "close"}
"""What is asked for every other minute keeps no connection open meanwhile."""

NONE = Secret("")
"""Stands where the settings have made sure of a secret."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal as X words it (RFC 9457); older endpoints have a list of ``errors`` instead."""

    type: str = ""
    title: str = ""
    detail: str = ""
    errors: tuple[dict[str, Any], ...] = ()

    def says(self, *words: str) -> bool:
        """Whether one of these stands anywhere in it."""
        told = [self.title, self.detail, *(str(error.get("message", "")) for error in self.errors)]
        text = " ".join(told).lower()
        return any(word in text for word in words)


class Api:
    """The API for one account. ``health`` is how the last request went."""

    def __init__(self, settings: Settings, env: Env) -> None:
        self._settings = settings
        self._env = env
        self._resets: dict[str, float] = {}
        self._left: dict[str, tuple[int, float]] = {}
        self._tokens = _tokens(settings, env)
        self.health = Health(state="starting")

    # --- limits ---------------------------------------------------------------------------------------------------

    def rest(self, bucket: Bucket) -> float:
        """Seconds until requests of this kind may be made again; 0 for at once."""
        return max(0.0, self._resets.get(bucket, 0.0) - self._now())

    def pace(self, bucket: Bucket) -> float:
        """Seconds between requests at which what is left lasts until the reset; 0 where nothing is known."""
        left, reset = self._left.get(bucket, (1, 0.0))
        return max(0.0, reset - self._now()) / max(1, left)

    def _now(self) -> float:
        return self._env.clock.now() / SECOND

    def _note_limits(self, bucket: Bucket, headers: Mapping[str, str]) -> None:
        for window in _WINDOWS:
            left, reset = headers.get(f"{window}-remaining", ""), headers.get(f"{window}-reset", "")
            if not (left.isascii() and left.isdigit() and reset.isascii() and reset.isdigit()):
                continue
            if window == "x-rate-limit":
                self._left[bucket] = (int(left), float(reset))
            if left == "0":
                self._resets[bucket] = max(self._resets.get(bucket, 0.0), float(reset))

    # --- requests -------------------------------------------------------------------------------------------------

    async def get(self, bucket: Bucket, path: str) -> bytes:
        """The body of an answer. Raises SendError; a reading that broke off is always ``temporary``."""
        try:
            return (await self._request(bucket, "GET", path, None, _ALONE)).body
        except SendError as error:
            kind = "temporary" if error.kind == "ambiguous" else error.kind
            raise SendError(kind, error.public, error.private, error.retry_after) from error

    async def send(self, bucket: Bucket, method: str, path: str, content: Any = None) -> bytes:
        """Change something. Raises SendError."""
        body = msgspec.json.encode(content) if content is not None else None
        return (await self._request(bucket, method, path, body)).body

    async def _request(
        self, bucket: Bucket, method: str, path: str, body: bytes | None, headers: Mapping[str, str] = {}
    ) -> Fetched:
        if wait := self.rest(bucket):
            raise SendError("throttled", SLOWER, f"nothing left of {bucket}", wait)
        try:
            answer = await self._authorised(
                method, self._settings.api_url + path, body, headers, self._seconds(bucket, method)
            )
        except GrantEnded as error:
            self._note("wrong_credentials", error.public)
            raise
        except SendError as error:
            self._note("unreachable", error.public)
            raise
        self._note_limits(bucket, answer.headers)
        if 200 <= answer.status < 300:
            self._note("ok")
            return answer
        refusal = self._refusal(bucket, answer)
        self._note_refusal(answer.status, refusal)
        raise refusal

    def _seconds(self, bucket: Bucket, method: str) -> float:
        """Longest wait for an answer: files take their time."""
        if bucket != "media":
            return self._settings.timeout_seconds
        return FETCH_SECONDS if method == "GET" else UPLOAD_SECONDS

    async def _authorised(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], seconds: float
    ) -> Fetched:
        """One request; with OAuth 2.0 a second one with a new token, where the first token was refused."""
        answer = await self._once(method, url, body, headers, seconds)
        if answer.status == 401 and self._tokens is not None:
            answer = await self._once(method, url, body, headers, seconds)
        return answer

    async def _once(
        self, method: str, url: str, body: bytes | None, more: Mapping[str, str], seconds: float
    ) -> Fetched:
        token = await self._tokens.access() if self._tokens is not None else ""
        headers = {**more, "Authorization": f"Bearer {token}" if token else self._signed(method, url)}
        if body is not None:
            headers["Content-Type"] = "application/json"
        failpoint("x.call.before")
        answer = await self._env.egress.request(
            method,
            url,
            headers={"User-Agent": "Centrala", **headers},
            body=body,
            timeout=seconds,
            max_bytes=self._settings.max_file_bytes,
        )
        failpoint("x.call.after")
        if answer.status == 401 and self._tokens is not None:
            self._tokens.spoiled(token)
        return answer

    def _signed(self, method: str, url: str) -> str:
        settings, env = self._settings, self._env
        keys = Keys(
            consumer_key=settings.consumer_key,
            consumer_secret=settings.consumer_secret or NONE,
            token=(settings.access_token or NONE).reveal(),
            token_secret=settings.access_token_secret or NONE,
        )
        nonce = f"{env.random.getrandbits(128):032x}"
        return oauth1(method, url, keys, nonce, env.clock.now() // SECOND)

    # --- refusals -------------------------------------------------------------------------------------------------

    def _refusal(self, bucket: Bucket, answer: Fetched) -> SendError:
        """What a refusing answer means; its own words are for the log only as far as they are X's."""
        told = _problem(answer.body)
        reason = f"HTTP {answer.status} {told.type.rpartition('/')[2] or told.title}"[:120].rstrip()
        if answer.status == 402 or (answer.status == 429 and told.type.endswith("usage-capped")):
            return SendError("throttled", PLAN, reason, _AGAIN_WITH_PLAN)
        if answer.status == 429:
            wait = self.rest(bucket) or self._next_reset(answer.headers)
            return SendError("throttled", SLOWER, reason, wait)
        if answer.status == 403:
            return _forbidden(bucket, told, reason)
        if answer.status == 404 and bucket in ("post", "manage", "media"):
            return SendError("permanent", GONE, reason)
        return status_error(answer.status, answer.headers, reason)

    def _next_reset(self, headers: Mapping[str, str]) -> float:
        """Seconds to the reset that a 429 names, at least one; a minute where it names none."""
        value = headers.get("x-rate-limit-reset", "")
        if not (value.isascii() and value.isdigit()):
            return 60.0
        return min(max(1.0, float(value) - self._now()), 86_400.0)

    def _note_refusal(self, status: int, error: SendError) -> None:
        if status == 401 or error.public == NOT_ALLOWED:
            self._note("wrong_credentials", error.public)
        elif error.kind == "throttled":
            self._note("degraded", error.public)
        elif status >= 500:
            self._note("unreachable", error.public)
        else:
            self._note("ok")  # X answered, and refused this one thing

    def _note(
        self, state: Literal["ok", "degraded", "unreachable", "wrong_credentials"], detail: str = ""
    ) -> None:
        now = self._env.clock.now()
        seen = now if state in ("ok", "degraded") else self.health.last_seen
        ends = self._tokens.expires_at if self._tokens else None
        self.health = Health(state=state, detail=detail, last_seen=seen, expires_at=ends)

    def withdrawn(self) -> None:
        """A webhook said that the account took its consent back."""
        self._note("wrong_credentials", NOT_ALLOWED)


def _tokens(settings: Settings, env: Env) -> AccessTokens | None:
    if settings.refresh_token is None:
        return None
    grant = Grant(
        endpoint=f"{settings.api_url}/2/oauth2/token",
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        refresh_token=settings.refresh_token,
        basic=True,
        kept_in=settings.token_file,
    )
    return AccessTokens(env, grant, settings.timeout_seconds)


def _problem(body: bytes) -> Problem:
    try:
        return msgspec.json.decode(body, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Problem()


def _forbidden(bucket: Bucket, told: Problem, reason: str) -> SendError:
    """403 is about the app, or about this one person or post; only the words tell which."""
    if told.type.endswith(("client-forbidden", "oauth1-permissions", "unsupported-authentication")):
        return SendError("temporary", NOT_ALLOWED, reason)
    if told.says("duplicate content"):
        return SendError("permanent", SAME, reason)
    if bucket == "send-direct":
        return SendError("permanent", NO_DIRECT, reason)
    if told.says("deleted", "not visible", "not found"):
        return SendError("permanent", GONE, reason)
    if bucket in ("post", "manage", "media"):
        return SendError("permanent", N_("The other side refused the message."), reason)
    return SendError("temporary", NOT_ALLOWED, reason)


def since(now: Micros, seconds: float) -> Micros:
    """So long before."""
    return Micros(now - int(seconds * SECOND))
