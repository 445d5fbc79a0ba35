"""The Graph API as the inboxes of a Meta app use it: calls with a proof of the app's secret, errors told for what they
are, and the health of the credentials with the day on which they end.

By https://developers.facebook.com/docs/graph-api/overview and .../docs/facebook-login/security (appsecret_proof).
Everything goes through the hub's one egress client; the token travels in a header and stands in no address.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec

from connectors._failpoint import failpoint
from connectors._http import FETCH_SECONDS, UPLOAD_SECONDS
from connectors._i18n import N_
from connectors.contract import Env, Fetched, Health, Micros, OutAttachment, SendError
from connectors.meta.errors import CREDENTIALS, NO_SUCH, SLOW, GraphError, Trouble, error_of, usage
from connectors.meta.limits import SECOND
from connectors.meta.parts import whole_letters
from connectors.meta.settings import MetaSettings
from connectors.meta.uploads import multipart

RETRY = 60.0
"""Seconds between two questions to Meta while the inbox does not work."""

NEARLY = 90.0
"""Percent of the allowance from which an inbox counts as degraded."""

ANSWER_BYTES = 2_000_000

NOT_THE_APP = N_("The access token belongs to another app than the configured one.")
BUSY = N_("Nearly all calls that Meta allows are used up; sending slows down.")

T = TypeVar("T")


class _Token(msgspec.Struct, frozen=True):
    is_valid: bool = False
    app_id: str = ""
    expires_at: int = 0
    data_access_expires_at: int = 0


class _Debug(msgspec.Struct, frozen=True):
    data: _Token = _Token()


def proof(secret: str, token: str) -> str:
    """``appsecret_proof``: that whoever uses the token knows the app's secret."""
    return hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest()


