"""What every SMS channel shares: its settings, what may be sent to whom and when, and what it costs.

A connector's ``Settings`` extends :class:`SmsSettings`. Its ``send`` is::

    plan = plan_sms(outbound, settings, env)          # policy, quiet hours, text, segments, price
    async with paid(plan, settings, env):             # the day's money; given back when it certainly did not go
        return await self._post(plan)

What it receives becomes an event by :mod:`connectors._sms_in`, which knows the words of opting out. How a text is
encoded and cut stands in :mod:`connectors._gsm`, whom SMS go to in :mod:`connectors._sms_numbers`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import unicodedata
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import holidays
import msgspec

from connectors import _gsm
from connectors._forms import about
from connectors._i18n import N_
from connectors._sms_in import START_WORDS, STOP_WORDS, plain
from connectors._sms_numbers import NO_NUMBER, by_prefix, normalised, refusal
from connectors.contract import Capabilities, Env, Micros, Outbound, SendError

MONEY = "sms"
"""Under this name the hub counts what an inbox spent on a day, in the smallest unit of the office's currency."""

_NO_CAP = 2**53
_SECOND = 1_000_000
_MINUTE = 60 * _SECOND
_DAYS_AHEAD = 30

Country = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$", examples=["PL"])]
TimeOfDay = Annotated[str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["08:00"])]
Sender = Annotated[
    str,
    msgspec.Meta(
        description="A number in E.164, a short number of 3 to 8 digits, or a name of at most 11 letters, digits, "
        "spaces, dots and hyphens with at least one letter.",
        pattern=r"^$|^\+[1-9][0-9]{6,14}$|^[0-9]{3,8}$|^(?=.*[A-Za-z])[A-Za-z0-9 .\-]{1,11}$",
        examples=["+48600700800"],
    ),
]
Prefix = Annotated[str, msgspec.Meta(pattern=r"^\+[1-9][0-9]{0,14}$", examples=["+380"])]
Listed = Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9]{2,15}\*?$", examples=["+48700*"])]
Word = Annotated[str, msgspec.Meta(min_length=2, max_length=30)]


class SmsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings that every SMS channel has; a channel adds its own."""

    sender: Annotated[Sender, about("Whom messages come from; empty: the provider decides.")] = ""
    senders: Annotated[
        dict[Prefix, Sender],
        about(
            "Other senders by the beginning of the receiver's number: many countries replace or refuse names."
        ),
    ] = {}
    diacritics: Annotated[
        Literal["keep", "drop", "drop-automatic"],
        about(
            "Polish letters shorten a segment from 160 characters to 70. drop: ą becomes a in every message; "
            "drop-automatic: only in automatic ones. A text that would not fit the short alphabet all the same "
            "(Cyrillic, emoji) stays as it is."
        ),
    ] = "drop-automatic"
    max_segments: Annotated[
        int,
        about(
            "Most segments of one message; a text over 65 characters for each leaves in several messages.",
            ge=1,
            le=30,
        ),
    ] = 10
    price: Annotated[
        int, about("What one segment costs, in the smallest unit of the currency (grosz).", ge=0)
    ] = 0
    prices: Annotated[
        dict[Prefix, int],
        about("Other prices by the beginning of the receiver's number; the longest one counts."),
    ] = {}
    daily_cap: Annotated[
        Annotated[int, msgspec.Meta(ge=0)] | None,
        about(
            "Most that may be spent on one day of the office; later messages wait for the next. None: no cap."
        ),
    ] = None
    country: Annotated[Country, about("Where numbers without a country code are from.")] = "PL"
    countries: Annotated[
        tuple[Country, ...], about("Countries whose numbers are written to; empty: any.")
    ] = ("PL",)
    allow: Annotated[
        tuple[Listed, ...],
        about(
            "Numbers written to whatever the other rules say, short and premium ones too; * stands for any end."
        ),
    ] = ()
    deny: Annotated[tuple[Listed, ...], about("Numbers never written to; * stands for any end.")] = ()
    stop_words: Annotated[
        tuple[Word, ...], about("A message of this word alone, in any case, ends all sending to its number.")
    ] = STOP_WORDS
    start_words: Annotated[tuple[Word, ...], about("A message of this word alone allows sending again.")] = (
        START_WORDS
    )
    quiet: Annotated[
        Literal["automatic", "all", "none"],
        about("Which messages wait for the end of the quiet hours: automatic ones, all, or none."),
    ] = "automatic"
    loud_from: Annotated[TimeOfDay, about("The quiet hours end, in the office's zone.")] = "08:00"
    loud_until: Annotated[TimeOfDay, about("The quiet hours begin.")] = "20:00"
    holidays: Annotated[
        str,
        about(
            "Country whose public holidays are quiet the whole day; empty: none.",
            pattern="^$|^[A-Z]{2}$",
            examples=["PL"],
        ),
    ] = "PL"
    answer_minutes: Annotated[
        float, about("A message this soon after the person's own is not bound by quiet hours.", ge=0)
    ] = 15.0
    repeat_minutes: Annotated[
        float,
        about(
            "The same text from the same number within this time is marked as a possible repetition.", ge=0
        ),
    ] = 10.0

    def __post_init__(self) -> None:
        if minutes(self.loud_from) >= minutes(self.loud_until):
            raise ValueError("loud_from must be earlier in the day than loud_until")
        if self.daily_cap is not None and not self.price:
            raise ValueError("daily_cap counts by price, which is 0: nothing would ever be capped")
        if self.holidays and self.holidays not in holidays.list_supported_countries():
            raise ValueError(f"holidays of {self.holidays} are not known")
        both = {plain(word) for word in self.stop_words} & {plain(word) for word in self.start_words}
        if both:
            raise ValueError(f"{sorted(both)[0]!r} is both in stop_words and start_words")


def capabilities(
    settings: SmsSettings, *, sends_from: Literal["anywhere", "lease"] = "anywhere", send_limit: float = 60.0
) -> Capabilities:
    """What an SMS inbox can do. A text is cut where it might need more segments than ``max_segments`` if all of it were
    outside the short alphabet, so that no delivery ever costs more: at 65 units a segment, because a surrogate pair
    that does not fit at the end leaves room there."""
    return Capabilities(
        reaches=("phone",),
        max_length=_gsm.SINGLE["ucs2"] if settings.max_segments == 1 else 65 * settings.max_segments,
        splits=True,
        segments=settings.max_segments,
        starts=True,
        cost_per_segment=settings.price,
        sends_from=sends_from,
        send_limit=send_limit,
        on_ambiguous="hold",
    )


# --- when ----------------------------------------------------------------------------------------------------------

QUIET = N_("It waits for the end of the quiet hours.")


def minutes(time_of_day: str) -> int:
    """``HH:MM`` in minutes since midnight."""
    return int(time_of_day[:2]) * 60 + int(time_of_day[3:])


def next_loud(at: Micros, zone: str, settings: SmsSettings) -> Micros:
    """The first moment from ``at`` on that is not in quiet hours; ``at`` itself when it is not."""
    here = dt.datetime.fromtimestamp(at / _SECOND, ZoneInfo(zone))
    since_midnight = here.hour * 60 + here.minute
    for days in range(_DAYS_AHEAD):
        day = here.date() + dt.timedelta(days=days)
        if settings.holidays and day in _holidays(settings.holidays, day.year):
            continue
        if days == 0 and since_midnight >= minutes(settings.loud_until):
            continue
        if days == 0 and since_midnight >= minutes(settings.loud_from):
            return at
        return _moment(day, settings.loud_from, zone)
    return at


def _tomorrow(at: Micros, zone: str, settings: SmsSettings) -> Micros:
    """When the next day's money is there and nobody is woken."""
    here = dt.datetime.fromtimestamp(at / _SECOND, ZoneInfo(zone))
    return _moment(here.date() + dt.timedelta(days=1), settings.loud_from, zone)


def _moment(day: dt.date, time_of_day: str, zone: str) -> Micros:
    at = dt.datetime.combine(day, dt.time.fromisoformat(time_of_day), ZoneInfo(zone))
    return Micros(int(at.timestamp()) * _SECOND)


@functools.lru_cache(64)
def _holidays(country: str, year: int) -> frozenset[dt.date]:
    return frozenset(holidays.country_holidays(country, years=year))


def _may_wait(outbound: Outbound, settings: SmsSettings, now: Micros) -> bool:
    """Whether the quiet hours bind a message: a swift answer is expected, whoever gives it."""
    if settings.quiet == "none" or (settings.quiet == "automatic" and not outbound.automatic):
        return False
    asked = outbound.inbound_at
    return asked is None or now - asked > settings.answer_minutes * _MINUTE


# --- what, and for how much ----------------------------------------------------------------------------------------

