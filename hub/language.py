"""The language of a text, by Compact Language Detector 2; ARCHITECTURE.md says why by that one."""

from __future__ import annotations

import functools
import re

import pycld2

LOOKED_AT = 4000
"""Characters of a text that are enough to tell its language."""

END = 96
"""Characters at each end of a longer text."""

CERTAIN = 0.97
"""Confidence in both ends together from which on what stands between them is not looked at."""

_ADDRESSES = re.compile(r"https?://\S+|\S+@\S+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")


def detect(text: str) -> tuple[str, float]:
    """ISO 639-1 code and confidence from 0 to 1; ``("", 0.0)`` when nothing can be said.

    Of a longer text beginning and end are looked at first: where they are of one language beyond doubt, so is the rest.
    """
    sample = text[:LOOKED_AT]
    if "@" in sample or "://" in sample:
        sample = _ADDRESSES.sub(" ", sample)
    if len(sample) > 3 * END:
        code, confidence = _told(f"{sample[:END]} {sample[-END:]}")
        if confidence >= CERTAIN:
            return code, confidence
    return _told(sample)


def _told(sample: str) -> tuple[str, float]:
    try:
        reliable, _, found = pycld2.detect(sample, isPlainText=True, bestEffort=True)
    except pycld2.error:  # control characters, which it refuses
        try:
            reliable, _, found = pycld2.detect(_CONTROL.sub(" ", sample), isPlainText=True, bestEffort=True)
        except pycld2.error:
            return "", 0.0
    _, code, percent, _ = found[0]
    if code == "un":
        return "", 0.0
    return code.partition("-")[0], percent / 100 if reliable else percent / 200


NOT_TOLD = ("", 0.0)
"""What is said of a text too short to tell."""


def language_of(text: str, letters: int) -> tuple[str, float]:
    """As :func:`detect`, for texts of at least so many letters."""
    return detect(text) if has_letters(text, letters) else NOT_TOLD


@functools.cache
def _letters(wanted: int) -> re.Pattern[str]:
    return re.compile(rf"(?:[\W\d_]*[^\W\d_]){{{wanted}}}")


def has_letters(text: str, wanted: int) -> bool:
    """Whether a text has at least so many letters; looks no further than it must."""
    return _letters(wanted).match(text[:LOOKED_AT]) is not None
