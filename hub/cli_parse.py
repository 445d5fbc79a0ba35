"""``centrala parse``: what intake would see of a raw message, without a hub, a store or a configuration."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from connectors.contract import Channel, InboxId, Micros, ParseContext
from hub.cli_common import Exit
from hub.cli_config import KINDS
from hub.cli_config import channel as find_channel
from hub.parse import as_line, describe

STANDARD_INPUT = "-"


@click.command()
@click.argument("channel", type=click.Choice(KINDS), metavar="CHANNEL")
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@click.option("--inbox", default="parse", show_default=True, help="The inbox that it is said to come to.")
@click.option("--zone", default="Europe/Warsaw", show_default=True, help="Zone of times that name none.")
def parse(channel: str, files: tuple[str, ...], inbox: str, zone: str) -> int:
    """Print what intake would see of raw messages, one JSON object a line.

    CHANNEL is the kind of an inbox (email, telegram, smsapi, phone, …). Each FILE is one message as the channel
    delivers it: a mail, the body of a webhook or form, the query string of a GET, one stanza, one PDU in hex. - or
    nothing reads standard input. Each line names its "source", the file as given. What cannot be read or parsed gets a
    line with "error" instead, the others go on, and the exit code is 1.
    """
    found = find_channel(channel)
    failed = False
    for file in files or (STANDARD_INPUT,):
        for line in _lines(found, file, inbox, zone):
            failed = failed or "error" in line
            sys.stdout.buffer.write(as_line(line))
        sys.stdout.buffer.flush()
    return Exit.FAILED if failed else Exit.OK


def _lines(channel: Channel, file: str, inbox: str, zone: str) -> Iterator[dict[str, Any]]:
    context = ParseContext(inbox=InboxId(inbox), now=Micros(time.time_ns() // 1000), zone=zone)
    try:
        for item in channel.parse(_content(file), context):
            yield describe(channel.channel, item, file)
    except OSError as error:
        yield {"source": file, "error": f"cannot be read: {error.strerror}"}
    except Exception as error:  # a parser's bug in one message must not hide the others
        yield {"source": file, "error": f"{type(error).__name__}: {error}"}


def _content(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes()
