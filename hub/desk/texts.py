"""Refusals that several actions share, as texts for the person who asked."""

from __future__ import annotations

from hub.i18n import mark as N_

GONE = N_("This conversation was changed by somebody else meanwhile. Look at it again, then repeat.")
MERGED = N_("This conversation was merged into another one. Open that one.")
