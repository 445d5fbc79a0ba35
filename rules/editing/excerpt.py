"""One rule as it is being typed: put into its file, or alone with all that it may name."""

from __future__ import annotations

from rules.editing.blocks import Kind, Refused, block, blocks_of, item_of, names, read, text_of
from rules.editing.edit import insert, replace

_NAMES = ("words", "schedules", "conditions")


def as_typed(source: str, kind: Kind, name: str, text: str) -> str:
    """The file with ``text`` in the place of the block called ``name``, or as the last of its kind where there is none.

    Raises :class:`rules.editing.blocks.Refused`.
    """
    known = (name,) if kind == "default" else names(source, kind)
    return replace(source, kind, name, text) if name in known else insert(source, kind, text)


def alone(source: str, text: str) -> tuple[str, int]:
    """A rule file with this rule (or section) only and the lists, times and conditions of ``source``; and the number of
    lines before the rule.

    Small however many rules the file has, so that what is wrong with one rule is told while it is typed. Raises
    :class:`rules.editing.blocks.Refused`.
    """
    item_of(text)
    parsed = read(source)
    try:
        blocks = blocks_of(parsed, parsed.spot)
    except Refused:
        blocks = []
    kept = [
        text_of(parsed, at) for key, at in zip(parsed.spot.keys, blocks, strict=False) if key.text in _NAMES
    ]
    head = "".join(kept) + "rules:\n"
    default = block(source, "default", "default") if blocks and parsed.spot.at("default") else ""
    body = text if text.endswith("\n") else f"{text}\n"
    return f"{head}{body}{default or 'default: {}'}\n", head.count("\n")
