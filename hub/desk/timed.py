"""What of the desk happens by itself when its time has come: timer kinds and their handlers, for hub/app.py."""

from __future__ import annotations

from collections.abc import Mapping

from hub.desk.access import GRANT_END, end_grant
from hub.desk.actions import wake_on_time
from hub.desk.transfer import OFFICE_DUE, OWNER_CHECK, office_silent, owner_check
from hub.timers import Handler

HANDLERS: Mapping[str, Handler] = {
    "snooze": wake_on_time,
    OFFICE_DUE: office_silent,
    OWNER_CHECK: owner_check,
    GRANT_END: end_grant,
}
