"""What a reader's report does to a comment: the pure decision of the reporting rules.

Three different reporters, or one for personal data or a threat, hide the comment and put it on top of the bench.
After a moderator kept it, reports for the same reason on the same version are counted silently until five more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec

Verdict = Literal["silent", "show", "hide"]

GRAVE: frozenset[str] = frozenset({"threat", "personal-data"})
"""One report for these is enough."""


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """One report of the version that is public now: ``who`` tells reporters apart, ``outcome`` None: not decided."""

    who: str
    reason: str
    outcome: str | None = None


def weigh(reports: Sequence[Reported], *, hides: int = 3, again: int = 5) -> Verdict:
    """What all reports of one version together call for.

    ``hides``: different reporters that hide it; ``again``: reports for a reason that was judged before, until it
    comes back. ``silent``: nobody needs to look; ``show``: it belongs on the bench; ``hide``: out of sight until a
    moderator decides.
    """
    kept = {report.reason for report in reports if report.outcome == "kept"}
    waiting = [report for report in reports if report.outcome is None]
    by_reason = Counter(report.reason for report in waiting)
    loud = [report for report in waiting if report.reason not in kept or by_reason[report.reason] >= again]
    if any(report.reason in GRAVE for report in loud) or len({report.who for report in loud}) >= hides:
        return "hide"
    return "show" if loud else "silent"
