"""A rule, section, condition or default as its form: from the text of its block, from a posted form, back to the text.

The text is what counts. Fields that say the same as the text leave it alone, so that comments and layout survive;
``text_with`` changes only what the form changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from multidict import MultiMapping

from hub.web.rules.parts import (
    Known,
    Part,
    Posted,
    read_actions,
    read_root,
    read_schedule,
    write_actions,
    write_root,
    write_schedule,
)
from rules.editing.blocks import Kind, item_of, items_of, plain
from rules.editing.dump import Data
from rules.editing.patch import patch, with_key
from rules.files.yamltree import Mapping as MappingNode
from rules.files.yamltree import Node, Scalar
from rules.files.yamltree import Sequence as SequenceNode
from rules.language import EVENTS


class RuleForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a form shows. ``id`` is that of a rule or section; a condition has only ``when``, the default ``do``."""

    id: str = ""
    name: str = ""
    note: str = ""
    enabled: bool = True
    first: str = ""
    last: str = ""
    on: tuple[str, ...] = ("new",)
    when: Part = Part(kind="all", together=True)
    do: tuple[Part, ...] = ()
    then: str = "stop"


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A form with the text that it was read from, and how its parts stood there."""

    form: RuleForm
    text: str
    fields: Mapping[str, Data]
    known: Known


def opened(text: str, kind: Kind) -> Opened:
    """The form of a block's own text. Raises :class:`rules.editing.edit.Refused` for what is no such block."""
    tree = item_of(text, kind).tree
    known: Known = {}
    if isinstance(tree, SequenceNode):
        node = items_of(tree)[0]
        entries: Mapping[str, Node] = node.entries if isinstance(node, MappingNode) else {}
        fields = plain(node)
        return Opened(
            form=_form(entries, kind, known),
            text=text,
            fields=fields if isinstance(fields, Mapping) else {},
            known=known,
        )
    (name, node), *_ = tree.entries.items() if isinstance(tree, MappingNode) else [("", Scalar(0, "", None))]
    form = (
        RuleForm(id=name, do=read_actions(node, known))
        if kind == "default"
        else RuleForm(id=name, when=_named(node, kind, known))
    )
    return Opened(form=form, text=text, fields={name: plain(node)}, known=known)


def form_of(node: Node, kind: Kind) -> RuleForm:
    """The form of a rule or section (a mapping), a condition or the default, from its node alone."""
    known: Known = {}
    if kind == "default":
        return RuleForm(id="default", do=read_actions(node, known))
    if kind in ("condition", "schedule"):
        return RuleForm(when=_named(node, kind, known))
    return _form(node.entries if isinstance(node, MappingNode) else {}, kind, known)


def _named(node: Node, kind: Kind, known: Known) -> Part:
    return read_schedule(node, known) if kind == "schedule" else read_root(node, known)


def _form(entries: Mapping[str, Node], kind: Kind, known: Known) -> RuleForm:
    def said(key: str, otherwise: str = "") -> str:
        node = entries.get(key)
        return node.text.strip() if isinstance(node, Scalar) and node.value is not None else otherwise

    enabled = entries.get("enabled")
    return RuleForm(
        id=said("section" if kind == "section" else "id"),
        name=said("name"),
        note=said("note"),
        enabled=not (isinstance(enabled, Scalar) and enabled.value is False),
        first=said("from"),
        last=said("until"),
        on=_events(entries.get("on")),
        when=read_root(entries.get("when"), known),
        do=read_actions(entries.get("do"), known),
        then=said("then", "stop"),
    )


def _events(node: Node | None) -> tuple[str, ...]:
    if node is None:
        return ("new",)
    items = items_of(node) if isinstance(node, SequenceNode) else [node]
    return tuple(item.text for item in items if isinstance(item, Scalar))


def posted_form(posted: MultiMapping[Any], kind: Kind, was: RuleForm) -> RuleForm:
    """The form as it was posted; what it does not show is as it was."""
    read = Posted(posted)

    def said(name: str) -> str:
        value = posted.get(name, "")
        return value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""

    if kind == "default":
        return RuleForm(id=was.id, do=read.actions())
    if kind in ("condition", "schedule"):
        return RuleForm(id=was.id, when=read.root())
    events = [str(event) for event in posted.getall("on", [])]
    return RuleForm(
        id=said("id") or was.id,
        name=said("name"),
        note=said("note"),
        enabled=bool(said("enabled")),
        first=said("from"),
        last=said("until"),
        on=tuple(event for event in (*EVENTS, *was.on) if event in events) if kind == "rule" else was.on,
        when=read.root(),
        do=read.actions() if kind == "rule" else was.do,
        then=said("then") or was.then,
    )


def text_with(was: Opened, form: RuleForm, kind: Kind) -> str:
    """The text with what the form changed."""
    if kind in ("condition", "schedule"):
        if form.when == was.form.when:
            return was.text
        wanted = (
            write_schedule(form.when, was.known) if kind == "schedule" else write_root(form.when, was.known)
        )
        return patch(was.text, wanted or [], kind)
    if kind == "default":
        changed = form.do != was.form.do
        return patch(was.text, write_actions(form.do, was.known), kind) if changed else was.text
    fields = was.fields
    for key, before, after in _keys(was, form, kind):
        if before != after:
            fields = with_key(fields, key, after)
    return patch(was.text, fields, kind)


def _keys(was: Opened, form: RuleForm, kind: Kind) -> list[tuple[str, Data, Data]]:
    """Each key with what the form said before and says now, None for what a rule need not say."""
    old, known = was.form, was.known
    found: list[tuple[str, Data, Data]] = [
        ("section" if kind == "section" else "id", old.id, form.id),
        ("name", old.name or None, form.name or None),
        ("note", old.note or None, form.note or None),
        ("enabled", None if old.enabled else False, None if form.enabled else False),
        ("from", old.first or None, form.first or None),
        ("until", old.last or None, form.last or None),
    ]
    if form.when != old.when:
        found.append(("when", False, write_root(form.when, known)))
    if kind == "rule":
        events = None if set(form.on) <= {"new"} else list(form.on)
        found.append(("on", None, None) if set(form.on) == set(old.on) else ("on", False, events))
        if form.do != old.do:
            found.append(("do", False, write_actions(form.do, known)))
        found.append(("then", old.then, None if form.then == "stop" != old.then else form.then))
    return found
