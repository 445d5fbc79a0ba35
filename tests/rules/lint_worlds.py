"""Random rule sets in which rules often imply, contradict or resemble each other, and messages that they often match.

Everything comes from few values, so that what lint claims about a set is tried many times by a few hundred messages.
"""

from __future__ import annotations

import random
from typing import Any

from rules import Actions, Facts, Rule, RuleSet, model

CHANNELS = ("email", "sms", "form", "em")
WORDS = ("zasiłek", "staż", "praca", "urząd", "urząd pracy", "praca zdalna")
TAGS = ("vip", "pilne", "pilne-dziś")
DATES = ("", "2026-11-10", "2026-11-15", "2026-11-20")
HOSTS = ("a.gov.pl", "gov.pl", "b.a.gov.pl", "x.pl")
PLACES = {"18-400": "pup-a", "00": "pup-b", "Łomża": "pup-a"}
TEXTS = (
    *WORDS,
    "zasiłek praca",
    "praca i staż",
    "urząd w pracy",
    "praca całkiem zdalna",
    "18-400",
    "00-001",
    "44051401359",
    "pilne!",
    "zasilek",
    "zasłek",
    "URZAD pracy",
    "",
)


def same(word: str, language: str) -> frozenset[str]:
    """Forms of a word in any language: only itself."""
    return frozenset([word])


_FORMS = {
    "praca": ("praca", "pracy~"),
    "urząd": ("urząd", "urzędu", "praca", "pracy~"),
    "staż": ("staż", "pracy"),
    "zasiłek": ("zasiłek", "zasłek", "staż", "pracy"),
    "zdalna": ("zdalna", "zdalnej^"),
}


FORMS = (*sorted({form.strip("~^") for forms in _FORMS.values() for form in forms}), "Zdalnej", "zsiłek")


def nested(word: str, language: str) -> frozenset[str]:
    """Forms of which some words have all those of others."""
    return frozenset(_FORMS.get(word, (word,)))


