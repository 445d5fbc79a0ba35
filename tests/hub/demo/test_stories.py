"""The texts of the demo: they fit the configuration, hold together, and name nobody real."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from hub.cli_config import read_config
from hub.demo.deeds import DEEDS
from hub.demo.people import colleagues
from hub.demo.stories import TEXTS, Act, Arrivals, Canned, articles, minutes, read, week
from hub.moderation.masking import has_pesel

SPECIMEN = "44051401359"
OUTSIDE = ("writes", "bounce", "reports")

CONFIG = read_config(Path(__file__).parents[3] / "config" / "demo.toml")
ACTS = [(story, act) for story in week() for act in story.then]


def test_there_are_enough_over_all_channels() -> None:
    count = Counter(story.via for story in week())
    assert sum(count.values()) >= 120
    assert min(count[via] for via in ("email", "comments", "form", "callback", "webhook")) >= 10


def test_every_act_is_one_deed() -> None:
    for _, act in ACTS:
        deeds = [name for name in (*DEEDS, *OUTSIDE) if getattr(act, name)]
        assert len(deeds) == 1, act
        assert minutes(act.after) > 0


def test_names_in_the_texts_exist() -> None:
    people = {one.login for one in colleagues()}
    queues = {queue.id for queue in CONFIG.queues}
    offices = {office.id for office in CONFIG.offices}
    stories = {story.id for story in week() if story.id}
    pages = {article.key for article in articles()}
    for story, act in ACTS:
        assert {act.by or story.agent} <= people
        assert act.queue in queues | {""}
        assert act.office in offices | {""}
        assert act.merge in stories | {""}
    for story in week():
        assert story.parent in stories | {""}
        assert (story.via == "comments") == (story.article in pages)
    for one in colleagues():
        assert one.office in offices
        assert set(one.queues) <= queues
    assert {arrival.article for arrival in read("arrivals", Arrivals).messages} <= pages | {""}


def test_every_role_has_a_guest_and_a_county_office_too() -> None:
    guests = [one for one in colleagues() if one.guest]
    assert {one.role for one in guests} == {"agent", "moderator", "supervisor", "administrator"}
    assert any(one.office.startswith("pup-") for one in guests)


@pytest.mark.parametrize("file", sorted(TEXTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_nobody_real_is_named(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    addresses = re.findall(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)", text)
    assert all(domain.endswith(".example") for domain in addresses)
    assert all(".example" in link for link in re.findall(r"https?://\S+", text))
    assert not has_pesel(text.replace(SPECIMEN, ""))
    numbers = re.findall(r"(?<!\d)\d{2} \d{3} \d{2} \d{2}(?!\d)", text)
    assert all(number.split()[1].startswith("0") for number in numbers), "a subscriber number that can exist"


def test_canned_responses_have_their_placeholders_right() -> None:
    for text in read("canned", list[Canned]):
        assert set(re.findall(r"{(\w+)}", text.text)) <= {"name", "number", "agent", "office"}


def test_a_slip_in_a_text_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="repyl"):
        msgspec.convert({"repyl": "x"}, Act)
