"""Requests to the YouTube Data API within a day's units, and its refusals in our words.

Units (developers.google.com/youtube/v3/determine_quota_cost, read November 2026): a list costs 1, also when nothing
changed; a change costs 50. A project has 10,000 a day, which begins at midnight in Los Angeles. They are counted in the
hub's budget: reading leaves alone what is kept for answers and decisions, which may use all.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec

from connectors._failpoint import failpoint
from connectors._http import status_error
from connectors._i18n import N_
from connectors._oauth2 import AccessTokens, Grant, GrantEnded
from connectors.contract import Env, Fetched, Health, Micros, SendError
from connectors.contract import Refused as NotTaken
from connectors.youtube.payloads import RefusalAnswer
from connectors.youtube.settings import Settings

LIST = 1
CHANGE = 50

UNITS = "units"
"""The name of the counter in the hub's budget."""

PACIFIC = "America/Los_Angeles"
"""The zone whose midnight begins YouTube's day."""

SECOND = 1_000_000
HOUR = 3600.0

Why = Literal["reading", "glancing", "acting"]
"""What units are for. Reading leaves the reserve alone; a rare glance and what people do may use all."""

USED_UP = N_("YouTube's units of the day are used up; it goes out after midnight in Los Angeles.")
SLOWER = N_("The other side asks us to slow down.")
GONE = N_("The comment is no longer on YouTube.")
NO_COUNTER = N_("What was spent today cannot be read at the moment.")
NO_VIDEO = N_("The video is no longer on YouTube.")
CLOSED = N_("Comments are turned off under this video.")
NOT_HERE = N_("YouTube takes no answer to this comment.")
NOT_ALLOWED = N_("The app may not do this for the channel; its owner has to allow it again.")
BAD_TEXT = N_("YouTube does not take this text.")
REFUSED = N_("The other side refused the message.")
BROKEN = N_("YouTube could not do it.")

_REASONS: Mapping[str, str] = {
    "commentNotFound": GONE,
    "parentCommentNotFound": GONE,
    "commentThreadNotFound": GONE,
    "videoNotFound": NO_VIDEO,
    "channelNotFound": NO_VIDEO,
    "commentsDisabled": CLOSED,
    "operationNotSupported": NOT_HERE,
    "parentCommentIsPrivate": NOT_HERE,
    "commentTextTooLong": BAD_TEXT,
    "commentTextRequired": BAD_TEXT,
    "invalidCommentMetadata": BAD_TEXT,
}
"""Refusals of this one thing, which trying again does not change."""

_QUOTA = frozenset(("quotaExceeded", "dailyLimitExceeded"))
_SLOWER = frozenset(("rateLimitExceeded", "userRateLimitExceeded"))
_ACCESS = frozenset(("insufficientPermissions", "accessNotConfigured", "authError", "youtubeSignupRequired"))


class Refused(SendError):
    """A refusal of the API; ``reason`` is its own word for it."""

    def __init__(self, kind: Any, public: str, status: int, reason: str, wait: float | None = None) -> None:
        super().__init__(kind, public, f"HTTP {status} {reason}".rstrip(), wait)
        self.status = status
        self.reason = reason


class NoUnits(SendError):
    """Nothing was asked, because the units for it are used up."""

    def __init__(self, wait: float) -> None:
        super().__init__("throttled", USED_UP, "no units left", wait)


