"""What the hub and its child process say to each other: one JSON object a line, orders in, answers out."""

from __future__ import annotations

import msgspec

from hub.config import Config, Hub
from hub.replay.compare import Move, Tally
from hub.replay.stored import Place
from rules.text import Text


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a child needs of the hub: where the store is, and what rules may name. No secret but the store's."""

    url: str
    password: str | None
    config: msgspec.Raw


class ReplayOrder(msgspec.Struct, frozen=True, kw_only=True, tag="replay"):
    """Compare two rule sets over the decisions from ``first`` to ``last``; tell at most so many that differ:
    ``moves`` that go to another queue, ``others`` in which only other actions differ."""

    setting: Setting
    draft: str
    published: str
    first: Place
    last: Place
    moves: int
    others: int


class PreviewOrder(msgspec.Struct, frozen=True, kw_only=True, tag="preview"):
    """What a rule catches of the newest ``messages``. ``rule`` is its YAML, with or without the dash of a list. It
    stands in the draft in the place of ``replaces``, or behind the rule ``after``, or (both empty) as the last."""

    setting: Setting
    draft: str
    rule: str
    replaces: str = ""
    after: str = ""
    messages: int
    examples: int


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """Both rule sets are compiled; the reading begins."""


class Part(msgspec.Struct, frozen=True, kw_only=True, tag="part"):
    """So many decisions more are done; ``moves`` are those of them that come out otherwise."""

    done: int
    moves: tuple[Move, ...] = ()


class Whole(msgspec.Struct, frozen=True, kw_only=True, tag="whole"):
    """It is finished; the tally of everything."""

    tally: Tally


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a rule catches, with the queues without and with it. ``reached``: no rule before it ended the
    evaluation (else ``by`` names that one; without one its section is closed). ``wins`` are the actions that it
    decides."""

    trace: int
    conversation: int
    message: int | None
    at: int
    event: str
    before: str = ""
    after: str = ""
    reached: bool = True
    wins: tuple[str, ...] = ()
    by: str = ""


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule does given its place: it is ``reached`` for so many of the messages that it catches, decides
    something for ``wins`` of them, and ``moves`` so many to another queue than without it."""

    reached: int
    wins: int
    moves: int


class Preview(msgspec.Struct, frozen=True, kw_only=True, tag="preview"):
    """Of ``looked`` decisions, the oldest made at ``oldest`` (µs UTC), a rule catches ``caught`` by its own conditions.

    It is told twice: as soon as that is known, and again with ``placed`` once the rest of the draft is compiled. Where
    the rest cannot be compiled ``placed`` stays None, and ``last`` says that nothing more comes.
    """

    looked: int
    caught: int
    oldest: int
    examples: tuple[Example, ...] = ()
    placed: Placed | None = None
    last: bool = False


class Problem(msgspec.Struct, frozen=True, kw_only=True, tag="problem"):
    """It cannot be done; a sentence for the person who asked. ``detail`` is what goes into its ``{problem}``."""

    text: Text
    detail: Text | None = None


Order = ReplayOrder | PreviewOrder
Said = Ready | Part | Whole | Preview | Problem

_encode = msgspec.json.Encoder().encode
_order: msgspec.json.Decoder[Order] = msgspec.json.Decoder(Order)
_said: msgspec.json.Decoder[Said] = msgspec.json.Decoder(Said)
decode_order = _order.decode
decode_said = _said.decode


def line(message: Order | Said) -> bytes:
    """One line of the wire."""
    return _encode(message) + b"\n"


def setting_of(config: Config) -> Setting:
    """What a child is told of a configuration."""
    password = config.store.password
    inboxes = tuple(msgspec.structs.replace(inbox, settings={}) for inbox in config.inboxes)
    bare = Config(
        hub=Hub(data_dir=config.hub.data_dir, zone=config.hub.zone),
        offices=config.offices,
        queues=config.queues,
        inboxes=inboxes,
    )
    return Setting(
        url=config.store.url,
        password=password.reveal() if password is not None else None,
        config=msgspec.Raw(_encode(bare)),
    )


def config_of(setting: Setting) -> Config:
    """The configuration as the child knows it: offices, queues, inboxes, the data folder."""
    return msgspec.json.decode(setting.config, type=Config)