class Graph:
    """Calls for one inbox, and what they told about its health. ``fields`` are asked of the account by a check."""

    def __init__(self, settings: MetaSettings, env: Env, fields: str = "id,name") -> None:
        self._settings = settings
        self._env = env
        self._fields = fields
        token = settings.access_token.reveal()
        self._token = token
        self._proof = proof(settings.app_secret.reveal(), token)
        self._health = Health(state="starting")
        self._due = 0.0
        self._rests_until = 0.0

    # --- calls ----------------------------------------------------------------------------------------------------

    async def get(self, path: str, kind: type[T], *, quietly: bool = False, **query: str) -> T:
        """``GET /PATH`` read as ``kind``. Raises :class:`SendError`; ``quietly``: a refusal says nothing of our health,
        because it is about a right that not every app has."""
        answer = await self._ask("GET", path, query, None, "", quietly=quietly)
        return _read(answer, kind)

    async def post(self, path: str, value: Any, kind: type[T], *, quietly: bool = False) -> T:
        """``POST /PATH`` with JSON, read as ``kind``. Raises :class:`SendError`."""
        body = msgspec.json.encode(value)
        answer = await self._ask("POST", path, {}, body, "application/json", quietly=quietly)
        return _read(answer, kind, sent=True)

    async def upload(
        self, path: str, fields: Mapping[str, str], name: str, file: OutAttachment, kind: type[T]
    ) -> T:
        """``POST /PATH`` with a file. Raises :class:`SendError`, never an ambiguous one: nobody sees an upload, so that
        one without an answer is simply done again."""
        body, content_type = multipart(fields, name, file, self._env.random)
        try:
            answer = await self._ask("POST", path, {}, body, content_type, seconds=UPLOAD_SECONDS)
            return _read(answer, kind, sent=True)
        except SendError as error:
            if error.kind != "ambiguous":
                raise
            raise SendError("temporary", error.public, error.private) from error

    async def delete(self, path: str, kind: type[T], *, quietly: bool = False, **query: str) -> T:
        """``DELETE /PATH``. Raises :class:`SendError`."""
        return _read(await self._ask("DELETE", path, query, None, "", quietly=quietly), kind, sent=True)

    async def download(self, url: str, max_bytes: int) -> Fetched:
        """A file from an address that needs the token (WhatsApp's media). Raises :class:`SendError`.

        The caller has checked that the address is one of Meta's.
        """
        headers = {"Authorization": f"Bearer {self._token}", "User-Agent": "Centrala"}
        answer = await self._env.egress.request(
            "GET", url, headers=headers, timeout=FETCH_SECONDS, max_bytes=max_bytes
        )
        if answer.status != 200:
            raise error_of(answer.status, answer.headers, answer.body)
        return answer

    async def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        content_type: str,
        *,
        quietly: bool = False,
        seconds: float | None = None,
    ) -> Fetched:
        """One call with our token and its proof; what it says of our health is kept."""
        proved = {**query, "appsecret_proof": self._proof}
        if (left := self._rests_until - self._env.clock.monotonic()) > 0:
            raise SendError("throttled", SLOW, "the allowance of calls is spent; resting", left)
        try:
            answer = await self._call(method, path, proved, self._token, body, content_type, seconds)
        except SendError as error:
            if not quietly:
                self.learn(error)
            raise
        self._notice_usage(answer)
        return answer

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        token: str,
        body: bytes | None = None,
        content_type: str = "",
        seconds: float | None = None,
    ) -> Fetched:
        settings = self._settings
        url = f"{settings.graph_url.rstrip('/')}/{settings.graph_version}/{path}?{urlencode(query)}"
        headers = {"Authorization": f"Bearer {token}", "User-Agent": "Centrala"}
        if content_type:
            headers["Content-Type"] = content_type
        failpoint("meta.graph.before")
        answer = await self._env.egress.request(
            method,
            url,
            headers=headers,
            body=body,
            timeout=settings.timeout_seconds if seconds is None else seconds,
            max_bytes=ANSWER_BYTES,
        )
        failpoint("meta.graph.after")
        if not 200 <= answer.status < 300:
            raise error_of(answer.status, answer.headers, answer.body)
        return answer

    # --- health ---------------------------------------------------------------------------------------------------

    async def check(self) -> Health:
        """How the credentials are: asked of Meta now and then, and known at once when a call was refused."""
        clock = self._env.clock
        if clock.monotonic() >= self._due:
            self._health = await self._asked()
            well = self._health.state in ("ok", "degraded")
            self._due = clock.monotonic() + (self._settings.check_seconds if well else RETRY)
        return self._health

    async def _asked(self) -> Health:
        settings, now = self._settings, self._env.clock.now()
        try:
            token = await self._token_state()
            if not token.is_valid:
                return Health(state="wrong_credentials", detail=CREDENTIALS, expires_at=_ends(token))
            if token.app_id and token.app_id != settings.app_id:
                return Health(state="misconfigured", detail=NOT_THE_APP)
            query = {"fields": self._fields, "appsecret_proof": self._proof}
            answer = await self._call("GET", settings.account, query, self._token)
        except SendError as error:
            return self._state_of(error)
        ends = _ends(token)
        if usage(answer.headers).percent >= NEARLY:
            return Health(state="degraded", detail=BUSY, last_seen=now, expires_at=ends)
        return Health(state="ok", last_seen=now, expires_at=ends)

    async def _token_state(self) -> _Token:
        """What Meta knows of our token (``debug_token``, asked in the name of the app)."""
        settings = self._settings
        app = f"{settings.app_id}|{settings.app_secret.reveal()}"
        answer = await self._call("GET", "debug_token", {"input_token": self._token}, app)
        return _read(answer, _Debug).data

    def _state_of(self, error: SendError) -> Health:
        """The health that a failed question tells."""
        seen, ends = self._health.last_seen, self._health.expires_at
        trouble: Trouble = error.trouble if isinstance(error, GraphError) else ""
        if trouble:
            return Health(state=trouble, detail=error.public, last_seen=seen, expires_at=ends)
        if "HTTP 401" in error.private or "HTTP 403" in error.private:
            return Health(state="wrong_credentials", detail=CREDENTIALS, last_seen=seen, expires_at=ends)
        if isinstance(error, GraphError) and error.kind == "permanent":
            return Health(state="misconfigured", detail=NO_SUCH, last_seen=seen, expires_at=ends)
        return Health(state="unreachable", detail=error.public, last_seen=seen, expires_at=ends)

    def learn(self, error: SendError) -> None:
        """A refused call that is about the inbox as a whole shows at once; the next check asks again."""
        if isinstance(error, GraphError) and error.trouble:
            self._health = self._state_of(error)
            if error.kind == "throttled":
                # Calls beyond the allowance are counted too and only put off its end.
                self._rests_until = self._env.clock.monotonic() + (error.retry_after or RETRY)
            self._due = min(self._due, self._env.clock.monotonic() + RETRY)

    def _notice_usage(self, answer: Fetched) -> None:
        if usage(answer.headers).percent >= NEARLY and self._health.state == "ok":
            self._health = msgspec.structs.replace(self._health, state="degraded", detail=BUSY)
            self._due = min(self._due, self._env.clock.monotonic() + RETRY)


def _ends(token: _Token) -> Micros | None:
    """The earlier of the token's end and the end of its access to data; 0 says never."""
    ends = [at for at in (token.expires_at, token.data_access_expires_at) if at > 0]
    return Micros(min(ends) * SECOND) if ends else None


def _read(answer: Fetched, kind: type[T], *, sent: bool = False) -> T:
    """A success that cannot be read may have been carried out all the same. Half an emoji in a listed text is no
    reason."""
    try:
        return msgspec.json.decode(whole_letters(answer.body), type=kind, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        how = "ambiguous" if sent else "temporary"
        text = N_("Meta's answer could not be read.")
        raise SendError(how, text, f"HTTP {answer.status}, {type(error).__name__}") from error  # type: ignore[arg-type]
