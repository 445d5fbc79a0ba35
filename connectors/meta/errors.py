"""What Meta's error codes mean for a sending and for the health of an inbox. Pure.

By https://developers.facebook.com/docs/graph-api/guides/error-handling,
https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes (2026-03-18) and
https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes (2026-05-15).

Meta's own sentences are never passed on: they may hold names and numbers. What the log gets are codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from connectors._http import retry_after, status_error
from connectors._i18n import N_
from connectors.contract import SendError

Kind = Literal["temporary", "permanent", "throttled"]
Trouble = Literal["", "wrong_credentials", "misconfigured", "degraded"]

CREDENTIALS = N_("Meta refused our access token; an administrator has to renew it.")
PERMISSION = N_("Meta does not permit this to our app; an administrator has to grant the permission at Meta.")
SLOW = N_("Meta asks us to slow down.")
LATER = N_("Meta cannot take it at the moment.")
CLOSED = N_("The time in which Meta lets us answer is over; the person has to write again first.")
TEMPLATE_ONLY = N_("The time in which WhatsApp lets us answer freely is over; only a template can be sent.")
ELSEWHERE = N_("Another app of the page has this conversation; it has to hand it over first.")
BLOCKED = N_("The person cannot be written to: they blocked us, left, or do not accept messages.")
NOBODY = N_("Meta does not know this person or message any more.")
REFUSED = N_("Meta refused the message.")
NO_SUCH = N_("Meta does not know the account or does not show it to us; an administrator has to check it.")
TOO_LARGE = N_("The file is too large for this channel.")
BAD_FILE = N_("Meta could not take the file.")
NO_TEMPLATE = N_("WhatsApp has no approved template of this name and language.")
BAD_TEMPLATE = N_("The template and what was filled in do not fit together.")
STOPPED_TEMPLATE = N_("WhatsApp has paused or disabled this template.")
NO_MARKETING = N_(
    "WhatsApp did not deliver it: the person does not want such messages, or gets too many of them."
)
ACCOUNT = N_("Meta has restricted our account; an administrator has to look at it there.")
PAYMENT = N_("WhatsApp cannot bill our account; an administrator has to check the payment there.")
OLD_VERSION = N_(
    "The version of Meta's interface in the configuration has ended; an administrator has to raise it."
)

TEXTS = (
    *(
        CREDENTIALS,
        PERMISSION,
        SLOW,
        LATER,
        CLOSED,
        TEMPLATE_ONLY,
        BLOCKED,
        NOBODY,
        REFUSED,
        NO_SUCH,
        TOO_LARGE,
    ),
    *(BAD_FILE, NO_TEMPLATE, BAD_TEMPLATE, STOPPED_TEMPLATE, NO_MARKETING, ACCOUNT, PAYMENT, OLD_VERSION),
)
"""Every sentence that an error may bring before an agent."""


class Meaning(msgspec.Struct, frozen=True):
    """``trouble``: what it says of the inbox as a whole, empty where it is about one message alone. ``wait`` in seconds
    where Meta names no time."""

    kind: Kind
    text: str
    trouble: Trouble = ""
    wait: float = 60.0


_TOKEN = Meaning("temporary", CREDENTIALS, "wrong_credentials")
_PERMIT = Meaning("temporary", PERMISSION, "misconfigured")
_SLOW = Meaning("throttled", SLOW, "degraded", 300.0)
_LATER = Meaning("temporary", LATER)
_NO = Meaning("permanent", REFUSED)
_ACCOUNT = Meaning("temporary", ACCOUNT, "misconfigured")

_CODES: Mapping[int, Meaning] = {
    **dict.fromkeys((0, 102, 104, 190, 463, 467), _TOKEN),
    **dict.fromkeys((3, 10, *range(200, 300), 131005), _PERMIT),
    **dict.fromkeys((4, 17, 32, 341, 613, *range(80000, 80015), 130429), _SLOW),
    131056: Meaning("throttled", SLOW, "", 6.0),
    131048: Meaning("throttled", SLOW, "degraded", 3600.0),
    **dict.fromkeys((133016, 133015, 131064), Meaning("throttled", SLOW, "degraded", 300.0)),
    **dict.fromkeys((1, 2, 1200, 131000, 131016, 131057, 133004, 133005), _LATER),
    **dict.fromkeys((368, 131031, 131037, 131045, 133000, 133006, 133010, 130497), _ACCOUNT),
    131042: Meaning("temporary", PAYMENT, "misconfigured"),
    2635: Meaning("temporary", OLD_VERSION, "misconfigured"),
    **dict.fromkeys((551, 131026, 131030), Meaning("permanent", BLOCKED)),
    **dict.fromkeys((131047, 470), Meaning("permanent", TEMPLATE_ONLY)),
    **dict.fromkeys((131049, 131050, 130472), Meaning("permanent", NO_MARKETING)),
    **dict.fromkeys((131052, 131053), Meaning("permanent", BAD_FILE)),
    132001: Meaning("permanent", NO_TEMPLATE),
    **dict.fromkeys((132000, 132005, 132007, 132012, 132018), Meaning("permanent", BAD_TEMPLATE)),
    **dict.fromkeys((132015, 132016, 132068, 132069), Meaning("permanent", STOPPED_TEMPLATE)),
    803: Meaning("permanent", NOBODY),
}

_SUBCODES: Mapping[tuple[int, int], Meaning] = {
    **dict.fromkeys(
        ((10, 2018278), (10, 2018065), (10, 2534022), (100, 2534022)), Meaning("permanent", CLOSED)
    ),
    **dict.fromkeys(
        ((10, 2018108), (200, 1545041), (200, 2018108), (100, 2018108), (10, 1545041)),
        Meaning("permanent", BLOCKED),
    ),
    **dict.fromkeys(((100, 2018001), (100, 2534014), (100, 2018294)), Meaning("permanent", NOBODY)),
    **dict.fromkeys(((100, 2018109), (100, 2534021)), Meaning("permanent", TOO_LARGE)),
    **dict.fromkeys(((100, 2018047), (100, 2018008), (100, 2018074)), Meaning("permanent", BAD_FILE)),
    **dict.fromkeys(((10, 2018300), (100, 2018300), (200, 2018300)), Meaning("permanent", ELSEWHERE)),
    (100, 33): Meaning("permanent", NO_SUCH, "misconfigured"),
    (613, 1996): _SLOW,
    (4, 2018022): Meaning("throttled", SLOW, "", 60.0),
}


MISSING = frozenset({(100, 33), (803, 0)})
"""Codes of something that is not there, or not for us."""


class Problem(msgspec.Struct, frozen=True):
    """``error`` of an answer, or one of ``errors`` of a status: only what is read of it."""

    code: int = 0
    error_subcode: int = 0
    type: str = ""
    message: str = ""
    is_transient: bool = False
    fbtrace_id: str = ""


class _Answer(msgspec.Struct, frozen=True):
    error: Problem | None = None


_answer = msgspec.json.Decoder(_Answer, strict=False)


class GraphError(SendError):
    """A refusal by the Graph API, with its code; ``code`` is 0 and ``known`` false where the body held none."""

    def __init__(self, meaning: Meaning, problem: Problem, status: int, wait: float | None) -> None:
        private = f"HTTP {status} code {problem.code}/{problem.error_subcode} trace {problem.fbtrace_id[:40]}"
        after = (wait or meaning.wait) if meaning.kind == "throttled" else wait
        super().__init__(meaning.kind, meaning.text, private, after)
        self.code = problem.code
        self.subcode = problem.error_subcode
        self.trouble: Trouble = meaning.trouble


def meaning(problem: Problem, status: int = 400) -> Meaning:
    """What a code means; an unknown one is final below 500, because Meta marks what may be tried again."""
    found = _SUBCODES.get((problem.code, problem.error_subcode)) or _CODES.get(problem.code)
    if problem.code == 100 and "appsecret_proof" in problem.message:
        return _TOKEN
    if found is not None:
        return found
    if problem.is_transient or status >= 500:
        return _LATER
    return _NO


def error_of(status: int, headers: Mapping[str, str], body: bytes) -> SendError:
    """The :class:`SendError` of an answer that is no success: a :class:`GraphError` where the body says which."""
    try:
        problem = _answer.decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = None
    if problem is None:
        return status_error(status, headers)
    return GraphError(
        meaning(problem, status), problem, status, usage(headers).regain or retry_after(headers)
    )


class Usage(msgspec.Struct, frozen=True):
    """How much of its allowance the app has used, in percent; ``regain`` in seconds until a spent one opens again."""

    percent: float = 0.0
    regain: float | None = None


class _App(msgspec.Struct, frozen=True):
    call_count: float = 0
    total_time: float = 0
    total_cputime: float = 0
    estimated_time_to_regain_access: float = 0
    """In minutes."""


_app = msgspec.json.Decoder(_App, strict=False)
_business = msgspec.json.Decoder(dict[str, list[_App]], strict=False)


def usage(headers: Mapping[str, str]) -> Usage:
    """What ``X-App-Usage``, ``X-Page-Usage`` and ``X-Business-Use-Case-Usage`` say; nonsense counts as nothing told.

    By https://developers.facebook.com/docs/graph-api/overview/rate-limiting. ``headers`` have lower-case names.
    """
    told: list[_App] = []
    try:
        for name in ("x-app-usage", "x-page-usage"):
            if name in headers:
                told.append(_app.decode(headers[name]))
        if "x-business-use-case-usage" in headers:
            told += [
                use
                for uses in _business.decode(headers["x-business-use-case-usage"]).values()
                for use in uses
            ]
    except msgspec.DecodeError:
        pass
    percent = max((max(use.call_count, use.total_time, use.total_cputime) for use in told), default=0.0)
    minutes = max((use.estimated_time_to_regain_access for use in told), default=0.0)
    return Usage(percent=percent, regain=min(minutes * 60, 86_400.0) or None)
