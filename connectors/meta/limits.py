"""What the channels of direct messages have in common beyond errors of Meta's: windows, and what cannot be sent."""

from __future__ import annotations

from connectors._i18n import N_

SECOND = 1_000_000
HOUR = 3_600 * SECOND

SEND_SECONDS = 600.0
"""Longest that a sending may take: a text and some files, each uploaded before it leaves."""

WINDOW = 24 * HOUR
"""How long after the person's last message everything may be sent."""

HUMAN_WINDOW = 7 * 24 * HOUR
"""How long after it a human agent may answer on Messenger and Instagram, where Meta has granted the permission."""

ONLY_SENDING = N_("This channel cannot change or take back what was sent.")
LONG_LABEL = N_("The label of a button is too long for this channel.")
LONG_TEXT = N_("The text is too long for this channel.")
NOT_TAKEN = N_("This channel does not take files of this type.")
NOTHING = N_("There is nothing to send.")
