"""Decisions: what the rules want done, and the trace that says why.

:class:`Actions` is both what one rule asks for and what a whole decision came to. In a decision the first rule
that sets a field wins it; tags, notifications and webhooks accumulate, attributes and timers by their key. The caller
carries actions out: the rules never do I/O. :class:`Trace` is small enough to be stored with every message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from rules.text import Text, as_text

DEFAULT_RULE = "default"
"""The id under which the mandatory default at the end of a rule set appears in traces."""

GUARD_RULE = "safeguard"
"""The id under which the engine's own safeguards appear as winner (see :func:`rules.engine.evaluate`)."""

PRIORITIES: Mapping[str, int] = {"low": -1, "normal": 0, "high": 1, "urgent": 2, "top": 3}
"""Names of priorities in rule files; a queue serves higher numbers first. ``top`` is for distress."""

Join = Literal["suggest", "join"]


class CallbackOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A call to be asked for: about ``topic`` (empty: the conversation's own), no earlier than in ``minutes``."""

    topic: str = ""
    minutes: int = 0


class Actions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to do. None, False and an empty tuple mean "nothing said".

    ``queue``, ``office`` and ``assign`` are names from the configuration (``assign`` a user's login);
    ``suggest_office`` names the office a person should consider handing over to. ``tier`` is 1 to 3,
    ``priority`` a value of :data:`PRIORITIES`. ``join``: ``join`` puts the message into the first of
    ``Facts.join_candidates`` (only for a verified sender), ``suggest`` shows it to the agent. ``answer`` is the id
    of a template to answer with, subject to the loop rules of automatic answers. ``hold`` is the reason for
    which a comment waits for a moderator; ``mask`` hides personal numbers where the public reads.
    ``notify`` names users, roles, teams, queues; ``webhook`` configured webhooks. ``spam`` files it as spam,
    ``close`` resolves it without a person. ``topic`` presets the topic. ``distress`` names the protocol that an agent
    sees; a decision with it never carries ``answer``, ``callback``, ``close`` or ``spam``. ``set_contact`` are
    attributes of the contact. ``split``: a further message opens a conversation of its own, linked to the one it came
    to. ``callback`` orders a call when a number is known, else sends the link to the form. ``timer`` starts timers:
    name → minutes until rules with ``on: timer`` see it.
    """

    queue: str | None = None
    office: str | None = None
    suggest_office: str | None = None
    tier: int | None = None
    priority: int | None = None
    tags: tuple[str, ...] = ()
    assign: str | None = None
    join: Join | None = None
    answer: str | None = None
    hold: str | None = None
    mask: bool = False
    notify: tuple[str, ...] = ()
    webhook: tuple[str, ...] = ()
    spam: bool = False
    close: bool = False
    topic: str | None = None
    distress: str | None = None
    set_contact: Mapping[str, str] = {}
    split: bool = False
    callback: CallbackOrder | None = None
    timer: Mapping[str, int] = {}


class Seen(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One condition that held: the predicate's name and the value it saw (personal numbers masked, cut short)."""

    condition: str
    value: str


class Match(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A rule that matched, and what made it match."""

    rule: str
    seen: tuple[Seen, ...] = ()


class Fault(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A rule that could not be evaluated (it counted as not matched), or an action that was not carried out.

    ``action`` is the field of :class:`Actions` that was dropped; empty for a rule that could not be evaluated.
    """

    rule: str
    why: Text
    action: str = ""


class Trace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a decision came out as it did.

    ``version`` is that of the rule set. ``matched`` in the order of the rules. ``winners`` maps each field of
    :class:`Actions` to the id of the rule that decided it (for accumulating fields: the ids, comma-separated).
    ``more`` counts matches and faults that were left out to keep the trace small.
    """

    version: str = ""
    matched: tuple[Match, ...] = ()
    winners: Mapping[str, str] = {}
    faults: tuple[Fault, ...] = ()
    more: int = 0


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What to do and why. ``matched`` (ids) and ``faults`` are all there were; the trace keeps the first few."""

    actions: Actions
    trace: Trace
    matched: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule would say about one message.

    ``state``: ``matched``; ``failed`` (``condition`` names the first that did not hold, ``wanted`` is what it asks,
    ``actual`` the value it saw); ``stopped`` (it holds, but an earlier rule ended the evaluation or its section;
    ``by`` names it); ``off`` (it or its section is disabled, outside its dates, or for another ``on``); ``fault``
    (``actual`` says why it cannot be told). ``within`` is the named condition or schedule that a failed condition is
    part of; ``by`` with ``failed``, ``off`` or ``fault`` is the section whose guard it is.
    """

    rule: str
    name: str
    line: int
    state: Literal["matched", "failed", "stopped", "off", "fault"]
    condition: str = ""
    wanted: Text | None = None
    actual: Text | None = None
    by: str = ""
    within: str = ""
    seen: tuple[Seen, ...] = ()


class _WireFault(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A fault as stored; traces of the first release hold a plain sentence."""

    rule: str
    why: Text | str
    action: str = ""


class _Wire(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The stored shape of a trace: one-letter names, because every message carries one."""

    v: str = ""
    m: tuple[Match, ...] = ()
    w: dict[str, str] = {}
    f: tuple[_WireFault, ...] = ()
    n: int = 0


def encode_trace(trace: Trace) -> bytes:
    """``trace`` as compact JSON in UTF-8, typically well under 1 kB."""
    faults = tuple(_WireFault(fault.rule, fault.why, fault.action) for fault in trace.faults)
    return msgspec.json.encode(
        _Wire(v=trace.version, m=trace.matched, w=dict(trace.winners), f=faults, n=trace.more)
    )


def decode_trace(data: bytes | str) -> Trace:
    """What :func:`encode_trace` wrote. Raises :class:`msgspec.DecodeError` for anything else."""
    wire = msgspec.json.decode(data, type=_Wire)
    faults = tuple(Fault(fault.rule, as_text(fault.why), fault.action) for fault in wire.f)
    return Trace(version=wire.v, matched=wire.m, winners=wire.w, faults=faults, more=wire.n)