class Api:
    """The API for one channel. ``health`` is how the last request went."""

    def __init__(self, settings: Settings, env: Env) -> None:
        self._settings = settings
        self._env = env
        grant = Grant(
            endpoint=settings.token_url,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            refresh_token=settings.refresh_token,
        )
        self._tokens = AccessTokens(env, grant, settings.timeout_seconds)
        self._used_up_until = Micros(0)
        self.health = Health(state="starting")

    # --- units ----------------------------------------------------------------------------------------------------

    def _limit(self, why: Why) -> int:
        settings = self._settings
        return settings.daily_units - (settings.reserve_units if why == "reading" else 0)

    async def left(self) -> int:
        """Units that reading may still use today. Raises the hub's Refused."""
        spent = await self._env.budget.spent(UNITS, zone=PACIFIC)
        return max(0, self._limit("reading") - spent)

    def to_reset(self) -> float:
        """Seconds until YouTube's day ends."""
        return seconds_to_midnight(self._env.clock.now())

    async def _take(self, units: int, why: Why) -> None:
        if self._env.clock.now() < self._used_up_until and why == "acting":
            raise NoUnits(min(HOUR, self.to_reset()))
        try:
            left = await self._env.budget.spend(UNITS, units, self._limit(why), zone=PACIFIC)
        except NotTaken as refused:  # nothing was asked yet
            raise SendError("temporary", NO_COUNTER, str(refused), refused.retry_after) from refused
        if left is None:
            raise NoUnits(self.to_reset())

    async def _give_back(self, units: int, why: Why) -> None:
        with contextlib.suppress(NotTaken):  # then the day's units end a little sooner
            await self._env.budget.spend(UNITS, -units, self._limit(why), zone=PACIFIC)

    # --- requests -------------------------------------------------------------------------------------------------

    async def list(
        self, what: str, query: Mapping[str, str], etag: str = "", why: Why = "reading"
    ) -> Fetched | None:
        """A page; None when it is still what ``etag`` stands for. Raises SendError, never ``ambiguous``."""
        headers = {"Connection": "close", **({"If-None-Match": etag} if etag else {})}
        try:
            answer = await self._request("GET", what, query, why, headers=headers)
        except SendError as error:
            if error.kind != "ambiguous":
                raise
            raise SendError("temporary", error.public, error.private, error.retry_after) from error
        return None if answer.status == 304 else answer

    async def change(self, method: str, what: str, query: Mapping[str, str], content: Any = None) -> bytes:
        """Change something on YouTube. Raises SendError."""
        body = msgspec.json.encode(content) if content is not None else b""
        return (await self._request(method, what, query, "acting", body=body)).body

    async def _request(
        self,
        method: str,
        what: str,
        query: Mapping[str, str],
        why: Why,
        *,
        headers: Mapping[str, str] = {},
        body: bytes | None = None,
    ) -> Fetched:
        units = CHANGE if why == "acting" else LIST
        await self._take(units, why)
        url = f"{self._settings.api_url}/{what}?{urlencode(query, safe=',')}"
        try:
            answer = await self._authorised(method, url, headers, body)
        except GrantEnded as error:
            await self._give_back(units, why)
            self._note("wrong_credentials", error.public)
            raise
        except SendError as error:
            if error.kind != "ambiguous":  # nothing was sent
                await self._give_back(units, why)
            self._note("unreachable", error.public)
            raise
        if 200 <= answer.status < 300 or answer.status == 304:
            self._used_up_until = Micros(0)
            self._note("ok")
            return answer
        raise self._refused(answer)

    async def _authorised(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Fetched:
        """One request, and a second one with a new token where the first token was refused."""
        token = await self._tokens.access()
        answer = await self._once(method, url, headers, body, token)
        if answer.status == 401:
            self._tokens.spoiled(token)
            answer = await self._once(method, url, headers, body, await self._tokens.access())
        return answer

    async def _once(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, token: str
    ) -> Fetched:
        kind = {"Content-Type": "application/json"} if body else {}
        failpoint("youtube.call.before")
        answer = await self._env.egress.request(
            method,
            url,
            headers={"User-Agent": "Centrala", "Authorization": f"Bearer {token}", **kind, **headers},
            body=body,
            timeout=self._settings.timeout_seconds,
        )
        failpoint("youtube.call.after")
        return answer

    # --- refusals -------------------------------------------------------------------------------------------------

    def _refused(self, answer: Fetched) -> SendError:
        reason = _told(answer.body).reason[:60]
        error = self._meaning(answer, reason)
        if error.public == USED_UP:
            self._used_up_until = Micros(self._env.clock.now() + int(self.to_reset() * SECOND))
            self._note("degraded", USED_UP)
        elif answer.status == 401 or error.public == NOT_ALLOWED:
            self._note("wrong_credentials", error.public)
        elif answer.status >= 500:
            self._note("unreachable", error.public)
        else:
            self._note("ok")  # YouTube answered, and refused this one thing
        return error

    def _meaning(self, answer: Fetched, reason: str) -> SendError:
        """What a refusal means for what was asked (developers.google.com/youtube/v3/docs/errors)."""
        status = answer.status
        if reason in _QUOTA:
            return Refused("throttled", USED_UP, status, reason, min(HOUR, self.to_reset()))
        if status == 429 or reason in _SLOWER:
            return Refused("throttled", SLOWER, status, reason, 60.0)
        if reason in _ACCESS:
            return Refused("temporary", NOT_ALLOWED, status, reason)
        if reason == "processingFailure":
            return Refused("temporary", BROKEN, status, reason)
        if reason in _REASONS:
            return Refused("permanent", _REASONS[reason], status, reason)
        if status in (400, 403, 404):
            return Refused("permanent", GONE if status == 404 else REFUSED, status, reason)
        return status_error(status, answer.headers, reason)

    def _note(
        self, state: Literal["ok", "degraded", "unreachable", "wrong_credentials"], detail: str = ""
    ) -> None:
        now = self._env.clock.now()
        seen = now if state in ("ok", "degraded") else self.health.last_seen
        self.health = Health(state=state, detail=detail, last_seen=seen, expires_at=self._tokens.expires_at)


def _told(body: bytes) -> RefusalAnswer:
    try:
        return msgspec.json.decode(body, type=RefusalAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return RefusalAnswer()


def seconds_to_midnight(now: Micros, zone: str = PACIFIC) -> float:
    """Seconds until the day ends in a zone; never 0, and right where clocks change."""
    there = ZoneInfo(zone)
    local = dt.datetime.fromtimestamp(now / SECOND, there)
    midnight = dt.datetime.combine(local.date() + dt.timedelta(days=1), dt.time(), there)
    return max(1.0, midnight.timestamp() - now / SECOND)
