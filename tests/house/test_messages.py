"""Every text a person sees exists in Polish, and texts are filled without being evaluated."""

from __future__ import annotations

import gettext
import re
from collections.abc import Sequence
from pathlib import Path

import jinja2
import pytest
from babel.messages import Message

from hub.i18n import (
    NOTICE_LANGUAGES,
    PLACEHOLDER,
    catalogue_path,
    catalogues,
    compiled_catalogue,
    fill,
    is_translated,
    languages,
    template_functions,
    translate,
    translate_plural,
    translator,
)
from scripts import messages


@pytest.mark.parametrize("language", sorted({*catalogues(), "pl"} - {"en"}))
@pytest.mark.slow
def test_catalogues_are_complete_current_and_not_fuzzy(language: str) -> None:
    assert list(messages.problems(language)) == []


def test_notices_exist_in_more_languages_than_screens() -> None:
    assert languages() == ("en", "pl")
    assert set(catalogues()) == {"en", "pl", *NOTICE_LANGUAGES}
    for language in NOTICE_LANGUAGES:
        assert all(is_translated(language, text) for text in messages.NOTICES)
        assert not is_translated(language, "Log in")


@pytest.mark.parametrize("language", sorted({"pl", "en", *NOTICE_LANGUAGES}))
def test_every_notice_is_one_language_throughout(language: str) -> None:
    """A letter of another alphabet in a translated notice is a text that was forgotten."""
    for text in messages.NOTICES:
        shown = PLACEHOLDER.sub("", translate(language, text)).replace("SMS", "")
        cyrillic = re.search("[а-яіїєґё]", shown, re.IGNORECASE) is not None
        latin = re.search("[a-z]", shown, re.IGNORECASE) is not None
        assert (cyrillic, latin) == ((True, False) if language in NOTICE_LANGUAGES else (False, True)), shown


def test_a_moment_in_words_follows_no_polish_preposition() -> None:
    """They are told as "poniedziałek, 16 listopada 2026 09:00", which cannot be inflected: "do: ", "Termin: " it is."""
    inflects = re.compile(r"\b(do|na|od|po|przed|w|we|o) \{(when|until)\}", re.IGNORECASE)
    told = [str(form) for message in messages.read("pl") for form in _forms(message)]
    assert [text for text in told if inflects.search(text)] == []


COUNTED = re.compile(r"\{(n|count|came|days|minutes|seconds|rows|total)\} (?!is)\w+s\b")
NEVER_ONE = {
    "At most {n} conversations at once.",
    "At most {n} recipients in one message.",
    "a name of at most {count} characters, please",
    "expected a list of up to {count} tests, each with name, message and expect",
    "expected a text of up to {count} characters",
    "{count} expressions contain no fixed text; at most {most} may",
    "{rule} has matched no message in the last {days} days",
    "{count} in {days} days",
    "It should take about {minutes} minutes.",
    "{n} conversations changed.",
    "{n} messages",
}
"""Texts whose number is a limit of ours, or beside which another text stands for one."""


def test_a_number_before_several_things_has_a_text_for_one() -> None:
    told = [message.id for message in messages.read("pl") if isinstance(message.id, str)]
    assert {text for text in told if COUNTED.search(text)} == NEVER_ONE


def _forms(message: Message) -> Sequence[str]:
    return list(message.string) if isinstance(message.string, list | tuple) else [message.string or ""]


@pytest.mark.slow
def test_texts_are_found_in_code_and_templates() -> None:
    found = {messages._key(message)[0] for message in messages.extracted() if message.id}
    assert len(found) > 15


@pytest.mark.parametrize(
    ("n", "form"), [(1, 0), (2, 1), (4, 1), (5, 2), (11, 2), (12, 2), (21, 2), (22, 1), (112, 2), (0, 2)]
)
def test_polish_plurals_have_three_forms(n: int, form: int) -> None:
    plural = gettext.c2py(messages.read("pl").plural_expr)
    assert plural(n) == form


def test_placeholders_are_substituted_and_never_evaluated() -> None:
    assert fill("{name}: {name}", {"name": "{other}", "other": "x"}) == "{other}: {other}"
    assert fill("{name.__class__} {0} {missing}", {"name": "x"}) == "{name.__class__} {0} {missing}"
    assert translate("en", "Hello {name}", name="<b>") == "Hello <b>"
    assert translate("en", "") == ""
    assert translate_plural("en", "{n} message", "{n} messages", 5) == "5 messages"


def test_unknown_languages_fall_back_to_the_source() -> None:
    assert translate("xx", "Hello") == "Hello"
    assert not is_translated("xx", "Hello")
    assert is_translated("en-GB", "Hello")
    assert translator("pl-PL").info()["language"] == "pl"


def test_templates_escape_what_fills_a_text() -> None:
    environment = jinja2.Environment(autoescape=True)
    environment.globals.update(template_functions("en"))
    template = environment.from_string(
        "{{ _('Hello {name}', name=name) }} {{ ngettext('{n} <a>', '{n} <b>', 2) }}"
    )
    assert template.render(name="<i>") == "Hello &lt;i&gt; 2 &lt;b&gt;"


def test_the_compiled_catalogue_says_the_same_as_its_source(tmp_path: Path) -> None:
    (tmp_path / "pl.mo").write_bytes(compiled_catalogue(catalogue_path("pl")))
    with (tmp_path / "pl.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message in messages.read("pl"):
        if isinstance(message.id, str) and message.id and message.string:
            assert compiled.gettext(message.id) == message.string
