"""What a refusal of the Bot API means for a delivery, in plain words.

Descriptions are not part of Telegram's contract, so they only choose the words; the status decides what is done.
"""

from __future__ import annotations

from connectors._http import status_error
from connectors._i18n import N_
from connectors.contract import SendError
from connectors.telegram.api import Declined

BLOCKED = N_("The person has blocked the bot.")
REFUSED = N_("Telegram refused the message.")
TOO_LONG = N_("The text is too long.")

_FORBIDDEN = (
    (("blocked by the user",), BLOCKED),
    (("deactivated",), N_("The person's Telegram account does not exist any more.")),
    (
        ("can't initiate", "can't send messages to bots"),
        N_("The person has never written to the bot, so it may not write to them."),
    ),
    (("kicked", "not a member", "not enough rights"), N_("The bot may not write in this group any more.")),
)
_NEVER = N_("Telegram does not let the bot write there.")

_BAD = (
    (("chat not found", "peer_id_invalid"), N_("Telegram does not know this chat.")),
    (("message is too long", "message_too_long", "caption is too long"), TOO_LONG),
    (("too big", "too large", "entity too large"), N_("The file is too large for Telegram.")),
    (("can't be edited", "can't be deleted"), N_("Telegram does not let the message be changed any more.")),
    (("not found",), N_("The message is no longer there.")),
    (("not enough rights", "have no rights", "need administrator"), _NEVER),
    (("upgraded", "migrated"), N_("The group has moved to a new chat.")),
    (("business",), N_("The business account does not let the bot write for it any more.")),
)


def blocked(refusal: Declined) -> bool:
    """Whether the person does not want to be written to."""
    return refusal.status == 403 and refusal.says("blocked by the user")


def send_error(refusal: Declined) -> SendError:
    """The error of a delivery."""
    if refusal.status == 429:
        asked = N_("Telegram asks us to slow down.")
        return SendError("throttled", asked, f"HTTP 429: {refusal.description}", refusal.retry_after or 30.0)
    if refusal.credentials:
        return status_error(401, {}, refusal.description)
    private = f"HTTP {refusal.status}: {refusal.description}"
    if refusal.status == 403:
        return SendError("permanent", _words(refusal, _FORBIDDEN, _NEVER), private)
    if refusal.status in (400, 413):
        return SendError("permanent", _words(refusal, _BAD, REFUSED), private)
    return status_error(refusal.status, {}, refusal.description)


def _words(refusal: Declined, table: tuple[tuple[tuple[str, ...], str], ...], otherwise: str) -> str:
    return next((words for signs, words in table if refusal.says(*signs)), otherwise)
