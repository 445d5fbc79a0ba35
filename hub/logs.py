"""Structured logs on standard error, and what keeps personal numbers and secrets out of them.

Code must not log what is personal in the first place (the contract suite watches the connectors). The mask here is
the last line of defence: it also covers exceptions, whose text nobody controls, and the libraries' own lines.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Literal, TextIO, cast

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from connectors.contract import Log
from hub.config.secret_values import secrets_in

NAMESPACE = "centrala"

_SHORTEST_SECRET = 6
"""A shorter one would mask half of the log."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")
"""Between the digits of a number they would hide it."""

_PERSONAL = re.compile(
    r"""
      (?P<email> [\w.+%-]{1,64} (?=@[\w-]+(?:\.[\w-]+)+) )
    | (?P<account> (?<!\d) (?:PL[ ]?)? \d{2} (?:[ \u00a0-]?\d{4}){6} (?!\d) )
    | (?P<pesel> (?<!\d) (?<!\d\.) \d{6} [ \u00a0-]? \d{5} (?!\d) )
    | (?P<phone> (?<![\w+]) (?:\+|00) \d (?:[ \u00a0()-]{0,2}\d){7,13} (?!\d)
             | (?<![\w.:/-]) (?:\d{9} | \d{2,3}(?:[ \u00a0-]\d{2,3}){2,4}) (?![\w:-]) )
    """,
    re.VERBOSE,
)


def mask(text: str) -> str:
    """``text`` without PESEL, bank account and telephone numbers and the local parts of e-mail addresses."""
    if not text.isascii():
        text = _INVISIBLE.sub("", text)
    return _PERSONAL.sub(lambda match: f"[{match.lastgroup}]", text)


def configure(
    *,
    form: Literal["console", "json"] = "console",
    level: str = "info",
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Set up logging for the whole process; to be called once, before anything logs.

    ``secrets`` never appear, whoever logs them; :func:`hide` adds to them.
    """
    _masker.forget()
    hide(secrets)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    renderers: list[Processor] = [structlog.processors.JSONRenderer(serializer=_json)]
    if form == "console":
        colours = (stream or sys.stderr).isatty()
        renderers = [_on_one_line, structlog.dev.ConsoleRenderer(colors=colours, timestamp_key="at")]
    last: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        _masker,
        *renderers,
    ]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(NAMESPACE).setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def logger(name: str, **details: object) -> Log:
    """A logger of the hub; ``details`` stand in each of its lines."""
    return cast(Log, structlog.stdlib.get_logger(f"{NAMESPACE}.{name}").bind(part=name, **details))


def _on_one_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Control characters written out, so that nothing from outside begins a line of its own or speaks to a terminal.

    An exception keeps its lines; they stand to the right, where no line of the log begins.
    """
    for key, value in event.items():
        if key == "exception" and isinstance(value, str):
            event[key] = "\n".join(f"  {_CONTROL.sub(_written_out, line)}" for line in value.split("\n"))
        elif isinstance(value, str):
            event[key] = _CONTROL.sub(_written_out, value)
    return event


def _written_out(control: re.Match[str]) -> str:
    return control[0].encode("unicode_escape").decode("ascii")


def _json(value: object, **_: object) -> str:
    return msgspec.json.encode(value, enc_hook=repr).decode()


class _Masker:
    """The processor that runs last before a line is written."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._secrets: re.Pattern[str] | None = None

    def forget(self) -> None:
        self._known, self._secrets = set(), None

    def hide(self, secrets: Iterable[str]) -> None:
        self._known |= {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
        longest_first = sorted(self._known, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, _: WrappedLogger, __: str, event: MutableMapping[str, Any]) -> EventDict:
        for key, value in event.items():
            if key != "at":
                event[key] = self._value(value)
        return event

    def _value(self, value: object) -> object:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return {str(key): self._value(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value(inner) for inner in value]
        return self._text(value if isinstance(value, str) else repr(value))

    def _text(self, text: str) -> str:
        if self._secrets is not None:
            text = self._secrets.sub("[secret]", text)
        return mask(text)


_masker = _Masker()


def hide(secrets: Iterable[str]) -> None:
    """From now on these never appear either: those of a configuration that is read anew."""
    _masker.hide(secrets)


def known_secrets(value: object) -> Iterator[str]:
    """All secrets in a configuration, for :func:`configure`."""
    return (secret.reveal() for secret in secrets_in(value))
