"""What the bot itself says to people; each text exists in the languages of citizens (see ``scripts/messages.py``)."""

from __future__ import annotations

from connectors._i18n import N_

NOT_HERE = N_("This bot does not write in groups and channels. Please write to it in private: {address}")
GOES_ON = N_("This chat now belongs to your matter {reference}. Write here, and we will answer here.")
TAKEN = N_("Received.")

TO_PEOPLE = (NOT_HERE, GOES_ON, TAKEN)
