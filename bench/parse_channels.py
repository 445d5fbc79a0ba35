"""Webhooks parsed and normalised in a second, in process, beside a bare decoding of the same facts as JSON.

Run: ``python -m bench.parse_channels [KIND…]``. A channel joins with one line of :data:`BODIES`: its fixtures, taken in
turn, each with other ids and numbers, so that no cache of a whole body helps. The floor is ``msgspec.json.decode`` of
the body, or of its fields as JSON where the body is a form; of XML the bare parsing of the standard library.
"""

from __future__ import annotations

import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import parse_qsl

import msgspec

from bench.report import line, median
from connectors.contract import Inbound, InboxId, Micros, ParseContext
from connectors.registry import load

FIXTURES = Path(__file__).parents[1] / "tests" / "connectors"
COUNT = 2_000
ROUNDS = 5

BODIES: dict[str, tuple[str, ...]] = {
    "chat": ("first-message", "next-message", "read"),
    "messenger": ("text", "reply", "watermark-only"),
    "instagram": ("text", "picture", "seen"),
    "whatsapp": ("text", "voice", "status"),
    "facebook_comments": ("comment", "reply-below", "edited", "hidden"),
    "instagram_comments": ("comment", "reply-below", "live"),
    "telegram": ("text", "photo", "callback", "edited"),
    "phone": ("ringing", "answered-form"),
    "kannel": ("plain", "ucs2", "report-1-delivered"),
    "smpp": ("plain", "ucs2", "receipt-delivered"),
    "smsapi": ("message", "report"),
    "twilio": ("message", "delivered"),
    "x": ("account-direct", "account-mention", "activity-direct", "activity-mention"),
    "xmpp": ("message", "receipt", "archive"),
    "youtube": ("threads-one",),
}
"""Fixtures by kind: what mostly comes."""


def bodies(kind: str) -> list[bytes]:
    """Bodies of a kind: the digits of its numbers and ids vary where that keeps them what they are."""
    found = [(FIXTURES / kind / "fixtures" / f"{name}.raw").read_bytes() for name in BODIES[kind]]
    return [_varied(found[number % len(found)], number) for number in range(COUNT)]


def _varied(body: bytes, number: int) -> bytes:
    digits = f"{number:04d}".encode()
    body = body.replace(b"700800", b"70" + digits).replace(b"1111111", b"111" + digits)
    body = body.replace(b"9000001_50", b"9" + digits + b"01_50").replace(b"17858893269", b"1785889" + digits)
    return body.replace(b"0000000001", b"000000" + digits)


def as_json(body: bytes) -> bytes:
    """The facts of a body as JSON."""
    if body.lstrip()[:1] in (b"{", b"["):
        return body
    return msgspec.json.encode(dict(parse_qsl(body.decode(), keep_blank_values=True)))


def rate(work: Callable[[bytes], object], inputs: Sequence[bytes]) -> float:
    """Inputs a second, once through."""
    began = time.perf_counter()
    for body in inputs:
        work(body)
    return len(inputs) / (time.perf_counter() - began)


def measure(kind: str) -> str:
    """The figure of one kind: medians of runs that take turns with the floor."""
    context = ParseContext(inbox=InboxId("bench"), now=Micros(1_794_328_800_000_000))
    channel, inputs = load(kind), bodies(kind)
    is_xml = inputs[0].startswith(b"<")
    plain = inputs if is_xml else [as_json(body) for body in inputs]
    decode: Callable[[bytes], object] = ET.fromstring if is_xml else msgspec.json.Decoder().decode

    def parse(body: bytes) -> list[Inbound]:
        return channel.parse(body, context)

    runs = [(rate(parse, inputs), rate(decode, plain)) for _ in range(ROUNDS)]
    return line(kind, median([ours for ours, _ in runs]), "a second", median([floor for _, floor in runs]))


def main(kinds: Sequence[str]) -> None:
    """Print a line for each kind."""
    for kind in kinds or sorted(BODIES):
        print(measure(kind), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