class World:
    """Draws from one seed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)

    def some(self, values: tuple[Any, ...], most: int = 3) -> tuple[Any, ...]:
        return tuple(self.draw.sample(values, self.draw.randint(1, min(most, len(values)))))

    def leaf(self) -> model.Condition:
        return self.draw.choice(_LEAVES)(self)

    def words(self) -> model.Condition:
        return self.draw.choice((_words, _phrase))(self)

    def condition(self, depth: int = 2) -> model.Condition:
        kind = self.draw.random()
        if depth == 0 or kind < 0.45:
            return self.leaf()
        if kind < 0.6:
            return model.Not(item=self.condition(depth - 1))
        items = tuple(self.condition(depth - 1) for _ in range(self.draw.randint(0 if kind > 0.97 else 1, 3)))
        return model.All(items=items) if kind < 0.8 else model.Any(items=items)

    def akin(self, node: model.Condition) -> model.Condition:
        """A condition made from another: narrower, wider, taken apart or turned round."""
        kind = self.draw.random()
        if kind < 0.4:
            return model.All(items=(node, self.condition(1)))
        if kind < 0.6:
            return model.Any(items=(node, self.condition(1)))
        if isinstance(node, model.Any | model.All) and node.items and kind < 0.9:
            return self.draw.choice(node.items)
        return node if kind < 0.95 else model.Not(item=node)

    def ruleset(self, count: int = 9) -> RuleSet:
        sections = tuple(
            model.Section(
                id=name,
                name=name,
                when=self.condition(1) if self.draw.random() < 0.5 else model.All(items=()),
                first=self.draw.choice(DATES[:2]),
                enabled=self.draw.random() < 0.9,
            )
            for name in ("s1", "s2")
        )
        homes = sorted(self.draw.choice(("", "s1", "s2", "t")) for _ in range(count))
        rules: list[Rule] = []
        for number, home in enumerate(homes):
            before = [rule.when for rule in rules]
            when = (
                self.akin(self.draw.choice(before))
                if before and self.draw.random() < 0.7
                else self.condition()
            )
            rules.append(self._rule(number, when, "" if home == "t" else home))
        return RuleSet(
            version="w", source="w", rules=tuple(rules), sections=sections, default=Actions(queue="d")
        )

    def _rule(self, number: int, when: model.Condition, section: str) -> Rule:
        return Rule(
            id=f"r{number}",
            name="",
            on=self.some(("new", "message", "timer"), 2),
            when=when,
            section=section,
            first=self.draw.choice(("", "", "", "2026-11-12")),
            enabled=self.draw.random() < 0.95,
            then=self.draw.choice(("stop", "stop", "continue", "next-section", "stop-after-section")),
            actions=Actions(
                queue=self.draw.choice((None, "a", "b")),
                tags=self.draw.choice(((), ("t",), ("u", "t"))),
                priority=self.draw.choice((None, None, 1)),
                topic="x",
            ),
        )

    def facts(self) -> Facts:
        draw, count = self.draw, self.draw.randint(0, 4)
        return Facts(
            on=draw.choice(("new", "new", "message", "timer")),
            unanswered_minutes=draw.choice((0, 60, 119, 120, 240, 500)),
            unanswered_due=draw.choice(((), (), (120,), (240,), (60, 240))),
            timer=draw.choice(("", "", "e")),
            channel=draw.choice((*CHANNELS, "", "EMAIL")),
            language=draw.choice(("pl", "uk", "")),
            language_confidence=draw.choice((0.0, 0.5, 0.8, 0.9)),
            text=" ".join(draw.choice(TEXTS) for _ in range(draw.randint(0, 4))),
            sender_address=draw.choice(("", "jan@a.gov.pl", "ola@x.pl", "ola@b.a.gov.pl", "48123")),
            sender_verified=draw.random() < 0.5,
            contact={key: draw.choice(("", "1", "12", "x")) for key in "ab" if draw.random() < 0.7},
            history_count=count,
            returning=count > 0,
            history_ages=tuple(sorted(draw.choice((0, 3, 8, 20)) for _ in range(draw.randint(0, 3)))),
            tags=self.some(TAGS) if draw.random() < 0.6 else (),
            attachments=tuple(
                draw.choice(
                    (("image/png", 10, "a.png"), ("text/plain", 5_000, "b.txt"), ("image/gif", 90, "c.gif"))
                )
                for _ in range(draw.randint(0, 2))
            ),
            automatic=draw.choice(("no", "list", "auto-reply", "")),
            local_minutes=draw.choice((0, 479, 480, 540, 959, 960, 1439)),
            local_date=draw.choice(("", "2026-11-09", "2026-11-12", "2026-11-15", "2026-11-25")),
            weekday=draw.randint(0, 7),
            open_hours=draw.choice((None, True, False)),
            queue_load={key: draw.randint(0, 4) for key in "ab" if draw.random() < 0.7},
        )


def _between(world: World) -> tuple[int | None, int | None]:
    low, high = world.draw.choice((None, 0, 1, 2)), world.draw.choice((None, 1, 2, 3))
    return low, high


def _one_of(name: str, values: tuple[str, ...]) -> Any:
    return lambda world: model.OneOf(name=name, values=world.some(values))


def _number(world: World) -> model.Condition:
    low, high = _between(world)
    return model.Between(name="history", low=low, high=high)


def _unanswered(world: World) -> model.Condition:
    return model.Between(
        name="unanswered",
        low=world.draw.choice((None, 60, 120, 240)),
        high=world.draw.choice((None, None, 300)),
    )


def _recent(world: World) -> model.Condition:
    low, high = _between(world)
    return model.Recent(name="history", days=world.draw.choice((1, 5, 10, 30)), low=low, high=high)


def _load(world: World) -> model.Condition:
    low, high = _between(world)
    return model.KeyedBetween(name="queue_load", key=world.draw.choice("ab"), low=low, high=high)


def _words(world: World) -> model.Condition:
    diacritics = world.draw.random() < 0.2
    return model.Words(
        words=world.some(WORDS, 4),
        at_least=world.draw.randint(1, 2),
        exact=world.draw.random() < 0.2,
        diacritics=diacritics,
        typos=0 if diacritics else world.draw.choice((0, 0, 1)),
    )


def _phrase(world: World) -> model.Condition:
    phrases = tuple(
        world.some(("urząd", "praca", "zdalna", "staż"), 3) for _ in range(world.draw.randint(1, 2))
    )
    return model.Phrase(phrases=phrases, gap=world.draw.randint(0, 2), typos=world.draw.choice((0, 0, 1)))


def _keyed(world: World) -> model.Condition:
    values = world.draw.choice(((), ("1",), ("1*",), ("x", "12"), ("*",)))
    return model.Keyed(name="contact", key=world.draw.choice("ab"), values=values)


def _attachment(world: World) -> model.Condition:
    draw = world.draw
    return model.Attachment(
        types=draw.choice(((), ("image/*",), ("image/png", "text/plain"))),
        names=draw.choice(((), (".png",), ("*.gif", ".png"))),
        size=draw.choice((0, 0, 50)),
    )


def _dates(world: World) -> model.Condition:
    return model.Dates(first=world.draw.choice(DATES), last=world.draw.choice(DATES))


def _hours(world: World) -> model.Condition:
    return model.Hours(spans=world.some(((480, 960), (540, 600), (960, 480), (0, 1440), (1200, 60)), 2))


_LEAVES = (
    _one_of("channel", (*CHANNELS, "em*", "*")),
    _one_of("channel", CHANNELS),
    _one_of("days", tuple("1234567")),
    _one_of("tags", (*TAGS, "pilne*")),
    _one_of("sender", ("jan@a.gov.pl", "ola@x.pl", "jan@*", "48*")),
    _one_of("domain", (*HOSTS, "a*")),
    _one_of("automatic", ("no", "list", "auto-reply")),
    lambda world: model.Flag(name="automatic", value=world.draw.random() < 0.5),
    lambda world: model.Flag(name="open_hours", value=world.draw.random() < 0.5),
    lambda world: model.Flag(name="sender_verified", value=world.draw.random() < 0.5),
    lambda world: model.Flag(name="pesel", value=world.draw.random() < 0.5),
    lambda world: model.Flag(name="returning", value=world.draw.random() < 0.5),
    lambda world: model.Language(
        values=world.some(("pl", "uk", "ru"), 2), confidence=world.draw.choice((0.0, 0.5, 0.8))
    ),
    lambda world: model.Pattern(pattern=world.draw.choice(("prac", "staż|urz"))),
    lambda world: model.Place(offices=world.draw.choice(((), ("pup-a",), ("pup-a", "pup-b")))),
    _number,
    _unanswered,
    _unanswered,
    _recent,
    _load,
    _words,
    _words,
    _phrase,
    _keyed,
    _attachment,
    _dates,
    _hours,
)
