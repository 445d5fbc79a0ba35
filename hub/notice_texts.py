"""The texts of automatic messages to citizens, by id. Placeholders are substituted, never evaluated.

Every template may use {number}, {office}, {hub}, {expected} and {closed}; the others are told at each one.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hub.i18n import mark as N_


class Template(msgspec.Struct, frozen=True):
    """Subject and body as message ids."""

    subject: str
    body: str


_NUMBER = N_("Your case {number}")

TEMPLATES: Mapping[str, Template] = {
    "acknowledgement": Template(
        N_("We have your message, number {number}"),
        N_(
            "Good day,\n\nwe have received your message. Its number is {number}. You can expect an answer by "
            "{expected}.{closed}\n\nTo add something, just reply to this mail.\n\n{office}"
        ),
    ),
    "closed": Template("", N_("Our office is closed now; we open on {opening}.")),
    "office-asked": Template(
        _NUMBER,
        N_(
            "Good day,\n\nwe have handed your matter to {office}. You will have an answer by {date}.\n\n{hub}"
        ),
    ),
    "comment-rejected": Template(
        N_("Your comment was not published"),
        N_(
            'Good day,\n\nyour comment under the article "{article}" was not published. The reason: {reason}\n\n'
            "{explanation}\n\nYou can appeal here: {link}\n\n{hub}"
        ),
    ),
    "comment-hidden": Template(
        N_("Your comment was hidden"),
        N_(
            'Good day,\n\nyour comment under the article "{article}" is no longer shown. The reason: {reason}\n\n'
            "{explanation}\n\nYou can appeal here: {link}\n\n{hub}"
        ),
    ),
    "comment-answered": Template(
        N_("The office answered your comment"),
        N_(
            'Good day,\n\nthe office answered your comment under the article "{article}":\n\n{text}\n\n'
            "You can read it here: {link}\n\n{hub}"
        ),
    ),
    "comment-reinstated": Template(
        N_("Your comment is published"),
        N_(
            'Good day,\n\nanother moderator looked at your comment under the article "{article}" again, and it is '
            "published now: {link}\n\n{hub}"
        ),
    ),
    "comment-appeal-refused": Template(
        N_("Your appeal"),
        N_(
            'Good day,\n\nanother moderator looked at your comment under the article "{article}" again. The decision '
            "stays as it was. The reason: {reason}\n\n{explanation}\n\n{hub}"
        ),
    ),
    "callback-ordered": Template(
        N_("We will call you on {when}"),
        N_(
            "Good day,\n\nwe will call you on {number} on {when}. To move or cancel the call: {link}\n\n{office}"
        ),
    ),
    "callback-offered": Template(
        N_("Shall we call you? Your case {number}"),
        N_(
            "Good day,\n\nwe would like to talk to you about your matter {number}. Please choose here when and on "
            "which number we may call you: {link}\n\n{office}"
        ),
    ),
    "callback-moved": Template(
        N_("Your call was moved to {when}"),
        N_(
            "Good day,\n\nwe will call you on {number} on {when}. To move or cancel the call: {link}\n\n{office}"
        ),
    ),
    "callback-no-answer": Template(
        N_("We could not reach you"),
        N_(
            "Good day,\n\nwe called {number} and nobody answered. We will try again on {when}. "
            "To choose another time: {link}\n\n{office}"
        ),
    ),
    "callback-unreachable": Template(
        N_("We could not reach you"),
        N_(
            "Good day,\n\nwe called {number} several times and nobody answered, so we stopped. "
            "You can order a new call here: {again}\n\n{office}"
        ),
    ),
    "callback-refused": Template(
        N_("We cannot call this number"),
        N_(
            "Good day,\n\nwe cannot call {number}: {reason}. You can give another number here: {again}\n\n"
            "{office}"
        ),
    ),
    "callback-wrong-number": Template(
        N_("The number for your call is wrong"),
        N_(
            "Good day,\n\nwe called {number}, the number that we were given for you, and it is wrong. You can give "
            "another one here: {again}\n\n{office}"
        ),
    ),
    "callback-cancelled": Template(
        N_("Your call was cancelled"),
        N_("Good day,\n\nthe call to {number} was cancelled. You can order another one: {again}\n\n{office}"),
    ),
    "callback-expired": Template(
        N_("We could not call you in time"),
        N_(
            "Good day,\n\nwe are sorry: no consultant was free to call {number} in time. You can choose "
            "another time here: {again}\n\n{office}"
        ),
    ),
    "callback-done": Template(
        N_("Your call is finished"),
        N_("Good day,\n\nthank you for the call.\n\n{office}"),
    ),
    "chat-transcript": Template(
        N_("Your chat, case {number}"),
        N_("Good day,\n\nthis is what was said in the chat:\n\n{transcript}\n\n{office}"),
    ),
    # A survey's: {link} is its page. Texts without a greeting are for messengers, the short one for text messages.
    "survey-link": Template(
        N_("How did we do? Case {number}"),
        N_(
            "Good day,\n\nyour matter {number} is settled. How do you rate our help? It takes one click, and you can "
            "add a few words: {link}\n\nYou need not answer, and we will not ask again about this matter.\n\n{office}"
        ),
    ),
    "survey-short": Template(
        "", N_("{office}: how do you rate our help, from 1 (bad) to 5 (very good)? {link}")
    ),
    "survey-buttons": Template(
        "",
        N_(
            "Your matter {number} is settled. How do you rate our help, from 1 (very bad) to 5 (very good)? "
            "You need not answer."
        ),
    ),
    "survey-thanks": Template(
        "", N_("Thank you: {score} of 5. You can add a few words or change your answer here: {link}")
    ),
    "weekday-1": Template("", N_("Monday")),
    "weekday-2": Template("", N_("Tuesday")),
    "weekday-3": Template("", N_("Wednesday")),
    "weekday-4": Template("", N_("Thursday")),
    "weekday-5": Template("", N_("Friday")),
    "weekday-6": Template("", N_("Saturday")),
    "weekday-7": Template("", N_("Sunday")),
}
