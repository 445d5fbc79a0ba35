"""What is wrong with the hub as a whole: said once, kept until it is over."""

from __future__ import annotations

from typing import Any

from hub.cautions import Cautions
from rules.text import Text
from tests.hub.conftest import FakeClock


class Lines:
    """A log that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def debug(self, event: str, **fields: Any) -> None:
        self.told.append(("debug", event))

    def info(self, event: str, **fields: Any) -> None:
        self.told.append(("info", event))

    def warning(self, event: str, **fields: Any) -> None:
        self.told.append(("warning", f"{event}: {fields['reason']}"))

    def error(self, event: str, **fields: Any) -> None:
        self.told.append(("error", event))


def test_a_caution_is_told_once_changes_and_ends(clock: FakeClock) -> None:
    log = Lines()
    cautions = Cautions(clock, log)
    began = clock.now()
    cautions.say("rules", Text("Version {n} does not fit.", {"n": 2}))
    clock.move(60)
    cautions.say("rules", Text("Version {n} does not fit.", {"n": 2}))
    cautions.say("file", Text("The file waits."))
    assert [(one.key, one.since) for one in cautions.all()] == [("rules", began), ("file", clock.now())]
    cautions.say("rules", Text("Version {n} does not fit.", {"n": 3}))
    assert cautions.all()[0].since == began, "it goes on; only the words are others"
    cautions.say("rules", None)
    cautions.say("rules", None)
    assert [one.key for one in cautions.all()] == ["file"]
    assert log.told == [
        ("warning", "the hub needs attention: Version 2 does not fit."),
        ("warning", "the hub needs attention: The file waits."),
        ("warning", "the hub needs attention: Version 3 does not fit."),
        ("info", "a warning is over"),
    ]