ONLY_SENDING = N_("An SMS cannot be changed or taken back.")
NO_FILES = N_("SMS carries no files.")
NO_TEXT = N_("There is no text to send.")
TOO_LONG = N_("The text needs more SMS than one message may have.")
TOO_DEAR = N_("The message costs more than may be spent on a whole day.")
CAP_REACHED = N_("What may be spent on SMS today is spent; it goes tomorrow.")
NO_COUNTER = N_("What was spent today cannot be read at the moment.")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One SMS about to leave: everything is decided, nothing is paid. ``cost`` in the smallest unit of the currency."""

    to: str
    sender: str
    segments: _gsm.Segments
    cost: int

    @property
    def text(self) -> str:
        """The text that goes out, perhaps without diacritics."""
        return "".join(self.segments.parts)


def plan_sms(
    outbound: Outbound,
    settings: SmsSettings,
    env: Env,
    *,
    wide: bool = False,
    fits: Callable[[str], bool] = _gsm.is_gsm7,
) -> Plan:
    """Decide whether, to whom, with which letters and for how much; ``wide`` and ``fits`` as of :func:`_gsm.segment`.

    Raises SendError: ``permanent`` for what the policy refuses, ``throttled`` until the end of the quiet hours.
    """
    _check(outbound)
    to = normalised(outbound.to[0].address, settings.country)
    if reason := refusal(to, settings.countries, settings.allow, settings.deny):
        raise SendError("permanent", reason)
    text = wording(outbound.text, settings, automatic=outbound.automatic)
    segments = _gsm.segment(text, wide=wide, fits=fits)
    if segments.count > settings.max_segments:
        raise SendError("permanent", TOO_LONG, f"{segments.count} segments")
    now = env.clock.now()
    loud = next_loud(now, env.office.zone, settings) if _may_wait(outbound, settings, now) else now
    if loud > now:
        raise SendError("throttled", QUIET, "quiet hours", (loud - now) / _SECOND)
    return Plan(
        to=to,
        sender=by_prefix(to, settings.senders, settings.sender),
        segments=segments,
        cost=segments.count * by_prefix(to, settings.prices, settings.price),
    )


def _check(outbound: Outbound) -> None:
    if outbound.operation != "send":
        raise SendError("permanent", ONLY_SENDING)
    if outbound.attachments:
        raise SendError("permanent", NO_FILES)
    if not outbound.text.strip():
        raise SendError("permanent", NO_TEXT)
    if not outbound.to:
        raise SendError("permanent", NO_NUMBER)


def wording(text: str, settings: SmsSettings, *, automatic: bool = False) -> str:
    """A text as it is sent: composed letters (NFC), one kind of line end, without diacritics if so configured and if
    that spares segments."""
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").strip()
    if settings.diacritics == "keep" or (settings.diacritics == "drop-automatic" and not automatic):
        return text
    folded = _gsm.fold(text)
    return folded if _gsm.is_gsm7(folded) else text


@contextlib.asynccontextmanager
async def paid(plan: Plan, settings: SmsSettings, env: Env) -> AsyncIterator[None]:
    """Takes the money for the length of a sending, before anything leaves.

    A SendError that means "certainly not sent" gives it back; after an ambiguous one, a cancellation or a crash it
    stays spent, because the provider may charge it. Raises SendError: ``throttled`` until the next day when the cap is
    reached, ``permanent`` when it would not fit any day, ``temporary`` when the counter cannot be had.
    """
    zone, cap = env.office.zone, settings.daily_cap
    if cap is not None and plan.cost > cap:
        raise SendError("permanent", TOO_DEAR)
    if plan.cost and await _spend(plan.cost, settings, env) is None:
        now = env.clock.now()
        raise SendError(
            "throttled", CAP_REACHED, "daily cap reached", (_tomorrow(now, zone, settings) - now) / _SECOND
        )
    try:
        yield
    except SendError as error:
        if plan.cost and error.kind != "ambiguous":
            # What cannot be given back only makes the day's money end sooner.
            with contextlib.suppress(SendError):
                await _spend(-plan.cost, settings, env)
        raise


async def _spend(amount: int, settings: SmsSettings, env: Env) -> int | None:
    limit = _NO_CAP if settings.daily_cap is None else settings.daily_cap
    try:
        return await env.budget.spend(MONEY, amount, limit, zone=env.office.zone)
    except Exception as error:  # whatever the store raises: nothing has left yet
        raise SendError("temporary", NO_COUNTER, type(error).__name__) from error
