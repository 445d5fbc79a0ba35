"""One SMPP account at work: bound while it runs, parts and reports committed before they are acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from connectors import _sms
from connectors._gsm import is_gsm7
from connectors._i18n import N_
from connectors._sms import paid, plan_sms
from connectors._sms_inlet import Inlet, Piece, reading_of
from connectors.contract import (
    Cursor,
    Env,
    Health,
    Outbound,
    Raw,
    Refused,
    Route,
    SendError,
    Sent,
    Sink,
    fault,
)
from connectors.smpp import pdu as wire
from connectors.smpp.ids import Ids
from connectors.smpp.pdu import Pdu, Short
from connectors.smpp.reading import Receipt, meaning, report
from connectors.smpp.session import INBOUND, BindRefused, LinkLost, Session, WindowFull, opened
from connectors.smpp.settings import Settings
from connectors.smpp.submitting import PARTLY, fits_latin1, refusal, shorts

LEARNED = "smpp-ids"
"""The cursor that keeps how the centre writes ids."""

FIRST_GAP, LONGEST_GAP = 1.0, 60.0
REPORT_WAIT = 5.0
"""Longest that a report waits for the answers to what is being sent: it may be about one of them."""

REPORTS_WAITING = INBOUND // 2
"""Most reports that wait so. The answers come on the same line, which is read no further while too much is in hand;
after a restart a centre may have hundreds of reports of messages that nobody here remembers."""

PART_TRIES = 4

NOT_BOUND = N_("There is no connection to the message centre at the moment.")
BROKEN = N_("The connection to the message centre broke before it answered.")
BUSY = N_("The message centre asks us to slow down.")
CREDENTIALS = N_("The message centre refused our name or password; an administrator has to correct them.")
REFUSES = N_("The message centre refuses the connection (status {status}).")


class Smpp:
    """See :class:`connectors.contract.Connector`."""

    def __init__(self, settings: Settings, env: Env) -> None:
        self.capabilities = _sms.capabilities(
            settings, sends_from="lease", send_limit=2 * settings.timeout_seconds + 60
        )
        self._settings = settings
        self._env = env
        self._sink: Sink | None = None
        self._session: Session | None = None
        self._health = Health(state="starting")
        self._ids = Ids(settings.message_ids)
        self._sending: set[asyncio.Future[None]] = set()
        self._waiting = 0
        self._reference = env.random.randrange(65536)
        self._paused_until = 0.0
        self._next_slot = 0.0
        self._inlet = Inlet(reading_of(settings, env, settings.wait_minutes))

    def routes(self) -> Sequence[Route]:
        """None: everything goes over one connection that we open."""
        return ()

    async def run(self, sink: Sink) -> None:
        """Stay bound until cancelled; after a loss bind again, with growing gaps."""
        await self._inlet.open(sink)
        self._ids.recall(await sink.cursor(LEARNED))
        self._sink = sink
        watching = asyncio.create_task(self._inlet.watch(), name="sms-parts")
        try:
            await self._stay_bound()
        finally:
            watching.cancel()
            self._sink = None
            self._inlet.close(sink)

    async def _stay_bound(self) -> None:
        clock, gap = self._env.clock, FIRST_GAP
        while True:
            began = clock.monotonic()
            try:
                async with opened(self._settings, clock) as session:
                    self._up(session)
                    await session.run(self._take)
            except (LinkLost, BindRefused) as error:
                self._down(error)
            finally:
                self._session = None
            if clock.monotonic() - began > 2 * gap:
                # One that lets us in only to end it is left in peace, too.
                gap = FIRST_GAP
            await clock.sleep(gap * (0.75 + 0.5 * self._env.random.random()))
            gap = min(gap * 2, LONGEST_GAP)

    def _up(self, session: Session) -> None:
        self._session = session
        self._env.log.info("bound to the message centre", was=self._health.state)
        self._health = Health(state="ok", last_seen=self._env.clock.now())

    def _down(self, error: LinkLost | BindRefused) -> None:
        """Remember why; logged once an outage."""
        seen = self._health.last_seen
        if self._health.state in ("ok", "starting"):
            self._env.log.warning("no connection to the message centre", why=str(error))
        if isinstance(error, BindRefused) and error.credentials:
            self._health = Health(state="wrong_credentials", detail=CREDENTIALS, last_seen=seen)
        elif isinstance(error, BindRefused):
            told = self._env.translate(self._env.office.language, REFUSES, status=f"0x{error.status:02X}")
            self._health = Health(state="unreachable", detail=told, last_seen=seen)
        else:
            self._health = Health(state="unreachable", detail=NOT_BOUND, last_seen=seen)

    async def check(self) -> Health:
        """How the link is; it is asked for life all the time."""
        if self._session is not None:
            return msgspec.structs.replace(self._health, last_seen=self._env.clock.now())
        return self._health

    async def fetch(self, ref: str) -> bytes:
        """SMS have no attachments."""
        raise SendError("permanent", _sms.NO_FILES)

    # --- in -------------------------------------------------------------------------------------------------------

    async def _take(self, found: Pdu) -> int:
        """Commit what a ``deliver_sm`` means; the status to answer with."""
        env = self._env
        read = meaning(found, env.inbox, env.clock.now(), self._settings.default_alphabet)
        try:
            if isinstance(read, Piece):
                await self._inlet.take(read)
            elif isinstance(read, Receipt):
                await self._report(found, read)
            else:
                await self._accepting().accept(_raw(found), [read])
        except Refused:
            return wire.TRY_AGAIN
        except Exception as error:  # the centre keeps it and tells it again
            env.log.error("an SMS was not taken", **fault(error))
            return wire.SYSTEM_ERROR
        return wire.OK

    def _accepting(self) -> Sink:
        if self._sink is None:
            raise Refused("the inbox is not running", retry_after=5.0)
        return self._sink

    async def _report(self, found: Pdu, receipt: Receipt) -> None:
        """Tell what became of a message. A part that arrived says nothing of the whole yet; one that did not, does."""
        if self._sending and not self._ids.knows(receipt.id) and self._waiting < REPORTS_WAITING:
            self._waiting += 1
            try:
                await asyncio.wait(set(self._sending), timeout=REPORT_WAIT)
            finally:
                self._waiting -= 1
        before = self._ids.learned
        target, last = self._ids.target(receipt.id)
        state = Cursor(key=LEARNED, value=self._ids.learned) if self._ids.learned != before else None
        if not last and receipt.state != "failed":
            if state is not None:
                await self._accepting().accept(Raw(content=b""), (), state)
            return
        env = self._env
        event = report(receipt, target, env.inbox, env.clock.now(), env.office.zone)
        await self._accepting().accept(_raw(found), [event], state)

    # --- out ------------------------------------------------------------------------------------------------------

    async def send(self, outbound: Outbound) -> Sent:
        """Submit one message, in as many segments as it needs, one after another."""
        settings, env = self._settings, self._env
        wide = settings.long_messages == "udh16"
        fits = fits_latin1 if settings.default_alphabet == "latin1" else is_gsm7
        plan = plan_sms(outbound, settings, env, wide=wide, fits=fits)
        self._ready()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sending.add(done)
        try:
            async with paid(plan, settings, env):
                self._reference = (self._reference + 1) % 65536
                named = await self._submit_all(shorts(plan, settings, self._reference))
                return Sent(remote_id=self._ids.sent(named) if all(named) else None)
        finally:
            self._sending.discard(done)
            done.set_result(None)

    def _ready(self) -> Session:
        """The bound session. Raises SendError where there is none, or where it rests."""
        if self._session is None:
            raise SendError("temporary", NOT_BOUND, "not bound", 5.0)
        left = self._paused_until - self._env.clock.monotonic()
        if left > 0:
            raise SendError("throttled", BUSY, "resting after throttling", left)
        return self._session

    async def _submit_all(self, parts: Sequence[Short]) -> list[str]:
        """The ids of all parts. What fails after the first part has left is ambiguous: the person got something."""
        named = [await self._submit(parts[0])]
        for part in parts[1:]:
            try:
                named.append(await self._insist(part))
            except SendError as error:
                raise SendError("ambiguous", PARTLY, error.private) from error
        return named

    async def _insist(self, part: Short) -> str:
        """A further part, tried again where the centre only asks us to wait."""
        for _ in range(PART_TRIES - 1):
            try:
                return await self._submit(part)
            except SendError as error:
                if error.kind not in ("throttled", "temporary"):
                    raise
                await self._env.clock.sleep(min(error.retry_after or 1.0, 5.0))
        return await self._submit(part)

    async def _submit(self, part: Short) -> str:
        """One ``submit_sm``; the id that the centre gave it. Raises SendError."""
        session = self._ready()
        await self._pace()
        try:
            answer = await session.ask(wire.SUBMIT_SM, wire.write_short(part))
        except LinkLost as error:
            kind = "ambiguous" if error.sent else "temporary"
            raise SendError(kind, BROKEN if error.sent else NOT_BOUND, str(error)) from error  # type: ignore[arg-type]
        except WindowFull as error:
            raise SendError("throttled", BUSY, str(error), 1.0) from error
        if answer.status == wire.OK:
            return wire.message_id(answer)
        if answer.status in (wire.THROTTLED, wire.QUEUE_FULL):
            wait = self._settings.throttle_seconds
            self._paused_until = self._env.clock.monotonic() + wait
            raise SendError("throttled", BUSY, f"status {answer.status:#04x}", wait)
        raise refusal(answer.status)

    async def _pace(self) -> None:
        """Wait for a place in the stream of at most so many segments a second."""
        if self._settings.per_second is None:
            return
        now = self._env.clock.monotonic()
        mine = max(now, self._next_slot)
        if mine - now > self._settings.timeout_seconds:
            raise SendError("throttled", BUSY, "too many for per_second", mine - now)
        self._next_slot = mine + 1 / self._settings.per_second
        await self._env.clock.sleep(mine - now)


def _raw(found: Pdu) -> Raw:
    return Raw(content=found.encoded().hex().encode(), content_type="text/plain")
